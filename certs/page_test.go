package certs

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func authorityPages(t *testing.T, a Authority) func(method, path string) *http.Response {
	t.Helper()
	handler, err := NewAuthorityHandler(a)
	if err != nil {
		t.Fatal(err)
	}
	return func(method, path string) *http.Response {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
		return answer.Result()
	}
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(text.String(), "\r\n\r\n")
	return after
}

func TestAuthorityFile(t *testing.T) {
	a := mustOpenDev(t, t.TempDir()).Authority()
	get := authorityPages(t, a)
	answer := get("GET", AuthorityFilePath)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/x-x509-ca-cert" {
		t.Errorf("%s, %q", answer.Status, answer.Header)
	}
	if text := body(t, answer); text != string(a.PEM) || strings.Contains(text, "PRIVATE") {
		t.Errorf("got %q", text)
	}
	for _, test := range []struct {
		method, path string
		want         int
	}{
		{"HEAD", AuthorityFilePath, http.StatusOK},
		{"HEAD", AuthorityPagePath, http.StatusOK},
		{"POST", AuthorityFilePath, http.StatusMethodNotAllowed},
		{"GET", "/parley-ca.key", http.StatusNotFound},
		{"GET", "/", http.StatusNotFound},
	} {
		if got := get(test.method, test.path).StatusCode; got != test.want {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, got, test.want)
		}
	}
}

func TestAuthorityPage(t *testing.T) {
	a := mustOpenDev(t, t.TempDir()).Authority()
	answer := authorityPages(t, a)("GET", AuthorityPagePath)
	page := body(t, answer)
	for _, want := range []string{
		a.Fingerprint, a.Name, `href="parley-ca.crt"`, `name="viewport"`, "color-scheme", "Certificate Trust Settings",
		"macOS", "Windows", "Debian", "Fedora", "Firefox", "nssdb", "iPhone", "Android",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, not := range []string{"PRIVATE", "<script", "style=", "in the server's memory", a.Path} {
		if strings.Contains(page, not) {
			t.Errorf("the page contains %q", not)
		}
	}
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	policy := answer.Header.Get("Content-Security-Policy")
	if style == "" || !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("policy %q does not allow the style", policy)
	}
	if answer.Header.Get("X-Content-Type-Options") != "nosniff" || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("header %q", answer.Header)
	}
}

func TestAuthorityPageInMemory(t *testing.T) {
	page := body(t, authorityPages(t, Authority{Name: `<b>"ann"`})("GET", AuthorityPagePath))
	if !strings.Contains(page, "lives in the server's memory") {
		t.Error("the page does not say that the authority is short-lived")
	}
	if strings.Contains(page, "<b>\"ann") || !strings.Contains(page, "&lt;b&gt;") {
		t.Error("the name is not escaped")
	}
}
