package main

import (
	linked "container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// The limits of TLS handshakes. What is computed for one takes about a millisecond of a core, so that a core is busy for
// seconds when everybody reconnects at once.
const (
	handshakeSlots   = 4    // computed at a time, for each core
	handshakesQueued = 2048 // that wait for that
	queuedWithin     = 3 * time.Second
	clientWithin     = 10 * time.Second // for the client to say hello, and again for the rest
	clientsAwaited   = 4096             // connections whose client is to say something; beyond it the oldest goes
)

// errHandshakeRefused ends a handshake that would take too long to begin.
var errHandshakeRefused = errors.New("too many TLS handshakes at once")

// handshakes is a listener of TLS that gives out connections whose handshake is done, and does only so many at a time. When
// all clients reconnect at once they are served one after the other and those behind are refused, to come again, where
// otherwise all would be begun, none be done in time, and all begin again.
//
// A slot is held from the client's hello to the server's answer, which is all computing and no waiting: a client that says
// nothing, before or after, holds none.
type handshakes struct {
	net.Listener
	config *tls.Config
	log    zerolog.Logger
	done   *prometheus.CounterVec

	ready   chan net.Conn
	failed  chan error // of Accept
	slots   chan struct{}
	atMost  struct{ queued, awaited int }
	queued  atomic.Int64
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	awaited linked.List // of *handshake whose client is to say something, the one that has been longest at it first
}

// handshake is a connection with TLS below and above: what is written shows how far the handshake is.
type handshake struct {
	net.Conn
	listener *handshakes
	awaited  *linked.Element // guarded by the listener's mutex

	// Owned by the goroutine of the handshake.
	hello bool // has come
	slot  bool // is held
}

type handshakeKey struct{}

// newHandshakes makes a listener that accepts nothing before it is started. The configuration is the caller's no more.
func newHandshakes(l net.Listener, config *tls.Config, registry prometheus.Registerer, log zerolog.Logger) *handshakes {
	h := &handshakes{
		Listener: l, config: config, log: log,
		done: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_tls_handshakes_total", Help: "TLS handshakes by result.",
		}, []string{"result"}),
		ready: make(chan net.Conn), failed: make(chan error),
		slots: make(chan struct{}, handshakeSlots*runtime.GOMAXPROCS(0)),
	}
	h.atMost.queued, h.atMost.awaited = handshakesQueued, clientsAwaited
	h.ctx, h.cancel = context.WithCancel(context.Background())
	next := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if err := hello.Context().Value(handshakeKey{}).(*handshake).begin(hello.Context()); err != nil || next == nil {
			return nil, err
		}
		return next(hello)
	}
	registry.MustRegister(h.done, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "parley_tls_handshakes_queued", Help: "TLS handshakes that wait for others to be done.",
	}, func() float64 { return float64(h.queued.Load()) }))
	return h
}

func (l *handshakes) start() *handshakes {
	l.running.Go(l.acceptAll)
	return l
}

// Accept waits for a connection whose handshake is done.
func (l *handshakes) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.failed:
		return nil, err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends the listener and all handshakes, and waits for them.
func (l *handshakes) Close() error {
	l.cancel()
	err := l.Listener.Close()
	l.running.Wait()
	return err
}

func (l *handshakes) acceptAll() {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			l.running.Go(func() { l.shake(c) })
			continue
		case l.ctx.Err() != nil:
			return
		}
		select {
		case l.failed <- err: // the HTTP server knows which error is one to wait after
		case <-l.ctx.Done():
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// shake does the handshake of one connection and hands it over.
func (l *handshakes) shake(below net.Conn) {
	h := &handshake{Conn: below, listener: l}
	defer func() {
		if v := recover(); v != nil {
			l.log.Error().Interface("panic", v).Bytes("stack", debug.Stack()).Msg("panic in a TLS handshake")
			h.end()
			_ = below.Close()
		}
	}()
	c := tls.Server(h, l.config)
	h.await()
	err := c.HandshakeContext(context.WithValue(l.ctx, handshakeKey{}, h))
	h.end()
	l.done.WithLabelValues(h.result(err)).Inc()
	if err != nil {
		l.log.Debug().Err(err).Stringer("remote", below.RemoteAddr()).Msg("TLS handshake failed")
		answerPlainHTTP(err)
		_ = below.Close()
		return
	}
	_ = below.SetDeadline(time.Time{})
	select {
	case l.ready <- c:
	case <-l.ctx.Done():
		_ = below.Close()
	}
}

func (h *handshake) result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, errHandshakeRefused):
		return "refused"
	case !h.hello:
		return "no-hello"
	default:
		return "failed"
	}
}

// begin takes a slot once the client's hello is there, where it has to be waited for, in turn.
func (h *handshake) begin(ctx context.Context) error {
	h.hello = true
	h.notAwaited()
	l := h.listener
	select {
	case l.slots <- struct{}{}:
	default:
		defer l.queued.Add(-1)
		if l.queued.Add(1) > int64(l.atMost.queued) {
			return errHandshakeRefused
		}
		timer := time.NewTimer(queuedWithin)
		defer timer.Stop()
		select {
		case l.slots <- struct{}{}:
		case <-timer.C:
			return errHandshakeRefused
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	h.slot = true
	return nil
}

// Write is the first that follows what was computed: the client's turn has come.
func (h *handshake) Write(p []byte) (int, error) {
	if h.slot {
		h.free()
		h.await()
	}
	return h.Conn.Write(p)
}

func (h *handshake) free() {
	if h.slot {
		h.slot = false
		<-h.listener.slots
	}
}

// end leaves nothing of the handshake behind.
func (h *handshake) end() {
	h.free()
	h.notAwaited()
}

// await gives the client its time, and takes a place among those that are awaited.
func (h *handshake) await() {
	_ = h.SetDeadline(time.Now().Add(clientWithin))
	l := h.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	h.awaited = l.awaited.PushBack(h)
	if l.awaited.Len() > l.atMost.awaited {
		oldest := l.awaited.Remove(l.awaited.Front()).(*handshake)
		oldest.awaited = nil
		_ = oldest.Close()
	}
}

func (h *handshake) notAwaited() {
	l := h.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.awaited != nil {
		l.awaited.Remove(h.awaited)
		h.awaited = nil
	}
}

// answerPlainHTTP tells who has asked for http:// in place of https://.
func answerPlainHTTP(err error) {
	var header tls.RecordHeaderError
	if !errors.As(err, &header) || header.Conn == nil {
		return
	}
	switch string(header.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		_, _ = io.WriteString(header.Conn, fmt.Sprintf("HTTP/1.0 %d %s\r\n\r\nThis is an HTTPS server: ask for https://\n",
			http.StatusBadRequest, http.StatusText(http.StatusBadRequest)))
	}
}
