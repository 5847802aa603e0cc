package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"parley/rooms"
	"parley/signaling/protocol"
	"parley/signaling/webhook"
)

// events gives what tells them. A test that does not close it itself has it closed, with what waits dropped.
func (r *receiver) events() *webhook.Events {
	r.t.Helper()
	e, err := webhook.NewEvents(r.config())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = e.Close(ctx)
	})
	return e
}

// batch is what one request has.
type batch struct{ Events []webhook.Event }

func (r *receiver) batches() (all []batch) {
	r.t.Helper()
	for _, body := range r.seen() {
		var b batch
		if err := json.Unmarshal([]byte(body), &b); err != nil {
			r.t.Fatalf("%s: %v", body, err)
		}
		if len(b.Events) == 0 || len(b.Events) > 100 {
			r.t.Errorf("%d events in one request", len(b.Events))
		}
		all = append(all, b)
	}
	return all
}

// numbered is an event that can be told from the others.
func numbered(n int) webhook.Event {
	return webhook.Occurred(rooms.Occurrence{Kind: rooms.JoinedRoom, Room: strconv.Itoa(n)})
}

// wantInOrder wants the events from first to end, each once and in their order; those that came again are to have come before,
// under the same id.
func (r *receiver) wantInOrder(first, end int) {
	r.t.Helper()
	next, ids := first, map[string]string{}
	for _, b := range r.batches() {
		for _, event := range b.Events {
			if room, again := ids[event.ID]; again {
				if room != event.Room {
					r.t.Fatalf("one id for the events %s and %s", room, event.Room)
				}
				continue
			}
			if event.Room != strconv.Itoa(next) {
				r.t.Fatalf("the event %s came, and %d was next", event.Room, next)
			}
			ids[event.ID] = event.Room
			next++
		}
	}
	if next != end {
		r.t.Fatalf("events up to %d came, and %d were told", next, end)
	}
}

// dropped sums up what the log says of dropped events.
func (r *receiver) dropped() (sum, lines int) {
	for _, m := range regexp.MustCompile(`"dropped":(\d+)`).FindAllStringSubmatch(r.log.String(), -1) {
		n, _ := strconv.Atoi(m[1])
		sum += n
		lines++
	}
	return sum, lines
}

// wantCounted wants so many events to be delivered, dropped and waiting.
func (r *receiver) wantCounted(delivered, dropped, waiting float64) {
	r.t.Helper()
	const total = "parley_webhook_events_total"
	if d, l, w := r.metric(total, "delivered"), r.metric(total, "dropped"), r.metric("parley_webhook_events_waiting", ""); d != delivered || l != dropped || w != waiting {
		r.t.Errorf("%v delivered, %v dropped, %v waiting, and not %v, %v, %v", d, l, w, delivered, dropped, waiting)
	}
}

func TestEventsSayWhatHasHappened(t *testing.T) {
	run(t, answers(204, ""), func(t *testing.T, r *receiver) {
		e := r.events()
		for _, test := range []struct {
			event webhook.Event
			want  string
		}{
			{webhook.Occurred(rooms.Occurrence{Kind: rooms.RoomOpened, Room: "tea"}), `"type":"room-opened","at":%q,"room":"tea"}`},
			{webhook.Occurred(rooms.Occurrence{Kind: rooms.JoinedRoom, Room: "tea", Peer: "p", Name: "Ann"}), `"type":"peer-joined","at":%q,"room":"tea","peer":"p","name":"Ann"}`},
			{webhook.Occurred(rooms.Occurrence{Kind: rooms.LeftRoom, Room: "tea", Peer: "p", Reason: rooms.ReasonTimeout}), `"type":"peer-left","at":%q,"room":"tea","peer":"p","reason":"timeout"}`},
			{webhook.Occurred(rooms.Occurrence{Kind: rooms.RoomClosed, Room: "tea"}), `"type":"room-closed","at":%q,"room":"tea"}`},
			{webhook.Reported("tea", "p", protocol.Report{About: "q", State: "connected", Path: "relay", Elapsed: 840}), `"type":"call","at":%q,"room":"tea","peer":"p","about":"q","state":"connected","path":"relay","elapsed":840}`},
			{webhook.Reported("tea", "p", protocol.Report{About: "q", State: "failed"}), `"type":"call","at":%q,"room":"tea","peer":"p","about":"q","state":"failed"}`},
		} {
			at := time.Now()
			e.Tell(test.event)
			synctest.Wait()
			body := r.seen()[len(r.seen())-1]
			id := r.batches()[len(r.seen())-1].Events[0].ID
			if _, err := uuid.Parse(id); err != nil {
				t.Errorf("%s: %v", body, err)
			}
			if want := fmt.Sprintf(`{"events":[{"id":%q,`+test.want+`]}`, id, at.UTC().Format(time.RFC3339Nano)); body != want {
				t.Errorf("%s\nis not %s", body, want)
			}
			time.Sleep(1500 * time.Millisecond)
		}
	})
}

func TestEventsComeInOrder(t *testing.T) {
	var under, most int
	var r *receiver
	serve := func(w http.ResponseWriter, _ *http.Request) {
		r.change(func() { under++; most = max(most, under) })
		time.Sleep(time.Second)
		r.change(func() { under-- })
		w.WriteHeader(http.StatusAccepted)
	}
	run(t, serve, func(t *testing.T, of *receiver) {
		r = of
		e := r.events()
		for n := range 550 {
			e.Tell(numbered(n))
		}
		time.Sleep(time.Minute)
		r.wantInOrder(0, 550)
		r.wantCounted(550, 0, 0)
		if most != 1 || len(r.seen()) > 7 {
			t.Errorf("%d requests, %d at once", len(r.seen()), most)
		}
	})
}

func TestAReceiverThatIsDownForAMinute(t *testing.T) {
	run(t, nil, func(t *testing.T, r *receiver) {
		e := r.events()
		r.change(func() { r.down = true })
		for n := range 600 {
			e.Tell(numbered(n))
			time.Sleep(100 * time.Millisecond)
		}
		r.wantCounted(0, 0, 600)
		r.change(func() { r.down = false })
		time.Sleep(31 * time.Second)
		r.wantInOrder(0, 600)
		r.wantCounted(600, 0, 0)
		if n := strings.Count(r.log.String(), "does not take events"); n != 1 && n != 2 {
			t.Errorf("log:\n%s", &r.log)
		}
		longest := time.Duration(0)
		for i, at := range r.times[1:] {
			pause := at.Sub(r.times[i])
			if pause < time.Second || pause > 30*time.Second {
				t.Errorf("tried again after %v", pause)
			}
			longest = max(longest, pause)
		}
		if longest < 8*time.Second {
			t.Errorf("after a minute it is still tried every %v", longest)
		}
	})
}

// An answer that is no success brings the events again, under the same ids: a receiver that has them already can tell.
func TestEventsThatComeAgainHaveTheSameIDs(t *testing.T) {
	n := 0
	var r *receiver
	serve := func(w http.ResponseWriter, request *http.Request) {
		n++
		switch n {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			hangs(w, request)
		case 4:
			http.Redirect(w, request, "/elsewhere", http.StatusFound)
		}
	}
	run(t, serve, func(t *testing.T, of *receiver) {
		r = of
		e := r.events()
		e.Tell(numbered(0))
		e.Tell(numbered(1))
		time.Sleep(time.Minute)
		all := r.batches()
		if len(all) < 5 {
			t.Fatalf("%d requests", len(all))
		}
		first := all[0].Events[0]
		for _, b := range all[1:5] {
			if again := b.Events[0]; again != first {
				t.Errorf("%+v comes again as %+v", first, again)
			}
		}
		r.wantInOrder(0, 2)
		r.wantCounted(2, 0, 0)
	})
}

func TestEventsThatAreTooOldAreDropped(t *testing.T) {
	run(t, nil, func(t *testing.T, r *receiver) {
		r.down = true
		e := r.events()
		for n := range 250 {
			e.Tell(numbered(n))
		}
		time.Sleep(50 * time.Minute)
		r.wantCounted(0, 0, 250)
		for n := range 10 {
			e.Tell(numbered(250 + n))
		}
		time.Sleep(11 * time.Minute)
		r.wantCounted(0, 250, 10)
		if sum, _ := r.dropped(); sum != 250 {
			t.Errorf("log:\n%s", &r.log)
		}
		r.change(func() { r.down = false })
		time.Sleep(time.Minute)
		r.wantInOrder(250, 260)
		r.wantCounted(10, 250, 0)
	})
}

// Telling never waits, whatever the receiver does; what is too much is dropped, counted, and said now and then.
func TestTooManyEvents(t *testing.T) {
	run(t, hangs, func(t *testing.T, r *receiver) {
		e := r.events()
		begin := time.Now()
		for n := range 10_050 {
			e.Tell(numbered(n))
		}
		if time.Since(begin) != 0 {
			t.Errorf("it took %v", time.Since(begin))
		}
		synctest.Wait()
		r.wantCounted(0, 50, 10_000)
		for range 99 {
			time.Sleep(100 * time.Millisecond)
			e.Tell(numbered(0))
		}
		if _, lines := r.dropped(); lines != 1 {
			t.Errorf("it was said %d times", lines)
		}
		time.Sleep(10 * time.Second)
		if sum, lines := r.dropped(); sum != 149 || lines != 2 {
			t.Errorf("%d are said to be dropped, %d times", sum, lines)
		}
		r.change(func() { r.serve = nil })
		time.Sleep(time.Minute)
		r.wantInOrder(0, 10_000)
		r.wantCounted(10_000, 149, 0)
	})
}

func TestCloseDelivers(t *testing.T) {
	run(t, nil, func(t *testing.T, r *receiver) {
		e := r.events()
		for n := range 250 {
			e.Tell(numbered(n))
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
		r.wantInOrder(0, 250)
		e.Tell(numbered(250))
		r.wantCounted(250, 1, 0)
	})
}

// A pause that is under way is cut short: there is no time to lose.
func TestCloseTriesAtOnce(t *testing.T) {
	run(t, nil, func(t *testing.T, r *receiver) {
		r.down = true
		e := r.events()
		e.Tell(numbered(0))
		time.Sleep(3 * time.Minute)
		r.change(func() { r.down = false })
		begin := time.Now()
		if err := e.Close(t.Context()); err != nil || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		r.wantCounted(1, 0, 0)
	})
}

func TestCloseEndsWithItsContext(t *testing.T) {
	for name, down := range map[string]bool{"down": true, "slow": false} {
		t.Run(name, func(t *testing.T) {
			run(t, hangs, func(t *testing.T, r *receiver) {
				r.down = down
				e := r.events()
				for n := range 250 {
					e.Tell(numbered(n))
				}
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				begin := time.Now()
				if err := e.Close(ctx); err == nil || !strings.HasPrefix(err.Error(), "250 events were not delivered") || time.Since(begin) != 3*time.Second {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
				r.wantCounted(0, 250, 0)
				if sum, _ := r.dropped(); sum != 250 {
					t.Errorf("log:\n%s", &r.log)
				}
			})
		})
	}
}

func TestCloseWithNothingToDo(t *testing.T) {
	run(t, nil, func(t *testing.T, r *receiver) {
		e := r.events()
		for range 2 {
			if err := e.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if len(r.seen()) != 0 {
			t.Error("it asks for nothing")
		}
	})
}
