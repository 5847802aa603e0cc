package signaling_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling"
)

func TestOrigins(t *testing.T) {
	behindProxy := signaling.Config{TrustedProxies: prefixes("127.0.0.0/8")}
	for _, test := range []struct {
		name      string
		config    signaling.Config
		host      string
		origin    string
		want      bool
		inTheBody string
		forwarded string
	}{
		{name: "own origin, TLS", config: signaling.Config{TLS: true}, host: "a.example", origin: "https://a.example", want: true},
		{name: "own origin, port", config: signaling.Config{TLS: true}, host: "a.example:8443", origin: "https://a.example:8443", want: true},
		{name: "default port written out", config: signaling.Config{TLS: true}, host: "a.example:443", origin: "https://a.example", want: true},
		{name: "another case", config: signaling.Config{TLS: true}, host: "A.example", origin: "https://a.EXAMPLE", want: true},
		{name: "IPv6", config: signaling.Config{TLS: true}, host: "[::1]:8443", origin: "https://[::1]:8443", want: true},
		{name: "http page, TLS server", config: signaling.Config{TLS: true}, host: "a.example", origin: "http://a.example", inTheBody: "--origin http://a.example"},
		{name: "http page, proxy unknown", host: "a.example", origin: "http://a.example", want: true},
		{name: "https page, proxy ends TLS", host: "a.example", origin: "https://a.example", want: true},
		{name: "http page, proxy has TLS", config: behindProxy, forwarded: "https", host: "a.example", origin: "http://a.example", inTheBody: "over https"},
		{name: "https page, proxy has TLS", config: behindProxy, forwarded: "https", host: "a.example", origin: "https://a.example", want: true},
		{name: "http page, proxy without TLS", config: behindProxy, forwarded: "http", host: "a.example", origin: "http://a.example", want: true},
		{name: "http page, somebody else says https", forwarded: "https", host: "a.example", origin: "http://a.example", want: true},
		{name: "another port", host: "a.example", origin: "https://a.example:8443", inTheBody: "--origin https://a.example:8443"},
		{name: "another host", host: "a.example", origin: "https://evil.example", inTheBody: `host "a.example"`},
		{name: "a suffix is no match", host: "a.example", origin: "https://a.example.evil.example"},
		{name: "null", host: "a.example", origin: "null", inTheBody: "--origin null"},
		{name: "rubbish", host: "a.example", origin: "%%%"},
		{name: "no origin, refused", host: "a.example", inTheBody: "--allow-no-origin"},
		{name: "no origin, allowed", config: signaling.Config{AllowNoOrigin: true}, host: "a.example", want: true},
		{name: "listed", config: signaling.Config{Origins: []string{"https://b.example:443"}}, host: "a.example", origin: "https://b.example", want: true},
		{name: "an extension", config: signaling.Config{Origins: []string{"chrome-extension://abc"}}, host: "a.example", origin: "chrome-extension://abc", want: true},
		{name: "null, listed", config: signaling.Config{Origins: []string{"null"}}, host: "a.example", origin: "null", want: true},
		{name: "all", config: signaling.Config{Origins: []string{"*"}}, host: "a.example", origin: "https://evil.example", want: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, body := handshake(t, test.config, test.host, test.origin, test.forwarded)
			if got := response.StatusCode == http.StatusSwitchingProtocols; got != test.want {
				t.Fatalf("the answer is %s: %s", response.Status, body)
			}
			if !test.want && (response.StatusCode != http.StatusForbidden || !strings.Contains(body, test.inTheBody)) {
				t.Fatalf("the answer is %s: %s", response.Status, body)
			}
		})
	}
}

// handshake asks for an upgrade, as a browser with a page of this origin would; forwarded is the scheme that a proxy tells.
func handshake(t *testing.T, config signaling.Config, host, origin, forwarded string) (*http.Response, string) {
	t.Helper()
	server := serve(t, config)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header = upgradeHeader()
	for name, value := range map[string]string{"Origin": origin, "X-Forwarded-Proto": forwarded} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return response, ""
	}
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

// serve runs a server on loopback until the test ends.
func serve(t *testing.T, config signaling.Config) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	server.Config.Handler = newEndpoint(t, config)
	server.Start()
	t.Cleanup(server.CloseClientConnections)
	return server
}

// newEndpoint makes an endpoint that ends with the test.
func newEndpoint(t *testing.T, config signaling.Config) *signaling.Server {
	t.Helper()
	engine := rooms.NewMemory(rooms.Config{})
	endpoint, err := signaling.New(config, engine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = endpoint.Shutdown(context.WithoutCancel(t.Context()))
		_ = engine.Close()
	})
	return endpoint
}

func TestABadOriginSettingStopsTheStart(t *testing.T) {
	for _, origin := range []string{"a.example", "https://", "https://a.example/path", "https://user@a.example"} {
		if _, err := signaling.New(signaling.Config{Origins: []string{origin}}, rooms.NewMemory(rooms.Config{})); err == nil ||
			!strings.Contains(err.Error(), origin) {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

func TestWhoDoesNotUpgradeIsToldWhy(t *testing.T) {
	response, err := serve(t, signaling.Config{}).Client().Get(serve(t, signaling.Config{}).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusUpgradeRequired || !strings.Contains(string(body), "proxy") {
		t.Fatalf("%s: %s", response.Status, body)
	}
}

// Secrets and descriptions never reach the log, whatever its level.
func TestTheLogHoldsNoSecret(t *testing.T) {
	var log bytes.Buffer
	var secrets []string
	config := signaling.Config{Log: zerolog.New(zerolog.SyncWriter(&log)).Level(zerolog.TraceLevel), Registerer: prometheus.NewRegistry()}
	run(t, config, rooms.Config{}, func(t *testing.T, s *service) {
		bob, _ := s.join()
		ann, joined := s.join(`"token":"top-secret"`, `"password":"top-secret"`, `"identity":"top-secret-top-secret-top-secret"`)
		bob.want("peer-joined")
		ann.say(`{"type":"offer","to":%q,"sdp":"v=0 top-secret"}`, bob.id)
		ann.say(`{"type":"offer","to":%q,"sdp":"top-secret"}`, bob.id)
		ann.wantError("bad-message")
		ann.say(`{"type":"authenticate","token":"top-secret"}`)
		ann.say(`{"type":"join","token":"top-secret"}`)
		ann.wantError("already-joined")
		ann.say(`top-secret`)
		ann.wantError("bad-json")
		ann, resumed := s.resume(ann, joined.str("session"), 0)
		ann.drop()
		secrets = []string{"top-secret", joined.str("session"), resumed.str("session")}
	})
	for _, secret := range secrets {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log.String())
		}
	}
	for _, want := range []string{`"message":"joined"`, `"message":"resumed"`, `"conn":"1"`, `"peer":"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

func TestMetricsCountWhatHappens(t *testing.T) {
	registry := prometheus.NewRegistry()
	run(t, signaling.Config{Registerer: registry}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		ann.say(`{"type":"offer","to":%q,"sdp":"v=0"}`, bob.id)
		bob.want("offer")
		ann.say(`{"type":"offer","to":"nobody","sdp":"v=0"}`)
		ann.want("undelivered")
		ann.say(`{"type":"report","about":%q,"state":"connected","path":"host","elapsed":120}`, bob.id)
		ann.say(`x`)
		ann.wantError("bad-json")
		ann.fence()
		for name, want := range map[string]float64{
			"parley_connections": 2, "parley_peers": 2, "parley_rooms": 1, "parley_joins_total": 2, "parley_undelivered_total": 1,
			"parley_errors_total": 1, "parley_calls_total": 1, "parley_peers_away": 0,
		} {
			if got := metric(t, registry, name); got != want {
				t.Errorf("%s is %v, not %v", name, got, want)
			}
		}
	})
}

// metric sums up all values of a metric, or those with one of these labels.
func metric(t *testing.T, registry *prometheus.Registry, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				labelled := len(labels) == 0
				for _, pair := range m.GetLabel() {
					labelled = labelled || slices.Contains(labels, pair.GetValue())
				}
				if labelled {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
			return sum
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// A defect in one connection's handling ends that connection, and no other.
func TestAPanicEndsOneConnection(t *testing.T) {
	registry := prometheus.NewRegistry()
	config := signaling.Config{Registerer: registry, AllowNoOrigin: true}
	endpoint, err := signaling.New(config, brokenEngine{rooms.NewMemory(rooms.Config{})})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(endpoint)
	defer server.Close()
	defer func() { _ = endpoint.Shutdown(context.WithoutCancel(t.Context())) }()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"join","room":"r"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseInternalServerErr) {
		t.Fatalf("the connection ends with %v", err)
	}
	if metric(t, registry, "parley_panics_total") != 1 {
		t.Error("it was not counted")
	}
}

type brokenEngine struct{ *rooms.Memory }

func (brokenEngine) Join(context.Context, rooms.Join, rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	panic("a defect")
}
