package roomstest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"parley/rooms"
)

func joinTellsTheOthers(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann := join(t, engine, rooms.Join{Name: "Ann", Metadata: []byte(`{"a":1}`)})
	if len(ann.Snapshot.Others) != 0 || !ann.Complete || ann.Snapshot.Received != 0 {
		t.Fatalf("the first peer is told %+v", ann.Snapshot)
	}
	bob := join(t, engine)
	carol := join(t, engine)

	p := ann.events(2)[0].Presence
	if p == nil || p.Change != rooms.PeerJoined || p.Member.Peer != bob.Snapshot.Peer || p.Member.Polite {
		t.Fatalf("Ann hears of Bob: %+v", p)
	}
	others := carol.Snapshot.Others
	if len(others) != 2 || others[0].Peer != ann.Snapshot.Peer || others[1].Peer != bob.Snapshot.Peer {
		t.Fatalf("Carol sees %+v", others)
	}
	if !others[0].Polite || !others[1].Polite || others[0].Name != "Ann" || string(others[0].Metadata) != `{"a":1}` {
		t.Fatalf("Carol sees %+v", others)
	}
	bob.want("joined")
	bob = bob.resume(bob.last)
	if o := bob.Snapshot.Others; !o[0].Polite || o[1].Polite {
		t.Fatalf("after a resume the roles are %+v", o)
	}
	elsewhere := join(t, engine, rooms.Join{Room: "another"})
	if len(elsewhere.Snapshot.Others) != 0 {
		t.Fatal("two rooms have become one")
	}
}

func fullRoom(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Capacity: 2, Grace: forever})
	ann := join(t, engine)
	bob := join(t, engine)
	_, _, err := engine.Join(t.Context(), rooms.Join{Room: "room"}, newLink())
	wantErr(t, err, rooms.ErrRoomFull)
	ann.want("joined")
	bob.Leave()
	ann.want("left left")
	join(t, engine)
	ann.want("joined")
}

func ownCapacity(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Capacity: 2, Grace: forever})
	join(t, engine, rooms.Join{Capacity: 1})
	_, _, err := engine.Join(t.Context(), rooms.Join{Room: "room", Capacity: 1}, newLink())
	wantErr(t, err, rooms.ErrRoomFull)
	join(t, engine)
	join(t, engine, rooms.Join{Capacity: 3})
}

func carries(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann := join(t, engine, rooms.Join{Carry: []byte("a")})
	ann.wantCarried("a")
	ann = ann.resume(0)
	ann.wantCarried("a")
	if err := ann.Carry(t.Context(), 1, []byte("b")); err != nil || ann.Attachment.Received() != 1 {
		t.Fatal(err, ann.Attachment.Received())
	}
	again := ann.resume(0)
	again.wantCarried("b")
	wantErr(t, ann.Carry(t.Context(), 2, []byte("c")), rooms.ErrDetached)
	again.wantCarried("b")
	join(t, engine).wantCarried("")
}

func (c *client) wantCarried(want string) {
	c.t.Helper()
	if got := string(c.Carried()); got != want {
		c.t.Fatalf("carries %q instead of %q", got, want)
	}
}

func capacityUnderConcurrency(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	var wg sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 100 {
		wg.Go(func() {
			_, _, err := engine.Join(t.Context(), rooms.Join{Room: "room"}, newLink())
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted++
			} else {
				wantErrLater(t, err, rooms.ErrRoomFull)
			}
		})
	}
	wg.Wait()
	if admitted != 16 {
		t.Fatalf("%d were admitted", admitted)
	}
}

func identityReplaces(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Capacity: 2, Grace: forever})
	ann := join(t, engine)
	old := join(t, engine, rooms.Join{Identity: "bob"})
	ann.want("joined")
	bob := join(t, engine, rooms.Join{Identity: "bob"})
	old.wantCut(rooms.CutReplaced)
	if bob.Snapshot.Peer == old.Snapshot.Peer || len(bob.Snapshot.Others) != 1 {
		t.Fatalf("the one who replaces is told %+v", bob.Snapshot)
	}
	ann.want("left replaced", "joined")
	_, err := old.tryResume(old.Secret, 0)
	wantErr(t, err, rooms.ErrSessionLost)
	join(t, engine, rooms.Join{Room: "another", Identity: "bob"}) // an identity is for one room
	bob.none(ann)
}

func identityRefused(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Capacity: 1, Grace: forever, Identities: rooms.IdentityRefuse})
	old := join(t, engine, rooms.Join{Identity: "bob"})
	_, _, err := engine.Join(t.Context(), rooms.Join{Room: "room", Identity: "bob"}, newLink())
	wantErr(t, err, rooms.ErrIdentityTaken)
	old.Detach()
	bob := join(t, engine, rooms.Join{Identity: "bob"})
	if bob.Snapshot.Peer == old.Snapshot.Peer || len(bob.Snapshot.Others) != 0 {
		t.Fatalf("the one who comes back is told %+v", bob.Snapshot)
	}
}

func identityAllowed(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever, Identities: rooms.IdentityAllow})
	join(t, engine, rooms.Join{Identity: "bob"})
	if o := join(t, engine, rooms.Join{Identity: "bob"}).Snapshot.Others; len(o) != 1 {
		t.Fatalf("the second sees %+v", o)
	}
}

func updates(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann := join(t, engine, rooms.Join{Name: "Ann", Metadata: []byte(`{}`)})
	bob := join(t, engine)
	name := "Anna"
	if err := ann.Update(t.Context(), 1, rooms.Update{Name: &name}); err != nil {
		t.Fatal(err)
	}
	ann.wantReceived(1)
	p := bob.events(1)[0].Presence
	if p.Change != rooms.PeerUpdated || p.Member.Peer != ann.Snapshot.Peer || *p.Update.Name != "Anna" || p.Update.Metadata != nil {
		t.Fatalf("Bob hears %+v", p)
	}
	none := ""
	if err := ann.Update(t.Context(), 2, rooms.Update{Name: &none, Metadata: []byte("null")}); err != nil {
		t.Fatal(err)
	}
	p = bob.events(1)[0].Presence
	if *p.Update.Name != "" || string(p.Update.Metadata) != "null" {
		t.Fatalf("Bob hears %+v", p)
	}
	carol := join(t, engine)
	if o := carol.Snapshot.Others[0]; o.Name != "" || o.Metadata != nil {
		t.Fatalf("Carol sees %+v", o)
	}
}

func shortLoss(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	bob.Detach()
	bob = bob.resume(0)
	ann.none(bob)
}

func awayAndBack(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	bob.Detach()
	ann.want("joined", "away")
	carol := join(t, engine)
	if !carol.Snapshot.Others[1].Away {
		t.Fatal("Bob is not shown as away")
	}
	bob.resume(0)
	ann.want("joined", "back")
	carol.want("back")
}

func timeout(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: grace})
	ann, bob := join(t, engine), join(t, engine)
	bob.Detach()
	ann.want("joined", "away", "left timeout")
	_, err := bob.tryResume(bob.Secret, 0)
	wantErr(t, err, rooms.ErrSessionLost)
	ann.send(bob.Snapshot.Peer, 1, "too late")
	ann.want("undelivered peer-gone")
	wantStats(t, engine, rooms.Stats{Rooms: 1, Peers: 1})
	ann.Leave()
	wantStats(t, engine, rooms.Stats{})
}

func awayHoldsSeat(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Capacity: 1, AwayAfter: awayAfter, Grace: forever})
	ann := join(t, engine)
	ann.Detach()
	_, _, err := engine.Join(t.Context(), rooms.Join{Room: "room"}, newLink())
	wantErr(t, err, rooms.ErrRoomFull)
	ann.resume(0)
}

func presenceCoalesced(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: forever, InboxMessages: 8})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	ann.Detach()
	for i := range 100 {
		name := string(rune('a' + i%26))
		if err := bob.Update(t.Context(), 0, rooms.Update{Name: &name}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 8 {
		bob.send(ann.Snapshot.Peer, 0, string(rune('0'+i)))
	}
	ann = ann.resume(ann.last)
	ann.want("0", "1", "2", "3", "4", "5", "6", "7")
	if n := ann.Snapshot.Others[0].Name; n != string(rune('a'+99%26)) {
		t.Fatalf("the name is %q", n)
	}
}

func unseen(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	ann.Detach()
	for range 50 {
		guest := join(t, engine)
		guest.Leave()
		wantStats(t, engine, rooms.Stats{Rooms: 1, Peers: 2, Away: 1})
	}
	guest := join(t, engine)
	guest.send(ann.Snapshot.Peer, 0, "hello")
	guest.Leave()
	wantStats(t, engine, rooms.Stats{Rooms: 1, Peers: 2, Away: 1})
	bob.send(ann.Snapshot.Peer, 0, "done")
	ann = ann.resume(ann.last)
	ann.want("joined", "hello", "left left", "done")
}

func snapshotIsCorrected(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	bob.Detach()
	ann.want("away")
	ann.Detach()
	bob = bob.resume(0)
	carol := join(t, engine)
	ann = ann.resume(ann.last)
	if o := ann.Snapshot.Others; len(o) != 2 || o[0].Away || o[1].Peer != carol.Snapshot.Peer {
		t.Fatalf("Ann sees %+v", o)
	}
	bob.Detach()
	ann.want("away")
	carol.Leave()
	ann.want("left left")
}

func presenceIsBounded(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever, InboxMessages: 8})
	ann, bob := join(t, engine), join(t, engine)
	for i := range 100 {
		name := string(rune('a' + i%26))
		if err := bob.Update(t.Context(), 0, rooms.Update{Name: &name}); err != nil {
			t.Fatal(err)
		}
		ann.Next() // Ann is sent all of it, and shows no sign of having received any
	}
	ann.wantCut(rooms.CutSlow)
	ann.resume(0)
}

func closed(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann := join(t, engine)
	if err := engine.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	ann.wantCut(rooms.CutEnded)
	wantErr(t, engine.Ready(t.Context()), rooms.ErrUnavailable)
	_, _, err := engine.Join(t.Context(), rooms.Join{Room: "room"}, newLink())
	wantErr(t, err, rooms.ErrUnavailable)
}

// wantStats waits until the engine counts this.
func wantStats(t *testing.T, engine rooms.Engine, want rooms.Stats) {
	t.Helper()
	for deadline := time.Now().Add(Patience); engine.Stats() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the engine counts %+v, not %+v", engine.Stats(), want)
		}
	}
}

// wantErrLater is wantErr for goroutines that must not end the test.
func wantErrLater(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("the error is %v, not %v", got, want)
	}
}
