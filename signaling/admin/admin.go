// Package admin is the operator's HTTP API: it shows rooms and the peers in them, and lets rooms be closed, locked and written
// to, and peers be sent away. Command parley serves it at /api/v1/ of the admin address, beside metrics and profiles, for which
// Profiles is the same guard.
//
// A request goes through the guard (who may), the table of routes and one handler, which asks the rooms.Governor. openapi.json
// describes every route; the tests hold it against all that they ask and are answered.
package admin

import (
	"context"
	_ "embed"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling"
)

// Config is what an API is made of.
type Config struct {
	Rooms rooms.Governor
	// Connections gives the connections that the peers of a room have to this node: see signaling.Server. nil: none are shown.
	Connections func(room string) map[rooms.PeerID]signaling.Connection

	Token    []byte // a secret that every request must bring: MinToken characters or more. nil: none is needed, on loopback
	Loopback bool   // the address can be reached from this host alone

	Log        zerolog.Logger        // changes, and refusals now and then
	Registerer prometheus.Registerer // nil: refusals are not counted
}

// API is the operator's API, an http.Handler for the paths below /api/. Make it with New.
type API struct {
	rooms       rooms.Governor
	connections func(room string) map[rooms.PeerID]signaling.Connection
	guard       *guard
	log         zerolog.Logger
	handler     http.Handler
}

// New makes an API. But for what is missing, its errors are those of the token.
func New(config Config) (*API, error) {
	guard, err := newGuard(config)
	if err != nil {
		return nil, err
	}
	if config.Connections == nil {
		config.Connections = func(string) map[rooms.PeerID]signaling.Connection { return nil }
	}
	a := &API{
		rooms: config.Rooms, connections: config.Connections,
		guard: guard, log: config.Log,
	}
	a.handler = guard.protect(a.mux())
	return a, nil
}

// ServeHTTP answers a request of an operator.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Profiles lets those who may have profiles through to next: everybody on this host, and whoever has the token beyond it.
func (a *API) Profiles(next http.Handler) http.Handler {
	if a.guard.loopback {
		return a.guard.sameHost(next)
	}
	return a.guard.protect(next)
}

// route is one thing that can be asked for.
type route struct {
	method, path string
	change       string // what the log calls the change that it makes; "": none
	handle       func(*API, *call) (any, error)
}

// routes is the whole API. What handle returns is the answer: 204 for nil, else 200 with it as JSON.
func routes() []route {
	const room = "/api/v1/rooms/{room}"
	return []route{
		{http.MethodGet, "/api/v1/rooms", "", (*API).list},
		{http.MethodGet, room, "", (*API).show},
		{http.MethodPatch, room, "govern", (*API).govern},
		{http.MethodDelete, room, "close", (*API).closeRoom},
		{http.MethodPost, room + "/messages", "say", (*API).say},
		{http.MethodDelete, room + "/peers/{peer}", "expel", (*API).expel},
		{http.MethodGet, "/api/v1/openapi.json", "", (*API).describe},
	}
}

// mux puts the routes together. The methods of a path are told apart here, for all refusals to have one form.
func (a *API) mux() http.Handler {
	paths := map[string]methods{}
	for _, r := range routes() {
		if paths[r.path] == nil {
			paths[r.path] = methods{}
		}
		paths[r.path][r.method] = r
	}
	mux := http.NewServeMux()
	for path, all := range paths {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, all) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, failf(http.StatusNotFound, "not-found", "there is nothing at this address; /api/v1/openapi.json has those of the API"))
	})
	return mux
}

// call is one request that was let in.
type call struct {
	request *http.Request
	writer  http.ResponseWriter
	room    string
	peer    string
	changed []string // of the policy, for the log
}

func (c *call) context() context.Context { return c.request.Context() }

// answerWithin is how long the engine may take: one that is away shall not hold up an operator.
const answerWithin = 15 * time.Second

// serve answers a request for a path, and logs what it changed or tried to.
func (a *API) serve(w http.ResponseWriter, r *http.Request, all methods) {
	route, err := all.find(r)
	if err != nil {
		refuse(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	c := &call{request: r.WithContext(ctx), writer: w, room: r.PathValue("room"), peer: r.PathValue("peer")}
	var answer any
	if err = checkNames(r); err == nil {
		answer, err = route.handle(a, c)
	}
	if route.change != "" {
		a.audit(route.change, c, err)
	}
	if err == nil {
		err = respond(w, answer)
	}
	if err == nil {
		return
	}
	refusal := failureOf(err)
	if refusal.status == http.StatusInternalServerError {
		a.log.Error().Err(err).Str("path", r.Pattern).Msg("an admin request failed")
	}
	refuse(w, refusal)
}

// audit logs a change, or that one was refused. Of what was said, and of passwords, nothing is logged.
func (a *API) audit(change string, c *call, err error) {
	result := "done"
	if err != nil {
		result = failureOf(err).code
	}
	entry := a.log.Info().Str("audit", change).Str("room", c.room)
	if c.peer != "" {
		entry = entry.Str("peer", c.peer)
	}
	if len(c.changed) > 0 {
		entry = entry.Strs("changed", c.changed)
	}
	entry.Str("remote", c.request.RemoteAddr).Str("result", result).Msg("admin")
}

//go:embed openapi.json
var description []byte

// describe answers with the description of the API.
func (a *API) describe(*call) (any, error) { return rawJSON(description), nil }

// timedOut tells whether the engine did not answer in time, or nobody waits for the answer any more.
func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
