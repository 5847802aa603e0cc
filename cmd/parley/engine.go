package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/rooms/natsrooms"
)

// engineWithin is how long the start waits for NATS. A server that has not found it serves its page, and is ready later.
const engineWithin = 10 * time.Second

// newEngine makes the engine that the settings ask for: in this process, or shared with other nodes. occurred, if not nil, is told
// what happens to rooms.
func newEngine(
	ctx context.Context, s *Settings, occurred func(rooms.Occurrence), registry prometheus.Registerer, log zerolog.Logger,
) (rooms.Engine, error) {
	config, err := s.rooms()
	if err != nil {
		return nil, err
	}
	config.Occurred = occurred
	if len(s.NATSURL) == 0 {
		return rooms.NewMemory(config), nil
	}
	options := natsrooms.Options{
		URLs: s.NATSURL, Credentials: s.NATSCreds, Prefix: s.NATSPrefix, Replicas: int(s.NATSReplicas),
		Figures: newEngineFigures(registry),
		Warn:    func(what string, err error) { log.Warn().Err(err).Str("engine", "nats").Msg(what) },
	}
	if options.TLS, err = s.natsTLS(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, engineWithin)
	defer cancel()
	engine, err := natsrooms.New(ctx, config, options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.said("nats-url"), err)
	}
	return engine, nil
}

// natsTLS is how NATS's certificate is verified, nil for the system's way.
func (s *Settings) natsTLS() (*tls.Config, error) {
	if s.NATSCA == "" {
		return nil, nil
	}
	authorities, err := readAuthorities(s.NATSCA)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.said("nats-ca"), err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}, nil
}

// newEngineFigures registers the metrics of the engine over NATS.
func newEngineFigures(registry prometheus.Registerer) natsrooms.Figures {
	published := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "parley_engine_publish_seconds", Help: "From sending a message to NATS until it is stored.",
		Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .05, .25, 1, 5, 10},
	})
	lag := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "parley_engine_lag_seconds", Help: "From storing a message in NATS until this node has it, by NATS's clock and this one's.",
		Buckets: []float64{.0005, .001, .002, .005, .01, .05, .25, 1, 5, 10},
	})
	away := prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_engine_away", Help: "1 while the connection to NATS is lost."})
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_engine_" + name + "_total", Help: help})
		registry.MustRegister(c)
		return c
	}
	registry.MustRegister(published, lag, away)
	takeovers := counter("takeovers", "Sessions taken over from another node.")
	replayed := counter("replayed", "Messages read again for a session that was taken over.")
	swept := counter("swept_peers", "Peers of dead nodes that this one has taken over.")
	return natsrooms.Figures{
		Published: func(d time.Duration) { published.Observe(d.Seconds()) },
		Lag:       func(d time.Duration) { lag.Observe(d.Seconds()) },
		Retried:   counter("retries", "Messages that had to be published again.").Inc,
		Replayed: func(n int) {
			takeovers.Inc()
			replayed.Add(float64(n))
		},
		Fenced:   counter("fenced", "Sessions that were found to be another node's.").Inc,
		Conflict: counter("conflicts", "Compare-and-sets that had to be tried again.").Inc,
		Swept:    func(n int) { swept.Add(float64(n)) },
		Away: func(is bool) {
			away.Set(0)
			if is {
				away.Set(1)
			}
		},
	}
}
