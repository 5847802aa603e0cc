package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime gives the CPU time, of user and system, that a process has used until now. It reads the process's CPU clock, which
// counts nanoseconds, where /proc counts hundredths of a second.
func cpuTime(pid int) (time.Duration, error) {
	// clock_getcpuclockid(3), which is a calculation: the id inverted, and CPUCLOCK_SCHED.
	const schedClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &t); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// placement says on which cores the server runs, and on which the clients. The zero value leaves that to the system.
type placement struct {
	server, clients unix.CPUSet
	pinned          bool
}

// place gives the server the last core that this process may use and confines this process to the others. With one core, or
// where the system does not let it, nothing is pinned.
func place() placement {
	var p placement
	var all unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil || all.Count() < 2 {
		return p
	}
	p.clients = all
	for core := len(all)*64 - 1; core >= 0; core-- {
		if all.IsSet(core) {
			p.server.Set(core)
			p.clients.Clear(core)
			break
		}
	}
	// Cores belong to threads, and a thread that is made takes after the one that makes it: twice is enough.
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return placement{}
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err == nil {
				err = unix.SchedSetaffinity(id, &p.clients)
			}
			if err != nil && err != unix.ESRCH { // that one has ended
				return placement{}
			}
		}
	}
	runtime.GOMAXPROCS(p.clients.Count())
	p.pinned = true
	return p
}

// start starts a server's process on its core, which its own runtime then takes for the only one.
func (p placement) start(server *exec.Cmd) error {
	if !p.pinned {
		return server.Start()
	}
	// The process takes after the thread that makes it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedSetaffinity(0, &p.server); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &p.clients)
	return server.Start()
}
