package signaling_test

import (
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

// closeWith closes the connection as a client does; 1005 stands for a close frame without a code.
func (p *peer) closeWith(code int) {
	_ = p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Minute))
}

func TestTheRateIsLimitedAndToldWhenToTryAgain(t *testing.T) {
	run(t, signaling.Config{Rate: 10, Burst: 20}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		seq := 0
		say := func() { seq++; bob.say(`{"type":"candidate","to":%q,"candidate":"","seq":%d}`, ann.id, seq) }
		for range 19 { // the join was one
			say()
		}
		for range 19 {
			ann.want("candidate")
		}
		say()
		m := bob.wantError(protocol.CodeRateLimited)
		if m.num("of") != 20 || m.num("retryAfter") != 1 || m.num("seq") == 0 {
			t.Fatalf("%s", m)
		}
		bob.say(`{"type":"candidate","to":%q,"candidate":"","seq":20}`, ann.id) // its number is used up
		time.Sleep(500 * time.Millisecond)
		say() // there is room for it, but it would overtake
		bob.say(`{"type":"ack","ack":%d}`, bob.wantError(protocol.CodeRateLimited).num("seq"))
		time.Sleep(500 * time.Millisecond)
		say()
		ann.want("candidate")
		ann.fence()
	})
}

func TestRepeatsAndAcknowledgementsCostNothingOfTheRate(t *testing.T) {
	run(t, signaling.Config{Rate: 10, Burst: 20}, rooms.Config{}, func(_ *testing.T, s *service) {
		ann, bob := s.pair()
		bob.say(`{"type":"candidate","to":%q,"candidate":"","seq":1}`, ann.id)
		ann.want("candidate")
		for range 40 {
			bob.say(`{"type":"candidate","to":%q,"candidate":"","seq":1}`, ann.id)
			bob.say(`{"type":"ack","ack":0}`)
		}
		for i := range 18 {
			bob.say(`{"type":"candidate","to":%q,"candidate":"","seq":%d}`, ann.id, i+2)
			ann.want("candidate")
		}
	})
}

func TestAResumeFillsTheBucketOnlySoOften(t *testing.T) {
	run(t, signaling.Config{Rate: 10, Burst: 20}, rooms.Config{}, func(_ *testing.T, s *service) {
		ann, joined := s.join()
		session := joined.str("session")
		use := func(n int) { // uses what is there, and one more
			for range n {
				ann.say(`{"type":"message","to":"nobody","data":1}`)
				ann.want("undelivered")
			}
			ann.say(`{"type":"message","to":"nobody","data":1}`)
			ann.wantError(protocol.CodeRateLimited)
		}
		again := func() {
			var m message
			ann, m = s.resume(ann, session, ann.last)
			session = m.str("session")
		}
		use(19)
		again()
		use(0)
		time.Sleep(2 * time.Second)
		again()
		use(20)
	})
}

func TestABroadcastCostsOneForEach16Receivers(t *testing.T) {
	run(t, signaling.Config{Rate: 10, Burst: 22}, rooms.Config{Capacity: 40}, func(_ *testing.T, s *service) {
		ann, _ := s.join()
		for range 17 {
			s.join()
			ann.want("peer-joined")
		}
		for range 10 {
			ann.say(`{"type":"message","data":1}`)
		}
		ann.fence()
		ann.say(`{"type":"message","data":1}`)
		ann.wantError(protocol.CodeRateLimited)
	})
}

func TestFiveSecondsOverTheRateAreAnEnd(t *testing.T) {
	for _, message := range []string{`{"type":"message","data":1}`, `{"type":"message","data":1,"seq":%d}`} {
		run(t, signaling.Config{Rate: 10, Burst: 20}, rooms.Config{}, func(t *testing.T, s *service) {
			p, _ := s.join()
			begin := time.Now()
			var flood sync.WaitGroup
			flood.Go(func() {
				for seq := 1; ; seq++ {
					text := strings.Replace(message, "%d", itoa(seq), 1)
					if p.ws.WriteMessage(websocket.TextMessage, []byte(text)) != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			})
			p.wantClose(protocol.CloseRate)
			flood.Wait()
			if d := time.Since(begin); d < 5*time.Second || d > 7*time.Second {
				t.Fatalf("closed after %v", d)
			}
		})
	}
}

func TestLessonASlowPeerHoldsUpTheRoom(t *testing.T) {
	run(t, signaling.Config{Rate: -1}, rooms.Config{InboxMessages: 50}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		bob, _ := s.join()
		carol, _ := s.join()
		bob.want("peer-joined")
		ann.want("peer-joined")
		ann.want("peer-joined")
		stalled := s.stall(ann, joined.str("session"))
		begin := time.Now()
		for i := range 100 {
			bob.say(`{"type":"candidate","to":%q,"candidate":"%d","seq":%d}`, ann.id, i, 2*i+1)
			bob.say(`{"type":"candidate","to":%q,"candidate":"%d","seq":%d}`, carol.id, i, 2*i+2)
			carol.want("candidate")
		}
		if time.Since(begin) != 0 {
			t.Fatalf("somebody waited for %v", time.Since(begin))
		}
		refused := map[uint64]bool{}
		for range 50 {
			m := bob.want("undelivered")
			if m.str("code") != "peer-slow" {
				t.Fatalf("%s", m)
			}
			refused[m.num("of")] = true
		}
		again, _ := s.resume(ann, stalled, ann.last)
		for i := range 50 {
			if m := again.want("candidate"); refused[uint64(2*i+1)] || m.num("seq") == 0 {
				t.Fatalf("%s", m)
			}
		}
		again.fence()
	})
}

// stall resumes a session on a connection that is never read after resumed, and gives its new secret.
func (s *service) stall(p *peer, session string) string {
	s.t.Helper()
	d := websocket.Dialer{NetDial: s.listener.dial}
	ws, _, err := d.Dial("ws://parley.test/ws", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = ws.Close() })
	_ = ws.WriteJSON(map[string]any{"type": "resume", "session": session, "received": p.last})
	var resumed message
	if err := ws.ReadJSON(&resumed); err != nil {
		s.t.Fatal(err)
	}
	_ = ws.WriteJSON(map[string]any{"type": "ack", "ack": p.last})
	return resumed.str("session")
}

func TestTheSilentAreDead(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		bob, _ := s.join()
		_, joined := s.join()
		bob.want("peer-joined")
		begin := time.Now()
		mute := s.dial()
		mute.ws.SetPingHandler(func(string) error { return nil })
		mute.say(`{"type":"resume","session":%q,"received":0}`, joined.str("session"))
		mute.wantClose(protocol.ClosePingTimeout)
		bob.want("peer-away")
		if d := time.Since(begin); d < 75*time.Second || d > 80*time.Second {
			t.Fatalf("noticed after %v", d)
		}
		bob.fence() // who answers pings is not
	})
}

func TestShutdownClosesWith1012(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		ann, bob := s.pair()
		s.stop()
		ann.wantClose(protocol.CloseRestart)
		bob.wantClose(protocol.CloseRestart)
	})
}

// The 16th peer joins a full mesh and sends 60 candidates to each of 15 at once.
func TestTheSixteenthPeerOfAMesh(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		var others []*peer
		for range 15 {
			p, _ := s.join()
			others = append(others, p)
		}
		for i, p := range others {
			for range 14 - i {
				p.want("peer-joined")
			}
		}
		last, _ := s.join()
		seq := 0
		for i := range 60 {
			for _, p := range others {
				seq++
				last.say(`{"type":"candidate","to":%q,"candidate":"%d %s","seq":%d}`, p.id, i, strings.Repeat("x", 150), seq)
			}
		}
		var wg sync.WaitGroup
		for _, p := range others {
			wg.Go(func() {
				if m := <-p.in; m.str("type") != "peer-joined" {
					t.Errorf("%s came first", m)
				}
				for i := range 60 {
					m := <-p.in
					if n, _, _ := strings.Cut(m.str("candidate"), " "); n != itoa(i) {
						t.Errorf("%s came as candidate %d", m, i)
					}
				}
			})
		}
		wg.Wait()
		last.fence() // nothing was refused
	})
}

func itoa(n int) string { return strconv.Itoa(n) }
