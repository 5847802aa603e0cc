package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/signaling/protocol"
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

const testAdminToken = "0123456789abcdef-for-tests-alone"

// bearer asks for a URL of the admin address, with a token unless it is "".
func (s *testServer) bearer(t *testing.T, path, token string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+onLocalhost(s.admin)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return s.do(t, request)
}

func TestAdminBeyondLoopbackWithAToken(t *testing.T) {
	file := writeTemp(t, "token", testAdminToken+"\n")
	s := startServer(t, "--admin-listen=0.0.0.0:0", "--tls=off", "--admin-token-file="+file)
	if !strings.Contains(s.log.String(), "for whoever has the token") {
		t.Errorf("log:\n%s", s.log)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap"} {
		for token, want := range map[string]int{"": 401, "x" + testAdminToken: 401, testAdminToken: 200} {
			if response, _ := s.bearer(t, path, token); response.StatusCode != want {
				t.Errorf("%s with %q: %s, want %d", path, token, response.Status, want)
			}
		}
	}
	_, metrics := s.bearer(t, "/metrics", "")
	if !strings.Contains(metrics, "\nparley_admin_refused_total{reason=\"token\"} 4\n") {
		t.Errorf("metrics:\n%s", metrics)
	}
	if log := s.log.String(); strings.Contains(log, testAdminToken) || strings.Count(log, "an admin request was refused") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// TestProfilesTellNoSecrets: what a program was started with is among them, and its flags may be secrets.
func TestProfilesTellNoSecrets(t *testing.T) {
	s := startServer(t, "--tls=off")
	_, body := s.get(t, "http://"+onLocalhost(s.admin)+"/debug/pprof/cmdline")
	if want := os.Args[0] + "\n"; len(os.Args) < 2 || body != want {
		t.Errorf("got %q of %d arguments, want %q", body, len(os.Args), want)
	}
}

func TestWrongAdminTokens(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--admin-token=short"}, "--admin-token: an admin token has at least 32 characters; this makes one: openssl rand -base64 32"},
		{[]string{"--admin-token=a secret that is for tests alone"}, "--admin-token: an admin token is of visible ASCII characters"},
		{[]string{"--admin-token-file=" + writeTemp(t, "blank", "\n")}, "--admin-token-file: an admin token has at least 32 characters"},
		{[]string{"--admin-token-file=/none"}, "--admin-token-file: /none: no such file"},
	} {
		args := append([]string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--tls=off"}, test.args...)
		checkFailure(t, runCommand(nil, args...), exitFailure, test.want, "")
	}
}

// TestAdminAPIOfARunningServer goes all the way once: a peer joins, is seen, is written to and sent away.
func TestAdminAPIOfARunningServer(t *testing.T) {
	s := startServer(t, "--tls=off")
	ws := s.dial(t, "ws")
	me := join(t, ws, "kitchen").Peer
	ask := func(method, path, body string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+onLocalhost(s.admin)+"/api/v1/rooms"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, answer := s.do(t, request)
		return fmt.Sprint(response.StatusCode, " ", strings.TrimSpace(answer))
	}
	if got, want := ask("GET", "", ""), `200 {"rooms":[{"name":"kitchen","peers":1,"locked":false,"hasPassword":false,"kept":false}]}`; got != want {
		t.Errorf("got %s", got)
	}
	if got := ask("GET", "/kitchen", ""); !strings.Contains(got, `"peer":"`+me+`"`) || !strings.Contains(got, `"address":"127.0.0.1"`) ||
		!strings.Contains(got, `"connection":{"since":"`) || strings.Contains(got, `"received":0`) || strings.Contains(got, `"sent":0`) {
		t.Errorf("got %s", got)
	}
	if got := ask("PATCH", "/kitchen", `{"locked":true,"password":"hunter2"}`); got != `200 {"locked":true,"hasPassword":true,"kept":false}` {
		t.Errorf("got %s", got)
	}
	if got := ask("POST", "/kitchen/messages", `{"data":7}`); got != `200 {"peers":1}` {
		t.Errorf("got %s", got)
	}
	for {
		_, text, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(text), `{"type":"announcement","data":7,"seq":`) {
			break
		}
	}
	if got := ask("DELETE", "/kitchen/peers/"+me, ""); got != "204 " {
		t.Errorf("got %s", got)
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, int(protocol.CloseKicked)) {
		t.Errorf("the peer saw %v", err)
	}
	if log := s.log.String(); strings.Contains(log, "hunter2") || strings.Count(log, "audit=") != 3 {
		t.Errorf("log:\n%s", log)
	}
}
