package natsrooms

import "context"

// semaphore is a mutex that may be held over the network: whoever waits for it can give up.
type semaphore chan struct{}

func newSemaphore() semaphore { return make(semaphore, 1) }

func (s semaphore) lock(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

func (s semaphore) unlock() { <-s }
