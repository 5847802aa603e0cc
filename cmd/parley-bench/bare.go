package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/certs"
)

// bare is the measure of all things: a relay on the same WebSocket library, TLS settings and buffer sizes as Parley that
// reads a frame and writes it to the other socket of the pair, and does nothing else. It looks into no message, keeps
// nothing, has no deadlines and waits for slow receivers. It is this program, started again.
type bare struct{ program string }

// bareArgument is the first argument of a call that is to be the bare relay. Its certificate and key follow.
const bareArgument = "bare-relay"

func (bare) name() string { return "bare relay" }

func (s bare) command(c certificate) *exec.Cmd {
	return exec.Command(s.program, bareArgument, c.certFile, c.keyFile)
}

func (bare) pair(ctx context.Context, d *dialer, number int, message func(to string) []byte) (*peer, *peer, error) {
	const to = "00000000-0000-4000-8000-000000000000" // as long as an id of Parley's
	path := fmt.Sprintf("/%d", number)
	first, err := d.dial(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	second, err := d.dial(ctx, path)
	if err != nil {
		return nil, nil, errors.Join(err, first.Close())
	}
	a, b := newPeer(first, message(to)), newPeer(second, message(to))
	a.relayed, b.relayed = a.frame[frameHeader:a.fixed], b.frame[frameHeader:b.fixed]
	return a, b, nil
}

// serveBare is the bare relay's process. It runs until the context ends.
func serveBare(ctx context.Context, args []string, log io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("%s needs a certificate file and a key file", bareArgument)
	}
	source, err := certs.OpenFiles(certs.FilesOptions{CertFile: args[0], KeyFile: args[1]})
	if err != nil {
		return err
	}
	defer source.Close()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newBareRelay(), ReadHeaderTimeout: answerWithin}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(log, "the bare relay is at https://%s\n", listener.Addr())
	if err := server.Serve(tls.NewListener(listener, source.TLSConfig())); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil // the process ends, and with it the upgraded connections
}

// bareRelay joins the two connections to each path.
type bareRelay struct {
	upgrader websocket.Upgrader

	mu sync.Mutex
	// Guarded by mu.
	waiting map[string]meeting // paths with one connection
}

// meeting is where the first connection to a path waits for the second.
type meeting struct {
	first  *websocket.Conn
	second chan *websocket.Conn // has room for it
}

// newBareRelay has the buffers that package signaling has.
func newBareRelay() *bareRelay {
	return &bareRelay{waiting: map[string]meeting{}, upgrader: websocket.Upgrader{
		ReadBufferSize: 512, WriteBufferSize: 8 << 10, WriteBufferPool: &sync.Pool{},
	}}
}

// ServeHTTP forwards what one connection sends to the other one of its path.
func (s *bareRelay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the client has been told
	}
	defer ws.Close()
	other := s.other(r.URL.Path, ws)
	if other == nil {
		return
	}
	defer other.Close() // so that the other side's reading ends too
	var message bytes.Buffer
	for {
		kind, frame, err := ws.NextReader()
		if err != nil {
			return
		}
		message.Reset()
		if _, err := message.ReadFrom(frame); err != nil {
			return
		}
		if other.WriteMessage(kind, message.Bytes()) != nil {
			return
		}
	}
}

// other waits for the connection that is to get what ws sends, nil if none comes.
func (s *bareRelay) other(path string, ws *websocket.Conn) *websocket.Conn {
	s.mu.Lock()
	m, isSecond := s.waiting[path]
	if isSecond {
		delete(s.waiting, path)
	} else {
		m = meeting{first: ws, second: make(chan *websocket.Conn, 1)}
		s.waiting[path] = m
	}
	s.mu.Unlock()
	if isSecond {
		m.second <- ws
		return m.first
	}
	select {
	case second := <-m.second:
		return second
	case <-time.After(answerWithin):
		return nil // the second, if it comes yet, writes to a closed connection and ends
	}
}
