package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/signaling/protocol"
)

var (
	// ErrClosed is returned by all methods after the end: after Close, Leave, or an Ended event, whose Err it then wraps.
	ErrClosed = errors.New("client: closed")
	// ErrSessionLost is returned by the sending methods between the loss of a session and the moment when Next gives the
	// Joined event of the next one. What belonged to the lost session must not be sent into the new one.
	ErrSessionLost = errors.New("client: the session was lost: nothing is sent until the Joined event of the new one was taken")
	// ErrServer is wrapped by the error that ends a Client whose server broke the protocol.
	ErrServer = errors.New("client: the server broke the protocol")
)

var (
	errMoving = errors.New("client: the server is draining")
	errWrite  = errors.New("client: write")
	errSilent = errors.New("client: nothing was heard from the server")
	errLeft   = errors.New("client: left")
)

// CloseError tells that the server ended the connection with a WebSocket close code. Code.Action says what that means.
type CloseError struct {
	Code   protocol.CloseCode
	Reason string // for a person; may be empty
}

// Error gives code and reason.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("client: the connection was closed with %d", e.Code)
	}
	return fmt.Sprintf("client: the connection was closed with %d: %s", e.Code, e.Reason)
}

// HTTPError tells that the server, or a proxy before it, answered the WebSocket handshake with an HTTP status.
type HTTPError struct {
	Status     int
	Body       string        // its beginning
	RetryAfter time.Duration // 0 for none
}

// Error gives the status and the first line of the body.
func (e *HTTPError) Error() string {
	line, _, _ := strings.Cut(strings.TrimSpace(e.Body), "\n")
	if line == "" {
		return fmt.Sprintf("client: the handshake was answered with HTTP status %d", e.Status)
	}
	return fmt.Sprintf("client: the handshake was answered with HTTP status %d: %s", e.Status, line)
}

func violation(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrServer, fmt.Sprintf(format, args...))
}

// action tells what an error that ended a connection, or an attempt to get one, asks for.
func action(err error) protocol.Action {
	var closed *CloseError
	var refused *protocol.Error
	switch {
	case errors.Is(err, errLeft):
		return protocol.ActionDone
	case errors.Is(err, ErrServer):
		return protocol.ActionStop // the same message would come again
	case errors.As(err, &closed):
		return closed.Code.Action()
	case errors.As(err, &refused):
		switch refused.Code {
		case protocol.CodeOverloaded, protocol.CodeRateLimited, protocol.CodeRoomFull:
			return protocol.ActionResume // it may be otherwise later
		}
		return protocol.ActionStop
	}
	return protocol.ActionResume
}

// retryAfter is how long the server wants to be left alone.
func retryAfter(err error) time.Duration {
	var refused *protocol.Error
	var status *HTTPError
	switch {
	case errors.As(err, &refused):
		return seconds(refused.RetryAfter, maxRetryAfter)
	case errors.As(err, &status):
		return min(status.RetryAfter, maxRetryAfter)
	}
	return 0
}

// seconds takes a number of seconds from the wire: what is beyond the limit is cut there, and cannot overflow.
func seconds(n int, limit time.Duration) time.Duration {
	if n <= 0 {
		return 0
	}
	return time.Duration(min(n, int(limit/time.Second))) * time.Second
}

// marshal is json.Marshal that leaves <, > and & as they are: SDP and names are sent as they were given.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}
