package roomstest

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/rooms"
)

func slowWhileAway(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever, InboxMessages: 5, InboxBytes: 100})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	ann.Detach()
	bob.send(ann.Snapshot.Peer, 1, strings.Repeat("x", 101)) // alone too large
	for i := range uint64(7) {
		bob.send(ann.Snapshot.Peer, i+2, strconv.FormatUint(i, 10))
	}
	for _, of := range []uint64{1, 7, 8} {
		if e := bob.events1(); describeOne(e) != "undelivered peer-slow" || e.Undelivered.Of != of {
			t.Fatalf("message %d: %+v", of, e.Undelivered)
		}
	}
	ann = ann.resume(ann.last)
	ann.want("0", "1", "2", "3", "4")
	if err := ann.Ack(ann.last); err != nil {
		t.Fatal(err)
	}
	bob.send(ann.Snapshot.Peer, 10, "again")
	ann.want("again")
}

// events1 takes a single event, even where more have come: the rest stays for the next call.
func (c *client) events1() rooms.Event {
	c.t.Helper()
	deadline := time.After(Patience)
	for len(c.spare()) == 0 {
		if batch := c.Next(); len(batch.Events) > 0 {
			c.link.spare = batch.Events
			continue
		}
		select {
		case <-c.link.woken:
		case <-deadline:
			c.t.Fatal("no event came")
		}
	}
	e := c.link.spare[0]
	c.link.spare = c.link.spare[1:]
	c.last = e.Seq
	return e
}

func (c *client) spare() []rooms.Event { return c.link.spare }

func slowWhileConnected(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever, InboxMessages: 5})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	for i := range uint64(6) {
		bob.send(ann.Snapshot.Peer, i+1, strconv.FormatUint(i, 10))
	}
	bob.want("undelivered peer-slow")
	ann.wantCut(rooms.CutSlow)
	ann = ann.resume(ann.last)
	ann.want("0", "1", "2", "3", "4") // nobody has ended its session by sending
	_ = ann.Ack(ann.last)
	ann.none(bob)
}

func neverAcknowledges(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever, InboxMessages: 8})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	asked := false
	for i := range uint64(100) {
		bob.send(ann.Snapshot.Peer, i+1, strconv.FormatUint(i, 10))
		deadline := time.After(Patience)
		for {
			batch := ann.Next()
			if len(batch.Events) == 1 && string(batch.Events[0].Payload) == strconv.FormatUint(i, 10) {
				ann.last = batch.Events[0].Seq
				if batch.Confirm { // the connection asks, and the client's answer shows that it has it
					asked = true
					ann.Confirm(ann.last)
				}
				break
			}
			select {
			case <-ann.link.woken:
			case <-deadline:
				t.Fatalf("message %d did not come", i)
			}
		}
	}
	if !asked {
		t.Fatal("the connection was never asked how far its client has received")
	}
	bob.none(ann)
	last := ann.last
	ann = ann.resume(last) // not a word was lost on the way, and it can say so
	ann.none(bob)
	_, err := ann.tryResume(ann.Secret, 1)
	wantErr(t, err, rooms.ErrSessionLost)
	bob.want("left replaced") // the seat is free for the one who has to join anew
}

func tellIsBounded(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever, InboxMessages: 8})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	seq := uint64(0)
	tell := func(n int) {
		for range n {
			seq++
			if err := bob.Tell(t.Context(), seq, []byte("no")); err != nil && !errors.Is(err, rooms.ErrDetached) {
				t.Fatal(err)
			}
		}
	}
	tell(8)
	ann.send(bob.Snapshot.Peer, 1, "what others send has its own bound")
	tell(1)
	bob.wantCut(rooms.CutSlow) // it shall read before it sends more, and nothing is lost
	bob = bob.resume(0)
	bob.want("no", "no", "no", "no", "no", "no", "no", "no", "what others send has its own bound", "no")
	for range 23 {
		tell(1)
		bob.wantCut(rooms.CutSlow)
		bob = bob.resume(0)
	}
	tell(1)
	bob.wantCut(rooms.CutEnded)
	ann.want("left closed")
}

func oversize(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever, InboxBytes: 100})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	bob.send(ann.Snapshot.Peer, 1, strings.Repeat("x", 101))
	bob.want("undelivered peer-slow")
	ann.none(bob)
}
