package roomstest

import (
	"strconv"
	"sync"
	"testing"

	"parley/rooms"
)

func inOrder(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	var want []string
	for i := range uint64(500) {
		bob.send(ann.Snapshot.Peer, i+1, strconv.FormatUint(i, 10))
		want = append(want, strconv.FormatUint(i, 10))
	}
	bob.wantReceived(500)
	events := ann.events(501)
	for i, e := range events[1:] {
		if string(e.Payload) != want[i] || e.From != bob.Snapshot.Peer {
			t.Fatalf("message %d is %q from %s", i, e.Payload, e.From)
		}
	}
}

func broadcast(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob, carol := join(t, engine), join(t, engine), join(t, engine)
	if n := bob.Attachment.Others(); n != 2 {
		t.Fatalf("Bob has %d others", n)
	}
	if err := bob.Send(t.Context(), rooms.Message{Seq: 1, Broadcast: true, Payload: []byte("all")}); err != nil {
		t.Fatal(err)
	}
	ann.want("joined", "joined", "all")
	carol.want("all")
	bob.want("joined")
	bob.none(ann)
}

func joinedComesFirst(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever, Capacity: 100})
	ann := join(t, engine)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			link := newLink()
			a, _, err := engine.Join(t.Context(), rooms.Join{Room: "room"}, link)
			if err != nil {
				t.Errorf("join: %v", err)
				return
			}
			if err := a.Send(t.Context(), rooms.Message{Seq: 1, To: ann.Snapshot.Peer, Payload: []byte("offer")}); err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	known := map[rooms.PeerID]bool{}
	for _, e := range ann.events(40) {
		if e.Presence != nil {
			known[e.Presence.Member.Peer] = true
		} else if !known[e.From] {
			t.Fatalf("an offer came before its sender")
		}
	}
	wg.Wait()
}

func repeats(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	if !bob.Fresh(1) || !bob.Fresh(7) {
		t.Fatal("a new number is taken for a repeat")
	}
	bob.send(ann.Snapshot.Peer, 7, "seven") // numbers may skip
	bob.wantReceived(7)
	if bob.Fresh(7) || bob.Fresh(3) || !bob.Fresh(8) {
		t.Fatal("a repeat is taken for new, or the reverse")
	}
	if err := bob.Tell(t.Context(), 8, nil); err != nil {
		t.Fatal(err)
	}
	bob.wantReceived(8)
	bob = bob.resume(0)
	if bob.Snapshot.Received != 8 || bob.Fresh(8) || !bob.Fresh(9) {
		t.Fatalf("after a resume received is %d", bob.Snapshot.Received)
	}
	ann.want("seven")
}

func undelivered(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob, carol := join(t, engine), join(t, engine), join(t, engine)
	elsewhere := join(t, engine, rooms.Join{Room: "another"})
	ann.want("joined", "joined")
	bob.want("joined")
	carol.Leave()
	ann.want("left left")
	bob.want("left left")
	for i, test := range []struct {
		to   rooms.PeerID
		want string
	}{
		{"nobody", "undelivered peer-unknown"},
		{"", "undelivered peer-unknown"},
		{bob.Snapshot.Peer, "undelivered peer-unknown"}, // oneself
		{elsewhere.Snapshot.Peer, "undelivered peer-unknown"},
		{carol.Snapshot.Peer, "undelivered peer-gone"},
	} {
		bob.send(test.to, uint64(i+1), "lost")
		e := bob.events(1)[0]
		if describeOne(e) != test.want || e.Undelivered.Of != uint64(i+1) || e.Undelivered.To != test.to {
			t.Fatalf("to %q: %s, %+v", test.to, describeOne(e), e.Undelivered)
		}
	}
	bob.wantReceived(5)
	ann.none(bob)
}

func resumeReplays(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	for i := range uint64(6) {
		bob.send(ann.Snapshot.Peer, i+1, strconv.FormatUint(i, 10))
	}
	events := ann.events(6)
	ann.Detach()
	bob.send(ann.Snapshot.Peer, 7, "6")
	for _, seen := range []int{2, 4} { // twice: a resume may be lost as well
		ann = ann.resume(events[seen].Seq)
		want := []string{"0", "1", "2", "3", "4", "5", "6"}[seen+1:]
		ann.want(want...)
		ann.Detach()
	}
	ann = ann.resume(ann.last)
	if err := ann.Ack(ann.last); err != nil {
		t.Fatal(err)
	}
	ann.none(bob)
	_, err := ann.tryResume(ann.Secret, events[0].Seq)
	wantErr(t, err, rooms.ErrSessionLost) // what was acknowledged is no longer there
}

func resumeTakesOver(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	again := bob.resume(0)
	bob.wantCut(rooms.CutReplaced)
	wantErr(t, bob.Send(t.Context(), rooms.Message{Seq: 1, To: ann.Snapshot.Peer, Payload: []byte("ghost")}), rooms.ErrDetached)
	wantErr(t, bob.Tell(t.Context(), 2, nil), rooms.ErrDetached)
	wantErr(t, bob.Update(t.Context(), 3, rooms.Update{}), rooms.ErrDetached)
	bob.Detach() // of the old connection: no loss
	bob.Leave()  // nor its farewell
	if again.Snapshot.Peer != bob.Snapshot.Peer || again.Secret == bob.Secret {
		t.Fatal("a resume keeps the peer and renews the secret")
	}
	again.send(ann.Snapshot.Peer, 1, "mine")
	ann.want("joined", "mine")
}

func secrets(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann := join(t, engine)
	first := ann.Secret
	second := ann.resume(0) // its answer is lost
	third, err := ann.tryResume(first, 0)
	if err != nil {
		t.Fatalf("the secret before is refused: %v", err)
	}
	_, err = ann.tryResume(second.Secret, 0)
	wantErr(t, err, rooms.ErrSessionLost) // nobody can have it
	third.Heard()
	_, err = ann.tryResume(first, 0)
	wantErr(t, err, rooms.ErrSessionLost)
	third.resume(0)
	_, err = ann.tryResume(string(ann.Snapshot.Peer), 0)
	wantErr(t, err, rooms.ErrSessionLost)
	_, err = ann.tryResume("", 0)
	wantErr(t, err, rooms.ErrSessionLost)
}

func resumeBeyond(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	_, err := ann.tryResume(ann.Secret, ann.last+1)
	wantErr(t, err, rooms.ErrNeverSent)
	ann.none(bob) // the connection that stands has not noticed
}

func ackBeyond(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	wantErr(t, ann.Ack(1<<40), rooms.ErrNeverSent)
	ann.want("joined")
	wantErr(t, ann.Ack(ann.last+1), rooms.ErrNeverSent)
	if err := ann.Ack(ann.last); err != nil {
		t.Fatal(err)
	}
	ann.none(bob)
}

func awayReceivesLater(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	ann.Detach()
	bob.want("away")
	bob.send(ann.Snapshot.Peer, 1, "offer")
	ann = ann.resume(ann.last)
	ann.want("offer")
	bob.want("back")
}
