package main

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"parley/certs"
	"parley/rooms"
	"parley/signaling"
	"parley/web"
)

const (
	maxHeader    = 16 << 10 // bytes
	headerWithin = 10 * time.Second
	bodyWithin   = 30 * time.Second // nothing here takes a body, but a request may bring one
	answerWithin = time.Minute
	idleWithin   = time.Minute
)

// newPublicServer makes the server of the page and the endpoint. Its deadlines end with the upgrade to a WebSocket.
func newPublicServer(handler http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerWithin,
		ReadTimeout:       bodyWithin,
		WriteTimeout:      answerWithin,
		IdleTimeout:       idleWithin,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          newHTTPLog(log),
	}
}

// newPublicHandler puts everything public onto one origin, so that one certificate, and one exception to it, serves all.
func newPublicHandler(endpoint *signaling.Server, h *health, tls tlsSetup) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler())
	mux.Handle("GET /ws", endpoint)
	mux.HandleFunc("GET /healthz", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
	if tls.dev != nil {
		pages, err := certs.NewAuthorityHandler(tls.dev.Authority())
		if err != nil {
			return nil, err
		}
		mux.Handle(certs.AuthorityPagePath, pages)
		mux.Handle(certs.AuthorityFilePath, pages)
	}
	return mux, nil
}

// health answers those who watch over the server.
type health struct {
	engine  rooms.Engine
	needed  bool // an engine that has been there and is away makes the node unready
	reached atomic.Bool
	closing atomic.Bool
}

// readyWithin is how long the engine may take to say whether it is ready.
const readyWithin = 2 * time.Second

// alive answers as long as the process does.
func (*health) alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, "ok")
}

// ready tells whether new connections are welcome here.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.closing.Load() {
		answer(w, http.StatusServiceUnavailable, "the server is shutting down")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	switch err := h.engine.Ready(ctx); {
	case err == nil:
		h.reached.Store(true)
		answer(w, http.StatusOK, "ready")
	case h.needed || !h.reached.Load():
		answer(w, http.StatusServiceUnavailable, "engine: away")
	default: // the nodes that share it would all be unready at once, and nobody could be told to come back later
		answer(w, http.StatusOK, "engine: away")
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // an error means that the client has gone
}
