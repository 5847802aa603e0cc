package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// How long a server may take.
const (
	startWithin  = 20 * time.Second
	answerWithin = 10 * time.Second // to anything before the measured time
	stopWithin   = 30 * time.Second // then it is killed
)

// node is the process of a subject.
type node struct {
	process *exec.Cmd
	log     *logTail
	dialer  *dialer
	end     context.CancelFunc
	ended   chan struct{}

	second *node  // of the same subject, nil for none
	nats   *node  // that both share, nil for none
	folder string // to be removed, "" for none
}

// start starts a subject's process or processes.
func (b *bench) start(ctx context.Context, s subject) (*node, error) {
	if s, ok := s.(shared); ok {
		return s.start(ctx, b)
	}
	return b.startProcess(ctx, s.command(b.certificate))
}

// startProcess starts a process and waits until it says where it can be reached.
func (b *bench) startProcess(ctx context.Context, process *exec.Cmd) (*node, error) {
	living, end := context.WithCancel(ctx)
	srv := &node{process: process, log: &logTail{address: make(chan string, 1)}, end: end, ended: make(chan struct{})}
	process.Env = cleanEnvironment(os.Environ())
	process.Stderr = srv.log
	if err := b.placement.start(process); err != nil {
		end()
		return nil, fmt.Errorf("starting %s: %w", process.Path, err)
	}
	context.AfterFunc(living, func() { interrupt(process.Process) })
	go func() {
		defer close(srv.ended)
		_ = process.Wait() // how it ended is seen in what it said, and in what its clients miss
	}()
	if err := srv.reach(ctx, b.certificate); err != nil {
		srv.stop()
		return nil, fmt.Errorf("%w%s", err, srv.lastWords())
	}
	return srv, nil
}

func (s *node) reach(ctx context.Context, c certificate) error {
	timer := time.NewTimer(startWithin)
	defer timer.Stop()
	select {
	case address := <-s.log.address:
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		s.dialer = newDialer(u.Port(), c)
		return nil
	case <-s.ended:
		return fmt.Errorf("%s ended at once", s.process.Path)
	case <-timer.C:
		return fmt.Errorf("%s did not say its address within %v", s.process.Path, startWithin)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// processes are those whose clocks are read.
func (s *node) processes() processes {
	p := processes{server: []int{s.process.Process.Pid}}
	if s.second != nil {
		p.server = append(p.server, s.second.process.Process.Pid)
	}
	if s.nats != nil {
		p.nats = s.nats.process.Process.Pid
	}
	return p
}

// stop ends the process, and those that belong to it, and gives all the CPU time that it used, without NATS's.
func (s *node) stop() time.Duration {
	whole := s.stopProcess()
	if s.second != nil {
		whole += s.second.stopProcess()
	}
	if s.nats != nil {
		s.nats.stopProcess()
	}
	return whole
}

func (s *node) stopProcess() time.Duration {
	s.end()
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		_ = s.process.Process.Kill()
		<-s.ended
	}
	if s.folder != "" {
		_ = os.RemoveAll(s.folder)
	}
	state := s.process.ProcessState
	return state.UserTime() + state.SystemTime()
}

// interrupt asks a process to end. Where it cannot be asked, as on Windows, it is ended.
func interrupt(p *os.Process) {
	if p.Signal(os.Interrupt) != nil {
		_ = p.Kill()
	}
}

// lastWords is what the server said last, to be put behind an error. It is for a server that has ended.
func (s *node) lastWords() string {
	if tail := strings.TrimSpace(s.log.text()); tail != "" {
		return "; the server said last:\n" + tail
	}
	return ""
}

// cleanEnvironment leaves out what somebody has set for a Parley of their own, and turns off the limits that clients at one
// address would meet, which later versions have.
func cleanEnvironment(all []string) []string {
	kept := []string{"PARLEY_CONNECTIONS_PER_ADDRESS=0", "PARLEY_JOINS_PER_ADDRESS=0"}
	for _, variable := range all {
		if !strings.HasPrefix(variable, "PARLEY_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// maxTail is how much of a log is kept, in bytes.
const maxTail = 2 << 10

var addressPattern = regexp.MustCompile(`https://[\w.:\[\]-]+:\d+`)

// logTail takes a server's log: it finds the address in it and keeps the end.
type logTail struct {
	address chan string // gets it once; has room for it

	mu    sync.Mutex
	tail  []byte
	found bool
}

// Write implements io.Writer.
func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, p...)
	// A line may come in pieces, and the port with it: only whole ones are looked at.
	whole := strings.LastIndexByte(string(l.tail), '\n') + 1
	if address := addressPattern.Find(l.tail[:whole]); address != nil && !l.found {
		l.found = true
		l.address <- string(address)
	}
	if over := len(l.tail) - maxTail; over > 0 {
		l.tail = append(l.tail[:0], l.tail[over:]...)
	}
	return len(p), nil
}

func (l *logTail) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.tail)
}

// dialer connects clients to a server.
type dialer struct {
	websocket.Dialer
	address string
	next    *dialer // of a second node, nil for none
}

// clientBuffer is enough for a message, and little beside what TLS holds anyway.
const clientBuffer = 1 << 10

func newDialer(port string, c certificate) *dialer {
	return &dialer{address: "127.0.0.1:" + port, Dialer: websocket.Dialer{
		TLSClientConfig:  &tls.Config{RootCAs: c.roots, ServerName: certificateName, MinVersion: tls.VersionTLS13},
		HandshakeTimeout: answerWithin,
		ReadBufferSize:   clientBuffer,
		WriteBufferSize:  clientBuffer,
	}}
}

// dial connects; path begins with a slash.
func (d *dialer) dial(ctx context.Context, path string, subprotocols ...string) (*websocket.Conn, error) {
	own := d.Dialer
	own.Subprotocols = subprotocols
	ws, response, err := own.DialContext(ctx, "wss://"+d.address+path, http.Header{})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("connecting to %s: %w (%s)", path, err, response.Status)
		}
		return nil, fmt.Errorf("connecting to %s: %w", path, err)
	}
	return ws, nil
}
