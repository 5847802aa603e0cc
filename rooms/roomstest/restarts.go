package roomstest

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"parley/rooms"
)

// RunRestarts runs what is asked of an engine whose sessions end with it (Shared is false): that it settles what it has taken
// before it ends, and that peers come back to the next one of the same session key.
func RunRestarts(t *testing.T, factory Factory) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Factory)
	}{
		{"who settles takes nothing more", settleTakesNothing},
		{"while somebody is away, settling disturbs nobody", settleServesTheOthers},
		{"settling waits until what was taken is known to have arrived", settleDelivers},
		{"settling tells the senders what could not be delivered", settleTells},
		{"an engine that settles lets nobody in, and back whom it has", settleAdmits},
		{"a peer comes back to the next engine as who it was", revived},
		{"its numbers go on behind what its client knows", revivedNumbers},
		{"until the client is heard, every resume says what may be missing", revivedTwice},
		{"those who never heard of one who comes back hear of it", revivedForNewcomers},
		{"who joined before the restart comes before who joined after it", revivedRoles},
		{"nobody comes back without the key, or with another", revivedWithoutKey},
		{"nobody comes back after the grace time", revivedTooLate},
		{"who has left does not come back", revivedAfterLeave},
		{"a newer secret wins over an older one", revivedByNewerSecret},
		{"who has been replaced does not come back", revivedAfterReplacement},
		{"who comes back has a seat, full as the room is", revivedIntoFullRoom},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, factory) })
	}
}

func sessionKey(t *testing.T, text string) *rooms.SessionKey {
	t.Helper()
	key, err := rooms.NewSessionKey(bytes.Repeat([]byte(text), rooms.MinSessionKey))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keyed is a configuration whose peers come back, to the next engine of the same.
func keyed(t *testing.T) rooms.Config {
	return rooms.Config{Grace: forever, SessionKey: sessionKey(t, "k")}
}

// move resumes the session of c on another engine.
func (c *client) move(to rooms.Engine) *client {
	c.t.Helper()
	n, err := c.tryMove(to)
	if err != nil {
		c.t.Fatalf("resume on the next engine: %v", err)
	}
	if n.Snapshot.Complete {
		c.t.Fatal("the next engine claims to have everything")
	}
	return n
}

func (c *client) tryMove(to rooms.Engine) (*client, error) {
	there := *c
	there.engine = to
	return there.tryResume(c.Secret, c.last)
}

// settle begins to settle an engine and returns its outcome.
func settle(t *testing.T, engine rooms.Engine, within time.Duration) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	outcome := make(chan error, 1)
	go func() {
		defer cancel()
		outcome <- engine.Settle(ctx)
	}()
	for engine.Ready(t.Context()) == nil { // until it has begun
		time.Sleep(time.Millisecond)
	}
	return outcome
}

func wantSettled(t *testing.T, outcome <-chan error) {
	t.Helper()
	select {
	case err := <-outcome:
		if err != nil {
			t.Fatalf("settling: %v", err)
		}
	case <-time.After(Patience):
		t.Fatal("it does not settle")
	}
}

func settleTakesNothing(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	wantSettled(t, settle(t, engine, Patience))
	name := "Bob"
	wantErr(t, bob.Send(t.Context(), rooms.Message{Seq: 1, To: ann.Snapshot.Peer, Payload: []byte("late")}), rooms.ErrSettling)
	wantErr(t, bob.Update(t.Context(), 2, rooms.Update{Name: &name}), rooms.ErrSettling)
	wantErr(t, bob.Tell(t.Context(), 3, nil), rooms.ErrSettling)
	if err := bob.Tell(t.Context(), 0, []byte("draining")); err != nil {
		t.Fatalf("the node itself cannot say anything: %v", err)
	}
	bob.want("draining")
	if bob.Attachment.Received() != 0 {
		t.Fatal("what was not taken counts as received")
	}
	if batch := ann.Next(); len(batch.Events) > 0 {
		t.Fatalf("Ann gets %s", describe(batch.Events))
	}
}

func settleServesTheOthers(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever})
	ann, bob, carol := join(t, engine), join(t, engine), join(t, engine)
	ann.want("joined", "joined")
	carol.Detach()
	ann.send(carol.Snapshot.Peer, 1, "for one who is away")
	outcome := settle(t, engine, Patience)
	bob.send(ann.Snapshot.Peer, 1, "as usual")
	ann.want("as usual")
	ann.Confirm(ann.last)
	carol = carol.resume(0)
	carol.want("for one who is away")
	carol.Confirm(carol.last)
	wantSettled(t, outcome)
	wantErr(t, bob.Send(t.Context(), rooms.Message{Seq: 2, To: ann.Snapshot.Peer, Payload: []byte("late")}), rooms.ErrSettling)
}

func settleDelivers(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: forever})
	ann, bob, carol := join(t, engine), join(t, engine), join(t, engine)
	carol.Detach()
	ann.send(bob.Snapshot.Peer, 1, "for one who acknowledges late")
	ann.send(carol.Snapshot.Peer, 2, "for one who is away")
	outcome := settle(t, engine, Patience)
	bob.want("joined", "for one who acknowledges late")
	carol = carol.resume(0)
	carol.want("for one who is away")
	carol.Confirm(carol.last)
	select {
	case err := <-outcome:
		t.Fatalf("it has settled while Bob may not have received what was sent: %v", err)
	default:
	}
	if err := bob.Ack(bob.last); err != nil {
		t.Fatal(err)
	}
	wantSettled(t, outcome)
}

func settleTells(t *testing.T, factory Factory) {
	engine := factory(t, rooms.Config{AwayAfter: forever, Grace: forever})
	ann, bob := join(t, engine), join(t, engine)
	ann.want("joined")
	bob.Detach()
	ann.send(bob.Snapshot.Peer, 7, "in vain")
	outcome := settle(t, engine, 200*time.Millisecond)
	u := ann.events(1)[0].Undelivered
	if u == nil || u.To != bob.Snapshot.Peer || u.Of != 7 || u.Cause != rooms.CausePeerSlow {
		t.Fatalf("Ann is told %+v", u)
	}
	bob = bob.resume(0)
	if batch := bob.Next(); len(batch.Events) > 0 {
		t.Fatalf("what was told to be undelivered comes: %s", describe(batch.Events))
	}
	if err := ann.Ack(ann.last); err != nil {
		t.Fatal(err)
	}
	wantSettled(t, outcome)
}

func settleAdmits(t *testing.T, factory Factory) {
	engine := factory(t, keyed(t))
	ann := join(t, engine)
	wantSettled(t, settle(t, engine, Patience))
	_, _, err := engine.Join(t.Context(), rooms.Join{Room: "room"}, newLink())
	wantErr(t, err, rooms.ErrUnavailable)
	if again := ann.resume(0); !again.Complete {
		t.Fatal("its own sessions are not complete")
	}
	other := factory(t, keyed(t))
	_, err = join(t, other).tryMove(engine)
	wantErr(t, err, rooms.ErrUnavailable)
}

func revived(t *testing.T, factory Factory) {
	before, after := factory(t, keyed(t)), factory(t, keyed(t))
	ann := join(t, before, rooms.Join{Name: "Ann", Carry: []byte("a")})
	bob := join(t, before)
	ann2 := ann.move(after)
	ann2.wantCarried("a")
	if ann2.Snapshot.Peer != ann.Snapshot.Peer || ann2.Snapshot.Room != "room" || len(ann2.Snapshot.Others) != 0 ||
		ann2.Snapshot.Secret == ann.Snapshot.Secret || ann2.Snapshot.Received != 0 {
		t.Fatalf("Ann is told %+v", ann2.Snapshot)
	}
	bob2 := bob.move(after)
	if o := bob2.Snapshot.Others; len(o) != 1 || o[0].Peer != ann.Snapshot.Peer || o[0].Name != "Ann" || !o[0].Polite {
		t.Fatalf("Bob sees %+v", o)
	}
	ann2.want("joined", "back") // Ann was there first, and may not have heard of Bob
	bob2.send(ann.Snapshot.Peer, 1, "hello again")
	ann2.want("hello again")
	bob2.Heard()
	if again := bob2.resume(bob2.last); !again.Complete {
		t.Fatal("after the client was heard, the session is not complete")
	}
}

func revivedNumbers(t *testing.T, factory Factory) {
	before, after := factory(t, keyed(t)), factory(t, keyed(t))
	ann, bob := join(t, before), join(t, before)
	for i := range 5 {
		bob.send(ann.Snapshot.Peer, uint64(i+1), "x")
	}
	ann.events(6)
	ann2, bob2 := ann.move(after), bob.move(after)
	if !bob2.Fresh(1) {
		t.Fatal("the next engine claims to know of Bob's messages")
	}
	bob2.send(ann.Snapshot.Peer, 9, "y")
	for _, e := range ann2.events(3) { // tested by it: numbers above Ann's
		if e.From != "" && e.Of != 9 {
			t.Fatalf("%+v", e)
		}
	}
}

func revivedTwice(t *testing.T, factory Factory) {
	before, after := factory(t, keyed(t)), factory(t, keyed(t))
	ann := join(t, before)
	ann.move(after)
	again := ann.move(after) // the first answer was lost, and the secret is the same
	again.Heard()
	_, err := ann.tryMove(after)
	wantErr(t, err, rooms.ErrSessionLost)
	if third := again.resume(again.last); !third.Complete {
		t.Fatal("a client that was heard is told again that something may be missing")
	}
}

func revivedForNewcomers(t *testing.T, factory Factory) {
	before, after := factory(t, keyed(t)), factory(t, keyed(t))
	ann := join(t, before, rooms.Join{Name: "Ann"})
	eve := join(t, after)
	ann2 := ann.move(after)
	p := eve.events(1)[0].Presence
	if p == nil || p.Change != rooms.PeerJoined || p.Member.Name != "Ann" || !p.Member.Polite {
		t.Fatalf("Eve hears %+v", p)
	}
	if o := ann2.Snapshot.Others; len(o) != 1 || o[0].Polite {
		t.Fatalf("Ann sees %+v", o)
	}
}

func revivedRoles(t *testing.T, factory Factory) {
	before, after := factory(t, keyed(t)), factory(t, keyed(t))
	var members []*client
	for range 4 {
		members = append(members, join(t, before))
	}
	members = append(members, join(t, after)) // and the others in any order
	for _, i := range []int{2, 0, 3, 1} {
		members[i] = members[i].move(after)
	}
	for i, m := range members {
		m = m.resume(m.last)
		for _, o := range m.Snapshot.Others {
			earlier := slices.IndexFunc(members, func(c *client) bool { return c.Snapshot.Peer == o.Peer }) < i
			if o.Polite != earlier {
				t.Errorf("peer %d is polite %v to one who joined earlier: %v", i, o.Polite, earlier)
			}
		}
	}
}

func revivedWithoutKey(t *testing.T, factory Factory) {
	before := factory(t, keyed(t))
	ann := join(t, before)
	for _, config := range []rooms.Config{{Grace: forever}, {Grace: forever, SessionKey: sessionKey(t, "x")}} {
		_, err := ann.tryMove(factory(t, config))
		wantErr(t, err, rooms.ErrSessionLost)
	}
	after := factory(t, keyed(t))
	for _, secret := range []string{"", "x", ann.Secret[1:], ann.Secret + "A", ann.Secret[:len(ann.Secret)-2] + "AA"} {
		_, _, err := after.Resume(t.Context(), rooms.Resume{Secret: secret}, newLink())
		wantErr(t, err, rooms.ErrSessionLost)
	}
	if stats := after.Stats(); stats.Rooms != 0 || stats.Peers != 0 {
		t.Fatalf("left behind: %+v", stats)
	}
}

func revivedTooLate(t *testing.T, factory Factory) {
	before := factory(t, keyed(t))
	ann := join(t, before)
	config := keyed(t)
	config.Grace = time.Nanosecond
	_, err := ann.tryMove(factory(t, config))
	wantErr(t, err, rooms.ErrSessionLost)
}

func revivedAfterLeave(t *testing.T, factory Factory) {
	before, after := factory(t, keyed(t)), factory(t, keyed(t))
	ann := join(t, before)
	ann.move(after).Leave()
	_, err := ann.tryMove(after)
	wantErr(t, err, rooms.ErrSessionLost)
	if stats := after.Stats(); stats.Rooms != 0 {
		t.Fatalf("left behind: %+v", stats)
	}
}

func revivedByNewerSecret(t *testing.T, factory Factory) {
	before, after := factory(t, keyed(t)), factory(t, keyed(t))
	old := join(t, before)
	owner := old.resume(0)
	thief := old.move(after)
	bob := join(t, after)
	bob.send(old.Snapshot.Peer, 1, "for the owner")
	owner2 := owner.move(after)
	thief.wantCut(rooms.CutReplaced)
	owner2.want("joined", "for the owner")
	for _, secret := range []string{old.Secret, thief.Secret} {
		_, err := thief.tryResume(secret, 0)
		wantErr(t, err, rooms.ErrSessionLost)
	}
}

func revivedAfterReplacement(t *testing.T, factory Factory) {
	before, after := factory(t, keyed(t)), factory(t, keyed(t))
	ann := join(t, before, rooms.Join{Identity: "ann"})
	again := join(t, after, rooms.Join{Identity: "ann"})
	_, err := ann.tryMove(after)
	wantErr(t, err, rooms.ErrSessionLost)
	if err := again.Tell(t.Context(), 0, []byte("still here")); err != nil {
		t.Fatal(err)
	}
}

func revivedIntoFullRoom(t *testing.T, factory Factory) {
	config := keyed(t)
	config.Capacity = 1
	before, after := factory(t, config), factory(t, config)
	ann := join(t, before)
	join(t, after)
	if o := ann.move(after).Snapshot.Others; len(o) != 1 {
		t.Fatalf("Ann sees %+v", o)
	}
	_, _, err := after.Join(t.Context(), rooms.Join{Room: "room"}, newLink())
	wantErr(t, err, rooms.ErrRoomFull)
}
