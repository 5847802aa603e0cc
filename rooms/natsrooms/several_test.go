package natsrooms

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
	"parley/rooms/natsrooms/natstest"
	"parley/rooms/roomstest"
)

// several is some nodes that look like one engine: every join and every resume goes to the next of them. The suite counts on
// what a call has done being there when the call returns, which is so within a node; several waits until it is so everywhere.
type several struct {
	t     *testing.T
	nodes []*Engine
	next  atomic.Int64
	stay  bool // a resume goes to where the session is
	quick bool // nobody counts on anything
}

// What these tests want is known to the one node that has the inbox: how far it has acknowledged and been sent, to the number,
// and what the node itself has said.
var ofOneNode = []string{
	"a_repeat_is_known", "a_resume_brings_what_was_not_received", "a_resume_beyond_what_was_sent", "who_does_not_acknowledge_loses_nothing",
	"answers_to_one's_own_messages_are_bounded",
}

func TestSuiteOverThreeNodes(t *testing.T) {
	nats := natstest.Start(t, 1)
	roomstest.Run(t, func(t *testing.T, config rooms.Config) rooms.Engine {
		options := Options{URLs: nats.URLs(), Prefix: newPrefix(), Shards: 1}
		s := &several{t: t, quick: strings.Contains(t.Name(), "exactly_once")}
		for _, name := range ofOneNode {
			s.stay = s.stay || strings.Contains(t.Name(), name)
		}
		for range 3 {
			s.nodes = append(s.nodes, newNode(t, config, options))
		}
		return s
	})
}

func (s *several) node() *Engine { return s.nodes[int(s.next.Add(1))%len(s.nodes)] }

func (s *several) Join(ctx context.Context, join rooms.Join, link rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	a, snapshot, err := s.node().Join(ctx, join, link)
	s.awaitLetters() // who comes is known everywhere before somebody writes to it
	return s.wrap(a), snapshot, err
}

func (s *several) Resume(ctx context.Context, resume rooms.Resume, link rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	node := s.node()
	// Who has all that it wants resumes on and on until the others do, too: most of that stays cheap.
	stay := s.stay || s.quick && s.next.Load()%4 != 0
	if id, ok := peerOf(resume.Secret); ok && stay {
		for _, n := range s.nodes {
			if n.peer(id) != nil {
				node = n
			}
		}
	}
	a, snapshot, err := node.Resume(ctx, resume, link)
	s.settle()
	return s.wrap(a), snapshot, err
}

func (s *several) Ready(ctx context.Context) error { return s.nodes[0].Ready(ctx) }

func (s *several) Stats() rooms.Stats {
	all := rooms.Stats{}
	names := map[string]bool{}
	for _, n := range s.nodes {
		one := n.Stats()
		all.Peers += one.Peers
		all.Away += one.Away
		for _, p := range n.held() {
			names[p.room.name] = true
		}
	}
	all.Rooms = len(names)
	return all
}

func (s *several) Close() error {
	var all error
	for _, n := range s.nodes {
		all = errors.Join(all, n.Close())
	}
	return all
}

func (s *several) Rooms(ctx context.Context, after string, limit int) ([]rooms.RoomState, error) {
	return s.node().Rooms(ctx, after, limit)
}

func (s *several) Room(ctx context.Context, name string) (rooms.RoomState, []rooms.PeerState, error) {
	return s.node().Room(ctx, name)
}

func (s *several) Expel(ctx context.Context, room string, peer rooms.PeerID) error {
	defer s.settle()
	return s.node().Expel(ctx, room, peer)
}

func (s *several) CloseRoom(ctx context.Context, room string) error {
	defer s.settle()
	return s.node().CloseRoom(ctx, room)
}

func (s *several) Say(ctx context.Context, room string, payload []byte) (int, error) {
	defer s.settle()
	return s.node().Say(ctx, room, payload)
}

func (s *several) Govern(ctx context.Context, room string, edit func(*rooms.Policy)) (rooms.Policy, error) {
	return s.node().Govern(ctx, room, edit)
}

func (s *several) Knock(ctx context.Context, room string, payload []byte) (int, error) {
	defer s.settle()
	return s.node().Knock(ctx, room, payload)
}

func (s *several) Await(knock string, decided func(bool)) (func(), error) {
	return s.node().Await(knock, decided)
}

func (s *several) Decide(ctx context.Context, knock string, admit bool) error {
	return s.node().Decide(ctx, knock, admit)
}

func (s *several) settle() {
	if !s.quick {
		s.awaitLetters()
	}
}

// awaitLetters waits until every letter there is has been handed out on every node that it comes to.
func (s *several) awaitLetters() {
	for _, n := range s.nodes {
		store, err := n.stored()
		if err != nil {
			return
		}
		n.mu.Lock()
		var boxes []*box
		for _, b := range n.boxes {
			boxes = append(boxes, b)
		}
		n.mu.Unlock()
		for _, b := range boxes {
			<-b.ready
			last, err := store.boxes[b.home.Shard].GetLastMsgForSubject(s.t.Context(), n.names.homeOf(b.home)+">")
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err == nil && b.err == nil {
				_ = b.wait(s.t.Context(), last.Sequence)
			}
		}
	}
}

// settling is an attachment whose calls return when they have come about everywhere.
type settling struct {
	rooms.Attachment
	s *several
}

func (s *several) wrap(a rooms.Attachment) rooms.Attachment {
	if a == nil {
		return nil
	}
	return settling{a, s}
}

func (a settling) Send(ctx context.Context, message rooms.Message) error {
	defer a.s.settle()
	return a.Attachment.Send(ctx, message)
}

func (a settling) Update(ctx context.Context, seq uint64, update rooms.Update) error {
	defer a.s.settle()
	return a.Attachment.Update(ctx, seq, update)
}

// Sixteen are admitted, whatever the three nodes do at once.
func TestCapacityOverThreeNodes(t *testing.T) {
	nats := natstest.Start(t, 3)
	options := Options{URLs: nats.URLs(), Prefix: newPrefix(), Replicas: 3}
	var nodes []*Engine
	for range 3 {
		nodes = append(nodes, newNode(t, rooms.Config{}, options))
	}
	for round := range rounds(t, 5, 100) {
		var admitted, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				_, _, err := nodes[i%3].Join(t.Context(), rooms.Join{Room: "room " + string(rune('a'+round))}, quietLink{})
				switch {
				case err == nil:
					admitted.Add(1)
				case errors.Is(err, rooms.ErrRoomFull):
					refused.Add(1)
				default:
					t.Errorf("join: %v", err)
				}
			})
		}
		wg.Wait()
		if admitted.Load() != 16 || refused.Load() != 84 {
			t.Fatalf("round %d: %d were admitted and %d refused", round, admitted.Load(), refused.Load())
		}
	}
}

// quietLink is a connection that does nothing.
type quietLink struct{}

func (quietLink) Wake()         {}
func (quietLink) Cut(rooms.Cut) {}

func (s *several) Shared() bool { return true }

func (s *several) Settle(ctx context.Context) error { return s.nodes[0].Settle(ctx) }
