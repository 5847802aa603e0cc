package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"parley/signaling/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret  = "a secret that is for tests alone"
	address = "http://localhost/hook?key=in-the-address"
)

// receiver is the operator's server, on a network in memory. It holds every request against its signature.
type receiver struct {
	t        *testing.T
	conns    chan net.Conn
	closed   chan struct{}
	registry *prometheus.Registry
	log      buffer

	mu     sync.Mutex
	down   bool
	serve  http.HandlerFunc // what it does with a request
	bodies []string         // of the requests, as they came
	times  []time.Time      // of the attempts to connect
}

// run runs a test in virtual time. What the server does with a request is serve; nil: 200 and nothing.
func run(t *testing.T, serve http.HandlerFunc, test func(t *testing.T, r *receiver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{t: t, conns: make(chan net.Conn), closed: make(chan struct{}), registry: prometheus.NewRegistry(), serve: serve}
		web := &http.Server{Handler: r}
		go func() { _ = web.Serve(r) }()
		defer func() {
			_ = web.Close()
			for _, hidden := range []string{secret, "in-the-address"} {
				if strings.Contains(r.log.String(), hidden) {
					t.Errorf("%q is in the log:\n%s", hidden, &r.log)
				}
			}
		}()
		test(t, r)
	})
}

func (r *receiver) config() webhook.Config {
	return webhook.Config{URL: address, Secret: []byte(secret), Log: zerolog.New(&r.log), Registerer: r.registry, Dial: r.dial}
}

// change changes what the server does.
func (r *receiver) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

func (r *receiver) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies)
}

func (r *receiver) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	r.mu.Lock()
	down := r.down
	r.times = append(r.times, time.Now())
	r.mu.Unlock()
	if down {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	select {
	case r.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.closed:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (r *receiver) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (r *receiver) Close() error {
	select {
	case <-r.closed:
	default:
		close(r.closed)
	}
	return nil
}

// Addr implements net.Listener.
func (r *receiver) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the request was given up
	}
	if err := verify(request.Header, body); err != nil {
		r.t.Errorf("%s: %v", body, err)
	}
	if request.Method != http.MethodPost || request.Header.Get("Content-Type") != "application/json" || request.RequestURI != "/hook?key=in-the-address" {
		r.t.Errorf("%s %s, %v", request.Method, request.RequestURI, request.Header)
	}
	r.mu.Lock()
	serve := r.serve
	r.bodies = append(r.bodies, string(body))
	r.mu.Unlock()
	if serve != nil {
		serve(w, request)
	}
}

// verify is what a receiver does: the signature is right, and not old.
func verify(header http.Header, body []byte) error {
	timestamp := header.Get("Parley-Timestamp")
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%s.%s", timestamp, body)
	if got, want := header.Get("Parley-Signature"), "v1="+hex.EncodeToString(mac.Sum(nil)); got != want {
		return fmt.Errorf("the signature is %q, not %q", got, want)
	}
	if now := fmt.Sprint(time.Now().Unix()); timestamp != now {
		return fmt.Errorf("the timestamp is %q, not %s", timestamp, now)
	}
	return nil
}

// answers is a server that always gives the same answer.
func answers(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// hangs is a server that does not answer.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// metric gives the value of a metric, with this label unless it is "".
func (r *receiver) metric(name, label string) (sum float64) {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestWhereAWebhookMayBe(t *testing.T) {
	for _, good := range []string{
		"https://a.example/hook", "https://a.example:8443", "http://localhost:9000/hook", "http://127.0.0.1/", "http://[::1]:9000/?key=1",
	} {
		if err := webhook.CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "hook", "a.example/hook", "http://a.example/hook", "http://127.0.0.1.example/", "http://10.0.0.1/", "https://", "https:///hook",
		"https://ann:hunter2@a.example/", "https://a.example/#hunter2", "ftp://a.example/", "file:///etc/passwd", "https://a.example/%zz", "https://:443/",
	} {
		err := webhook.CheckURL(bad)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
		if _, err := webhook.NewAuthorizer(webhook.Config{URL: bad, Secret: []byte(secret)}); err == nil {
			t.Errorf("%s is asked", bad)
		}
	}
	for _, short := range []string{"", secret[1:]} {
		config := webhook.Config{URL: "https://a.example/", Secret: []byte(short)}
		_, one := webhook.NewAuthorizer(config)
		_, other := webhook.NewEvents(config)
		if one == nil || other == nil {
			t.Errorf("a secret of %d bytes is taken: %v, %v", len(short), one, other)
		}
	}
}
