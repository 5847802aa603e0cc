package signaling

import (
	"context"
	"errors"

	"parley/rooms"
	"parley/signaling/protocol"
	"parley/signaling/webhook"
)

// permit asks the webhook about a join, and makes of it what the answer says. p is the token's pass, nil for none, and vouched the
// identity that the token vouches for.
func (c *conn) permit(join *rooms.Join, p *pass, vouched string) (*pass, error) {
	ctx, done := c.whileOpen()
	defer done()
	grant, err := c.server.config.Authorizer.Authorize(ctx, webhook.Join{
		Room: join.Room, Name: join.Name, Metadata: join.Metadata, Identity: vouched, Address: join.Address,
	})
	var refusal *webhook.Refusal
	switch {
	case ctx.Err() != nil:
		return nil, rooms.ErrDetached
	case errors.As(err, &refusal):
		return nil, protocol.Errorf(protocol.CodeForbidden, "%v", refusal)
	case err != nil:
		return nil, c.server.overloaded(limitWebhook, c.from)
	}
	if p == nil {
		p = &pass{Broadcast: true}
	}
	p.Asked = ruling{
		Allowed: true, Named: grant.Name != "", Described: grant.Metadata != nil, Quiet: !grant.Broadcast, May: grant.May,
	}
	introduce(join, grant.Identity, grant.Name, grant.Metadata)
	join.Waits = join.Waits || grant.Wait
	if grant.Capacity != 0 {
		join.Capacity = grant.Capacity
	}
	c.iceServers = grant.ICEServers
	return p, nil
}

// whileOpen gives a context that ends with the connection, whoever ends it. The reading goroutine, which is the one to wait with
// it, calls done before it reads again.
func (c *conn) whileOpen() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(c.server.ctx)
	c.mu.Lock()
	c.interrupt = cancel
	ending := c.ending != nil
	c.mu.Unlock()
	if ending {
		cancel()
	}
	unwatch := c.meter.watch(cancel)
	return ctx, func() {
		unwatch()
		c.mu.Lock()
		c.interrupt = nil
		c.mu.Unlock()
		cancel()
	}
}
