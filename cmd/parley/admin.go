package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"parley/certs"
	"parley/rooms"
	"parley/signaling"
	"parley/signaling/admin"
)

// newAdminServer makes the server for metrics, profiles and the admin API. It sets no deadline for answers: a profile takes as
// long as it is asked to.
func newAdminServer(handler http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerWithin,
		ReadTimeout:       bodyWithin,
		IdleTimeout:       idleWithin,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          newHTTPLog(log),
	}
}

// newAdminHandler serves metrics to everybody, and the rest to those whom the admin API lets in.
func (s *Settings) newAdminHandler(engine rooms.Engine, endpoint *signaling.Server, registry *prometheus.Registry, at net.Addr, log zerolog.Logger) (http.Handler, error) {
	token, err := s.secret("admin-token", s.AdminToken, s.AdminTokenFile)
	if err != nil {
		return nil, err
	}
	api, err := admin.New(admin.Config{
		Rooms: engine, Connections: endpoint.Connections,
		Token: token, Loopback: onLoopback(at), Log: log, Registerer: registry,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w; this makes one: openssl rand -base64 32", s.saidSecret("admin-token", s.AdminTokenFile), err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.Handle("/api/", api)
	mux.Handle("/debug/pprof/", api.Profiles(newProfiles()))
	return mux, nil
}

func newProfiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", nameOnly)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// nameOnly answers in place of pprof.Cmdline, which would tell the secrets among the flags.
func nameOnly(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, os.Args[0])
}

func onLoopback(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// processCollectors are the metrics that are not the endpoint's: the Go runtime, the process, the build, the certificate.
func processCollectors(source certs.Source) []prometheus.Collector {
	b := readBuild()
	all := []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "parley_build_info", Help: "1, with what is known of the build.",
			ConstLabels: prometheus.Labels{"version": b.version, "commit": b.commit},
		}, func() float64 { return 1 }),
	}
	if !source.NotAfter().IsZero() {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "parley_certificate_not_after_seconds", Help: "When the certificate in use ends, in Unix time.",
		}, func() float64 { return float64(source.NotAfter().Unix()) }))
	}
	return all
}
