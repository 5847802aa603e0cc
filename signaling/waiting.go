package signaling

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"parley/rooms"
	"parley/signaling/protocol"
	"parley/signaling/token"
)

const (
	waitAtMost = 10 * time.Minute
	knockEvery = 15 * time.Second // so that those hear of it who come to the room meanwhile
	maxWaiting = 1024             // connections that wait at a time
)

// visit is a newcomer who waits to be let in.
type visit struct {
	knock string
	join  rooms.Join
	pass  *pass
	since time.Time
	stop  func() // nobody decides any more
}

// wait has those in the room hear of a newcomer who may let it in. The door is held.
func (c *conn) wait(join rooms.Join, p *pass) error {
	if c.server.waiting.Add(1) > maxWaiting {
		c.server.waiting.Add(-1)
		return c.server.overloaded(limitWaiting, c.from)
	}
	v := &visit{knock: uuid.NewString(), join: join, pass: p, since: time.Now()}
	stop, err := c.server.engine.Await(v.knock, func(admit bool) { c.whileWaiting(v, func() { c.decided(v, admit) }) })
	if err != nil {
		c.server.waiting.Add(-1)
		return err
	}
	v.stop = stop
	c.setVisit(v)
	c.say(protocol.Encode(protocol.Plain{Type: protocol.TypeWaiting}))
	c.log.Info().Str("room", join.Room).Msg("waiting to be let in")
	c.knock(v)
	return nil
}

// whileWaiting runs f in a goroutine of its own, with the door held, if the newcomer waits until then.
func (c *conn) whileWaiting(v *visit, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.visit != v || c.closed {
		return
	}
	c.server.running.Go(func() { // before the connection's own goroutine can have ended
		defer c.recover()
		c.door.Lock()
		defer c.door.Unlock()
		if c.waits() == v {
			f()
		}
	})
}

func (c *conn) setVisit(v *visit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.visit = v
}

// waits gives the visit, nil where the connection does not wait to be let in.
func (c *conn) waits() *visit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.visit
}

// knock tells those who may let the newcomer in, now and again until it waits no more. The door is held.
func (c *conn) knock(v *visit) {
	if time.Since(v.since) >= waitAtMost {
		c.stopWaiting()
		c.refuse(nil, 0, protocol.Errorf(protocol.CodeForbidden, "nobody let you in"))
		return
	}
	c.tellHosts(v, protocol.Knock{Type: protocol.TypeKnock, Knock: v.knock, Name: v.join.Name})
	c.later(knockEvery, func(c *conn) { c.whileWaiting(v, func() { c.knock(v) }) })
}

func (c *conn) tellHosts(v *visit, knock protocol.Knock) {
	ctx, cancel := c.server.engineContext()
	defer cancel()
	if _, err := c.server.engine.Knock(ctx, v.join.Room, protocol.Encode(knock)); err != nil {
		c.log.Debug().Err(err).Msg("nobody was told of who waits")
	}
}

// decided goes on with a join that somebody has decided about. The door is held.
func (c *conn) decided(v *visit, admit bool) {
	c.stopWaiting()
	defer c.enter()()
	var err error
	switch {
	case !admit:
		err = protocol.Errorf(protocol.CodeForbidden, "you were not let in")
	case v.pass.ended():
		err = protocol.Errorf(protocol.CodeTokenExpired, "the token has ended")
	default:
		v.join.Trusted = true
		err = c.enterRoom(v.join, v.pass)
	}
	if err != nil {
		c.refuse(nil, 0, err)
	}
}

// stopWaiting ends the visit, if there is one. The door is held.
func (c *conn) stopWaiting() {
	v := c.waits()
	if v == nil {
		return
	}
	c.setVisit(nil)
	c.server.waiting.Add(-1)
	v.stop()
	over := protocol.Knock{Type: protocol.TypeKnock, Knock: v.knock, Over: true}
	c.server.running.Go(func() { c.tellHosts(v, over) })
	if within := c.server.config.JoinWithin; within > 0 {
		c.later(within, (*conn).checkJoined)
	}
}

// leaveDoor ends the visit when the connection ends.
func (c *conn) leaveDoor() {
	c.door.Lock()
	defer c.door.Unlock()
	c.stopWaiting()
}

// admit lets somebody in who waits, or does not.
func (c *conn) admit(a rooms.Attachment, m protocol.Message) error {
	knock, err := m.Decision()
	if err != nil {
		return err
	}
	if !c.pass.Load().may(token.MayAdmit) {
		return protocol.Errorf(protocol.CodeForbidden, "this peer has no right to let others in")
	}
	ctx, cancel := context.WithTimeout(c.server.ctx, decideWithin)
	defer cancel()
	err = c.server.engine.Decide(ctx, knock, m.Type == protocol.TypeAdmit)
	if errors.Is(err, rooms.ErrKnockUnknown) {
		err = nil // it has gone, or somebody else was faster: a knock that is over is told
	}
	if err != nil {
		return err
	}
	return c.settleOnly(a, m)
}

// decideWithin bounds the way of a decision to the node where somebody waits.
const decideWithin = 5 * time.Second
