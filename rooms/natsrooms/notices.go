package natsrooms

import (
	"context"
	"sync"
)

// notice tells a sender what its receiver's owner could not take. When the sender has it, what was refused is deleted, so that
// a later owner does not deliver it after all.
type notice struct {
	letter  letter // without a receiver if there is nothing to tell
	shard   int
	refused uint64 // the letter to delete, 0 for none
}

// notices are waiting to be published: those who find out that something does not fit must not wait for NATS.
type notices struct {
	wake chan struct{}

	mu sync.Mutex
	// Guarded by mu.
	waiting []notice
}

func (n *notices) add(one notice) {
	n.mu.Lock()
	n.waiting = append(n.waiting, one)
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notices) takeAll() []notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.waiting
	n.waiting = nil
	return all
}

// run gives what publishes notices, in order, until the engine ends.
func (n *notices) run(e *Engine) func() {
	return func() {
		for {
			select {
			case <-n.wake:
			case <-e.ctx.Done():
				return
			}
			for _, one := range n.takeAll() {
				if one.letter.to != "" && e.insist(e.ctx, []letter{one.letter}) != nil {
					return
				}
				if one.refused != 0 {
					e.deleteLetter(e.ctx, one)
				}
			}
		}
	}
}

// deleteLetter takes a refused message out of its mailbox. A failure is no harm: the sender has been told already.
func (e *Engine) deleteLetter(ctx context.Context, one notice) {
	store, err := e.stored()
	if err == nil && one.shard < len(store.boxes) {
		err = store.boxes[one.shard].DeleteMsg(ctx, one.refused)
	}
	if err != nil && ctx.Err() == nil {
		e.options.Warn("deleting a message that was refused", err)
	}
}
