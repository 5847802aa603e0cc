package natsrooms

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
	"parley/rooms/natsrooms/natstest"
)

const patience = 30 * time.Second

// client is the other end of an attachment.
type client struct {
	t *testing.T
	rooms.Attachment
	rooms.Snapshot
	woken chan struct{}
	cut   chan rooms.Cut
	last  uint64
	seq   uint64
	came  []string // and was not asked for yet
}

func (c *client) Wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

func (c *client) Cut(why rooms.Cut) { c.cut <- why }

func newClient(t *testing.T) *client {
	return &client{t: t, woken: make(chan struct{}, 1), cut: make(chan rooms.Cut, 1)}
}

func join(t *testing.T, e *Engine) *client {
	t.Helper()
	c := newClient(t)
	var err error
	if c.Attachment, c.Snapshot, err = e.Join(t.Context(), rooms.Join{Room: "room"}, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) resume(e *Engine) *client {
	c.t.Helper()
	n := newClient(c.t)
	n.last, n.seq = c.last, c.seq
	c.t.Helper()
	await(c.t, "the resume", func() bool {
		var err error
		n.Attachment, n.Snapshot, err = e.Resume(c.t.Context(), rooms.Resume{Secret: c.Secret, Received: c.last}, n)
		if err != nil && !errors.Is(err, rooms.ErrUnavailable) {
			c.t.Fatal(err)
		}
		return err == nil
	})
	return n
}

// send sends, and sends again under the same number what could not be taken, as clients do.
func (c *client) send(to *client, text string) {
	c.t.Helper()
	c.seq++
	await(c.t, text+" to be taken", func() bool {
		return c.Send(c.t.Context(), rooms.Message{Seq: c.seq, To: to.Snapshot.Peer, Payload: []byte(text)}) == nil
	})
}

// want waits for messages and changes.
func (c *client) want(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.next(); got != w {
			c.t.Fatalf("%q came, not %q", got, w)
		}
	}
}

func (c *client) next() string {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		for _, e := range c.Next().Events {
			if e.Seq <= c.last {
				c.t.Fatalf("event %d after %d", e.Seq, c.last)
			}
			c.last = e.Seq
			c.came = append(c.came, inWords(e))
		}
		if len(c.came) > 0 {
			first := c.came[0]
			c.came = c.came[1:]
			return first
		}
		select {
		case <-c.woken:
		case <-deadline:
			c.t.Fatal("nothing came")
		}
	}
}

func inWords(e rooms.Event) string {
	switch {
	case e.Presence != nil:
		return map[rooms.Change]string{
			rooms.PeerJoined: "joined", rooms.PeerLeft: "left", rooms.PeerAway: "away", rooms.PeerBack: "back",
		}[e.Presence.Change]
	case e.Undelivered != nil:
		return "undelivered"
	}
	return string(e.Payload)
}

func (c *client) wantCut(want rooms.Cut) {
	c.t.Helper()
	select {
	case got := <-c.cut:
		if got != want {
			c.t.Fatalf("cut %d, not %d", got, want)
		}
	case <-time.After(patience):
		c.t.Fatal("not cut")
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestAMismatchIsSaidAndNothingIsChanged(t *testing.T) {
	nats := natstest.Start(t, 1)
	options := Options{URLs: nats.URLs(), Prefix: newPrefix()}
	newNode(t, rooms.Config{}, options)
	_, err := New(t.Context(), rooms.Config{Grace: time.Minute}, options)
	if err == nil || !strings.Contains(err.Error(), "max_age 1m20s and not 1m50s") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("%v", err)
	}
	newNode(t, rooms.Config{}, options)
	options.Prefix = newPrefix()
	newNode(t, rooms.Config{Grace: time.Minute}, options) // another deployment, on the same servers
}

func TestPeersOfANodeReachEachOtherWithoutNATS(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	t.Parallel() // waits out a lease
	nats := natstest.Start(t, 1)
	link := nats.Link()
	options := Options{URLs: link.URLs(), Prefix: newPrefix(), Patience: time.Second}
	here := newNode(t, rooms.Config{Grace: time.Hour}, options)
	options.URLs = nats.URLs()
	there := newNode(t, rooms.Config{Grace: time.Hour}, options)
	ann, bob, carol := join(t, here), join(t, here), join(t, there)
	ann.want("joined", "joined")
	bob.want("joined")
	heal := link.Cut()
	ann.send(bob, "one") // on its way when nobody knows yet
	ann.send(bob, "two")
	bob.want("one", "two")
	await(t, "the loss to be known", func() bool { return here.Ready(t.Context()) != nil })
	if _, _, err := here.Join(t.Context(), rooms.Join{Room: "room"}, newClient(t)); !errors.Is(err, rooms.ErrUnavailable) {
		t.Fatalf("a join: %v", err)
	}
	ann.send(bob, "three")
	bob = bob.resume(here)
	bob.want("three")
	message := rooms.Message{Seq: ann.seq + 1, To: carol.Snapshot.Peer, Payload: []byte("four")}
	if err := ann.Send(t.Context(), message); !errors.Is(err, rooms.ErrUnavailable) {
		t.Fatalf("to another node: %v", err)
	}
	heal()
	await(t, "the connection to be back", func() bool { return here.Ready(t.Context()) == nil })
	ann.send(carol, "four")
	ann.send(bob, "five")
	carol.want("four")
	bob.want("five") // and nothing of what NATS still had
	bob.resume(there).Heard()
}

// What NATS has stored when it is lost comes when it is back. Nothing that is sent meanwhile may overtake it, or it would be taken for
// a repeat.
func TestNothingOvertakesWhatNATSHas(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	t.Parallel() // waits out a loss
	link := natstest.Start(t, 1).Link()
	here := newNode(t, rooms.Config{Grace: time.Hour}, Options{URLs: link.URLs(), Prefix: newPrefix()})
	ann, bob := join(t, here), join(t, here)
	ann.want("joined")
	box, err := here.ownBox()
	if err != nil {
		t.Fatal(err)
	}
	box.stop() // it is stored, and its way here takes long
	ann.send(bob, "one")
	heal := link.Cut()
	await(t, "the loss to be known", func() bool { return here.outage.lasts() > aloneAfter })
	ann.send(bob, "two")
	ann.want("undelivered")
	heal()
	await(t, "the connection to be back", func() bool { return here.Ready(t.Context()) == nil })
	reached := box.position()
	if err := box.begin(t.Context(), func(jetstream.StreamState) uint64 { return reached }); err != nil {
		t.Fatal(err)
	}
	bob.want("one")
	ann.send(bob, "three")
	bob.want("three")
}

func TestNATSLosesItsMemory(t *testing.T) {
	nats := natstest.Start(t, 1)
	options := Options{URLs: nats.URLs(), Prefix: newPrefix(), Lease: 2 * time.Second}
	here, there := newNode(t, rooms.Config{Grace: time.Hour}, options), newNode(t, rooms.Config{Grace: time.Hour}, options)
	ann, bob := join(t, here), join(t, there)
	ann.want("joined")
	bob.send(ann, "before")
	ann.want("before")
	nats.Kill(0)
	nats.Restart(0)
	ann.wantCut(rooms.CutSlow)
	bob.wantCut(rooms.CutSlow)
	ann, bob = ann.resume(here), bob.resume(there)
	if ann.Complete || bob.Complete {
		t.Fatal("nobody was told that messages may be missing")
	}
	bob.send(ann, "after")
	ann.want("after")
	ann = ann.resume(there) // and elsewhere
	ann.send(bob, "here")
	bob.want("here")
	if len(ann.Snapshot.Others) != 1 {
		t.Fatalf("Ann sees %+v", ann.Snapshot.Others)
	}
	carol := join(t, here)
	if len(carol.Snapshot.Others) != 2 || !carol.Snapshot.Others[0].Polite {
		t.Fatalf("Carol sees %+v", carol.Snapshot.Others)
	}
}

// newNodeOnALink makes two nodes, the second of which reaches NATS by a link that can be cut.
func newNodeOnALink(t *testing.T, grace time.Duration) (here, there *Engine, link *natstest.Link) {
	t.Helper()
	nats := natstest.Start(t, 1)
	link = nats.Link()
	config := rooms.Config{Grace: grace, AwayAfter: 100 * time.Millisecond}
	options := Options{URLs: nats.URLs(), Prefix: newPrefix(), Lease: time.Second}
	here = newNode(t, config, options)
	options.URLs = link.URLs()
	return here, newNode(t, config, options), link
}

func TestADeadNodeIsSwept(t *testing.T) {
	here, there, link := newNodeOnALink(t, 400*time.Millisecond)
	ann, bob := join(t, here), join(t, there)
	ann.want("joined")
	heal := link.Cut()
	ann.want("away", "left")
	heal()
	bob.wantCut(rooms.CutEnded) // it hears of it when it is back
}

// However the cut-off node hears of it: by the mailbox, or because it could not write the key.
func TestWhatANodeAloneHadForOneWhoMovedIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	t.Parallel() // waits out a lease
	here, there, link := newNodeOnALink(t, time.Hour)
	ann, bob := join(t, there), join(t, there)
	ann.want("joined")
	heal := link.Cut()
	await(t, "the loss to be known", func() bool { return there.Ready(t.Context()) != nil })
	bob.Detach()
	bob = bob.resume(here)
	ann.send(bob, "to nobody")
	heal()
	for came := ann.next(); came != "undelivered"; came = ann.next() {
		if came != "away" && came != "back" {
			t.Fatalf("%q came", came)
		}
	}
	ann.send(bob, "hello again")
	for came := bob.next(); came != "hello again"; came = bob.next() {
		if came != "away" && came != "back" {
			t.Fatalf("%q came", came)
		}
	}
}

func TestASweptNodeThatLivesTakesItsPeersBack(t *testing.T) {
	here, there, link := newNodeOnALink(t, time.Hour)
	ann, bob := join(t, here), join(t, there)
	ann.want("joined")
	heal := link.Cut()
	ann.want("away")
	ann.send(bob, "waits")
	heal()
	ann.want("back")
	bob.want("waits")
	bob.send(ann, "well")
	ann.want("well")
	await(t, "one owner", func() bool { return here.peer(bob.Snapshot.Peer) == nil })
}
