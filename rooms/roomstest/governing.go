package roomstest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/rooms"
)

// govern changes the policy of the room "room".
func govern(t *testing.T, engine rooms.Engine, edit func(*rooms.Policy)) rooms.Policy {
	t.Helper()
	policy, err := engine.Govern(t.Context(), "room", edit)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func wantRefused(t *testing.T, engine rooms.Engine, j rooms.Join, want error) {
	t.Helper()
	j.Room = "room"
	_, _, err := engine.Join(t.Context(), j, newLink())
	wantErr(t, err, want)
}

func lockedRoom(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann := join(t, engine)
	bob := join(t, engine, rooms.Join{Identity: "bob"})
	if !govern(t, engine, func(p *rooms.Policy) { p.Locked = true }).Locked {
		t.Fatal("the policy is not what it was made")
	}
	wantRefused(t, engine, rooms.Join{}, rooms.ErrRoomLocked)
	wantRefused(t, engine, rooms.Join{Identity: "carol"}, rooms.ErrRoomLocked)
	ann.want("joined")
	bob.Detach()
	bob.resume(bob.last) // who is in it may lose a connection
	bob = join(t, engine, rooms.Join{Identity: "bob"})
	ann.want("left replaced", "joined")
	govern(t, engine, func(p *rooms.Policy) { p.Locked = false })
	join(t, engine)
	ann.want("joined")
	bob.want("joined")
}

func passwordRoom(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	join(t, engine)
	govern(t, engine, func(p *rooms.Policy) { p.Password = rooms.PasswordDigest("room", "open, sesame") })
	wantRefused(t, engine, rooms.Join{}, rooms.ErrPassword)
	wantRefused(t, engine, rooms.Join{Password: "open, barley"}, rooms.ErrPassword)
	join(t, engine, rooms.Join{Password: "open, sesame"})
	govern(t, engine, func(p *rooms.Policy) { p.Password = "" })
	join(t, engine)
}

func roomPolicy(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Capacity: 2, Grace: forever})
	join(t, engine, rooms.Join{Identity: "ann"})
	govern(t, engine, func(p *rooms.Policy) { p.Capacity, p.Identities = 3, rooms.IdentityAllow })
	join(t, engine, rooms.Join{Identity: "ann"})
	join(t, engine, rooms.Join{Identity: "ann"})
	wantRefused(t, engine, rooms.Join{Identity: "ann"}, rooms.ErrRoomFull)
	wantRefused(t, engine, rooms.Join{Capacity: 10}, rooms.ErrRoomFull) // what holds for the room holds for every token
	govern(t, engine, func(p *rooms.Policy) { p.Identities = rooms.IdentityRefuse })
	wantRefused(t, engine, rooms.Join{Identity: "ann"}, rooms.ErrIdentityTaken)
}

func policyEnds(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	_, err := engine.Govern(t.Context(), "room", func(p *rooms.Policy) { p.Locked = true })
	wantErr(t, err, rooms.ErrRoomUnknown)
	ann := join(t, engine)
	govern(t, engine, func(p *rooms.Policy) { p.Locked = true })
	ann.Leave()
	awaitGone(t, engine)
	ann = join(t, engine)
	govern(t, engine, func(p *rooms.Policy) { p.Locked, p.Kept = true, true })
	ann.Leave()
	awaitPeers(t, engine, 0)
	wantRefused(t, engine, rooms.Join{}, rooms.ErrRoomLocked)
	govern(t, engine, func(p *rooms.Policy) { p.Kept = false })
	awaitGone(t, engine)
	join(t, engine)
}

func waitingRoom(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	if n, err := engine.Knock(t.Context(), "room", []byte("knock")); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	host, guest := join(t, engine, rooms.Join{Admits: true}), join(t, engine)
	host.want("joined")
	wantRefused(t, engine, rooms.Join{Waits: true}, rooms.ErrMustWait)
	govern(t, engine, func(p *rooms.Policy) { p.Waiting = true })
	wantRefused(t, engine, rooms.Join{}, rooms.ErrMustWait)
	wantRefused(t, engine, rooms.Join{Waits: true}, rooms.ErrMustWait)
	if n, err := engine.Knock(t.Context(), "room", []byte("knock")); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	host.want("knock")
	guest.none(host)

	decisions := make(chan bool, 2)
	stop, err := engine.Await("k1", func(admit bool) { decisions <- admit })
	if err != nil {
		t.Fatal(err)
	}
	for _, admit := range []bool{false, true} {
		awaitKnock(t, func() error { return engine.Decide(t.Context(), "k1", admit) })
		if got := <-decisions; got != admit {
			t.Fatalf("the decision is %v instead of %v", got, admit)
		}
	}
	wantErr(t, engine.Decide(t.Context(), "k2", true), rooms.ErrKnockUnknown)
	join(t, engine, rooms.Join{Trusted: true})
	host.want("joined")
	stop()
	for late := time.After(Patience); !errors.Is(engine.Decide(t.Context(), "k1", true), rooms.ErrKnockUnknown); {
		select {
		case <-decisions: // of one that came before the end was known everywhere
		case <-time.After(time.Millisecond): // one came after it, and nobody took it
		case <-late:
			t.Fatal("the decision is still awaited")
		}
	}
}

// awaitKnock tries until it is known everywhere that somebody awaits the decision.
func awaitKnock(t *testing.T, decide func() error) {
	t.Helper()
	for late := time.After(Patience); ; {
		err := decide()
		if err == nil {
			return
		}
		wantErr(t, err, rooms.ErrKnockUnknown)
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			t.Fatal("nobody awaits the decision")
		}
	}
}

// awaitPeers waits until so many peers are in the room "room".
func awaitPeers(t *testing.T, engine rooms.Engine, want int) {
	t.Helper()
	for late := time.After(Patience); ; {
		state, _, err := engine.Room(t.Context(), "room")
		if err == nil && state.Peers == want {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			t.Fatalf("%d peers, %v; %d were expected", state.Peers, err, want)
		}
	}
}

// awaitGone waits until there is no room "room".
func awaitGone(t *testing.T, engine rooms.Engine) {
	t.Helper()
	for late := time.After(Patience); ; {
		_, _, err := engine.Room(t.Context(), "room")
		if err != nil {
			wantErr(t, err, rooms.ErrRoomUnknown)
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			t.Fatal("the room stays")
		}
	}
}

func expelled(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	if err := engine.Expel(t.Context(), "room", bob.Snapshot.Peer); err != nil {
		t.Fatal(err)
	}
	bob.wantCut(rooms.CutKicked)
	ann.want("left kicked")
	ann.send(bob.Snapshot.Peer, 1, "too late")
	ann.want("undelivered peer-gone")
	_, err := bob.tryResume(bob.Secret, 0)
	wantErr(t, err, rooms.ErrSessionLost)
	wantErr(t, engine.Expel(t.Context(), "room", bob.Snapshot.Peer), rooms.ErrPeerUnknown)
	wantErr(t, engine.Expel(t.Context(), "another", ann.Snapshot.Peer), rooms.ErrRoomUnknown)
	carol := join(t, engine)
	ann.want("joined")
	carol.Detach()
	if err := engine.Expel(t.Context(), "room", carol.Snapshot.Peer); err != nil { // away is no shelter
		t.Fatal(err)
	}
	ann.want("left kicked")
	ann.send(carol.Snapshot.Peer, 2, "too late")
	ann.want("undelivered peer-gone")
}

func closedRoom(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	govern(t, engine, func(p *rooms.Policy) { p.Locked, p.Kept = true, true })
	if err := engine.CloseRoom(t.Context(), "room"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{ann, bob} {
		c.wantCut(rooms.CutClosed)
		_, err := c.tryResume(c.Secret, 0)
		wantErr(t, err, rooms.ErrSessionLost)
	}
	awaitGone(t, engine)
	wantErr(t, engine.CloseRoom(t.Context(), "room"), rooms.ErrRoomUnknown)
	if again := join(t, engine); len(again.Snapshot.Others) != 0 {
		t.Fatalf("after its end the room has %+v", again.Snapshot.Others)
	}
}

func said(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	_, err := engine.Say(t.Context(), "room", []byte("hear"))
	wantErr(t, err, rooms.ErrRoomUnknown)
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	n, err := engine.Say(t.Context(), "room", []byte("hear"))
	if n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for _, c := range []*client{ann, bob} {
		if e := c.events(1)[0]; string(e.Payload) != "hear" || e.From != "" || e.Answers() {
			t.Fatalf("%+v", e)
		}
	}
	bob.Detach()
	if _, err := engine.Say(t.Context(), "room", []byte("later")); err != nil {
		t.Fatal(err)
	}
	bob.resume(bob.last).want("later")
}

func listed(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	before := time.Now().Add(-time.Second)
	for i := range 5 {
		join(t, engine, rooms.Join{Room: fmt.Sprintf("room %d", i)})
	}
	ann := join(t, engine, rooms.Join{Name: "Ann", Metadata: []byte(`{"a":1}`), Address: "192.0.2.1"})
	bob := join(t, engine)
	states, err := engine.Rooms(t.Context(), "room 1", 3)
	var names []string
	for _, s := range states {
		names = append(names, fmt.Sprint(s.Name, " ", s.Peers))
	}
	if want := []string{"room 2 1", "room 3 1", "room 4 1"}; err != nil || !slices.Equal(names, want) {
		t.Fatalf("%q, %v", names, err)
	}
	if states, err = engine.Rooms(t.Context(), "", 2); err != nil || len(states) != 2 || states[0].Name != "room" || states[0].Peers != 2 {
		t.Fatalf("%+v, %v", states, err)
	}
	if states, err = engine.Rooms(t.Context(), "room 4", 2); err != nil || len(states) != 0 {
		t.Fatalf("%+v, %v", states, err)
	}
	state, peers, err := engine.Room(t.Context(), "room")
	if err != nil || state.Name != "room" || state.Peers != 2 || len(peers) != 2 {
		t.Fatalf("%+v, %+v, %v", state, peers, err)
	}
	first := peers[0]
	if first.Peer != ann.Snapshot.Peer || first.Name != "Ann" || string(first.Metadata) != `{"a":1}` || first.Away ||
		first.Address != "192.0.2.1" || first.Joined.Before(before) || first.Joined.After(time.Now().Add(time.Second)) {
		t.Errorf("%+v", first)
	}
	if peers[1].Peer != bob.Snapshot.Peer {
		t.Errorf("%+v", peers)
	}
	_, _, err = engine.Room(t.Context(), "none")
	wantErr(t, err, rooms.ErrRoomUnknown)
}

func occurrences(t *testing.T, factory Factory) {
	var mu sync.Mutex
	var all []string
	engine := factory(t, rooms.Config{Grace: forever, Occurred: func(o rooms.Occurrence) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, fmt.Sprint(o.Kind, " ", o.Room, " ", o.Name, o.Reason))
	}})
	await := func(want ...string) {
		t.Helper()
		for late := time.After(Patience); ; {
			mu.Lock()
			got := slices.Clone(all)
			mu.Unlock()
			if slices.Equal(got, want) {
				mu.Lock()
				all = nil
				mu.Unlock()
				return
			}
			select {
			case <-time.After(time.Millisecond):
			case <-late:
				t.Fatalf("%q instead of %q", got, want)
			}
		}
	}
	ann := join(t, engine, rooms.Join{Name: "Ann", Identity: "ann"})
	await("room-opened room ", "peer-joined room Ann")
	join(t, engine, rooms.Join{Name: "Ann", Identity: "ann"})
	await("peer-left room replaced", "peer-joined room Ann")
	wantErr(t, ann.Tell(t.Context(), 0, nil), rooms.ErrDetached)
	bob := join(t, engine, rooms.Join{Name: "Bob"})
	await("peer-joined room Bob")
	bob.Leave()
	await("peer-left room left")
	carol := join(t, engine)
	await("peer-joined room ")
	if err := engine.Expel(t.Context(), "room", carol.Snapshot.Peer); err != nil {
		t.Fatal(err)
	}
	await("peer-left room kicked")
	if err := engine.CloseRoom(t.Context(), "room"); err != nil {
		t.Fatal(err)
	}
	await("peer-left room closed", "room-closed room ")
}
