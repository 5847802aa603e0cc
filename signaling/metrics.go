package signaling

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/rooms"
	"parley/signaling/protocol"
)

// metrics are what the endpoint counts. Labels hold only words of the protocol: no room, peer or address.
type metrics struct {
	connections prometheus.Gauge
	refused     *prometheus.CounterVec
	overloaded  *prometheus.CounterVec
	joins       *prometheus.CounterVec
	resumes     *prometheus.CounterVec
	messages    *prometheus.CounterVec
	undelivered *prometheus.CounterVec
	errors      *prometheus.CounterVec
	closes      *prometheus.CounterVec
	panics      prometheus.Counter
	calls       *prometheus.CounterVec
	callSeconds *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer, engine rooms.Engine, admission *admission) *metrics {
	gauge := func(name, help string, value func(rooms.Stats) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(value(engine.Stats())) })
	}
	admitted := func(name, help string, value func(unjoined, addresses int) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(value(admission.counted())) })
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_connections", Help: "WebSocket connections."}),
		refused:     counter("parley_refused_upgrades_total", "Requests refused before the upgrade.", "reason"),
		overloaded:  counter("parley_overloaded_total", "Refusals by the limit that was reached.", "limit"),
		joins:       counter("parley_joins_total", "Joins by result.", "result"),
		resumes:     counter("parley_resumes_total", "Resumes by result.", "result"),
		messages:    counter("parley_messages_total", "Messages of joined peers that were taken, by type.", "type"),
		undelivered: counter("parley_undelivered_total", "Messages whose senders were told that they are not delivered.", "code"),
		errors:      counter("parley_errors_total", "Errors sent to clients.", "code"),
		closes:      counter("parley_closes_total", "Connections closed by the server.", "code"),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_panics_total", Help: "Defects that ended a connection.",
		}),
		calls: counter("parley_calls_total", "Calls between two peers, as clients report them.", "state", "path"),
		callSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_call_setup_seconds", Help: "From the beginning of a negotiation to its report.",
			Buckets: []float64{.1, .25, .5, 1, 2, 4, 8, 16, 32},
		}, []string{"state"}),
	}
	if r != nil {
		r.MustRegister(m.connections, m.refused, m.overloaded, m.joins, m.resumes, m.messages, m.undelivered, m.errors, m.closes,
			m.panics, m.calls, m.callSeconds,
			admitted("parley_connections_unjoined", "WebSocket connections that have not joined.", func(u, _ int) int { return u }),
			admitted("parley_addresses", "Client addresses that are counted.", func(_, a int) int { return a }),
			gauge("parley_rooms", "Rooms with at least one peer.", func(s rooms.Stats) int { return s.Rooms }),
			gauge("parley_peers", "Peers in rooms, with those that are away.", func(s rooms.Stats) int { return s.Peers }),
			gauge("parley_peers_away", "Peers whose connection is lost.", func(s rooms.Stats) int { return s.Away }))
	}
	return m
}

func (m *metrics) report(r protocol.Report) {
	m.calls.WithLabelValues(r.State, r.Path).Inc()
	if r.Elapsed > 0 && r.State != "closed" {
		m.callSeconds.WithLabelValues(r.State).Observe(float64(r.Elapsed) / 1000)
	}
}
