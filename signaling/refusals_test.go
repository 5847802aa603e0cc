package signaling_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/client"
	"parley/signaling/protocol"
)

// What a client had written before it knew of a refusal may come long after the time that the refusal asks it to wait.
func TestNothingOvertakesARefusedMessage(t *testing.T) {
	run(t, signaling.Config{Rate: 10, Burst: 20}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, _ := s.join()
		l := newLine(t, s.listener.dial)
		bob, err := client.Join(t.Context(), client.Config{URL: "ws://parley.test/ws", Room: "r", NetDial: l.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer bob.Close()
		ann.want("peer-joined")
		const messages = 80
		l.up.hold() // what is sent at a fair rate comes in one burst
		l.down.hold()
		var sending sync.WaitGroup
		sending.Go(func() {
			for i := range messages {
				if _, err := bob.Message(t.Context(), ann.id, i); err != nil {
					t.Errorf("message %d: %v", i, err)
				}
			}
		})
		time.Sleep(3 * time.Second)
		l.up.release()
		time.Sleep(4 * time.Second) // longer than it has to wait
		l.down.release()
		for i := range messages {
			if m := ann.want("message"); string(m["data"]) != itoa(i) {
				t.Fatalf("%s came instead of %d", m, i)
			}
		}
		sending.Wait()
		if err := bob.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// line is a connection that can hold back what goes through it, each way by itself.
type line struct {
	t        *testing.T
	connect  func(network, address string) (net.Conn, error)
	up, down *gate
}

func newLine(t *testing.T, connect func(network, address string) (net.Conn, error)) *line {
	return &line{t: t, connect: connect, up: newGate(), down: newGate()}
}

func (l *line) dial(context.Context, string, string) (net.Conn, error) {
	far, err := l.connect("", "")
	if err != nil {
		return nil, err
	}
	near, middle := net.Pipe()
	go l.up.carry(far, middle)
	go l.down.carry(middle, far)
	return near, nil
}

// gate carries one way of a line.
type gate struct {
	mu     sync.Mutex
	wake   *sync.Cond
	held   bool
	queue  []byte
	closed bool
}

func newGate() *gate {
	g := &gate{}
	g.wake = sync.NewCond(&g.mu)
	return g
}

func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = true
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	g.wake.Signal()
}

// carry takes whatever comes, held or not, and gives it on until either end is closed.
func (g *gate) carry(to, from net.Conn) {
	defer to.Close()
	go g.fill(from)
	for {
		g.mu.Lock()
		for len(g.queue) == 0 && !g.closed || g.held {
			g.wake.Wait()
		}
		queue := g.queue
		g.queue = nil
		g.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		if _, err := to.Write(queue); err != nil {
			_ = from.Close()
			return
		}
	}
}

func (g *gate) fill(from net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		g.mu.Lock()
		g.queue = append(g.queue, buffer[:n]...)
		g.closed = err != nil
		g.wake.Signal()
		g.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// sender is a client that has used up its rate, and had its message 20 refused.
type sender struct {
	*peer
	s       *service
	to      string
	session string
	refused uint64 // the number of the refusal
}

func newSender(s *service, pongs bool) *sender {
	ann, _ := s.join()
	bob := &sender{peer: s.dial(), s: s, to: ann.id}
	if !pongs {
		bob.ws.SetPingHandler(func(string) error { return nil })
	}
	bob.say(`{"type":"join","room":"r"}`)
	bob.session = bob.want("joined").str("session")
	for i := range 19 { // the join was one
		bob.send(i+1, "")
	}
	bob.send(20, "")
	bob.refused = bob.wantError(protocol.CodeRateLimited).num("seq")
	return bob
}

// send sends a numbered message, with more members.
func (b *sender) send(seq int, more string) {
	b.say(`{"type":"message","to":%q,"data":%d,"seq":%d%s}`, b.to, seq, seq, more)
}

func (b *sender) ack(seq uint64) { b.say(`{"type":"ack","ack":%d}`, seq) }

// resume has the client come back with what it has received.
func (b *sender) resume(received uint64) {
	b.drop()
	b.peer, _ = b.s.resume(b.peer, b.session, received)
}

func TestWhoShowsThatItKnowsOfARefusalGoesOn(t *testing.T) {
	tests := []struct {
		name  string
		deaf  bool // it answers no pings
		after func(*sender)
		more  string // members of the next message, which would be the 22nd
		goes  bool
	}{
		{"by an acknowledgement", true, func(b *sender) { b.ack(b.refused) }, "", true},
		{"by an acknowledgement on the message itself", true, func(*sender) {}, `,"ack":1`, true},
		{"not by an acknowledgement of what came before", true, func(b *sender) { b.ack(b.refused - 1) }, "", false},
		{"not by waiting", true, func(*sender) { time.Sleep(time.Minute) }, "", false},
		{"not at once by the answer to a ping", false, func(*sender) {}, "", false},
		{"by the answer to a ping, and no acknowledgement", false, func(*sender) { time.Sleep(time.Second) }, "", true},
		{"by an acknowledgement of the last refusal", true, func(b *sender) {
			b.send(21, "")
			b.ack(b.wantError(protocol.CodeRateLimited).num("seq"))
		}, "", true},
		{"not by one of the first alone", false, func(b *sender) {
			b.send(21, "")
			b.wantError(protocol.CodeRateLimited)
			b.ack(b.refused)
			time.Sleep(time.Second)
		}, "", false},
		{"by what it says at a resume", true, func(b *sender) { b.resume(b.refused) }, "", true},
		{"not by a resume without it", true, func(b *sender) {
			b.resume(b.refused - 1)
			b.wantError(protocol.CodeRateLimited)
		}, "", false},
		{"by an acknowledgement after a resume", true, func(b *sender) {
			b.resume(b.refused - 1)
			b.ack(b.wantError(protocol.CodeRateLimited).num("seq"))
		}, "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, signaling.Config{Rate: 10, Burst: 20}, rooms.Config{}, func(_ *testing.T, s *service) {
				bob := newSender(s, !test.deaf)
				time.Sleep(1500 * time.Millisecond) // the rate would do
				test.after(bob)
				bob.send(22, test.more)
				if !test.goes {
					m := bob.wantError(protocol.CodeRateLimited)
					if m.num("of") != 22 || m.num("retryAfter") != 1 {
						t.Fatalf("%s", m)
					}
				}
				bob.fence()
			})
		})
	}
}

func TestMessagesWithoutANumberWaitForTheRateAlone(t *testing.T) {
	run(t, signaling.Config{Rate: 10, Burst: 20}, rooms.Config{}, func(_ *testing.T, s *service) {
		bob := newSender(s, false)
		time.Sleep(time.Second)
		bob.say(`{"type":"message","to":%q,"data":1}`, bob.to)
		bob.fence()
	})
}
