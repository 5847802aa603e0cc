package rooms

import "time"

// graves remembers for a while who has left, so that what is sent to them is answered with peer-gone. It forgets the oldest
// when there are too many: peer-unknown, which is then the answer, tells a client to do the same.
type graves struct {
	keep  time.Duration
	since map[PeerID]time.Time
	order []PeerID // of leaving
}

const maxGraves = 4096

func (g *graves) add(id PeerID) {
	g.sweep()
	if g.since == nil {
		g.since = map[PeerID]time.Time{}
	}
	g.since[id] = time.Now()
	g.order = append(g.order, id)
}

func (g *graves) has(id PeerID) bool {
	g.sweep()
	_, ok := g.since[id]
	return ok
}

func (g *graves) sweep() {
	for len(g.order) > 0 {
		oldest := g.order[0]
		if len(g.order) <= maxGraves && time.Since(g.since[oldest]) <= g.keep {
			return
		}
		delete(g.since, oldest)
		g.order = g.order[1:]
	}
}
