package main

import (
	"bytes"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"parley/certs"
)

func TestGreeting(t *testing.T) {
	s := startServer(t, "--log-level=info")
	authority, err := certs.ReadAuthority("")
	if err != nil {
		t.Fatal(err)
	}
	log := s.log.String()
	for _, want := range []string{
		"Parley is at https://" + onLocalhost(s.public) + "/\n", authority.Fingerprint, authority.Path, "/parley-ca ", "parley ca",
		"Rooms are open to everybody", "--ice-server", "http://" + s.admin.String() + "/metrics",
		"http://" + s.admin.String() + "/api/v1/rooms for everybody on this host",
	} {
		if strings.Count(log, want) != 1 {
			t.Errorf("%q is not once in the log", want)
		}
	}
	if n := strings.Count(log, "\n"); n > 8 {
		t.Errorf("%d lines", n)
	}
	if strings.Contains(log, "\x1b") {
		t.Error("there is colour in a log that is no terminal")
	}
}

func TestGreetingInJSON(t *testing.T) {
	s := startServer(t, "--log-format=json", `--ice-server={"urls":"turn:a","username":"ann","credential":"hunter2"}`)
	for line := range strings.Lines(s.log.String()) {
		var entry struct{ Level, Message, Time string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level == "" || entry.Message == "" || entry.Time == "" {
			t.Errorf("%v: %s", err, line)
		}
	}
	if log := s.log.String(); strings.Contains(log, "hunter2") || strings.Contains(log, "No ICE server") {
		t.Errorf("log:\n%s", log)
	}
}

func TestURLs(t *testing.T) {
	own := []net.IP{net.IPv4(192, 0, 2, 1), net.ParseIP("2001:db8::1"), net.IPv4(192, 0, 2, 3), net.IPv4(192, 0, 2, 4)}
	for _, test := range []struct {
		tls, listen string
		here        string
		network     []string
	}{
		{"dev", "[::]:8443", "https://localhost:8443/", []string{"https://192.0.2.1:8443/", "https://[2001:db8::1]:8443/", "https://192.0.2.3:8443/"}},
		{"dev", "0.0.0.0:443", "https://localhost/", []string{"https://192.0.2.1/", "https://[2001:db8::1]/", "https://192.0.2.3/"}},
		{"off", "127.0.0.1:80", "http://localhost/", nil},
		{"off", "127.0.0.1:443", "http://localhost:443/", nil},
		{"dev", "[::1]:1", "https://localhost:1/", nil},
		{"dev", "192.0.2.9:2", "https://192.0.2.9:2/", nil},
		{"dev", "[2001:db8::9]:443", "https://[2001:db8::9]/", nil},
	} {
		address, err := net.ResolveTCPAddr("tcp", test.listen)
		if err != nil {
			t.Fatal(err)
		}
		here, network := urls(parseSettings(t, "--tls="+test.tls), address, own)
		if here != test.here || !slices.Equal(network, test.network) {
			t.Errorf("%s: %s %q", test.listen, here, network)
		}
	}
}

func TestExpiryWarning(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for left, want := range map[time.Duration]string{
		-time.Hour: "has ended", 0: "has ended", time.Hour: "ends soon, at 2030-01-01 01:00:00", 15 * 24 * time.Hour: "",
	} {
		var log bytes.Buffer
		warnOfExpiry(zerolog.New(&log), now.Add(left), now)
		if got := log.String(); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%v: %q", left, got)
		}
	}
}

func TestReloadIsLogged(t *testing.T) {
	var log bytes.Buffer
	logReload(zerolog.New(&log), certs.Reload{NotAfter: time.Unix(0, 0)})
	logReload(zerolog.New(&log), certs.Reload{Err: net.ErrClosed})
	if got := log.String(); !strings.Contains(got, `"info"`) || !strings.Contains(got, `"warn"`) {
		t.Errorf("got %s", got)
	}
}

func TestNoiseOfClientsIsNoError(t *testing.T) {
	for line, want := range map[string]string{
		"http: TLS handshake error from 192.0.2.1:1: remote error: tls: unknown certificate": "debug",
		"http: panic serving 192.0.2.1:1: boom":                                              "error",
		"http: Accept error: accept tcp: too many open files; retrying in 5ms":               "error",
	} {
		var log bytes.Buffer
		newHTTPLog(zerolog.New(&log)).Print(line)
		if got := log.String(); !strings.Contains(got, `"`+want+`"`) || !strings.Contains(got, line) {
			t.Errorf("got %s, want level %s", got, want)
		}
	}
}

func TestColour(t *testing.T) {
	if coloured(environment(nil), &bytes.Buffer{}) {
		t.Error("colour in a buffer")
	}
	if coloured(environment(map[string]string{"NO_COLOR": "1"}), nil) {
		t.Error("colour with NO_COLOR")
	}
}
