package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a server that does what the test says, on connections that exist in memory only.
type fake struct {
	t       testing.TB
	pipes   chan net.Conn
	remotes chan *remote
	closed  chan struct{}
	refuse  error // of every dial, where it is not nil

	mu    sync.Mutex
	dials int
}

func newFake(t testing.TB) *fake {
	f := &fake{t: t, pipes: make(chan net.Conn), remotes: make(chan *remote, 100), closed: make(chan struct{})}
	server := &http.Server{Handler: f}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(f)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return f
}

// Accept, Close and Addr make it a net.Listener.
func (f *fake) Accept() (net.Conn, error) {
	select {
	case conn := <-f.pipes:
		return conn, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *fake) Close() error { close(f.closed); return nil }

func (f *fake) Addr() net.Addr { return &net.UnixAddr{Name: "fake", Net: "unix"} }

// errHang has every dial hang.
var errHang = errors.New("hang")

func (f *fake) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	f.mu.Lock()
	f.dials++
	refuse := f.refuse
	f.mu.Unlock()
	switch {
	case refuse == errHang:
		<-ctx.Done()
		return nil, ctx.Err()
	case refuse != nil:
		return nil, refuse
	}
	near, far := net.Pipe()
	select {
	case f.pipes <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fake) refuseDials(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{protocol.Subprotocol}}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		f.t.Errorf("upgrade: %v", err)
		return
	}
	m := &remote{t: f.t, ws: ws, in: make(chan protocol.Message, 10000), over: make(chan struct{})}
	f.t.Cleanup(func() {
		m.drop()
		<-m.over
	})
	go m.read()
	f.remotes <- m
}

func (f *fake) config() client.Config {
	return client.Config{URL: "ws://fake/ws", Room: "lobby", NetDial: f.dial}
}

// accept gives the next connection.
func (f *fake) accept() *remote {
	f.t.Helper()
	select {
	case m := <-f.remotes:
		return m
	case <-time.After(time.Hour):
		f.t.Fatal("nobody connects")
		return nil
	}
}

// join joins a Client and takes its Joined. change may be nil.
func (f *fake) join(change func(*client.Config, *protocol.Joined)) (*client.Client, *remote) {
	f.t.Helper()
	cfg := f.config()
	j := joined("me", "s1", peer("ann"), peer("bob"))
	if change != nil {
		change(&cfg, &j)
	}
	result := joining(cfg)
	m := f.accept()
	m.expect(protocol.TypeJoin)
	m.send(j)
	r := <-result
	if r.err != nil {
		f.t.Fatalf("join: %v", r.err)
	}
	f.t.Cleanup(r.client.Close)
	next[client.Joined](f.t, r.client)
	return r.client, m
}

type joinResult struct {
	client *client.Client
	err    error
}

func joining(cfg client.Config) <-chan joinResult {
	result := make(chan joinResult, 1)
	go func() {
		c, err := client.Join(context.Background(), cfg)
		result <- joinResult{c, err}
	}()
	return result
}

// resume accepts a connection and its resume, which it answers with r.
func (f *fake) resume(session string, received uint64, r protocol.Resumed) *remote {
	f.t.Helper()
	m := f.accept()
	got, err := m.expect(protocol.TypeResume).Resume()
	if err != nil || got.Session != session || got.Received != received {
		f.t.Fatalf("resume %+v, %v; want session %q, received %d", got, err, session, received)
	}
	m.send(r)
	return m
}

func peer(id string) protocol.Peer { return protocol.Peer{Peer: id, Polite: true} }

func welcome(id, session string, peers []protocol.Peer) protocol.Welcome {
	return protocol.Welcome{
		Room: "lobby", Peer: id, Session: session, Grace: 30, Peers: peers, // no heartbeat
		ICEServers: []protocol.ICEServer{{URLs: []string{"stun:stun.example.org"}}},
		Limits:     protocol.Limits{Message: 65536, Rate: 100, Burst: 1500, Peers: 16, Unacknowledged: 256},
	}
}

func joined(id, session string, peers ...protocol.Peer) protocol.Joined {
	return protocol.Joined{Type: protocol.TypeJoined, Welcome: welcome(id, session, peers)}
}

func resumed(session string, received uint64, peers ...protocol.Peer) protocol.Resumed {
	return protocol.Resumed{
		Type: protocol.TypeResumed, Received: received, Complete: true, Welcome: welcome("me", session, peers),
	}
}

// remote is the server's end of one connection.
type remote struct {
	t    testing.TB
	ws   *websocket.Conn
	in   chan protocol.Message
	over chan struct{} // closed when nothing more comes
	err  error         // why; set before over is closed
}

func (m *remote) read() {
	defer close(m.over)
	defer close(m.in)
	for {
		_, text, err := m.ws.ReadMessage()
		if err != nil {
			m.err = err
			return
		}
		message, err := protocol.Decode(text)
		if err != nil {
			m.t.Errorf("the client sent %s: %v", text, err)
		}
		m.in <- message
	}
}

// expect takes the next message, which must be of that type.
func (m *remote) expect(kind string) protocol.Message {
	m.t.Helper()
	select {
	case message, ok := <-m.in:
		if !ok {
			m.t.Fatalf("the client has gone (%v), want %s", m.err, kind)
		}
		if message.Type != kind {
			m.t.Fatalf("the client sent %s (seq %d, ack %d), want %s", message.Type, message.Seq, message.Ack, kind)
		}
		return message
	case <-time.After(time.Hour):
		m.t.Fatalf("the client sends nothing, want %s", kind)
		return protocol.Message{}
	}
}

// nothing tells that nothing more waits to be taken.
func (m *remote) nothing() {
	m.t.Helper()
	select {
	case message, ok := <-m.in:
		if ok {
			m.t.Fatalf("the client sent %s (seq %d, ack %d), want nothing", message.Type, message.Seq, message.Ack)
		}
	default:
	}
}

// send sends a struct of package protocol, or text made by a format.
func (m *remote) send(message any, args ...any) {
	m.t.Helper()
	text, ok := message.(string)
	if ok {
		text = fmt.Sprintf(text, args...)
	} else {
		text = string(protocol.Encode(message).AppendTo(nil, 0, 0))
	}
	if err := m.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		m.t.Errorf("send %s: %v", text, err)
	}
}

// close sends a close frame and waits until the client has gone.
func (m *remote) close(code protocol.CloseCode) {
	m.t.Helper()
	frame := websocket.FormatCloseMessage(int(code), "because")
	_ = m.ws.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Second))
	<-m.over
	m.drop()
}

// drop loses the connection.
func (m *remote) drop() { _ = m.ws.Close() }

// closeCode waits until the client has gone and gives its close code.
func (m *remote) closeCode() int {
	<-m.over
	var closed *websocket.CloseError
	if errors.As(m.err, &closed) {
		return closed.Code
	}
	return 0
}

// next takes the next event, which must be of that type.
func next[T client.Event](t testing.TB, c *client.Client) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	e, err := c.Next(ctx)
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	got, ok := e.(T)
	if !ok {
		var want T
		t.Fatalf("event %T %+v, want %T", e, e, want)
	}
	return got
}

// until passes over events until one of that type comes.
func until[T client.Event](t testing.TB, c *client.Client) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for {
		e, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		if got, ok := e.(T); ok {
			return got
		}
	}
}

// lost takes the two events of a lost connection.
func lost(t testing.TB, c *client.Client) (client.Disconnected, client.Reconnecting) {
	t.Helper()
	return next[client.Disconnected](t, c), next[client.Reconnecting](t, c)
}

// message sends a message with a number in it, and fails the test if that is refused.
func message(t testing.TB, c *client.Client, to string, n int) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	id, err := c.Message(ctx, to, n)
	if err != nil {
		t.Fatalf("message %d: %v", n, err)
	}
	return id
}

func itoa(n int) string { return fmt.Sprint(n) }

// data gives the number in a message.
func data(m protocol.Message) string {
	value, _ := m.Value("data")
	return string(value)
}
