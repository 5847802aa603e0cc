package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

// startServerWith runs a server with settings of its own, and gives its address.
func startServerWith(t *testing.T, engineConfig rooms.Config, config signaling.Config) (address string) {
	t.Helper()
	config.AllowNoOrigin = true
	engine := rooms.NewMemory(engineConfig)
	endpoint, err := signaling.New(config, engine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = endpoint.Shutdown(ctx)
		_ = engine.Close()
	})
	server := httptest.NewServer(endpoint)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// mortalServer is a server that can die without a word, like a process that is killed.
type mortalServer struct {
	net.Listener
	server *http.Server
	served chan struct{} // closed when so many bytes have come that everyone is at it

	mu    sync.Mutex
	left  int // bytes until then
	conns []net.Conn
}

func startMortalServer(t *testing.T, address string) *mortalServer {
	t.Helper()
	l, err := listen(address)
	if err != nil {
		t.Fatal(err)
	}
	m := &mortalServer{Listener: l, server: &http.Server{Handler: newEndpoint(t)}, served: make(chan struct{}), left: 10 << 10}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = m.server.Serve(m)
	}()
	t.Cleanup(func() {
		m.kill()
		<-ended
	})
	return m
}

func (m *mortalServer) Accept() (net.Conn, error) {
	conn, err := m.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = append(m.conns, conn)
	return countedConn{conn, m}, nil
}

func (m *mortalServer) kill() {
	_ = m.server.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		_ = c.Close()
	}
}

type countedConn struct {
	net.Conn
	server *mortalServer
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	m := c.server
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left > 0 && n >= m.left {
		close(m.served)
	}
	m.left -= n
	return n, err
}

// relay stands between clients and a server, and can do to every message what no server may do.
type relay struct {
	// down and up pass a message on, or something else in its place; nth counts the connections from 1. nil passes it on.
	down, up func(nth int, message []byte, pass func([]byte))
	target   string

	mu    sync.Mutex
	nth   int
	conns sync.WaitGroup
}

func startRelay(t *testing.T, r *relay) (address string) {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(func() {
		server.Close()
		r.conns.Wait()
	})
	return strings.TrimPrefix(server.URL, "http://")
}

func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.conns.Add(1)
	defer r.conns.Done()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	server, _, err := dialer.Dial("ws://"+r.target+"/ws", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	upgrader := websocket.Upgrader{Subprotocols: dialer.Subprotocols}
	client, err := upgrader.Upgrade(w, request, nil)
	if err != nil {
		return
	}
	defer client.Close()
	r.mu.Lock()
	r.nth++
	nth := r.nth
	r.mu.Unlock()
	up := make(chan struct{})
	go func() {
		defer close(up)
		pipe(nth, client, server, r.up)
	}()
	pipe(nth, server, client, r.down)
	<-up
}

// pipe passes messages on until a connection ends, and then its close code.
func pipe(nth int, from, to *websocket.Conn, through func(int, []byte, func([]byte))) {
	pass := func(m []byte) { _ = to.WriteMessage(websocket.TextMessage, m) }
	for {
		_, message, err := from.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
			_ = to.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(closed.Code, closed.Text))
			return
		case err != nil:
			_ = to.Close()
			return
		case through == nil:
			pass(message)
		default:
			through(nth, message, pass)
		}
	}
}

// change changes members of a message.
func change(t *testing.T, message []byte, do func(members map[string]json.RawMessage)) []byte {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(message, &members); err != nil {
		t.Errorf("%v in %q", err, message)
	}
	do(members)
	changed, err := json.Marshal(members)
	if err != nil {
		t.Error(err)
	}
	return changed
}

// watched is an output that tells when it has been told something.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newWatched() *watched { return &watched{more: make(chan struct{}, 1)} }

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
	return w.text.Write(b)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// wait waits until something has been said so many times.
func (w *watched) wait(t *testing.T, words string, times int) {
	t.Helper()
	deadline := time.After(time.Minute)
	for strings.Count(w.String(), words) < times {
		select {
		case <-w.more:
		case <-deadline:
			t.Fatalf("%q was not said %d times in %q", words, times, w.String())
		}
	}
}
