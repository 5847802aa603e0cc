package protocol

import "fmt"

// Code is the machine's half of an error: stable names, of which a client may know more or fewer than the server.
type Code string

// The error codes. Where the connection is closed after one of them, Code.Close says with what.
const (
	CodeBadJSON            Code = "bad-json"
	CodeBadMessage         Code = "bad-message"
	CodeUnknownType        Code = "unknown-type"
	CodeTooLarge           Code = "too-large" // a member over its limit, or a whole message, which closes with 1009
	CodeRateLimited        Code = "rate-limited"
	CodeForbidden          Code = "forbidden"
	CodeNotJoined          Code = "not-joined"
	CodeAlreadyJoined      Code = "already-joined"
	CodeRoomFull           Code = "room-full"
	CodeRoomClosed         Code = "room-closed"
	CodeRoomUnknown        Code = "room-unknown"
	CodeSessionLost        Code = "session-lost"
	CodeOverloaded         Code = "overloaded"
	CodeUnauthorized       Code = "unauthorized"
	CodeTokenExpired       Code = "token-expired"
	CodeUnsupportedVersion Code = "unsupported-version"
	CodeInternal           Code = "internal"
)

// The codes of undelivered: why a message did not and will not reach its receiver.
const (
	CodePeerUnknown Code = "peer-unknown" // nobody of that id is, or lately was, in the room
	CodePeerGone    Code = "peer-gone"    // it has left
	CodePeerSlow    Code = "peer-slow"    // as much waits for it as may wait
)

// CloseCode is a WebSocket close code (RFC 6455 §7.4). The range says what the client does: see Action.
type CloseCode int

// The close codes that the server sends, and those that a client meets.
const (
	CloseNormal       CloseCode = 1000
	CloseGoingAway    CloseCode = 1001
	CloseProtocol     CloseCode = 1002
	CloseUnsupported  CloseCode = 1003 // a binary message
	CloseAbnormal     CloseCode = 1006 // never sent: what a client sees when the connection just ends
	CloseBadUTF8      CloseCode = 1007
	ClosePolicy       CloseCode = 1008
	CloseTooLarge     CloseCode = 1009
	CloseInternal     CloseCode = 1011
	CloseRestart      CloseCode = 1012
	CloseTryLater     CloseCode = 1013
	ClosePingTimeout  CloseCode = 4000
	CloseSlow         CloseCode = 4002
	CloseMoved        CloseCode = 4003
	CloseSessionEnded CloseCode = 4100
	CloseTokenExpired CloseCode = 4102
	CloseNotJoined    CloseCode = 4103
	CloseUnauthorized CloseCode = 4500
	CloseReplaced     CloseCode = 4501
	CloseKicked       CloseCode = 4503
	CloseRoomClosed   CloseCode = 4504
	CloseViolation    CloseCode = 4505
	CloseVersion      CloseCode = 4506
	CloseRate         CloseCode = 4507
)

// Action is what a client does when its connection has ended.
type Action string

// The four actions. A client that meets a code it does not know does what the code's range says.
const (
	ActionDone   Action = "done"   // it is over, as wished
	ActionResume Action = "resume" // reconnect and resume the session
	ActionJoin   Action = "join"   // reconnect and join anew: the session is gone
	ActionStop   Action = "stop"   // stay away, and show why
)

// Action tells what a client does after this close code.
func (c CloseCode) Action() Action {
	switch {
	case c == CloseNormal:
		return ActionDone
	case c == CloseProtocol, c == CloseUnsupported, c >= CloseBadUTF8 && c <= CloseTooLarge, c >= 4500:
		return ActionStop
	case c == CloseTryLater, c >= 4100 && c < 4200:
		return ActionJoin
	default:
		return ActionResume
	}
}

// Close tells with which close code the connection ends after an error of this code was sent; ok is false where it stays.
// CodeTooLarge is not among them: only a whole message that is too large ends the connection, and the reader knows which.
func (c Code) Close() (code CloseCode, ok bool) {
	switch c {
	case CodeUnauthorized:
		return CloseUnauthorized, true
	case CodeTokenExpired:
		return CloseTokenExpired, true
	case CodeUnsupportedVersion:
		return CloseVersion, true
	case CodeInternal:
		return CloseInternal, true
	default:
		return 0, false
	}
}

// Error is a refusal with its code. It is what decoding returns, what the server sends and what a client reads.
type Error struct {
	Code       Code
	Message    string // for a person
	RetryAfter int    // seconds; 0 for none
}

// Errorf makes an Error; format and args are for a person.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error gives the code and the message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }
