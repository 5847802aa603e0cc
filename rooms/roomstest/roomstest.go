// Package roomstest is the suite that every rooms.Engine must pass: package rooms runs it on the memory engine, and an engine
// over a network runs it on itself. It uses real time with short timers, and waits for what it expects instead of assuming
// that it is there when a call returns.
package roomstest

import (
	"errors"
	"testing"
	"time"

	"parley/rooms"
)

// Factory makes an engine of this configuration for one test, and has it closed when the test ends.
type Factory func(t *testing.T, config rooms.Config) rooms.Engine

// Patience is how long the suite waits for something that must happen.
const Patience = 20 * time.Second

// Timers are short, but long enough that a busy machine does not take a peer for lost.
const (
	awayAfter = 20 * time.Millisecond
	grace     = 60 * time.Millisecond
	forever   = time.Hour
)

// Run runs the suite.
func Run(t *testing.T, factory Factory) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Factory)
	}{
		{"a join tells the others, and roles follow the order of joining", joinTellsTheOthers},
		{"a full room refuses", fullRoom},
		{"a join may bring a capacity of its own", ownCapacity},
		{"a session carries what it was given, over every resume", carries},
		{"sixteen of a hundred joins at once are admitted", capacityUnderConcurrency},
		{"the same identity takes its own seat", identityReplaces},
		{"an identity that is refused may still come back", identityRefused},
		{"an identity that is allowed may be there twice", identityAllowed},
		{"messages arrive once and in order", inOrder},
		{"a broadcast reaches all others", broadcast},
		{"no offer overtakes peer-joined", joinedComesFirst},
		{"an update is told, and what is cleared is gone", updates},
		{"a repeat is known", repeats},
		{"what cannot be delivered is told", undelivered},
		{"a resume brings what was not received, and no more", resumeReplays},
		{"a resume takes over", resumeTakesOver},
		{"a secret is good until the next one is known to have arrived", secrets},
		{"a resume beyond what was sent is refused and harmless", resumeBeyond},
		{"an acknowledgement beyond what was sent is refused", ackBeyond},
		{"a short loss is nobody's business", shortLoss},
		{"a longer one is told, and so is the return", awayAndBack},
		{"after the grace time a peer has left", timeout},
		{"a peer that is away holds its seat", awayHoldsSeat},
		{"messages to a peer that is away wait", awayReceivesLater},
		{"what no longer fits for one who is away is refused, and nothing else is lost", slowWhileAway},
		{"who does not read is cut, and may resume", slowWhileConnected},
		{"who does not acknowledge loses nothing but the resume", neverAcknowledges},
		{"presence never counts and is coalesced", presenceCoalesced},
		{"who comes and goes unseen is never told of", unseen},
		{"what a resume has shown is corrected", snapshotIsCorrected},
		{"who is sent presence and never shows to have it is cut", presenceIsBounded},
		{"a message too large for any inbox disturbs nobody", oversize},
		{"answers to one's own messages are bounded", tellIsBounded},
		{"exactly once and in order, over random reconnects", exactlyOnce},
		{"a locked room lets nobody new in", lockedRoom},
		{"a room with a password asks for it", passwordRoom},
		{"a room may have a capacity and an identity policy of its own", roomPolicy},
		{"a newcomer waits for somebody who may let it in", waitingRoom},
		{"a policy ends with its room, unless it is kept", policyEnds},
		{"who is expelled has left", expelled},
		{"a room that is closed has nobody in it", closedRoom},
		{"an operator may say something to a room", said},
		{"rooms and peers are listed", listed},
		{"what happens to rooms is told once", occurrences},
		{"a closed engine says so", closed},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, factory) })
	}
}

// client is the other end of an attachment: what a connection and its client do, in the words of a test.
type client struct {
	t      *testing.T
	engine rooms.Engine
	rooms.Attachment
	rooms.Snapshot
	link *link
	last uint64 // the number of the last event taken
}

type link struct {
	woken chan struct{}
	cut   chan rooms.Cut
	spare []rooms.Event // taken from Next and not yet looked at
}

func newLink() *link { return &link{woken: make(chan struct{}, 1), cut: make(chan rooms.Cut, 1)} }

// Wake implements rooms.Link.
func (l *link) Wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// Cut implements rooms.Link.
func (l *link) Cut(why rooms.Cut) { l.cut <- why }

// join joins the room "room", or fails the test.
func join(t *testing.T, engine rooms.Engine, with ...rooms.Join) *client {
	t.Helper()
	j := rooms.Join{}
	if len(with) > 0 {
		j = with[0]
	}
	if j.Room == "" {
		j.Room = "room"
	}
	c := &client{t: t, engine: engine, link: newLink()}
	var err error
	c.Attachment, c.Snapshot, err = engine.Join(t.Context(), j, c.link)
	if err != nil {
		t.Fatalf("join: %v", err)
	}
	return c
}

// resume resumes the session of c on a new link, as a client would that has seen all events up to received.
func (c *client) resume(received uint64) *client {
	c.t.Helper()
	n, err := c.tryResume(c.Secret, received)
	if err != nil {
		c.t.Fatalf("resume: %v", err)
	}
	return n
}

func (c *client) tryResume(secret string, received uint64) (*client, error) {
	n := &client{t: c.t, engine: c.engine, link: newLink(), last: received}
	var err error
	n.Attachment, n.Snapshot, err = c.engine.Resume(c.t.Context(), rooms.Resume{Secret: secret, Received: received}, n.link)
	return n, err
}

// send sends text to a peer, numbered seq.
func (c *client) send(to rooms.PeerID, seq uint64, text string) {
	c.t.Helper()
	if err := c.Send(c.t.Context(), rooms.Message{Seq: seq, To: to, Payload: []byte(text)}); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// events waits for n events and gives them; the numbers must grow.
func (c *client) events(n int) []rooms.Event {
	c.t.Helper()
	var all []rooms.Event
	deadline := time.After(Patience)
	for len(all) < n {
		batch := c.Next()
		for _, e := range batch.Events {
			if e.Seq <= c.last {
				c.t.Fatalf("event %d after %d", e.Seq, c.last)
			}
			c.last = e.Seq
		}
		all = append(all, batch.Events...)
		if len(batch.Events) > 0 {
			continue
		}
		select {
		case <-c.link.woken:
		case <-deadline:
			c.t.Fatalf("%d events of %d came: %s", len(all), n, describe(all))
		}
	}
	if len(all) > n {
		c.t.Fatalf("%d events came, %d were expected: %s", len(all), n, describe(all))
	}
	return all
}

// want waits for events and compares their descriptions (see describe).
func (c *client) want(want ...string) {
	c.t.Helper()
	for i, e := range c.events(len(want)) {
		if got := describeOne(e); got != want[i] {
			c.t.Fatalf("event %d is %q, not %q", i, got, want[i])
		}
	}
}

// none makes sure that nothing waits but what another peer sends now.
func (c *client) none(from *client) {
	c.t.Helper()
	from.send(c.Snapshot.Peer, 0, "fence")
	c.want("fence")
}

// wantCut waits for the attachment's end.
func (c *client) wantCut(want rooms.Cut) {
	c.t.Helper()
	select {
	case got := <-c.link.cut:
		if got != want {
			c.t.Fatalf("cut %d, not %d", got, want)
		}
	case <-time.After(Patience):
		c.t.Fatalf("not cut")
	}
}

// wantReceived waits until all messages up to seq are settled.
func (c *client) wantReceived(seq uint64) {
	c.t.Helper()
	deadline := time.After(Patience)
	for c.Attachment.Received() < seq {
		select {
		case <-c.link.woken:
		case <-time.After(time.Millisecond):
		case <-deadline:
			c.t.Fatalf("received is %d, not %d", c.Attachment.Received(), seq)
		}
	}
}

func describe(events []rooms.Event) string {
	s := ""
	for _, e := range events {
		s += describeOne(e) + "; "
	}
	return s
}

// describeOne gives an event in a few words.
func describeOne(e rooms.Event) string {
	switch {
	case e.Undelivered != nil:
		return "undelivered " + string(e.Undelivered.Cause)
	case e.Presence != nil:
		words := map[rooms.Change]string{
			rooms.PeerJoined: "joined", rooms.PeerLeft: "left", rooms.PeerAway: "away", rooms.PeerBack: "back", rooms.PeerUpdated: "updated",
		}[e.Presence.Change]
		if e.Presence.Reason != "" {
			words += " " + string(e.Presence.Reason)
		}
		return words
	default:
		return string(e.Payload)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("the error is %v, not %v", got, want)
	}
}
