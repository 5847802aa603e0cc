package signaling_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

// faulty is the memory engine with faults that a test brings about, as one over a network has them.
type faulty struct {
	*rooms.Memory
	join   func()
	resume func() error
	send   func(context.Context) error
	tell   func() error
	panics atomic.Bool // the next time that events are fetched
}

type faultyAttachment struct {
	rooms.Attachment
	engine *faulty
}

func (f *faulty) Join(ctx context.Context, j rooms.Join, l rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	if f.join != nil {
		f.join()
	}
	a, s, err := f.Memory.Join(ctx, j, l)
	return faultyAttachment{a, f}, s, err
}

func (f *faulty) Resume(ctx context.Context, r rooms.Resume, l rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	if f.resume != nil {
		if err := f.resume(); err != nil {
			return nil, rooms.Snapshot{}, err
		}
	}
	a, s, err := f.Memory.Resume(ctx, r, l)
	return faultyAttachment{a, f}, s, err
}

func (a faultyAttachment) Send(ctx context.Context, m rooms.Message) error {
	if a.engine.send != nil {
		if err := a.engine.send(ctx); err != nil {
			return err
		}
	}
	return a.Attachment.Send(ctx, m)
}

func (a faultyAttachment) Tell(ctx context.Context, seq uint64, payload []byte) error {
	if a.engine.tell != nil {
		if err := a.engine.tell(); err != nil {
			return err
		}
	}
	return a.Attachment.Tell(ctx, seq, payload)
}

func (a faultyAttachment) Next() rooms.Batch {
	if a.engine.panics.Swap(false) {
		panic("a defect")
	}
	return a.Attachment.Next()
}

// runFaulty is run, with faults.
func runFaulty(t *testing.T, f *faulty, config signaling.Config, test func(t *testing.T, s *service)) {
	t.Helper()
	f.Memory = rooms.NewMemory(rooms.Config{})
	runEngine(t, config, func() rooms.Engine { return f }, test)
}

func TestASlowJoinIsNotCutShort(t *testing.T) {
	f := &faulty{}
	runFaulty(t, f, signaling.Config{}, func(_ *testing.T, s *service) {
		f.join = func() { time.Sleep(11 * time.Second) }
		ann, _ := s.join()
		ann.fence()
	})
}

func TestAResumeThatTheEnginePreventsIsToBeTriedAgain(t *testing.T) {
	f := &faulty{}
	runFaulty(t, f, signaling.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		ann.drop()
		f.resume = func() error { return rooms.ErrUnavailable }
		p := s.dial()
		p.say(`{"type":"resume","session":%q,"received":0}`, joined.str("session"))
		if m := p.wantError(protocol.CodeOverloaded); m.num("retryAfter") == 0 {
			t.Fatalf("%s", m)
		}
		p.wantClose(protocol.CloseRestart)
		f.resume = nil
		s.resume(ann, joined.str("session"), 0)
	})
}

// A message that could be neither taken nor refused is sent again by its client, and none behind it has overtaken it.
func TestAnEngineThatIsAwayLosesNothingInSilence(t *testing.T) {
	for _, fault := range []error{rooms.ErrUnavailable, context.DeadlineExceeded} {
		f := &faulty{}
		runFaulty(t, f, signaling.Config{}, func(t *testing.T, s *service) {
			ann, _ := s.join()
			bob, joined := s.join()
			ann.want("peer-joined")
			f.send = func(context.Context) error { f.send = nil; return fault }
			f.tell = func() error { f.tell = nil; return fault }
			bob.say(`{"type":"message","to":%q,"data":1,"seq":1}`, ann.id)
			_ = bob.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"message","data":2,"seq":2}`)) // on its way already
			bob.wantError(protocol.CodeOverloaded)
			bob.wantClose(protocol.CloseInternal)
			again, resumed := s.resume(bob, joined.str("session"), 0)
			if resumed.num("received") != 0 {
				t.Fatalf("%s", resumed)
			}
			for i := 1; i <= 2; i++ {
				again.say(`{"type":"message","to":%q,"data":%d,"seq":%d}`, ann.id, i, i)
				if m := ann.want("message"); m.num("data") != uint64(i) {
					t.Fatalf("%s", m)
				}
			}
		})
	}
}

func TestAnInternalErrorIsToldWithoutItsText(t *testing.T) {
	f := &faulty{}
	runFaulty(t, f, signaling.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		f.send = func(context.Context) error { return errors.New("the text of the log") }
		bob.say(`{"type":"message","to":%q,"data":1,"seq":1}`, ann.id)
		if m := bob.wantError(protocol.CodeInternal); strings.Contains(m.String(), "text of the log") || m.num("of") != 1 {
			t.Fatalf("%s", m)
		}
		bob.wantClose(protocol.CloseInternal)
	})
}

func TestTheAnswerToTheServersCloseIsNoFarewell(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		bob, _ := s.join()
		ann := s.dial()
		ann.ws.SetPingHandler(func(string) error { return nil }) // the way back is broken, until the server closes with 4000
		ann.ws.SetCloseHandler(func(int, string) error { ann.closeWith(websocket.CloseNormalClosure); return nil })
		ann.say(`{"type":"join","room":"r"}`)
		ann.want("joined")
		bob.want("peer-joined")
		bob.want("peer-away")
	})
}

func TestAStallShorterThanTheWriteDeadlineIsNoLoss(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		d := websocket.Dialer{NetDial: s.listener.dial}
		ws, _, err := d.Dial("ws://parley.test/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		_ = ws.WriteControl(websocket.PingMessage, []byte("x"), time.Now().Add(time.Second))
		time.Sleep(5 * time.Second) // of virtual time, in which nothing is read
		_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"join","room":"r"}`))
		if _, text, err := ws.ReadMessage(); err != nil || !strings.Contains(string(text), "joined") {
			t.Fatalf("%s %v", text, err)
		}
	})
}

func TestErrorsAreCountedOverTheTimeThatHasJustPassed(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		p, _ := s.join()
		p.say(`x`)
		p.wantError(protocol.CodeBadJSON)
		time.Sleep(9900 * time.Millisecond)
		for range 98 {
			p.say(`x`)
			p.wantError(protocol.CodeBadJSON)
		}
		time.Sleep(200 * time.Millisecond) // the first one counts no more, the others do
		p.say(`x`)
		p.wantError(protocol.CodeBadJSON)
		p.say(`x`)
		p.wantClose(protocol.CloseViolation)
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	f := &faulty{}
	runFaulty(t, f, signaling.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		f.send = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		bob.say(`{"type":"message","to":%q,"data":1,"seq":1}`, ann.id)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begin := time.Now()
		if err := s.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 2*time.Second {
			t.Fatalf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestAPanicOfTheWriterEndsTheConnection(t *testing.T) {
	f := &faulty{}
	runFaulty(t, f, signaling.Config{}, func(_ *testing.T, s *service) {
		ann, bob := s.pair()
		synctest.Wait()
		f.panics.Store(true)
		bob.say(`{"type":"message","to":"nobody","data":1}`)
		bob.wantClose(protocol.CloseInternal)
		ann.want("peer-away")
	})
}

func TestAClientOfAnotherVersionNeverJoins(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		for range 50 {
			d := websocket.Dialer{NetDial: s.listener.dial, Subprotocols: []string{"other"}}
			ws, _, err := d.Dial("ws://parley.test/ws", nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"join","room":"r"}`))
			if _, text, err := ws.ReadMessage(); err != nil || !strings.Contains(string(text), "unsupported-version") {
				t.Fatalf("%s %v", text, err)
			}
			_ = ws.Close()
		}
		if stats := s.engine.Stats(); stats.Peers != 0 {
			t.Fatalf("%+v", stats)
		}
	})
}
