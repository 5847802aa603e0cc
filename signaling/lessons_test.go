package signaling_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

// The tests of this file are each named for a way in which some other signaling or WebSocket server was brought down or taken
// over. Those that need HTTP paths and headers are in cmd/parley.

// The kinds of frames (RFC 6455 §5.2), and the bit that ends a message.
const (
	more   = 0x0
	text   = 0x1
	ping   = 0x9
	pong   = 0xa
	fin    = 0x80
	packed = 0x40 // RSV1: compressed
)

// frame is a client's frame, masked with zeros, so that what is in it is as it was written.
func frame(first byte, payload string) []byte {
	header := []byte{first, 0x80 | byte(min(len(payload), 126))}
	if len(payload) >= 126 {
		header = append(header, byte(len(payload)>>8), byte(len(payload)))
	}
	return append(append(header, 0, 0, 0, 0), payload...)
}

// raw writes bytes as they are.
func (p *peer) raw(b []byte) {
	p.t.Helper()
	_ = p.ws.NetConn().SetWriteDeadline(time.Time{}) // gorilla leaves that of the last pong
	if _, err := p.ws.NetConn().Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

func TestLessonCrossSiteWebSocketHijacking(t *testing.T) {
	server := serve(t, signaling.Config{TLS: true})
	for _, origin := range []string{
		"https://evil.example", "https://a.example.evil.example", "http://a.example", "https://a.example:8443", "null", "",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "a.example"
		r.Header = upgradeHeader()
		r.Header.Set("Cookie", "session=of-a-user-who-is-logged-in")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden || response.Header.Get("Set-Cookie") != "" {
			t.Errorf("origin %q: %s, %v", origin, response.Status, response.Header)
		}
	}
}

func upgradeHeader() http.Header {
	return http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
}

func TestLessonSpoofedForwardingHeaders(t *testing.T) {
	run(t, signaling.Config{ConnectionsPerAddress: 1, TrustedProxies: prefixes("10.0.0.0/8")}, rooms.Config{}, func(_ *testing.T, s *service) {
		dial := func(from, forwardedFor string) *peer {
			s.from = from
			d := websocket.Dialer{NetDial: s.dialNet, Subprotocols: []string{protocol.Subprotocol}}
			ws, _, err := d.Dial("ws://parley.test/ws", http.Header{
				"X-Forwarded-For": {forwardedFor}, "X-Real-Ip": {forwardedFor}, "Cf-Connecting-Ip": {forwardedFor}, "True-Client-Ip": {forwardedFor},
			})
			if err != nil {
				s.t.Fatal(err)
			}
			return s.peer(ws)
		}
		join := func(p *peer) *peer { p.say(`{"type":"join","room":"r"}`); return p }
		join(dial("192.0.2.1", "198.51.100.1")).want("joined")
		join(dial("192.0.2.1", "198.51.100.2")).wantTurnedAway() // another name, and the same address
		join(dial("10.0.0.1", "198.51.100.3")).want("joined")
		join(dial("10.0.0.1", "198.51.100.4")).want("joined")
		join(dial("10.0.0.1", "1.1.1.1, 198.51.100.4")).wantTurnedAway() // what its client made up comes before
	})
}

func TestLessonNoCompression(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		d := websocket.Dialer{NetDial: s.dialNet, EnableCompression: true}
		ws, response, err := d.Dial("ws://parley.test/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := response.Header.Values("Sec-WebSocket-Extensions"); len(got) > 0 {
			t.Errorf("it answers with %q", got)
		}
		p := s.peer(ws)
		p.raw(frame(fin|packed|text, "a bomb"))
		p.wantClose(protocol.CloseProtocol)
	})
}

// A message takes no more than a bound in bytes and in time, however it is cut into frames.
func TestLessonFragmentsAndFrameFloods(t *testing.T) {
	const framing = 16 << 10
	for name, test := range map[string]struct {
		begin, flood []byte
		limit        int // bytes that a message may have
	}{
		"tiny fragments":     {frame(text, `{`), frame(more, ` `), 64 << 10},
		"empty fragments":    {frame(text, `{`), frame(more, ``), 64 << 10},
		"nothing but frames": {frame(text, ``), frame(more, ``), 64 << 10},
		"pings in a message": {frame(text, `{`), frame(fin|ping, ``), 64 << 10},
		"before joined":      {frame(text, `{`), frame(more, ``), 16 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
				ann, _ := s.join()
				bob := s.dial()
				if name != "before joined" {
					bob.say(`{"type":"join","room":"r"}`)
					bob.want("joined")
					ann.want("peer-joined")
				}
				bob.raw(test.begin)
				for sent := 0; sent <= test.limit+framing; sent += len(test.flood) {
					bob.raw(test.flood)
				}
				bob.wantClose(protocol.CloseViolation)
				if name != "before joined" {
					ann.want("peer-away")
				}
				ann.fence()
			})
		})
	}
	t.Run("few enough", func(t *testing.T) {
		run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
			p := s.dial()
			for range 3 { // each message may have as many
				p.raw(frame(text, `{"type":"ping"`))
				for range 2000 {
					p.raw(frame(more, ``))
				}
				p.raw(frame(fin, `}`))
				p.want("pong")
			}
		})
	})
}

func TestLessonAMessageThatNeverEnds(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		p, joined := s.join()
		for range 2 { // slow is not too slow, and the time of one is not that of the next
			p.raw(frame(text, `{"type":`))
			time.Sleep(20 * time.Second)
			p.raw(frame(fin, `"ping"}`))
			p.want("pong")
		}
		time.Sleep(40 * time.Second)
		p.fence()
		begin := time.Now()
		p.raw(frame(text, `{`))
		for range 10 {
			time.Sleep(2900 * time.Millisecond)
			p.raw(frame(more, ` `))
			p.raw(frame(fin|ping, ``))
		}
		p.wantClose(protocol.ClosePingTimeout)
		if waited := time.Since(begin); waited != 30*time.Second {
			t.Errorf("it was closed after %v", waited)
		}
		s.resume(p, joined.str("session"), p.last) // a network that stalls costs nobody the session
	})
}

func TestLessonControlFrameFloods(t *testing.T) {
	for name, flood := range map[string][]byte{"pings": frame(fin|ping, `x`), "pongs": frame(fin|pong, `1`)} {
		t.Run(name, func(t *testing.T) {
			run(t, signaling.Config{Rate: 10, Burst: 20}, rooms.Config{}, func(t *testing.T, s *service) {
				ann, bob := s.pair()
				begin := time.Now()
				var floods sync.WaitGroup
				floods.Go(func() {
					for {
						if _, err := bob.ws.NetConn().Write(flood); err != nil {
							return
						}
						time.Sleep(10 * time.Millisecond)
					}
				})
				bob.wantClose(protocol.CloseRate)
				if d := time.Since(begin); d < 5*time.Second || d > 10*time.Second {
					t.Errorf("closed after %v", d)
				}
				ann.want("peer-away")
				floods.Wait()
			})
		})
	}
	t.Run("a sign of life", func(t *testing.T) {
		run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
			p := s.dial()
			p.say(`{"type":"join","room":"r"}`)
			p.want("joined")
			for range 600 {
				p.raw(frame(fin|ping, `x`))
				p.raw(frame(fin|pong, ``))
				time.Sleep(time.Second)
			}
			p.fence()
		})
	})
}

func TestLessonFramesThatAreWrong(t *testing.T) {
	huge := func(length uint64) []byte {
		b := []byte{fin | text, 0x80 | 127}
		for i := 7; i >= 0; i-- {
			b = append(b, byte(length>>(8*i)))
		}
		return append(b, make([]byte, 4+1000)...)
	}
	for name, test := range map[string]struct {
		bytes []byte
		code  protocol.CloseCode // 0 where there is no word
	}{
		"a length that is negative":        {huge(math.MaxUint64), 0},
		"a length beyond all memory":       {append(huge(math.MaxInt64), make([]byte, 64<<10)...), protocol.CloseTooLarge},
		"a control frame that is too long": {frame(fin|ping, strings.Repeat("x", 126)), protocol.CloseProtocol},
		"a control frame in fragments":     {frame(ping, "x"), protocol.CloseProtocol},
		"a kind that there is not":         {frame(fin|0x7, "x"), protocol.CloseProtocol},
		"a rest without a beginning":       {frame(fin|more, "x"), protocol.CloseProtocol},
		"a beginning inside a message":     {append(frame(text, "x"), frame(fin|text, "x")...), protocol.CloseProtocol},
		"a frame without a mask":           {[]byte{fin | text, 1, 'x'}, protocol.CloseProtocol},
		"a close code that is none":        {frame(fin|0x8, "\x00\x01"), protocol.CloseProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
				ann, bob := s.pair()
				go func() { _, _ = bob.ws.NetConn().Write(test.bytes) }() // the server may not read all of it
				for range bob.in {
				}
				var closed *websocket.CloseError
				switch {
				case test.code == 0 && bob.end == nil, test.code != 0 && (!errors.As(bob.end, &closed) || closed.Code != int(test.code)):
					t.Errorf("the connection ended with %v", bob.end)
				}
				ann.want("peer-away") // and nothing else has happened to anyone
				ann.fence()
			})
		})
	}
}

func TestLessonRelayAcrossRooms(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		eve := s.dial()
		eve.say(`{"type":"join","room":"another"}`)
		eve.want("joined")
		for i, m := range []string{
			`"type":"offer","sdp":"v=0"`, `"type":"answer","sdp":"v=0"`, `"type":"candidate","candidate":""`, `"type":"message","data":1`,
		} {
			eve.say(`{%s,"to":%q,"room":"r","from":%q,"seq":%d}`, m, ann.id, bob.id, i+1)
			if u := eve.want("undelivered"); u.str("code") != string(protocol.CodePeerUnknown) {
				t.Errorf("%s", u)
			}
		}
		eve.say(`{"type":"message","data":"to all","room":"r"}`)
		eve.fence()
		ann.fence()
		bob.say(`{"type":"offer","to":%q,"sdp":"v=0","from":"somebody else"}`, ann.id)
		if m := ann.want("offer"); m.str("from") != bob.id {
			t.Errorf("it comes from %s, and bob is %s", m, bob.id)
		}
	})
}

func TestLessonUnboundedQueues(t *testing.T) {
	for name, config := range map[string]rooms.Config{"in messages": {InboxMessages: 10}, "in bytes": {InboxBytes: 10 * 1000}} {
		t.Run(name, func(t *testing.T) {
			run(t, signaling.Config{}, config, func(t *testing.T, s *service) {
				ann, bob := s.pair()
				ann.drop()
				bob.want("peer-away")
				frame := len(`{"type":"message","data":"","from":""}`) + len(bob.id)
				for i := range 15 {
					bob.say(`{"type":"message","to":%q,"data":"%s","seq":%d}`, ann.id, strings.Repeat("x", 1000-frame), i+1)
				}
				for i := range 5 {
					if u := bob.want("undelivered"); u.str("code") != string(protocol.CodePeerSlow) || u.num("of") != uint64(11+i) {
						t.Errorf("%s", u)
					}
				}
				bob.fence()
			})
		})
	}
	t.Run("rooms", func(t *testing.T) {
		run(t, signaling.Config{JoinsPerAddress: -1}, rooms.Config{}, func(t *testing.T, s *service) {
			for i := range 300 {
				p := s.dial()
				p.say(`{"type":"join","room":"%d"}`, i)
				p.want("joined")
				if i%2 == 0 {
					p.say(`{"type":"leave"}`)
				} else {
					p.drop()
				}
			}
			time.Sleep(time.Minute)
			if stats := s.engine.Stats(); stats.Rooms != 0 || stats.Peers != 0 {
				t.Errorf("%+v", stats)
			}
		})
	})
}

func TestLessonEndingAnothersSessionBySending(t *testing.T) {
	run(t, signaling.Config{Rate: -1, JoinsPerAddress: -1}, rooms.Config{InboxMessages: 200, InboxBytes: 4000}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		bob, _ := s.join()
		ann.want("peer-joined")
		flood := func(n int) {
			for i := range n {
				bob.say(`{"type":"message","to":%q,"data":%d}`, ann.id, i)
				bob.say(`{"type":"message","data":"%s"}`, strings.Repeat("x", 3000))
				bob.say(`{"type":"update","metadata":{"n":%q}}`, strings.Repeat(strconv.Itoa(i%10), 4000))
			}
			untilPong(bob) // all of it has been taken, or refused
		}
		stalled := s.stall(ann, joined.str("session"))
		flood(40) // connected, and does not read
		for range 30 {
			p, _ := s.join() // comes and goes
			p.say(`{"type":"leave"}`)
			p.wantClose(protocol.CloseNormal)
		}
		ann, resumed := s.resume(ann, stalled, ann.last)
		_ = ann.ws.NetConn().Close()
		for m := range ann.in { // it knows what it has
			ann.last = max(ann.last, m.num("seq"))
		}
		flood(40) // away
		ann, _ = s.resume(ann, resumed.str("session"), ann.last)
		untilPong(ann)
	})
}

// untilPong passes over all that comes before the answer to a ping.
func untilPong(p *peer) {
	p.t.Helper()
	p.say(`{"type":"ping"}`)
	for p.next().str("type") != "pong" {
	}
}

// A connection's fault is its own: what comes over one never ends another, nor the process.
func TestLessonOneBadClientEndsTheServer(t *testing.T) {
	server := serve(t, signaling.Config{AllowNoOrigin: true})
	address := strings.TrimPrefix(server.URL, "http://")
	for _, rubbish := range []string{
		"", "\x00", "\r\n\r\n", "GET /ws HTTP/1.1\r\n\r\n", "GET /ws HTTP/9.9\r\nHost: x\r\n\r\n", strings.Repeat("x", 1<<16),
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	} {
		answer := exchange(t, address, rubbish)
		if bytes.Contains(answer, []byte("101 Switching")) {
			t.Errorf("%q is answered with %s", rubbish, answer)
		}
	}
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"join","room":"r"}`)); err != nil {
		t.Fatal(err)
	}
	if _, text, err := ws.ReadMessage(); err != nil || !bytes.Contains(text, []byte(`"joined"`)) {
		t.Errorf("%s %v", text, err)
	}
}

// exchange sends bytes, and returns all that is answered.
func exchange(t *testing.T, address, text string) []byte {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, text)
	_ = c.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(c) // it may end with a reset
	return answer
}
