package client_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"parley/signaling/client"
)

func TestNegotiation(t *testing.T) {
	const offer, answer = true, false
	tests := []struct {
		name    string
		polite  bool
		before  func(*client.Negotiation)
		isOffer bool
		stable  bool
		want    client.Decision
		ignores bool // candidate errors, afterwards
		again   bool // an own offer has to be made again
	}{
		{"offer, nothing under way, polite", true, nil, offer, true, client.Accept, false, false},
		{"offer, nothing under way, impolite", false, nil, offer, true, client.Accept, false, false},
		{"offer while making one, polite", true, (*client.Negotiation).BeginOffer, offer, true, client.Rollback, false, true},
		{"offer while making one, impolite", false, (*client.Negotiation).BeginOffer, offer, true, client.Ignore, true, false},
		{"offer after having sent one, polite", true, made, offer, false, client.Rollback, false, true},
		{"offer after having sent one, impolite", false, made, offer, false, client.Ignore, true, false},
		{"answer, polite", true, made, answer, false, client.Accept, false, false},
		{"answer, impolite", false, made, answer, false, client.Accept, false, false},
		{"answer that nobody waits for", false, nil, answer, true, client.Ignore, false, false},
		{"offer while the answer is being set", false, answering, offer, false, client.Accept, false, false},
		{"offer after the answer could not be set", false, func(n *client.Negotiation) {
			answering(n)
			n.Described()
		}, offer, false, client.Ignore, true, false},
		{"answer to the own offer after the other's was ignored", false, func(n *client.Negotiation) {
			made(n)
			n.Describe(offer, false)
		}, answer, false, client.Accept, false, false},
		{"offer after the own one was taken back and answered", true, func(n *client.Negotiation) {
			made(n)
			n.Describe(offer, false)
			n.Described()
			n.OfferAgain()
		}, offer, true, client.Accept, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := client.NewNegotiation(test.polite)
			if test.before != nil {
				test.before(n)
			}
			if got := n.Describe(test.isOffer, test.stable); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
			if got := n.IgnoreCandidateError(); got != test.ignores {
				t.Errorf("ignores candidate errors: %v", got)
			}
			if got := n.OfferAgain(); got != test.again {
				t.Errorf("offer again: %v", got)
			}
			if n.OfferAgain() {
				t.Error("offer again, twice")
			}
		})
	}
}

func made(n *client.Negotiation) {
	n.BeginOffer()
	n.EndOffer()
}

func answering(n *client.Negotiation) {
	made(n)
	n.Describe(false, false)
}

// Two sides that both change things at any moment come to an agreement, whatever the order of sending and receiving.
func TestNegotiationConverges(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 0))
		a, b := newSide(true), newSide(false)
		a.other, b.other = b, a
		for changes := 6; changes > 0 || len(a.inbox)+len(b.inbox) > 0; {
			s := a
			if random.IntN(2) == 0 {
				s = b
			}
			switch {
			case changes > 0 && random.IntN(3) == 0:
				changes--
				s.wanted++
				s.offer()
			case len(s.inbox) > 0:
				m := s.inbox[0]
				s.inbox = s.inbox[1:]
				if err := s.receive(m); err != nil {
					t.Fatalf("seed %d: polite %v: %v", seed, s.polite, err)
				}
			}
		}
		for _, s := range []*side{a, b} {
			if s.pending != 0 || s.agreed != s.wanted {
				t.Fatalf("seed %d: polite %v: %d of %d changes agreed, offer %d open", seed, s.polite, s.agreed, s.wanted, s.pending)
			}
		}
	}
}

// side is one end of a call, with a peer connection that does everything at once.
type side struct {
	n       *client.Negotiation
	polite  bool
	other   *side
	inbox   []description
	wanted  int // changes
	agreed  int // changes that are in an answered offer
	pending int // own offer that waits for an answer, 0 in the signaling state stable
	in      int // changes that are in it
	offers  int
	remote  int // the last offer of the other that was set
}

// description is an offer, an answer, or a candidate that belongs to an offer.
type description struct {
	kind  string
	offer int
}

func newSide(polite bool) *side { return &side{n: client.NewNegotiation(polite), polite: polite} }

func (s *side) send(kind string, offer int) {
	s.other.inbox = append(s.other.inbox, description{kind, offer})
}

func (s *side) offer() {
	if s.pending != 0 {
		return // in the signaling state stable it is looked at again
	}
	s.n.BeginOffer()
	defer s.n.EndOffer()
	s.offers++
	s.pending, s.in = s.offers, s.wanted
	s.send("offer", s.offers)
	s.send("candidate", s.offers)
}

func (s *side) receive(m description) error {
	if m.kind == "candidate" {
		if s.remote != m.offer && !s.n.IgnoreCandidateError() {
			return fmt.Errorf("candidate of offer %d, but %d is set", m.offer, s.remote)
		}
		return nil
	}
	isOffer := m.kind == "offer"
	switch s.n.Describe(isOffer, s.pending == 0) {
	case client.Ignore:
		return nil
	case client.Rollback:
		s.pending = 0
	}
	defer s.n.Described()
	switch {
	case isOffer && s.pending != 0:
		return fmt.Errorf("offer %d while the own offer %d is open", m.offer, s.pending)
	case isOffer:
		s.remote = m.offer
		s.send("answer", m.offer)
	case s.pending != m.offer:
		return fmt.Errorf("answer to %d, but %d is open", m.offer, s.pending)
	default:
		s.pending, s.agreed = 0, s.in
	}
	if s.n.OfferAgain() || s.wanted > s.agreed {
		s.offer()
	}
	return nil
}

func TestDecisionString(t *testing.T) {
	got := fmt.Sprint(client.Accept, client.Ignore, client.Rollback, client.Decision(9))
	if got != "accept ignore rollback unknown" {
		t.Error(got)
	}
}
