package signaling_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a server that runs in the test's process, on a listener in memory.
type service struct {
	t        *testing.T
	config   signaling.Config
	server   *signaling.Server
	engine   rooms.Engine
	listener *pipeListener
	from     string // the address that clients dial from, empty for none
}

// run runs a test in virtual time against a service of its own.
func run(t *testing.T, config signaling.Config, engine rooms.Config, test func(t *testing.T, s *service)) {
	t.Helper()
	runEngine(t, config, func() rooms.Engine { return rooms.NewMemory(engine) }, test)
}

// runEngine is run with an engine that is made in the bubble of virtual time.
func runEngine(t *testing.T, config signaling.Config, engine func() rooms.Engine, test func(t *testing.T, s *service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		config.AllowNoOrigin = true
		s := &service{t: t, config: config}
		s.start(engine())
		defer s.stop()
		test(t, s)
	})
}

func (s *service) start(engine rooms.Engine) {
	s.t.Helper()
	s.engine, s.listener = engine, newPipeListener()
	var err error
	if s.server, err = signaling.New(s.config, s.engine); err != nil {
		s.t.Fatal(err)
	}
	web := &http.Server{Handler: s.server}
	listener := s.listener
	go func() { _ = web.Serve(listener) }()
	s.t.Cleanup(func() { _ = web.Close() })
}

// restart ends the server and starts another one in its place.
func (s *service) restart(engine rooms.Config) {
	s.stop()
	s.start(rooms.NewMemory(engine))
}

func (s *service) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = s.server.Shutdown(ctx)
	_ = s.engine.Close()
}

// peer is a client, which says and reads just what a test tells it to.
type peer struct {
	t    *testing.T
	ws   *websocket.Conn
	id   string
	in   chan message // what the server says; closed at the end
	end  error        // set before in is closed
	last uint64
	// The highest acknowledgement that has come.
	acked uint64
}

// message is what the server said: its members, as they came.
type message map[string]json.RawMessage

func (m message) str(name string) string {
	var s string
	_ = json.Unmarshal(m[name], &s)
	return s
}

func (m message) num(name string) uint64 {
	var n uint64
	_ = json.Unmarshal(m[name], &n)
	return n
}

func (m message) String() string {
	b, _ := json.Marshal(m)
	return string(b)
}

// dial connects, and reads on until the connection ends. With subprotocols nil it offers parley.v1.
func (s *service) dial(subprotocols ...string) *peer {
	s.t.Helper()
	if subprotocols == nil {
		subprotocols = []string{protocol.Subprotocol}
	}
	ws, response, err := s.tryDial(subprotocols...)
	if err != nil {
		s.t.Fatalf("dial: %v %v", err, response)
	}
	return s.peer(ws)
}

// peer reads on until the connection ends.
func (s *service) peer(ws *websocket.Conn) *peer {
	p := &peer{t: s.t, ws: ws, in: make(chan message, 10000)}
	go p.read()
	s.t.Cleanup(func() { _ = ws.Close() })
	return p
}

// tryDial gives the answer of the server too, where it does not upgrade.
func (s *service) tryDial(subprotocols ...string) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{Subprotocols: subprotocols, NetDial: s.dialNet}
	return d.Dial("ws://parley.test/ws", nil)
}

func (s *service) dialNet(string, string) (net.Conn, error) { return s.listener.dialFrom(s.from) }

func (p *peer) read() {
	defer close(p.in)
	for {
		_, text, err := p.ws.ReadMessage()
		if err != nil {
			p.end = err
			return
		}
		if err := checkSchema(text); err != nil {
			p.t.Errorf("the server said %s, which is not of the schema: %v", text, err)
		}
		m := message{}
		if err := json.Unmarshal(text, &m); err != nil {
			p.end = fmt.Errorf("%s: %w", text, err)
			return
		}
		p.in <- m
	}
}

// checkSchema holds what the server says against docs/schema, whatever the test is about.
func checkSchema(text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return serverMessage().Validate(value)
}

var serverMessage = sync.OnceValue(func() *jsonschema.Schema {
	return jsonschema.NewCompiler().MustCompile("../docs/schema/parley.v1.json#/$defs/serverMessage")
})

// say sends a message.
func (p *peer) say(format string, args ...any) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...)); err != nil {
		p.t.Fatalf("say: %v", err)
	}
}

// next gives the next message, whatever it is but a bare ack.
func (p *peer) next() message {
	p.t.Helper()
	for {
		select {
		case m, ok := <-p.in:
			if !ok {
				p.t.Fatalf("the connection has ended: %v", p.end)
			}
			if seq := m.num("seq"); seq > 0 {
				if seq <= p.last {
					p.t.Fatalf("%s after %d", m, p.last)
				}
				p.last = seq
			}
			p.acked = max(p.acked, m.num("ack"))
			if m.str("type") != "ack" {
				return m
			}
		case <-time.After(10 * time.Minute):
			p.t.Fatal("nothing came")
		}
	}
}

// want gives the next message, which must be of this type.
func (p *peer) want(messageType string) message {
	p.t.Helper()
	m := p.next()
	if m.str("type") != messageType {
		p.t.Fatalf("%s came instead of %s", m, messageType)
	}
	return m
}

// wantError gives the next message, which must be an error of this code.
func (p *peer) wantError(code protocol.Code) message {
	p.t.Helper()
	m := p.want("error")
	if m.str("code") != string(code) || m.str("message") == "" {
		p.t.Fatalf("%s came instead of %s", m, code)
	}
	return m
}

// wantClose waits for the end of the connection, passing over what still comes.
func (p *peer) wantClose(code protocol.CloseCode) {
	p.t.Helper()
	for range p.in {
	}
	var closed *websocket.CloseError
	if !errors.As(p.end, &closed) || closed.Code != int(code) {
		p.t.Fatalf("the connection ended with %v instead of %d", p.end, code)
	}
}

// fence makes sure that nothing has come since the last message.
func (p *peer) fence() {
	p.t.Helper()
	p.say(`{"type":"ping"}`)
	p.want("pong")
}

// join connects and joins the room "r".
func (s *service) join(members ...string) (*peer, message) {
	s.t.Helper()
	p := s.dial()
	p.say(`{"type":"join","room":"r"%s}`, strings.Join(append([]string{""}, members...), ","))
	joined := p.want("joined")
	p.id = joined.str("peer")
	return p, joined
}

// resume connects and resumes the session of an earlier connection.
func (s *service) resume(before *peer, session string, received uint64) (*peer, message) {
	s.t.Helper()
	p := s.dial()
	p.say(`{"type":"resume","session":%q,"received":%d}`, session, received)
	resumed := p.want("resumed")
	p.id, p.last = before.id, received
	return p, resumed
}

// drop ends the connection without a word, as a network would.
func (p *peer) drop() {
	_ = p.ws.NetConn().Close()
	for range p.in {
	}
}

// pair gives two peers of one room that have heard of each other.
func (s *service) pair() (ann, bob *peer) {
	s.t.Helper()
	ann, _ = s.join()
	bob, _ = s.join()
	ann.want("peer-joined")
	return ann, bob
}

// pipeListener is a network in memory.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(string, string) (net.Conn, error) { return l.dialFrom("") }

func (l *pipeListener) dialFrom(address string) (net.Conn, error) {
	client, server := net.Pipe()
	if address != "" {
		at, err := netip.ParseAddr(address)
		if err != nil {
			return nil, err
		}
		server = addressed{server, net.TCPAddrFromAddrPort(netip.AddrPortFrom(at, 5000))}
	}
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// addressed is the server's end of a connection from an address.
type addressed struct {
	net.Conn
	from net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.from }

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
