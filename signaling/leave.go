package signaling

import (
	"parley/rooms"
	"parley/signaling/protocol"
)

// takeEvents takes the next events of the inbox. Whoever takes them writes them, and in their order.
func (c *conn) takeEvents(a rooms.Attachment) rooms.Batch {
	c.taking.Lock()
	defer c.taking.Unlock()
	return a.Next()
}

// leave lets a peer go. The others hear of it at once; the peer itself hears first what became of its messages, so that it need
// not take for lost what was delivered, nor for delivered what was refused.
func (c *conn) leave(a rooms.Attachment, _ protocol.Message) error {
	answers, received := c.part(a)
	c.mu.Lock()
	for _, e := range answers {
		c.out = append(c.out, body(e).AppendTo(nil, e.Seq, 0))
	}
	if received > c.acked {
		c.out = append(c.out, plainAck.AppendTo(nil, 0, received))
	}
	c.mu.Unlock()
	c.log.Info().Msg("left")
	c.close(protocol.CloseNormal, "")
	return nil
}

// part ends the session. It gives what waited in its inbox in answer to the peer's own messages, and how far these are settled.
func (c *conn) part(a rooms.Attachment) (answers []rooms.Event, received uint64) {
	c.taking.Lock() // the writing goroutine may still write what it has taken, and takes no more
	defer c.taking.Unlock()
	for batch := a.Next(); len(batch.Events) > 0; batch = a.Next() {
		for _, e := range batch.Events {
			if e.Answers() {
				answers = append(answers, e)
			}
		}
	}
	received = a.Received()
	a.Leave()
	return answers, received
}
