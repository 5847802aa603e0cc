package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"parley/certs"
)

// TestMain gives the tests a folder for configuration of their own, where the development authority is made.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "parley-test-")
	if err != nil {
		panic(err)
	}
	// What tests build is built with the cache of before, or the standard library would be compiled anew each time.
	if cache, err := os.UserCacheDir(); err == nil && os.Getenv("GOCACHE") == "" {
		if err := os.Setenv("GOCACHE", filepath.Join(cache, "go-build")); err != nil {
			panic(err)
		}
	}
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		if err := os.Setenv(name, home); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(home)
		os.Exit(code)
	}))
}

// environment is a lookup in a map.
func environment(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := pairs[name]
		return value, ok
	}
}

// outcome is what a command did.
type outcome struct {
	code     int
	out, err string
}

// runCommand runs a command that ends by itself.
func runCommand(env map[string]string, args ...string) outcome {
	var out, err bytes.Buffer
	code := execute(context.Background(), args, streams{env: environment(env), out: &out, err: &err})
	return outcome{code, out.String(), err.String()}
}

// writeTemp writes a file into a folder of the test.
func writeTemp(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parseSettings gives the settings of a command line of serve.
func parseSettings(t *testing.T, args ...string) *Settings {
	t.Helper()
	cmd, err := parse(args, streams{env: environment(nil), out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return cmd.(configurable).settings()
}

// syncBuffer is a log that a test reads while the server writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// testServer is a server that runs in this process.
type testServer struct {
	addresses
	log    *syncBuffer
	stop   context.CancelFunc
	ended  chan struct{} // closed when run has returned
	err    error         // what it returned, after ended
	client *http.Client
}

// startServer runs the server with free ports, unless args say others, and waits until it can be reached.
func startServer(t *testing.T, args ...string) *testServer {
	t.Helper()
	args = append([]string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log-level=debug"}, args...)
	settings := parseSettings(t, args...)
	ctx, stop := context.WithCancel(context.Background())
	s := &testServer{log: &syncBuffer{}, stop: stop, ended: make(chan struct{})}
	started := make(chan addresses, 1)
	go func() {
		defer close(s.ended)
		log := newLogger(settings, environment(nil), zerolog.SyncWriter(s.log))
		s.err = run(ctx, settings, log, func(a addresses) { started <- a })
	}()
	t.Cleanup(func() {
		stop()
		<-s.ended
		if t.Failed() {
			t.Logf("log:\n%s", s.log)
		}
	})
	select {
	case s.addresses = <-started:
	case <-s.ended:
		t.Fatalf("run: %v", s.err)
	}
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(t), DisableKeepAlives: true}}
	return s
}

// clientTLS trusts the development authority, if there is one yet.
func clientTLS(t *testing.T) *tls.Config {
	t.Helper()
	pool, err := certs.LocalAuthority("")
	if err != nil {
		return nil
	}
	return &tls.Config{RootCAs: pool}
}

// onLocalhost gives the host of a URL for an address that may be unspecified.
func onLocalhost(a net.Addr) string {
	return net.JoinHostPort("localhost", strings.TrimLeft(a.String()[strings.LastIndex(a.String(), ":"):], ":"))
}

// get gets a path of the page's server, or a URL, and returns the answer with its body.
func (s *testServer) get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	if strings.HasPrefix(url, "/") {
		url = "https://" + onLocalhost(s.public) + url
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.do(t, request)
}

func (s *testServer) do(t *testing.T, request *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}
