package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/signaling/protocol"
)

// dial opens the endpoint as a client would.
func (s *testServer) dial(t *testing.T, scheme string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{TLSClientConfig: clientTLS(t), Subprotocols: []string{protocol.Subprotocol}}
	ws, response, err := dialer.DialContext(t.Context(), scheme+"://"+onLocalhost(s.public)+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	if ws.Subprotocol() != protocol.Subprotocol {
		t.Errorf("subprotocol %q", ws.Subprotocol())
	}
	return ws
}

func join(t *testing.T, ws *websocket.Conn, room string) protocol.Joined {
	t.Helper()
	request, err := json.Marshal(map[string]string{"type": protocol.TypeJoin, "room": room})
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, request); err != nil {
		t.Fatal(err)
	}
	_, text, err := ws.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	m, err := protocol.Decode(text)
	if err != nil || m.Type != protocol.TypeJoined {
		t.Fatalf("%v: %s", err, text)
	}
	joined, err := protocol.DecodeInto[protocol.Joined](m)
	if err != nil {
		t.Fatal(err)
	}
	return joined
}

func TestJoinOverTLS(t *testing.T) {
	s := startServer(t, "--grace=20s", "--room-capacity=3", "--rate=0", "--burst=0", "--max-message=0", "--ice-server=stun:a.example")
	first := join(t, s.dial(t, "wss"), "kitchen")
	second := join(t, s.dial(t, "wss"), "kitchen")
	if len(second.Peers) != 1 || second.Peers[0].Peer != first.Peer {
		t.Errorf("the second sees %+v, the first is %s", second.Peers, first.Peer)
	}
	want := protocol.Limits{Peers: 3, Unacknowledged: 256}
	if first.Grace != 20 || first.Limits != want || len(first.ICEServers) != 1 || first.ICEServers[0].URLs[0] != "stun:a.example" {
		t.Errorf("got %+v", first)
	}
	if _, metrics := s.get(t, "http://"+onLocalhost(s.admin)+"/metrics"); !strings.Contains(metrics, "\nparley_peers 2\n") {
		t.Errorf("metrics:\n%s", metrics)
	}
}

func TestJoinWithoutTLS(t *testing.T) {
	s := startServer(t, "--tls=off", "--admin-listen=off")
	join(t, s.dial(t, "ws"), "kitchen")
	if s.admin != nil {
		t.Errorf("admin listens on %v", s.admin)
	}
	if !strings.Contains(s.log.String(), "TLS is off") || strings.Contains(s.log.String(), "SHA-256") {
		t.Errorf("log:\n%s", s.log)
	}
	response, _ := s.get(t, "http://"+onLocalhost(s.public)+"/parley-ca")
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("/parley-ca: %s", response.Status)
	}
}

func TestPublicPaths(t *testing.T) {
	s := startServer(t)
	for _, test := range []struct {
		path string
		code int
		want string
	}{
		{"/", 200, "<title>Parley</title>"},
		{"/style.css", 200, "color-scheme"},
		{"/favicon.svg", 200, "<svg"},
		{"/healthz", 200, "ok\n"},
		{"/readyz", 200, "ready\n"},
		{"/parley-ca", 200, "Trust this Parley server"},
		{"/parley-ca.crt", 200, "BEGIN CERTIFICATE"},
		{"/ws", 426, "subprotocol parley.v1"},
		{"/metrics", 404, "nothing at this address"},
		{"/debug/pprof/", 404, ""},
		{"/nothing", 404, ""},
	} {
		response, body := s.get(t, test.path)
		if response.StatusCode != test.code || !strings.Contains(body, test.want) {
			t.Errorf("%s: %s %q", test.path, response.Status, body)
		}
		if response.ProtoMajor != 1 {
			t.Errorf("%s came over %s", test.path, response.Proto)
		}
	}
}

func TestForeignOriginIsRefused(t *testing.T) {
	s := startServer(t, "--origin=https://friend.example", "--no-allow-no-origin")
	for origin, want := range map[string]int{
		"https://" + onLocalhost(s.public): http.StatusSwitchingProtocols,
		"https://friend.example":           http.StatusSwitchingProtocols,
		"https://foe.example":              http.StatusForbidden,
		"":                                 http.StatusForbidden,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		dialer := websocket.Dialer{TLSClientConfig: clientTLS(t)}
		ws, response, err := dialer.DialContext(t.Context(), "wss://"+onLocalhost(s.public)+"/ws", header)
		if response == nil {
			t.Fatal(err)
		}
		if response.StatusCode != want {
			t.Errorf("origin %q: %s, want %d", origin, response.Status, want)
		}
		_ = response.Body.Close()
		if ws != nil {
			_ = ws.Close()
		}
	}
}

// TestShutdown ends the server under a client that is slow to answer, so that the steps can be seen one after the other.
func TestShutdown(t *testing.T) {
	s := startServer(t)
	ws := s.dial(t, "wss")
	join(t, ws, "kitchen")
	s.stop()
	for {
		response, body := s.get(t, "/readyz")
		if response.StatusCode == http.StatusServiceUnavailable {
			if body != "the server is shutting down\n" {
				t.Errorf("readyz: %q", body)
			}
			break
		}
	}
	if response, _ := s.get(t, "/healthz"); response.StatusCode != http.StatusOK {
		t.Errorf("healthz: %s", response.Status)
	}
	_, draining, err := ws.ReadMessage()
	if !strings.HasPrefix(string(draining), `{"type":"draining","within":`) {
		t.Errorf("the client read %s, %v", draining, err)
	}
	_, _, err = ws.ReadMessage() // gorilla answers the close
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != int(protocol.CloseRestart) {
		t.Errorf("the client saw %v", err)
	}
	<-s.ended
	if s.err != nil {
		t.Errorf("run: %v", s.err)
	}
	if log := s.log.String(); strings.Contains(log, "WRN") || strings.Contains(log, "ERR") {
		t.Errorf("log:\n%s", log)
	}
	if c, err := net.Dial("tcp", s.public.String()); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.Addr().String()
	const free = "127.0.0.1:0"
	file := writeTemp(t, "p.yaml", "admin-listen: "+at+"\n")
	for said, got := range map[string]outcome{
		"--listen":              runCommand(nil, "--listen", at, "--admin-listen", free),
		"PARLEY_LISTEN":         runCommand(map[string]string{"PARLEY_LISTEN": at}, "--admin-listen", free),
		"--admin-listen":        runCommand(nil, "--listen", free, "--admin-listen", at),
		file + ": admin-listen": runCommand(nil, "--listen", free, "--config", file),
	} {
		flag := "listen"
		if strings.Contains(said, "admin") {
			flag = "admin-listen"
		}
		checkFailure(t, got, exitFailure, said+" "+at+": ", "in use; choose another with --"+flag+"\n")
	}
}

func TestCertificateFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir)
	garbage := writeTemp(t, "garbage.pem", "no key")
	for _, test := range []struct{ cert, key, begin, want string }{
		{dir + "/none", key, "--tls-cert: ", "no such file"},
		{cert, dir + "/none", "--tls-key: ", "no such file"},
		{cert, dir, "--tls-key: ", "is a directory"},
		{cert, garbage, "--tls-key: ", garbage},
		{garbage, key, "--tls-cert: ", garbage},
	} {
		got := runCommand(nil, "--listen=127.0.0.1:0", "--admin-listen=off", "--tls=files", "--tls-cert", test.cert, "--tls-key", test.key)
		checkFailure(t, got, exitFailure, test.begin, test.want)
	}
	s := startServer(t, "--tls=files", "--tls-cert", cert, "--tls-key", key)
	// The log of the watch on the folder is the only thing that could warn.
	if log := s.log.String(); strings.Contains(log, "WRN") {
		t.Errorf("log:\n%s", log)
	}
	got := runCommand(nil, "health", "https://"+onLocalhost(s.public), "--ca", cert)
	checkFailure(t, got, exitFailure, "https://"+onLocalhost(s.public), "example.com") // whom the certificate is for
	if got := runCommand(nil, "health", "https://"+s.public.String(), "--ca", cert); got.code != exitOK {
		t.Errorf("health: %s", got.err)
	}
}

func TestStartThatFailsLater(t *testing.T) {
	for arg, want := range map[string]string{
		"--origin=kitchen": "--origin: origin \"kitchen\" is not of the form",
		"--domain=a b":     "--domain: \"a b\" is neither a host name",
	} {
		checkFailure(t, runCommand(nil, "--listen=127.0.0.1:0", "--admin-listen=off", arg), exitFailure, want, "")
	}
}

// TestServerThatFails takes its listener away.
func TestServerThatFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &servers{failed: make(chan error, 2)}
	s.serve(&http.Server{ReadHeaderTimeout: headerWithin}, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-s.failed; !strings.HasPrefix(err.Error(), "serving on "+l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutAFolderTheAuthorityIsInMemory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", file)
	t.Setenv("XDG_CONFIG_HOME", file)
	t.Setenv("AppData", file)
	s := startServer(t)
	if log := s.log.String(); strings.Count(log, "WRN the development authority lives in memory") != 1 || strings.Contains(log, "Its certificate is") {
		t.Errorf("log:\n%s", log)
	}
	if got := runCommand(nil, "ca"); got.code != exitFailure || got.out != "" || strings.Count(got.err, "\n") != 1 {
		t.Errorf("ca: exit %d, %q, %q", got.code, got.out, got.err)
	}
}
