package signaling

import (
	"context"
	"errors"

	"parley/rooms"
	"parley/signaling/protocol"
)

// wireError gives an error in the words of the wire. The text of an internal one stays in the log.
func (c *conn) wireError(err error) *protocol.Error {
	var wire *protocol.Error
	switch {
	case errors.As(err, &wire):
		return wire
	case errors.Is(err, rooms.ErrRoomFull):
		return protocol.Errorf(protocol.CodeRoomFull, "the room is full")
	case errors.Is(err, rooms.ErrRoomLocked):
		return protocol.Errorf(protocol.CodeRoomClosed, "the room is locked")
	case errors.Is(err, rooms.ErrPassword):
		return protocol.Errorf(protocol.CodeForbidden, "the room has a password, and this is not it")
	case errors.Is(err, rooms.ErrIdentityTaken):
		return protocol.Errorf(protocol.CodeForbidden, "this identity is in the room already, on another connection")
	case errors.Is(err, rooms.ErrSessionLost):
		return protocol.Errorf(protocol.CodeSessionLost, "the session has ended: join anew")
	case errors.Is(err, rooms.ErrSettling): // the code that asks for the message to be sent again
		later := protocol.Errorf(protocol.CodeRateLimited, "the server is about to end: send this to the next one")
		later.RetryAfter = 2
		return later
	case errors.Is(err, rooms.ErrNeverSent):
		return protocol.Errorf(protocol.CodeBadMessage, "this acknowledges more than was sent")
	case errors.Is(err, rooms.ErrTooManyRooms):
		return c.server.overloaded(limitRooms, c.from)
	case errors.Is(err, rooms.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return c.server.overloaded(limitEngine, c.from)
	default:
		c.log.Error().Err(err).Msg("internal error")
		return protocol.Errorf(protocol.CodeInternal, "internal error")
	}
}

// result is the label that a join or resume is counted under.
func result(err error) string {
	var wire *protocol.Error
	switch {
	case errors.As(err, &wire):
		return string(wire.Code)
	case err == nil:
		return "ok"
	case errors.Is(err, rooms.ErrRoomFull):
		return "room-full"
	case errors.Is(err, rooms.ErrRoomLocked):
		return "room-closed"
	case errors.Is(err, rooms.ErrIdentityTaken), errors.Is(err, rooms.ErrPassword):
		return "forbidden"
	case errors.Is(err, rooms.ErrSessionLost):
		return "session-lost"
	case errors.Is(err, rooms.ErrNeverSent):
		return "bad-message"
	case errors.Is(err, rooms.ErrDetached): // the client did not wait for the answer
		return "gone"
	case errors.Is(err, rooms.ErrUnavailable), errors.Is(err, rooms.ErrTooManyRooms), errors.Is(err, context.DeadlineExceeded):
		return "overloaded"
	default:
		return "internal"
	}
}
