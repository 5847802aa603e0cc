package signaling

import (
	"context"
	"errors"

	"parley/rooms"
	"parley/signaling/protocol"
)

// rights gives what a pass, nil for none, lets its peer do beside what every peer may, in the words of the wire.
func (p *pass) rights() (may []string) {
	if p.mayKick() {
		may = append(may, protocol.TypeKick)
	}
	if p.mayLock() {
		may = append(may, protocol.TypeLock)
	}
	if p.mayAdmit() {
		may = append(may, protocol.TypeAdmit)
	}
	if p.mayClose() {
		may = append(may, protocol.TypeClose)
	}
	return may
}

// The rights that no peer has without being given them, by its token or by the webhook. nil has none.
func (p *pass) mayKick() bool  { return p != nil && (p.Kick || p.Asked.Kick) }
func (p *pass) mayLock() bool  { return p != nil && (p.Lock || p.Asked.Lock) }
func (p *pass) mayAdmit() bool { return p != nil && (p.Admit || p.Asked.Admit) }
func (p *pass) mayClose() bool { return p != nil && (p.Close || p.Asked.Close) }

// kick has a peer leave. One that has left already is gone as wished.
func (c *conn) kick(a rooms.Attachment, m protocol.Message) error {
	k, err := m.Kick()
	if err != nil {
		return err
	}
	if !c.pass.Load().mayKick() {
		return protocol.Errorf(protocol.CodeForbidden, "this peer has no right to have others leave")
	}
	if rooms.PeerID(k.About) == a.Peer() {
		return protocol.Errorf(protocol.CodeBadMessage, "a peer that wishes to go leaves")
	}
	err = c.server.engine.Expel(c.server.ctx, c.room, rooms.PeerID(k.About))
	if err != nil && !errors.Is(err, rooms.ErrPeerUnknown) && !errors.Is(err, rooms.ErrRoomUnknown) {
		return err
	}
	c.log.Info().Str("about", k.About).Str("reason", k.Reason).Msg("kicked")
	return c.settleOnly(a, m)
}

// closeRoom ends the stay of everyone in the room, the sender's too.
func (c *conn) closeRoom(rooms.Attachment, protocol.Message) error {
	if !c.pass.Load().mayClose() {
		return protocol.Errorf(protocol.CodeForbidden, "this peer has no right to close the room")
	}
	c.log.Info().Msg("closing the room")
	err := c.server.engine.CloseRoom(c.server.ctx, c.room)
	if errors.Is(err, rooms.ErrRoomUnknown) {
		return nil // somebody else was faster, and this connection is about to be cut
	}
	return err
}

// lock locks or unlocks the room, and everyone in it is told.
func (c *conn) lock(a rooms.Attachment, m protocol.Message) error {
	locked, err := m.Lock()
	if err != nil {
		return err
	}
	if !c.pass.Load().mayLock() {
		return protocol.Errorf(protocol.CodeForbidden, "this peer has no right to lock the room")
	}
	changed := false
	_, err = c.server.engine.Govern(c.server.ctx, c.room, func(p *rooms.Policy) {
		changed = p.Locked != locked
		p.Locked = locked
	})
	if err == nil && changed {
		err = SayLocked(c.server.ctx, c.server.engine, c.room, locked)
	}
	if err != nil {
		return err
	}
	c.log.Info().Bool("locked", locked).Msg("locked or unlocked")
	return c.settleOnly(a, m)
}

// SayLocked tells everyone in a room that it has been locked or unlocked. A room that nobody is in any more needs no word.
func SayLocked(ctx context.Context, governor rooms.Governor, room string, locked bool) error {
	body := protocol.Encode(protocol.RoomUpdated{Type: protocol.TypeRoomUpdated, Locked: locked})
	_, err := governor.Say(ctx, room, body)
	if errors.Is(err, rooms.ErrRoomUnknown) {
		return nil
	}
	return err
}
