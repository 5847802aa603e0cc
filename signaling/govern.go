package signaling

import (
	"context"
	"errors"
	"slices"

	"parley/rooms"
	"parley/signaling/protocol"
	"parley/signaling/token"
)

// may tells whether a pass gives a right that no peer has without being given it; nil gives none.
func (p *pass) may(r token.Right) bool {
	return p != nil && (slices.Contains(p.May, r) || slices.Contains(p.Asked.May, r))
}

// rights gives all such rights of a pass, nil for none, in the words of the wire.
func (p *pass) rights() (all []string) {
	if p == nil {
		return nil
	}
	for _, r := range token.GivenOnly(slices.Concat(p.May, p.Asked.May)) {
		all = append(all, string(r))
	}
	return all
}

// kick has a peer leave. One that has left already is gone as wished.
func (c *conn) kick(a rooms.Attachment, m protocol.Message) error {
	k, err := m.Kick()
	if err != nil {
		return err
	}
	if !c.pass.Load().may(token.MayKick) {
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
	if !c.pass.Load().may(token.MayClose) {
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
	if !c.pass.Load().may(token.MayLock) {
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
