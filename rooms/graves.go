package rooms

import "time"

// Graves remembers for a while who has left, so that what is sent to them is answered with peer-gone. It forgets the oldest
// when there are too many: peer-unknown, which is then the answer, tells a client to do the same.
// Its zero value keeps nothing: make it with NewGraves.
type Graves struct {
	keep  time.Duration
	since map[PeerID]time.Time
	order []PeerID // of leaving
}

const maxGraves = 4096

// Add notes that a peer has left.
func (g *Graves) Add(id PeerID) {
	g.sweep()
	if g.since == nil {
		g.since = map[PeerID]time.Time{}
	}
	g.since[id] = time.Now()
	g.order = append(g.order, id)
}

// Has tells whether a peer is known to have left.
func (g *Graves) Has(id PeerID) bool {
	g.sweep()
	_, ok := g.since[id]
	return ok
}

func (g *Graves) sweep() {
	for len(g.order) > 0 {
		oldest := g.order[0]
		if len(g.order) <= maxGraves && time.Since(g.since[oldest]) <= g.keep {
			return
		}
		delete(g.since, oldest)
		g.order = g.order[1:]
	}
}

// NewGraves makes an empty memory that lasts this long.
func NewGraves(keep time.Duration) Graves { return Graves{keep: keep} }
