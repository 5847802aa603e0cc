package signaling_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"parley/signaling"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// whose gives the address that a refused request is logged with, and the body that says what scheme was known.
func whose(t *testing.T, config signaling.Config, remote string, header http.Header) (address, body string) {
	t.Helper()
	var log lines
	config.Log = zerolog.New(&log)
	endpoint := newEndpoint(t, config)
	r := httptest.NewRequest(http.MethodGet, "http://a.example/ws", nil)
	r.RemoteAddr = remote
	r.Header = header.Clone()
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Origin": "https://foe.example",
	} {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	endpoint.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Fatalf("the answer is %d", w.Code)
	}
	for _, line := range log.all() {
		if _, rest, ok := strings.Cut(line, `"remote":"`); ok {
			address, _, _ = strings.Cut(rest, `"`)
		}
	}
	return address, w.Body.String()
}

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	ls []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ls = append(l.ls, string(p))
	return len(p), nil
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.ls...)
}

func TestTheClientsAddress(t *testing.T) {
	const direct = "192.0.2.1:5000"
	trusted := prefixes("10.0.0.0/8", "fd00::/8")
	for _, test := range []struct {
		name, remote string
		header       http.Header
		want         string
	}{
		{"no header", direct, http.Header{}, direct},
		{"an untrusted one's header", direct, xff("203.0.113.7"), direct},
		{"an untrusted one's Forwarded", direct, fwd("for=203.0.113.7"), direct},
		{"a trusted proxy without a header", "10.0.0.1:1", http.Header{}, "10.0.0.1:1"},
		{"a trusted proxy", "10.0.0.1:1", xff("203.0.113.7"), "203.0.113.7"},
		{"as v4 in v6", "[::ffff:10.0.0.1]:1", xff("::ffff:203.0.113.7"), "203.0.113.7"},
		{"over IPv6 with a zone", "[fd00::1%eth0]:1", xff("2001:db8::7"), "2001:db8::7"},
		{"the rightmost that is no proxy", "10.0.0.1:1", xff("198.51.100.1, 203.0.113.7, 10.0.0.2"), "203.0.113.7"},
		{"over several lines", "10.0.0.1:1", xff("198.51.100.1", "203.0.113.7 ,10.0.0.2"), "203.0.113.7"},
		{"all are proxies", "10.0.0.1:1", xff("10.0.0.3, 10.0.0.2"), "10.0.0.3"},
		{"with a port", "10.0.0.1:1", xff("203.0.113.7:4711"), "203.0.113.7"},
		{"in brackets with a port", "10.0.0.1:1", xff("[2001:db8::7]:4711"), "2001:db8::7"},
		{"in brackets", "10.0.0.1:1", xff("[2001:db8::7]"), "2001:db8::7"},
		{"Forwarded", "10.0.0.1:1", fwd(`for=203.0.113.7;proto=https;by="[fd00::1]:80"`), "203.0.113.7"},
		{"Forwarded, IPv6", "10.0.0.1:1", fwd(`For="[2001:db8::7]:4711"`), "2001:db8::7"},
		{"Forwarded, many", "10.0.0.1:1", fwd(`for=1.1.1.1, for=203.0.113.7;ext="a,\";b"`, `for=10.0.0.2`), "203.0.113.7"},
		{"both, which agree", "10.0.0.1:1", both("for=203.0.113.7", "203.0.113.7"), "203.0.113.7"},
		{"both, which differ", "10.0.0.1:1", both("for=203.0.113.7", "203.0.113.8"), "10.0.0.1:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, _ := whose(t, signaling.Config{TrustedProxies: trusted}, test.remote, test.header); got != test.want {
				t.Errorf("it is %s, not %s", got, test.want)
			}
		})
	}
}

// What has not the form of an address ends the walk: the client counts as the proxy that let it through.
func TestAnAddressThatCannotBeBelieved(t *testing.T) {
	const proxy = "10.0.0.1:1"
	for _, header := range []http.Header{
		xff("unknown"), xff("203.0.113.7:"), xff("203.0.113.7:65536"), xff("203.0.113.7:x"), xff("203.0.113.7:+1"), xff("203.0.113.07"),
		xff("203.0.113"), xff("[203.0.113.7]"), xff("[2001:db8::7"), xff("[2001:db8::7]x"), xff("2001:db8::7]"), xff("fe80::1%eth0"),
		xff("203.0.113.7,"), xff(","), xff(`"203.0.113.7"`), xff("a.example"), xff("203.0.113.7 1"),
		fwd("for=unknown"), fwd("for=_hidden"), fwd("for=203.0.113.7:80"), fwd("for=2001:db8::7"), fwd(`for="2001:db8::7"`),
		fwd("for=203.0.113.7;for=203.0.113.8"), fwd("proto=https"), fwd(`for="203.0.113.7`), fwd("for*=203.0.113.7"),
	} {
		if got, _ := whose(t, signaling.Config{TrustedProxies: prefixes("10.0.0.0/8")}, proxy, header); got != proxy {
			t.Errorf("%v: it is %s", header, got)
		}
	}
}

func xff(lines ...string) http.Header { return http.Header{"X-Forwarded-For": lines} }
func fwd(lines ...string) http.Header { return http.Header{"Forwarded": lines} }
func both(forwarded, xForwarded string) http.Header {
	return http.Header{"Forwarded": {forwarded}, "X-Forwarded-For": {xForwarded}}
}

func withProto(h http.Header, proto ...string) http.Header {
	h["X-Forwarded-Proto"] = proto
	return h
}

func TestTheSchemeComesFromATrustedProxy(t *testing.T) {
	for _, test := range []struct {
		name   string
		tls    bool
		remote string
		header http.Header
		want   string
	}{
		{"unknown", false, "10.0.0.1:1", http.Header{}, ""},
		{"own TLS", true, "10.0.0.1:1", http.Header{}, "https"},
		{"alone", false, "10.0.0.1:1", withProto(http.Header{}, "https"), "https"},
		{"beside the address", false, "10.0.0.1:1", withProto(xff("203.0.113.7"), "HTTP"), "http"},
		{"a WebSocket's", false, "10.0.0.1:1", withProto(xff("203.0.113.7"), "wss"), "https"},
		{"rubbish", false, "10.0.0.1:1", withProto(xff("203.0.113.7"), "gopher"), ""},
		{"of the client's own proxy", false, "10.0.0.1:1", withProto(xff("203.0.113.7, 10.0.0.2"), "https, http"), "https"},
		{"before that of the client's invention", false, "10.0.0.1:1", withProto(xff("1.1.1.1, 203.0.113.7"), "http, https"), "https"},
		{"one for all", false, "10.0.0.1:1", withProto(xff("203.0.113.7, 10.0.0.2"), "https"), "https"},
		{"Forwarded", false, "10.0.0.1:1", fwd("for=203.0.113.7;proto=https, for=10.0.0.2;proto=http"), "https"},
		{"Forwarded without an address", false, "10.0.0.1:1", fwd("for=_hidden;proto=http"), "http"},
		{"one in each", false, "10.0.0.1:1", withProto(both("for=203.0.113.7", "203.0.113.7"), "https"), "https"},
		{"over a TLS of its own", true, "10.0.0.1:1", withProto(xff("203.0.113.7"), "http"), "http"},
		{"an untrusted one's", false, "192.0.2.1:1", withProto(xff("203.0.113.7"), "https"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := signaling.Config{TLS: test.tls, TrustedProxies: prefixes("10.0.0.0/8")}
			_, body := whose(t, config, test.remote, test.header)
			_, rest, known := strings.Cut(body, `" over `)
			if got, _, _ := strings.Cut(rest, ";"); got != test.want || known != (test.want != "") {
				t.Errorf("%s", body)
			}
		})
	}
}

func TestAnUntrustedProxyIsWarnedOfOnce(t *testing.T) {
	var log lines
	endpoint := newEndpoint(t, signaling.Config{Log: zerolog.New(&log), TrustedProxies: prefixes("10.0.0.0/8")})
	for _, from := range []struct {
		remote string
		header http.Header
	}{
		{"192.0.2.1:1", http.Header{}},
		{"10.0.0.1:1", xff("203.0.113.7")},
		{"192.0.2.2:1", xff("203.0.113.7")},
		{"192.0.2.3:1", fwd("for=203.0.113.7")},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://a.example/ws", nil)
		r.RemoteAddr, r.Header = from.remote, from.header
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		endpoint.ServeHTTP(httptest.NewRecorder(), r)
	}
	var warnings []string
	for _, line := range log.all() {
		if strings.Contains(line, "--trusted-proxy") {
			warnings = append(warnings, line)
		}
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "--trusted-proxy 192.0.2.2 ") || !strings.Contains(warnings[0], "count as one address") {
		t.Errorf("the log warns %q", warnings)
	}
}
