package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestAdminOnLoopback(t *testing.T) {
	s := startServer(t)
	admin := "http://" + onLocalhost(s.admin)
	_, metrics := s.get(t, admin+"/metrics")
	for _, want := range []string{
		"\nparley_connections 0\n", "\ngo_goroutines ", "\nprocess_start_time_seconds ", "\nparley_build_info{", "\ngo_build_info{",
		"\nparley_certificate_not_after_seconds ",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is not in the metrics", want)
		}
	}
	if response, _ := s.get(t, admin+"/"); response.StatusCode != http.StatusNotFound {
		t.Errorf("/: %s", response.Status)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/cmdline"} {
		for host, want := range map[string]int{
			"localhost": 200, "localhost:8444": 200, "127.0.0.1": 200, "127.9.9.9:1": 200, "[::1]": 200, "[::1]:8444": 200,
			"LOCALHOST.": 200, "evil.example": 403, "evil.example:8444": 403, "localhost.evil.example": 403, "192.0.2.1": 403,
			"[2001:db8::1]:8444": 403, "0.0.0.0": 403,
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, admin+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			if response, _ := s.do(t, request); response.StatusCode != want {
				t.Errorf("%s as %s: %s, want %d", path, host, response.Status, want)
			}
		}
	}
}

func TestAdminBeyondLoopback(t *testing.T) {
	s := startServer(t, "--admin-listen=0.0.0.0:0", "--tls=off")
	admin := "http://" + onLocalhost(s.admin)
	for path, want := range map[string]int{
		"/metrics": 200, "/debug/pprof/": 404, "/debug/pprof/heap": 404, "/debug/pprof/profile": 404, "/": 404,
	} {
		if response, body := s.get(t, admin+path); response.StatusCode != want || strings.Contains(body, "parley_certificate") {
			t.Errorf("%s: %s, want %d", path, response.Status, want)
		}
	}
}
