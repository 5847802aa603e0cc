package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/cmd/parley-peer/media"
	"parley/signaling/client"
)

// upWithin is how long a call may take to be connected after its link has returned: what users are promised.
const upWithin = 5 * time.Second

// The socket of one of two peers is cut at every step of their negotiation: between any two of its frames and in the middle
// of each, in either direction, the offering side's and the answering side's. Every message counts.
func TestTheSocketIsCutAtEveryStepOfANegotiation(t *testing.T) {
	address := startServer(t)
	var tried, cut atomic.Int32
	t.Cleanup(func() {
		t.Logf("%d calls, %d of them were cut", tried.Load(), cut.Load())
		if cut.Load() < tried.Load()*3/4 {
			t.Error("too few calls were cut for this test to mean anything")
		}
	})
	for _, victim := range []string{"who offers", "who answers"} {
		for _, stream := range []string{"upstream", "downstream"} {
			for _, at := range cutPoints(record(t, address, victim, stream)) {
				name := fmt.Sprintf("%s, %s, after %d bytes", victim, stream, at)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					tried.Add(1)
					if cutCall(t, address, name, victim, stream, at) {
						cut.Add(1)
					}
				})
			}
		}
	}
}

// cutCall has a call whose victim's connection is cut after so many bytes.
func cutCall(t *testing.T, address, room, victim, stream string, at int) (cut bool) {
	link := newFaultyLink(t, address)
	link.cutAfter(t, stream, at)
	first, second := newGuest(room, address), newGuest(room, address)
	unlucky := second
	if victim == "who answers" {
		unlucky = first
	}
	unlucky.settings.netDial = link.dial
	go first.run(t)
	defer first.leave()
	first.waitJoined(t)
	go second.run(t)
	defer second.leave()

	select {
	case <-link.returned:
		cut = true
	case <-unlucky.verified: // this time there were fewer bytes than that
	case <-time.After(time.Minute):
		t.Error("neither cut nor verified")
		return
	}
	returned := time.Now()
	for _, g := range []*guest{first, second} {
		select {
		case <-g.verified:
		case <-time.After(time.Minute):
			t.Errorf("not up a minute after the link has returned: %+v", g.call.results())
			return
		}
		if took := g.connectedAt().Sub(returned); took > upWithin {
			t.Errorf("the call was up %v after the link had returned", took)
		}
	}
	first.waitFor(t, second)
	second.waitFor(t, first)
	return cut
}

// guest is one peer of a call, which counts what it sends and what it receives.
type guest struct {
	settings peerSettings
	call     call
	joined   chan struct{}
	verified chan struct{}
	left     chan struct{}
	ctx      context.Context
	cancel   context.CancelFunc
	client   *client.Client // set before joined is closed

	mu       sync.Mutex
	sent     int // messages to the other one
	received int // messages from the other one, each numbered by its sender
	changed  chan struct{}
	problem  string
}

func newGuest(room, address string) *guest {
	g := &guest{
		joined: make(chan struct{}), verified: make(chan struct{}), left: make(chan struct{}), changed: make(chan struct{}, 1),
		settings: peerSettings{URL: "ws://" + address + "/ws", Room: room, logf: func(string, ...any) {}},
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.call = call{peer: g.settings, expect: 1, callers: map[string]*caller{}, enough: g.verified}
	return g
}

// run joins and calls until leave.
func (g *guest) run(t *testing.T) {
	defer close(g.left)
	ctx := g.ctx
	joined, err := g.settings.join(ctx)
	if err != nil {
		t.Errorf("join: %v", err)
		return
	}
	defer joined.Close()
	g.client = joined
	close(g.joined)
	clip, err := media.LoadClip()
	if err != nil {
		t.Error(err)
		return
	}
	sender, err := media.NewSender(ctx, clip, "test")
	if err != nil {
		t.Error(err)
		return
	}
	defer sender.Close()
	api, err := g.settings.api()
	if err != nil {
		t.Error(err)
		return
	}
	m := &meeting{client: g, api: api, logf: g.settings.logf}
	m.content = func(l *link) (content, error) { return g.call.newCaller(ctx, l, sender, clip), nil }
	_ = m.run(ctx)
}

// Send numbers every message, in a member that the server does not know and has to keep.
func (g *guest) Send(ctx context.Context, message any) (uint64, error) {
	text, err := json.Marshal(message)
	if err != nil {
		return 0, err
	}
	g.mu.Lock()
	g.sent++
	numbered := fmt.Appendf(nil, `%s,"n":%d}`, bytes.TrimSuffix(text, []byte("}")), g.sent)
	g.mu.Unlock()
	return g.client.Send(ctx, json.RawMessage(numbered))
}

// Next looks at the number of every message.
func (g *guest) Next(ctx context.Context) (client.Event, error) {
	e, err := g.client.Next(ctx)
	switch e := e.(type) {
	case client.Signal:
		n, _ := e.Value("n")
		g.mu.Lock()
		g.received++
		if want := fmt.Sprint(g.received); string(n) != want && g.problem == "" {
			g.problem = fmt.Sprintf("message %s came instead of %s", n, want)
		}
		g.mu.Unlock()
		select {
		case g.changed <- struct{}{}:
		default:
		}
	case client.Undelivered, client.Refused:
		g.mu.Lock()
		g.problem = fmt.Sprintf("%T: %+v", e, e)
		g.mu.Unlock()
	case client.Joined:
		if e.Again {
			g.mu.Lock()
			g.problem = "the session was lost"
			g.mu.Unlock()
		}
	}
	return e, err
}

// connectedAt is when the call that was verified was up.
func (g *guest) connectedAt() (at time.Time) {
	g.call.mu.Lock()
	defer g.call.mu.Unlock()
	for _, c := range g.call.callers {
		if c.isVerified() {
			at = c.link.began.Add(time.Duration(c.result().Steps.Connected) * time.Millisecond)
		}
	}
	return at
}

func (g *guest) waitJoined(t *testing.T) {
	t.Helper()
	select {
	case <-g.joined:
	case <-g.left:
		t.FailNow()
	case <-time.After(time.Minute):
		t.Fatal("not joined")
	}
}

// waitFor waits until all that the other one has sent is here, once and in order.
func (g *guest) waitFor(t *testing.T, other *guest) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		other.mu.Lock()
		sent := other.sent
		other.mu.Unlock()
		g.mu.Lock()
		received, problem := g.received, g.problem
		g.mu.Unlock()
		switch {
		case problem != "":
			t.Fatal(problem)
		case received == sent:
			return
		}
		select {
		case <-g.changed:
		case <-deadline:
			t.Fatalf("%d messages of %d came", received, sent)
		}
	}
}

func (g *guest) leave() {
	g.cancel()
	<-g.left
}

// faultyLink is a link to the server that is cut once. The first attempt to reconnect finds it down; then it returns.
type faultyLink struct {
	returned chan struct{}
	proxy    *toxiproxy.Proxy

	mu    sync.Mutex
	dials int
}

func newFaultyLink(t *testing.T, target string) *faultyLink {
	t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	l := &faultyLink{returned: make(chan struct{}), proxy: toxiproxy.NewProxy(api, "link", "127.0.0.1:0", target)}
	if err := l.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.proxy.Stop)
	return l
}

// cutAfter has every connection cut after so many bytes in one direction, upstream or downstream.
func (l *faultyLink) cutAfter(t *testing.T, stream string, bytes int) {
	t.Helper()
	toxic := fmt.Sprintf(`{"name":"cut","type":"limit_data","stream":%q,"attributes":{"bytes":%d}}`, stream, bytes)
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		t.Fatal(err)
	}
}

func (l *faultyLink) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dials++
	if l.dials == 2 {
		l.proxy.Stop()
		defer func() {
			l.proxy.Toxics.ResetToxics(ctx)
			if l.proxy.Start() == nil {
				close(l.returned)
			}
		}()
	}
	return (&net.Dialer{}).DialContext(ctx, network, l.proxy.Listen)
}

// record gives what went over the victim's connection in a call that nothing disturbed.
func record(t *testing.T, address, victim, stream string) []byte {
	t.Helper()
	room := "record " + victim + stream
	first, second := newGuest(room, address), newGuest(room, address)
	var tape recorder
	if victim == "who answers" {
		first.settings.netDial = tape.dial
	} else {
		second.settings.netDial = tape.dial
	}
	go first.run(t)
	defer first.leave()
	first.waitJoined(t)
	go second.run(t)
	defer second.leave()
	<-first.verified
	<-second.verified
	tape.mu.Lock()
	defer tape.mu.Unlock()
	if stream == "upstream" {
		return slices.Clone(tape.up)
	}
	return slices.Clone(tape.down)
}

// recorder is a connection that remembers what it carried.
type recorder struct {
	net.Conn
	mu       sync.Mutex
	up, down []byte
}

func (r *recorder) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	r.Conn = c
	return r, err
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = append(r.down, b[:n]...)
	return n, err
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	r.up = append(r.up, b...)
	r.mu.Unlock()
	return r.Conn.Write(b)
}

// cutPoints gives the numbers of bytes after which to cut: in the middle of each WebSocket frame (RFC 6455 §5.2) and after it.
func cutPoints(tape []byte) (points []int) {
	at := bytes.Index(tape, []byte("\r\n\r\n")) + 4 // the HTTP handshake
	for at+2 <= len(tape) {
		length, header := int(tape[at+1]&0x7f), 2
		if length == 126 {
			length, header = int(binary.BigEndian.Uint16(tape[at+2:])), 4
		}
		if tape[at+1]&0x80 != 0 {
			header += 4 // the mask
		}
		end := at + header + length
		points = append(points, (at+end)/2, end)
		at = end
	}
	return points
}
