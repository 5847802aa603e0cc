package client

// Negotiation is one side of perfect negotiation (W3C webrtc-pc §10.7) between two peers, without any WebRTC stack: it is
// told what happens and decides. Whose offer wins when both offer at once depends on the roles, which the server gives: the
// polite side takes its own offer back. There is one Negotiation for each peer connection. It does no locking: the caller
// takes messages one by one, and holds one lock over Begin and End, and over Describe and what follows from it, unless its
// stack queues operations by itself as browsers do.
type Negotiation struct {
	polite              bool
	makingOffer         bool
	ignoreOffer         bool
	settingRemoteAnswer bool
	offerAgain          bool
}

// Decision is what to do with a description that has come.
type Decision int

const (
	// Accept: set it as the remote description; if it is an offer, answer it.
	Accept Decision = iota
	// Ignore: drop it. The other side takes its offer back, and its candidates for it may be refused by the stack.
	Ignore
	// Rollback: take the own offer back (setLocalDescription of type rollback) if it has been set, then as Accept. Browsers
	// do the rollback by themselves.
	Rollback
)

// String names the decision.
func (d Decision) String() string {
	switch d {
	case Accept:
		return "accept"
	case Ignore:
		return "ignore"
	case Rollback:
		return "rollback"
	}
	return "unknown"
}

// NewNegotiation begins a negotiation; polite is the Polite of the peer, as the server gave it.
func NewNegotiation(polite bool) *Negotiation { return &Negotiation{polite: polite} }

// BeginOffer is called before an offer is created and set as the local description.
func (n *Negotiation) BeginOffer() {
	n.makingOffer = true
	n.offerAgain = false
}

// EndOffer is called when the offer has been set as the local description and given to the Client to send, or when that has
// failed.
func (n *Negotiation) EndOffer() { n.makingOffer = false }

// Describe decides about a description that has come. isOffer tells an offer from an answer; stable tells whether the
// signaling state is stable at this moment.
func (n *Negotiation) Describe(isOffer, stable bool) Decision {
	ready := !n.makingOffer && (stable || n.settingRemoteAnswer)
	collision := isOffer && !ready
	n.ignoreOffer = collision && !n.polite
	if n.ignoreOffer {
		return Ignore
	}
	if !isOffer && stable && !n.makingOffer {
		return Ignore // nobody waits for this answer: setting it would only fail
	}
	n.settingRemoteAnswer = !isOffer
	if collision {
		n.offerAgain = true
		return Rollback
	}
	return Accept
}

// Described is called when the remote description was set, or setting it has failed.
func (n *Negotiation) Described() { n.settingRemoteAnswer = false }

// OfferAgain tells, once, that an own offer was taken back: when the signaling state is stable again what it was to change
// has to be offered anew. Browsers fire negotiationneeded for it.
func (n *Negotiation) OfferAgain() bool {
	again := n.offerAgain
	n.offerAgain = false
	return again
}

// IgnoreCandidateError tells whether the failure to add a candidate is to be passed over, because it belongs to an offer
// that was ignored.
func (n *Negotiation) IgnoreCandidateError() bool { return n.ignoreOffer }
