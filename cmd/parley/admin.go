package main

import (
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"parley/certs"
)

// newAdminServer makes the server for metrics and, on loopback, profiles. It sets no deadline for answers: a profile takes as
// long as it is asked to.
func newAdminServer(registry *prometheus.Registry, at net.Addr, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           newAdminHandler(registry, at),
		ReadHeaderTimeout: headerWithin,
		ReadTimeout:       bodyWithin,
		IdleTimeout:       idleWithin,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          newHTTPLog(log),
	}
}

// newAdminHandler serves profiles, which show what is in memory, to this host alone.
func newAdminHandler(registry *prometheus.Registry, at net.Addr) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		profiles := http.NewServeMux()
		profiles.HandleFunc("/debug/pprof/", pprof.Index)
		profiles.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		profiles.HandleFunc("/debug/pprof/profile", pprof.Profile)
		profiles.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		profiles.HandleFunc("/debug/pprof/trace", pprof.Trace)
		mux.Handle("/debug/pprof/", askedAsLoopback(profiles))
	}
	return mux
}

// askedAsLoopback lets in requests that name this host as loopback. A web page can make a name of its own point to 127.0.0.1
// (DNS rebinding) and so read what a browser on this host can reach, but then its name is in the Host header.
func askedAsLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !isLoopback(trimBrackets(host)) {
			answer(w, http.StatusForbidden, "Profiles are served to this host alone: ask for localhost or 127.0.0.1.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func trimBrackets(host string) string {
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
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
