// Package signaling is the wss endpoint of parley.v1: it admits connections, keeps each alive, decodes and checks what
// arrives, and puts it into rooms (package rooms), whose events it writes back. Command parley serves it beside the page.
//
// The way of one candidate, with no way back:
//
//	socket ─ conn.read ─ protocol.Decode ─ dispatch ─ rooms.Attachment.Send ─ the receiver's inbox
//	                                                                              │ Link.Wake
//	                                              socket ─ conn.write ─ rooms.Attachment.Next
//
// A connection has one goroutine that reads, and one that writes only while there is something to write. Nobody waits for a
// peer: what is sent to a slow one waits in its inbox, which is bounded.
package signaling

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"parley/rooms"
	"parley/signaling/protocol"
)

// Server is the endpoint, an http.Handler for the path /ws. Make it with New, end it with Shutdown.
type Server struct {
	// Static after construction.
	began     time.Time // to measure from: a clock that is set does not change what has passed since
	config    Config
	engine    rooms.Engine
	metrics   *metrics
	origins   origins
	proxies   proxies
	admission *admission
	warnings  map[limit]*rate.Sometimes
	upgrader  websocket.Upgrader
	wheel     *wheel
	buffers   sync.Pool // of *[]byte, for messages that are being read

	ctx    context.Context // of calls of the engine; ends when Shutdown has waited long enough
	cancel context.CancelFunc

	lastConn atomic.Uint64

	draining atomic.Bool // nobody new is let in

	waiting atomic.Int64 // newcomers who wait for somebody to let them in

	mu sync.Mutex
	// Guarded by mu.
	conns   map[*conn]struct{}
	closing bool
	empty   chan struct{} // closed once no connection is left, if somebody waits for that

	running sync.WaitGroup // every goroutine of every connection
}

// New makes a server in front of an engine, which stays the caller's to close, after Shutdown.
func New(config Config, engine rooms.Engine) (*Server, error) {
	config = config.withDefaults()
	origins, err := newOrigins(config)
	if err != nil {
		return nil, err
	}
	s := &Server{
		began: time.Now(), config: config, engine: engine, origins: origins,
		proxies:  proxies{trusted: config.TrustedProxies, tls: config.TLS, log: config.Log, warned: &sync.Once{}},
		warnings: newWarnings(),
		wheel:    newWheel(wheelTick),
		conns:    map[*conn]struct{}{},
		upgrader: websocket.Upgrader{
			HandshakeTimeout: config.WriteWithin,
			ReadBufferSize:   512,     // a connection holds it for life
			WriteBufferSize:  8 << 10, // pooled: a usual description goes out as one TLS record
			WriteBufferPool:  &sync.Pool{},
			CheckOrigin:      func(*http.Request) bool { return true }, // it was checked before, with a better answer
		},
	}
	s.admission = newAdmission(config, s.wheel.after)
	s.metrics = newMetrics(config.Registerer, engine, s.admission)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.buffers.New = func() any { b := make([]byte, 0, 4<<10); return &b }
	return s, nil
}

// ServeHTTP upgrades a request to a connection and returns: the connection lives on in goroutines of its own, so that the
// memory of the HTTP server's is given back.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "This is Parley's signaling endpoint: connect with a WebSocket, subprotocol "+protocol.Subprotocol+
			".\nIf you did, a proxy on the way has dropped the Upgrade and Connection headers.", http.StatusUpgradeRequired)
		return
	}
	from := s.proxies.client(r)
	if err := s.origins.check(r, from.scheme); err != nil {
		s.metrics.refused.WithLabelValues("origin").Inc()
		s.config.Log.Warn().Str("remote", from.remote).Msg(err.Error())
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if s.isClosing() || s.draining.Load() && s.engine.Shared() { // another node serves it better
		s.metrics.refused.WithLabelValues("closing").Inc()
		w.Header().Set("Retry-After", "1")
		http.Error(w, "The server is shutting down.", http.StatusServiceUnavailable)
		return
	}
	seat, over := s.admission.arrive(from.address)
	if seat == nil {
		s.refuseUpgrade(w, over, from)
		return
	}
	header := http.Header{}
	selected, spoken := selectSubprotocol(websocket.Subprotocols(r))
	if selected != "" {
		header.Set("Sec-WebSocket-Protocol", selected)
	}
	meter := &meter{within: s.config.MessageWithin}
	ws, err := s.upgrader.Upgrade(meteredUpgrade{w, meter}, r, header)
	if err != nil {
		s.admission.leave(seat)
		s.config.Log.Debug().Err(err).Str("remote", from.remote).Msg("upgrade failed")
		return
	}
	c := newConn(s, ws, meter, from, seat)
	c.log.Debug().Str("remote", from.remote).Str("agent", r.UserAgent()).Msg("connected")
	if !s.add(c) {
		s.admission.leave(seat)
		_ = ws.Close()
		return
	}
	if oldest := s.admission.upgraded(seat, c); oldest != nil {
		oldest.turnAway(limitUnjoined)
	}
	if !spoken { // before anything is read
		c.fail(protocol.Errorf(protocol.CodeUnsupportedVersion, "this server speaks %s", protocol.Subprotocol))
	}
	c.start()
}

// selectSubprotocol gives the subprotocol to answer with, and whether it is one that the server speaks. A client that offers
// only others is accepted with its first, to be told in a message: a browser cannot read an HTTP status.
func selectSubprotocol(offered []string) (selected string, spoken bool) {
	for _, p := range offered {
		if p == protocol.Subprotocol {
			return p, true
		}
	}
	if len(offered) == 0 {
		return "", true
	}
	return offered[0], false
}

// Drain prepares for the end: joins are refused, clients are told to move elsewhere until ctx ends, and the engine settles what
// it has taken. It returns when nothing is left to wait for, or with ctx's error. Shutdown comes next.
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	within := 0
	if deadline, ok := ctx.Deadline(); ok {
		within = max(0, int(time.Until(deadline).Seconds()))
	}
	draining := protocol.Encode(protocol.Draining{Type: protocol.TypeDraining, Within: within})
	for _, c := range s.all() {
		c.drain(ctx, draining)
	}
	if s.engine.Shared() {
		s.awaitEmpty(ctx)
	}
	return s.engine.Settle(ctx)
}

func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}

// awaitEmpty waits until all connections have gone.
func (s *Server) awaitEmpty(ctx context.Context) {
	empty := make(chan struct{})
	s.mu.Lock()
	if len(s.conns) == 0 {
		close(empty)
	} else {
		s.empty = empty
	}
	s.mu.Unlock()
	select {
	case <-empty:
	case <-ctx.Done():
	}
}

// Shutdown refuses new connections, closes those that stand with 1012 (service restart) and waits until they are gone, or
// until ctx ends, when it drops them.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for c := range s.conns {
		c.close(protocol.CloseRestart, "the server is shutting down")
	}
	s.mu.Unlock()

	gone := make(chan struct{})
	go func() {
		s.running.Wait()
		close(gone)
	}()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = ctx.Err()
		s.cancel()
		s.mu.Lock()
		for c := range s.conns {
			c.drop()
		}
		s.mu.Unlock()
		<-gone
	}
	s.cancel()
	s.wheel.stop()
	return err
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// add takes a connection into the books, unless the server is closing. It counts as one running goroutine.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	s.metrics.connections.Inc()
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	if s.empty != nil && len(s.conns) == 0 {
		close(s.empty)
		s.empty = nil
	}
	s.mu.Unlock()
	s.admission.leave(c.seat)
	s.metrics.connections.Dec()
	s.running.Done()
}

// engineWithin bounds a join or resume. What comes after needs no bound of its own: the engine's is enough, and a timer for
// each message costs more than it is worth.
const engineWithin = 15 * time.Second

func (s *Server) engineContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, engineWithin)
}
