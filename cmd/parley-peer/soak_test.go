package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/cmd/need"
)

// TestLoadOverRestarts is TestSoakLoad in short.
func TestLoadOverRestarts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and starts servers")
	}
	soak(t, soakRun{pairs: 10, rate: 10, duration: 15 * time.Second, restarts: 2, cut: 3 * time.Second})
}

// TestSoakLoad has 200 pairs send while all of their connections are cut every few seconds and the server is restarted again and
// again, first with a session key and then without.
func TestSoakLoad(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("PARLEY_TEST_SOAK"))
	if err != nil {
		t.Skip("for make soak")
	}
	soak(t, soakRun{pairs: 200, rate: 2, duration: duration, restarts: 5, cut: 8 * time.Second})
}

type soakRun struct {
	pairs    int
	rate     float64
	duration time.Duration
	restarts int
	cut      time.Duration
}

func soak(t *testing.T, run soakRun) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM on Windows")
	}
	binary := buildServer(t)
	for name, args := range map[string][]string{
		"with a session key":    {"--session-key", "the quick brown fox jumps over the lazy dog"},
		"without a session key": nil,
	} {
		t.Run(name, func(t *testing.T) {
			if run.pairs < 100 { // else one is all that the machine can do
				t.Parallel()
			}
			soakOnce(t, binary, args, run)
		})
	}
}

func soakOnce(t *testing.T, binary string, args []string, run soakRun) {
	p := &serverProcess{
		t: t, binary: binary, home: t.TempDir(), listen: freeAddress(t), admin: freeAddress(t),
		args: append(args, "--connections-per-address", "0", "--joins-per-address", "0"), // all come from one address
	}
	p.start()
	before := p.measure()
	l := &load{
		settings: peerSettings{URL: "wss://" + p.listen + "/ws", Room: "soak", Insecure: true, logf: func(string, ...any) {}},
		pairs:    run.pairs, rate: run.rate, duration: run.duration, cutter: &cutter{mean: run.cut}, patience: usualPatience,
		progress: func(format string, args ...any) { t.Logf(format, args...) },
	}
	l.patience.join = 2 * time.Minute // hundreds of handshakes under the race detector
	l.patience.settle = 30 * time.Second
	ended := make(chan loadResult, 1)
	go func() { ended <- l.run(context.Background()) }()
	again := time.NewTicker(run.duration / time.Duration(run.restarts+1))
	defer again.Stop()
	for range run.restarts {
		<-again.C
		took := p.stop()
		p.start()
		t.Logf("restarted; the end took %v", took.Round(time.Millisecond))
	}
	r := <-ended
	after := p.measure()
	took := p.stop()
	t.Logf("%+v", r)
	t.Logf("%d pairs, %v, %d restarts: %d sent, %d delivered, %d told (%d of them arrived nevertheless): %d lost, %d doubled, %d reordered, %d ghosts; %d cuts, %d resumes, %d rejoins",
		r.Pairs, run.duration, run.restarts, r.Sent, r.Delivered, r.Told, r.ToldAndDelivered, r.Lost, r.Doubled, r.Reordered, r.Ghosts,
		r.Cuts, r.Resumes, r.Rejoins)
	t.Logf("server before and after: heap %.1f and %.1f MiB, goroutines %.0f and %.0f; ended within %v",
		before.heap/(1<<20), after.heap/(1<<20), before.goroutines, after.goroutines, took.Round(time.Millisecond))
	if !r.OK || r.Lost+r.Doubled+r.Reordered+r.Ghosts != 0 {
		t.Errorf("%s: %s", r.Stage, r.Problem)
	}
	if r.Cuts == 0 || r.Resumes == 0 || r.Delivered == 0 {
		t.Error("nothing was put to the test")
	}
	if after.connections+after.peers+after.rooms != 0 {
		t.Errorf("left behind: %+v", after)
	}
	const slack = 4 << 20 // what pools, maps and the runtime keep
	if after.heap > before.heap+slack || after.goroutines > before.goroutines+10 {
		t.Errorf("memory is not back: before %+v, after %+v", before, after)
	}
}

// buildServer builds the server with the race detector, where it is to be had, once for all tests.
func buildServer(t *testing.T) string {
	t.Helper()
	binary, err := builtServer()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// serverFolder is what TestMain removes, "" where no test has built the server.
var serverFolder string

// noRaceEnv leaves the race detector out of the server, as `make soak` has it for several nodes.
const noRaceEnv = "PARLEY_TEST_NO_RACE"

var builtServer = sync.OnceValues(func() (binary string, err error) {
	if serverFolder, err = os.MkdirTemp("", "parley-test-"); err != nil {
		return "", err
	}
	binary = filepath.Join(serverFolder, "parley")
	args := []string{"build", "-o", binary}
	if _, err := need.CCompiler.Find(); err == nil && os.Getenv(noRaceEnv) == "" {
		args = append(args, "-race")
	}
	if out, err := exec.Command(need.GoCommand(), append(args, "parley/cmd/parley")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
})

// serverProcess is a server of its own process, which can be restarted on the same address.
type serverProcess struct {
	t             *testing.T
	binary, home  string
	listen, admin string
	args          []string

	command *exec.Cmd
	read    chan struct{} // closed when all of its log has been read
}

// start returns when the server can be reached.
func (p *serverProcess) start() {
	p.t.Helper()
	args := append([]string{"--listen", p.listen, "--admin-listen", p.admin, "--log-level", "warn", "--drain", "10s"}, p.args...)
	p.command = exec.Command(p.binary, args...)
	p.command.Env = append(os.Environ(), "HOME="+p.home, "XDG_CONFIG_HOME="+p.home)
	log, err := p.command.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	process := p.command.Process
	p.t.Cleanup(func() { _ = process.Kill() })
	p.read = make(chan struct{})
	go p.readLog(log, p.read)
	for p.get("/metrics") == "" { // refused until it listens
		select {
		case <-p.read:
			p.t.Fatal("the server has ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// readLog shows the log. Nothing in it may be as bad as a race.
func (p *serverProcess) readLog(log io.Reader, read chan<- struct{}) {
	defer close(read)
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		p.t.Logf("server: %s", lines.Text())
		if strings.Contains(lines.Text(), "DATA RACE") || strings.Contains(lines.Text(), "panic") {
			p.t.Errorf("server: %s", lines.Text())
		}
	}
}

// stop ends the server as an operator does, and tells how long that took.
func (p *serverProcess) stop() time.Duration {
	p.t.Helper()
	began := time.Now()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.read
	if err := p.command.Wait(); err != nil {
		p.t.Errorf("the server ended with %v", err)
	}
	return time.Since(began)
}

// get gives a page of the admin listener, "" while there is none.
func (p *serverProcess) get(path string) string {
	response, err := http.Get("http://" + p.admin + path)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// measured is what a server has in use.
type measured struct {
	heap, goroutines          float64 // bytes after a collection
	connections, rooms, peers float64
}

func (p *serverProcess) measure() measured {
	p.t.Helper()
	for range 2 { // what a finalizer lets go of goes with the second
		p.get("/debug/pprof/heap?gc=1")
	}
	metrics := p.get("/metrics")
	value := func(name string) float64 {
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(metrics)
		if found == nil {
			p.t.Fatalf("there is no %s in the metrics:\n%s", name, metrics)
		}
		v, err := strconv.ParseFloat(found[1], 64)
		if err != nil || math.IsNaN(v) {
			p.t.Fatal(fmt.Errorf("%s: %s", name, found[1]))
		}
		return v
	}
	return measured{
		heap: value("go_memstats_heap_alloc_bytes"), goroutines: value("go_goroutines"),
		connections: value("parley_connections"), rooms: value("parley_rooms"), peers: value("parley_peers"),
	}
}
