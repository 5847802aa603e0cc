package main

import (
	"slices"
	"sync"
	"time"
)

// ledger is the account of one direction: what one client of a pair has sent to the other one, numbered from 1 over all its
// sessions, and how each message fared. All methods may be called from any goroutine.
type ledger struct {
	mu sync.Mutex
	// Guarded by mu.
	counts  counts
	toldBy  map[string]uint64
	entries []entry // the newest, in order
	base    uint64  // the number before that of the first entry
	highest uint64  // number that was delivered
	early   map[sentID]string
	left    map[string]bool // receivers that the sender was told to have left
	past    map[string]bool // receivers to which nothing more can come
	met     map[string]bool // receivers that the receiver knows to have been

	finished bool // everyone is about to leave, which explains nothing
}

// entry is one message.
type entry struct {
	id        sentID // zero until the client has accepted it
	to        string // the receiver's peer id
	at        time.Time
	delivered bool
	told      bool
	excused   bool // by a restart of the server, if it does not come
}

func (e *entry) settled() bool { return e.delivered || e.told || e.excused }

// missing tells whether an excuse is what settles it.
func (e *entry) missing() bool { return e.excused && !e.delivered && !e.told }

// sentID is how a client names a message; term says which of a sender's clients, one after the other, it was.
type sentID struct {
	term int
	id   uint64
}

// counts are the figures of a run. A message is counted under told once, whatever tells of it.
type counts struct {
	sent, delivered, told uint64
	both                  uint64 // told and delivered nevertheless, which a client cannot know
	open                  uint64 // neither
	overtaken             uint64 // of open: later ones were delivered
	doubled, reordered    uint64
	late                  uint64
	slowest               time.Duration
}

func (c *counts) add(o counts) {
	c.sent += o.sent
	c.delivered += o.delivered
	c.told += o.told
	c.both += o.both
	c.open += o.open
	c.overtaken += o.overtaken
	c.doubled += o.doubled
	c.reordered += o.reordered
	c.late += o.late
	c.slowest = max(c.slowest, o.slowest)
}

const (
	// remembered is how many of the newest messages are kept when they are settled: a client tells of no more than it may
	// have unacknowledged, and a message that comes twice does so soon.
	remembered = 512
	// mostKept bounds what is kept for messages that never come. What falls out stays counted as open.
	mostKept = 1 << 16
	// lateAfter is how long a message may take, with the time to resume, until it counts as late.
	lateAfter = 5 * time.Second
)

func newLedger() *ledger {
	return &ledger{
		toldBy: map[string]uint64{}, early: map[sentID]string{}, left: map[string]bool{}, past: map[string]bool{},
		met: map[string]bool{},
	}
}

// begin gives the next message its number. It must be followed by accepted or abandoned before the next one begins.
func (l *ledger) begin(to string, now time.Time) (n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entry{to: to, at: now})
	l.counts.sent++
	l.trim()
	return l.base + uint64(len(l.entries))
}

// abandoned takes the message that was begun last back: the client has not accepted it.
func (l *ledger) abandoned() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = l.entries[:len(l.entries)-1]
	l.counts.sent--
}

// accepted says that the client has the message that was begun last. It may have been delivered by now.
func (l *ledger) accepted(id sentID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.entries[len(l.entries)-1]
	e.id = id
	if !e.delivered {
		e.at = now
	}
	if by, ok := l.early[id]; ok {
		delete(l.early, id)
		l.tell(e, by)
	}
}

// arrived says that the receiver has message n.
func (l *ledger) arrived(n uint64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n <= l.base || n > l.base+uint64(len(l.entries)) {
		l.counts.doubled++ // it was settled long ago, or is nothing that was sent
		return
	}
	e := &l.entries[n-l.base-1]
	if e.delivered {
		l.counts.doubled++
		return
	}
	if n < l.highest && !e.told {
		l.counts.reordered++
	}
	e.delivered = true
	l.highest = max(l.highest, n)
	l.counts.delivered++
	if e.told {
		l.counts.both++
	}
	took := now.Sub(e.at)
	l.counts.slowest = max(l.counts.slowest, took)
	if took > lateAfter {
		l.counts.late++
	}
}

// told says that the client has told the loss of a message.
func (l *ledger) told(id sentID, by string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	newest := uint64(0)
	for i := len(l.entries) - 1; i >= 0; i-- {
		e := &l.entries[i]
		if e.id == id {
			l.tell(e, by)
			return
		}
		if e.id.term == id.term {
			newest = max(newest, e.id.id)
		}
	}
	if id.id > newest { // the sending goroutine is about to say that it was accepted
		l.early[id] = by
	}
}

func (l *ledger) tell(e *entry, by string) {
	if e.told || l.finished && e.delivered { // who leaves is told what it has no acknowledgement of yet
		return
	}
	e.told = true
	l.counts.told++
	l.toldBy[by]++
	if e.delivered {
		l.counts.both++
	}
}

// receiverLeft says that the sender was told of the receiver's leaving, by which it knows that what still waited there was
// not delivered.
func (l *ledger) receiverLeft(peer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waits := func(e entry) bool { return e.to == peer && !e.settled() }
	if !slices.ContainsFunc(l.entries, waits) {
		delete(l.past, peer) // whatever comes after this is told to be undelivered
		return
	}
	l.left[peer] = true
	l.conclude(peer)
}

// roomIs says that the sender has joined anew, and whom it has found: the others have left.
func (l *ledger) roomIs(peers []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.entries {
		if to := l.entries[i].to; !l.entries[i].settled() && !slices.Contains(peers, to) {
			l.left[to] = true
		}
	}
	for peer := range l.left {
		l.conclude(peer)
	}
}

// receiverIs says that the receiver has this peer id now. One that it never has is that of a join whose answer was lost: it
// leaves by and by, and what was sent to it tells nobody but its sender.
func (l *ledger) receiverIs(peer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.met[peer] = true
}

// receiverPast says that the receiver has no such peer id any more, and has taken all that came under it.
func (l *ledger) receiverPast(peer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.past[peer] = true
	l.conclude(peer)
}

// conclude counts as told what was sent to a peer and waited for it until it left. Both sides must have got that far. What
// later messages to the same peer have overtaken did not wait: it was lost before.
func (l *ledger) conclude(peer string) {
	if l.finished || !l.left[peer] || l.met[peer] && !l.past[peer] {
		return
	}
	delete(l.left, peer)
	delete(l.past, peer)
	for i := len(l.entries) - 1; i >= 0; i-- {
		e := &l.entries[i]
		if e.to != peer {
			continue
		}
		if e.delivered {
			return
		}
		if !e.told && e.id != (sentID{}) { // what is being sent yet, the server is going to tell of
			l.tell(e, "left")
		}
	}
}

// finish says that both sides are about to leave: what has not come by now was not kept from coming by that.
func (l *ledger) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = true
}

// incomplete says that the sender or the receiver was told, after a restart of the server, that messages may be missing. Those
// that are count as told.
func (l *ledger) incomplete() {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.behindHighest()
	for i := range rest {
		rest[i].excused = rest[i].id != (sentID{})
	}
}

const byIncomplete = "incomplete"

// trim forgets the oldest messages.
func (l *ledger) trim() {
	n := 0
	for len(l.entries)-n > remembered && (l.entries[n].settled() || len(l.entries)-n > mostKept) {
		if l.entries[n].missing() {
			l.tell(&l.entries[n], byIncomplete)
		}
		n++
	}
	l.entries = l.entries[n:]
	l.base += uint64(n)
}

func (l *ledger) totals() counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts
	c.told += l.missing()
	c.open = c.sent + c.both - c.delivered - c.told
	waiting := uint64(0)
	for _, e := range l.behindHighest() {
		if !e.settled() {
			waiting++
		}
	}
	c.overtaken = c.open - waiting
	return c
}

// missing counts what has not come after a restart of the server. The mutex is held.
func (l *ledger) missing() (n uint64) {
	for i := range l.entries {
		if l.entries[i].missing() {
			n++
		}
	}
	return n
}

// behindHighest gives the messages after the last one that was delivered. The mutex is held.
func (l *ledger) behindHighest() []entry { return l.entries[max(l.highest, l.base)-l.base:] }

// addReasons adds what has told of losses, and how often.
func (l *ledger) addReasons(to map[string]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for by, n := range l.toldBy {
		to[by] += n
	}
	if n := l.missing(); n > 0 {
		to[byIncomplete] += n
	}
}
