package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/certs"
	"parley/signaling"
)

// serveCommand is the server itself.
type serveCommand struct{ Settings }

// Run serves until the context ends.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	return run(ctx, &c.Settings, newLogger(&c.Settings, s.env, s.err), nil)
}

// addresses is where a running server listens.
type addresses struct {
	public net.Addr
	admin  net.Addr // nil where there is none
}

// How long the last steps of the end may take, behind the drain.
const (
	connectionsWithin = 2 * time.Second // until clients have answered the close
	requestsWithin    = time.Second     // until requests that are being answered are done
	eventsWithin      = 5 * time.Second // until the event webhook has what waits for it
)

// run is the whole server, from opening its addresses to having ended everything that it started. It returns nil when the
// context has ended it. started, if not nil, is called once it can be reached.
func run(ctx context.Context, s *Settings, log zerolog.Logger, started func(addresses)) error {
	public, admin, err := listenAll(ctx, s)
	if err != nil {
		return err
	}
	defer public.Close() // a second time does no harm
	if admin != nil {
		defer admin.Close()
	}
	tls, err := openTLS(s, log)
	if err != nil {
		return err
	}
	defer func() { logFailure(log, "closing the certificates", tls.source.Close()) }()

	registry := newRegistry(tls.source)
	hooks, err := openWebhooks(s, registry, log)
	if err != nil {
		return err
	}
	defer hooks.close(context.WithoutCancel(ctx)) // after the engine, which may still have something to tell
	engine, err := newEngine(ctx, s, hooks.occurred(), registry, log)
	if err != nil {
		return err
	}
	defer func() { logFailure(log, "closing the engine", engine.Close()) }()
	tokens, closeTokens, err := openTokens(s, log)
	if err != nil {
		return err
	}
	defer closeTokens()
	config := s.signaling(log)
	config.Registerer, config.Tokens = registry, tokens
	config.Authorizer, config.Reported = hooks.authorizer, hooks.reported()
	endpoint, err := signaling.New(config, engine)
	if err != nil {
		return fmt.Errorf("%s: %w", s.said("origin"), err)
	}
	h := &health{engine: engine, needed: s.ReadyNeedsEngine || !engine.Shared()}
	handler, operators, err := s.newHandlers(endpoint, h, tls, registry, admin, log)
	if err != nil {
		return errors.Join(err, endpoint.Shutdown(context.WithoutCancel(ctx)))
	}
	servers := &servers{failed: make(chan error, 2)}
	servers.serve(newPublicServer(handler, log), tls.listener(s.TrustedProxy.listener(public), registry, log))
	at := addresses{public: public.Addr()}
	if admin != nil {
		at.admin = admin.Addr()
		servers.serve(newAdminServer(operators, log), admin)
	}
	greet(log, s, tls, at)
	if started != nil {
		started(at)
	}
	err = servers.wait(ctx, s.Drain, log)
	h.closing.Store(true)
	// The context has ended, so the end gets one of its own.
	end(context.WithoutCancel(ctx), s.Drain.duration(), endpoint, servers, log)
	return err
}

// newHandlers makes what is served on the two addresses; operators is nil where admin is.
func (s *Settings) newHandlers(endpoint *signaling.Server, h *health, tls tlsSetup, registry *prometheus.Registry,
	admin net.Listener, log zerolog.Logger,
) (public, operators http.Handler, err error) {
	public, err = newPublicHandler(endpoint, h, tls)
	if err != nil || admin == nil {
		return public, nil, err
	}
	operators, err = s.newAdminHandler(h.engine, endpoint, registry, admin.Addr(), log)
	return public, operators, err
}

// end drains, and closes the connections before the rest, because http.Server.Shutdown passes over those that were upgraded.
func end(ctx context.Context, drain time.Duration, endpoint *signaling.Server, servers *servers, log zerolog.Logger) {
	draining, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	logFailure(log, "delivering what was taken", endpoint.Drain(draining))
	connections, cancel := context.WithTimeout(ctx, connectionsWithin)
	defer cancel()
	logFailure(log, "closing the connections", endpoint.Shutdown(connections))
	requests, cancel := context.WithTimeout(ctx, requestsWithin)
	defer cancel()
	logFailure(log, "ending the HTTP server", servers.shutdown(requests))
}

func logFailure(log zerolog.Logger, what string, err error) {
	if err != nil {
		log.Warn().Err(err).Msg(what)
	}
}

// servers are the HTTP servers that run.
type servers struct {
	all    []*http.Server
	failed chan error // a server that ended by itself; room for all of them
}

func (s *servers) serve(server *http.Server, on net.Listener) {
	s.all = append(s.all, server)
	go func() {
		if err := server.Serve(on); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serving on %s: %w", on.Addr(), err)
		}
	}()
}

// wait waits for the end: that of the context, or of a server that failed.
func (s *servers) wait(ctx context.Context, drain drainTime, log zerolog.Logger) error {
	select {
	case <-ctx.Done():
		log.Info().Stringer("within", drain).Msg("Ending: what was taken is delivered, and clients are told to come back. A second signal ends at once.")
		return nil
	case err := <-s.failed:
		return err
	}
}

// shutdown waits for requests; those that are not done when the context ends are cut off, which is no failure.
func (s *servers) shutdown(ctx context.Context) error {
	var all error
	for _, server := range s.all {
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		all = errors.Join(all, err)
	}
	return all
}

// tlsSetup is the certificate's source, and what mode dev has beside it.
type tlsSetup struct {
	source certs.Source
	dev    *certs.Dev // nil in other modes
}

func newRegistry(source certs.Source) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(processCollectors(source)...)
	return r
}
