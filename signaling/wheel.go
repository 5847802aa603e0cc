package signaling

import (
	"sync"
	"time"
)

const (
	wheelTick  = 100 * time.Millisecond
	wheelSlots = 512
)

// wheel calls functions after a while, about: never early, and up to a tick late. It is one timer for all connections, where
// a timer each would cost memory and wake-ups. The functions run one after the other and must not block.
type wheel struct {
	tick time.Duration

	mu    sync.Mutex
	slots [wheelSlots][]spoke
	now   int // the slot whose turn was last

	once sync.Once
	done chan struct{}
	gone chan struct{}
}

type spoke struct {
	rounds int64 // full turns that are still to wait
	call   func()
}

func newWheel(tick time.Duration) *wheel {
	w := &wheel{tick: tick, done: make(chan struct{}), gone: make(chan struct{})}
	go w.turn()
	return w
}

// after has call called when d has passed.
func (w *wheel) after(d time.Duration, call func()) {
	d = max(d, 0)
	ticks := int64(d/w.tick) + 1 // the tick that runs is not a whole one
	if d%w.tick > 0 {
		ticks++
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	slot := (int64(w.now) + ticks) % wheelSlots
	w.slots[slot] = append(w.slots[slot], spoke{rounds: (ticks - 1) / wheelSlots, call: call})
}

func (w *wheel) stop() {
	w.once.Do(func() { close(w.done) })
	<-w.gone
}

func (w *wheel) turn() {
	defer close(w.gone)
	ticker := time.NewTicker(w.tick)
	defer ticker.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-ticker.C:
		}
		for _, call := range w.due() {
			call()
		}
	}
}

// due moves on by one slot and takes out what is due there.
func (w *wheel) due() []func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = (w.now + 1) % wheelSlots
	var due []func()
	later := w.slots[w.now][:0]
	for _, s := range w.slots[w.now] {
		if s.rounds > 0 {
			s.rounds--
			later = append(later, s)
		} else {
			due = append(due, s.call)
		}
	}
	clear(w.slots[w.now][len(later):])
	w.slots[w.now] = later
	return due
}
