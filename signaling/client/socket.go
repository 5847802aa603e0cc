package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"parley/signaling/protocol"
)

// socket is one WebSocket. The goroutine that connects reads from it, another one writes.
type socket struct {
	ws     *websocket.Conn
	opened time.Time
	heard  atomic.Int64 // when something came, in nanoseconds since opened

	broken chan struct{} // closed when nothing can be written any more
	once   sync.Once
	cause  error // why it is broken; set before broken is closed

	// Owned by the writing goroutine.
	pinged time.Time // when the last ping was written, zero for never
	left   bool      // leave was written

	// Owned by the reading goroutine.
	refused *protocol.Error // after which the server closes
}

// meter notes that the connection is alive: any byte counts, also those of a control frame or of half a long message.
type meter struct {
	net.Conn
	sock *socket
}

// Read implements io.Reader.
func (m meter) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	if n > 0 {
		m.sock.hear()
	}
	return n, err
}

func (s *socket) hear() { s.heard.Store(int64(time.Since(s.opened))) }

func (s *socket) lastHeard() time.Time { return s.opened.Add(time.Duration(s.heard.Load())) }

// dial opens a socket. When ctx ends the attempt ends, also where the WebSocket library would go on.
func (c *Client) dial(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.ConnectTimeout)
	defer cancel()
	s := &socket{opened: time.Now(), broken: make(chan struct{})}
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, TLSClientConfig: c.cfg.TLS}
	netDial := c.cfg.NetDial
	if netDial == nil {
		netDial = (&net.Dialer{}).DialContext
		dialer.Proxy = http.ProxyFromEnvironment
	}
	stop := func() bool { return true }
	dialer.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := netDial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		return meter{conn, s}, nil
	}
	ws, response, err := dialer.DialContext(ctx, c.cfg.URL, c.cfg.Header)
	if stopped := stop(); !stopped && err == nil {
		_ = ws.Close()
		err = ctx.Err()
	}
	if err != nil {
		return nil, dialError(ctx, response, err)
	}
	if ws.Subprotocol() != protocol.Subprotocol {
		_ = ws.Close()
		return nil, fmt.Errorf("client: the server does not speak %s", protocol.Subprotocol)
	}
	ws.SetReadLimit(maxMessage)
	ws.SetPingHandler(func(data string) error {
		// The library's own handler would give up the connection if the pong took longer than a second.
		err := ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWithin))
		if errors.Is(err, websocket.ErrCloseSent) {
			return nil
		}
		return err
	})
	s.ws = ws
	return s, nil
}

// dialError names what went wrong, and keeps the errors of net, crypto/tls and crypto/x509 within reach of errors.As.
func dialError(ctx context.Context, response *http.Response, err error) error {
	cause := ctx.Err()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		cause = context.DeadlineExceeded // the connection has the same deadline, and may be ahead of the context
	}
	if cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if !errors.Is(err, websocket.ErrBadHandshake) || response == nil {
		return fmt.Errorf("client: connect: %w", err)
	}
	body, _ := io.ReadAll(response.Body) // the library has cut it to its beginning
	after, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return &HTTPError{Status: response.StatusCode, Body: string(body), RetryAfter: seconds(after, maxRetryAfter)}
}

// write writes one message. Only one goroutine at a time may call it.
func (s *socket) write(message []byte) error {
	_ = s.ws.SetWriteDeadline(time.Now().Add(writeWithin))
	return s.ws.WriteMessage(websocket.TextMessage, message)
}

// read reads one message. The error is a *CloseError where the server has closed.
func (s *socket) read() (protocol.Message, error) {
	kind, text, err := s.ws.ReadMessage()
	switch {
	case err != nil:
		return protocol.Message{}, s.readError(err)
	case kind != websocket.TextMessage:
		return protocol.Message{}, violation("it sent a binary message")
	case !utf8.Valid(text):
		return protocol.Message{}, violation("it sent text that is not UTF-8")
	}
	m, err := protocol.Decode(text)
	if err != nil {
		return m, violation("%v", err)
	}
	return m, nil
}

// readError joins the close code with the error message that went before it, which says more.
func (s *socket) readError(err error) error {
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		return violation("it sent a message of more than %d bytes", maxMessage)
	case errors.As(err, &closed):
		err = &CloseError{Code: protocol.CloseCode(closed.Code), Reason: closed.Text}
	default:
		err = fmt.Errorf("client: read: %w", err)
	}
	if s.refused == nil {
		return err
	}
	if code, ok := s.refused.Code.Close(); ok && (closed == nil || closed.Code == websocket.CloseAbnormalClosure) {
		err = &CloseError{Code: code} // the close frame itself was lost
	}
	return fmt.Errorf("%w: %w", err, s.refused)
}

// fail drops the connection. The first cause counts.
func (s *socket) fail(err error) {
	s.because(err)
	_ = s.ws.Close()
}

func (s *socket) because(err error) {
	s.once.Do(func() {
		s.cause = err
		close(s.broken)
	})
}

// failWrite tells that nothing can be written any more. What has come can still be read for a moment: the server's close
// code may be in it.
func (s *socket) failWrite(err error) {
	s.because(fmt.Errorf("%w: %w", errWrite, err))
	_ = s.ws.NetConn().SetReadDeadline(time.Now().Add(time.Second))
}

// end drops the connection after a close frame.
func (s *socket) end(err error, code protocol.CloseCode) {
	s.because(err)
	frame := websocket.FormatCloseMessage(int(code), "")
	_ = s.ws.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Second))
	_ = s.ws.Close()
}
