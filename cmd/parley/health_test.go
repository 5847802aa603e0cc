package main

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/certs"
	"parley/rooms"
)

// writePair writes a certificate for example.com and 127.0.0.1 with its key.
func writePair(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		keyFile:  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestHealth(t *testing.T) {
	asked := make(chan string, 1)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		switch r.URL.Path {
		case "/healthz":
		case "/moved":
			http.Redirect(w, r, "/healthz", http.StatusFound)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	ca, _ := writePair(t, t.TempDir())
	host := strings.TrimPrefix(s.URL, "https://")
	for _, test := range []struct {
		env  map[string]string
		args []string
		path string
		want string // of the error; none: well
	}{
		{nil, []string{s.URL}, "/healthz", ""},
		{nil, []string{s.URL + "/healthz", "--ca", ca}, "/healthz", ""},
		{nil, []string{s.URL + "/readyz"}, "/readyz", s.URL + "/readyz answered 503"},
		{nil, []string{s.URL + "/moved"}, "/moved", s.URL + "/moved answered 302"},
		{map[string]string{"PARLEY_LISTEN": host}, nil, "/healthz", ""},
	} {
		got := runCommand(test.env, append([]string{"health"}, test.args...)...)
		if path := <-asked; path != test.path {
			t.Errorf("%q asked for %q", test.args, path)
		}
		if test.want != "" {
			checkFailure(t, got, exitFailure, test.want, "")
		} else if got.code != exitOK || got.err != "" || got.out != s.URL+"/healthz is well\n" {
			t.Errorf("%q: exit %d, %q, %q", test.args, got.code, got.out, got.err)
		}
	}
}

func TestHealthThatCannotBeAsked(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	for _, test := range []struct{ args, want string }{
		{s.URL, s.URL + "/healthz: "},
		{"localhost", `"localhost" is not a URL such as https://localhost:8443/healthz`},
		{"ftp://localhost", `"ftp://localhost" is not a URL`},
		{s.URL + " --ca /none", "--ca: /none: "},
		{s.URL + " --ca " + writeTemp(t, "ca.pem", "none"), "--ca: "},
	} {
		checkFailure(t, runCommand(nil, append([]string{"health"}, strings.Fields(test.args)...)...), exitFailure, test.want, "")
	}
}

func TestWhichServersAreVerified(t *testing.T) {
	for url, skipped := range map[string]bool{
		"https://localhost:8443": true, "https://127.0.0.1": true, "https://[::1]:1": true,
		"https://example.com": false, "https://localhost.example.com": false, "https://192.0.2.1": false,
	} {
		c := &healthCommand{URL: url}
		target, err := c.target(streams{env: environment(nil)})
		if err != nil {
			t.Fatal(err)
		}
		config, err := c.tlsConfig(target)
		if err != nil || config.InsecureSkipVerify != skipped {
			t.Errorf("%s: %v, not verified: %v", url, err, config.InsecureSkipVerify)
		}
		c.CA, _ = writePair(t, t.TempDir())
		if config, err := c.tlsConfig(target); err != nil || config.InsecureSkipVerify || config.RootCAs == nil {
			t.Errorf("%s with --ca: %v, %+v", url, err, config)
		}
	}
}

func TestLocalURL(t *testing.T) {
	for _, test := range []struct{ listen, tls, want string }{
		{"", "", "https://localhost:8443"},
		{":9443", "", "https://localhost:9443"},
		{"0.0.0.0:80", "off", "http://localhost:80"},
		{"[::]:8443", "files", "https://localhost:8443"},
		{"[::1]:8443", "", "https://[::1]:8443"},
		{"192.0.2.1:1", "", "https://192.0.2.1:1"},
		{"nonsense", "", "https://localhost:8443"},
	} {
		got := localURL(environment(map[string]string{"PARLEY_LISTEN": test.listen, "PARLEY_TLS": test.tls}))
		if got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

func TestReadiness(t *testing.T) {
	engine := rooms.NewMemory(rooms.Config{})
	h := &health{engine: engine}
	ask := func(handle http.HandlerFunc) (int, string) {
		answer := httptest.NewRecorder()
		handle(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		if answer.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("header %q", answer.Header())
		}
		return answer.Code, answer.Body.String()
	}
	if code, body := ask(h.ready); code != 200 || body != "ready\n" {
		t.Errorf("%d %q", code, body)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if code, body := ask(h.ready); code != 200 || body != "engine: away\n" {
		t.Errorf("an engine that was there: %d %q", code, body)
	}
	h.needed = true
	if code, body := ask(h.ready); code != 503 || body != "engine: away\n" {
		t.Errorf("%d %q", code, body)
	}
	h.needed = false
	h.reached.Store(false)
	if code, body := ask(h.ready); code != 503 || body != "engine: away\n" {
		t.Errorf("an engine that was never there: %d %q", code, body)
	}
	h.closing.Store(true)
	if code, body := ask(h.ready); code != 503 || body != "the server is shutting down\n" {
		t.Errorf("%d %q", code, body)
	}
	if code, body := ask(h.alive); code != 200 || body != "ok\n" {
		t.Errorf("%d %q", code, body)
	}
}

func TestCA(t *testing.T) {
	got := runCommand(nil, "ca")
	authority, err := certs.ReadAuthority("")
	if err != nil {
		t.Fatal(err)
	}
	if got.code != exitOK || got.out != string(authority.PEM) || !strings.Contains(got.err, authority.Fingerprint) ||
		!strings.Contains(got.err, authority.Path) {
		t.Errorf("exit %d, %q, %q", got.code, got.out, got.err)
	}
}
