package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(method, path string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	Handler().ServeHTTP(answer, request)
	return answer
}

func TestPaths(t *testing.T) {
	for _, test := range []struct {
		method, path string
		code         int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/style.css", 200, "text/css; charset=utf-8"},
		{"GET", "/favicon.svg", 200, "image/svg+xml"},
		{"POST", "/", 405, "text/plain; charset=utf-8"},
		{"OPTIONS", "/style.css", 405, "text/plain; charset=utf-8"},
		{"GET", "/index.html", 404, "text/plain; charset=utf-8"},
		{"GET", "/static/index.html", 404, "text/plain; charset=utf-8"},
		{"GET", "/../web.go", 404, "text/plain; charset=utf-8"},
		{"POST", "/nothing", 404, "text/plain; charset=utf-8"},
		{"GET", "/nothing", 404, "text/plain; charset=utf-8"},
	} {
		answer := ask(test.method, test.path)
		if answer.Code != test.code || answer.Header().Get("Content-Type") != test.contentType {
			t.Errorf("%s %s: %d %q", test.method, test.path, answer.Code, answer.Header().Get("Content-Type"))
		}
		if test.method == "HEAD" && answer.Body.Len() > 0 {
			t.Errorf("HEAD has a body")
		}
		for name, want := range map[string]string{
			"Content-Security-Policy":    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := answer.Header().Get(name); got != want {
				t.Errorf("%s %s: %s is %q", test.method, test.path, name, got)
			}
		}
		if test.code == 405 && answer.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", test.method, test.path, answer.Header().Get("Allow"))
		}
	}
}

func TestFilesAreAskedForAgain(t *testing.T) {
	for _, path := range []string{"/", "/style.css", "/favicon.svg"} {
		first := ask("GET", path)
		tag := first.Header().Get("ETag")
		if tag == "" || first.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: header %q", path, first.Header())
		}
		if again := ask("GET", path, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s: %d", path, again.Code)
		}
		if other := ask("GET", path, "If-None-Match", `"other"`); other.Code != http.StatusOK {
			t.Errorf("%s: %d", path, other.Code)
		}
	}
}

func TestEveryFileHasAType(t *testing.T) {
	for path, f := range load(static) {
		if f.contentType == contentType("unknown") || len(f.body) == 0 {
			t.Errorf("%s is %s with %d bytes", path, f.contentType, len(f.body))
		}
	}
}

// TestPageKeepsToItsPolicy looks for what the policy would block, and for addresses that a base path would break.
func TestPageKeepsToItsPolicy(t *testing.T) {
	page := ask("GET", "/").Body.String()
	if regexp.MustCompile(`(?i)<script|<style|<form|<base|\s(style|on[a-z]+)=`).MatchString(page) {
		t.Error("there is something in the page that the policy blocks")
	}
	served := map[string]bool{"healthz": true, "readyz": true} // by the server, beside the page
	references := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(references) == 0 {
		t.Fatal("no reference found")
	}
	for _, r := range references {
		if strings.HasPrefix(r[1], "/") || strings.Contains(r[1], ":") {
			t.Errorf("%s is not relative", r[1])
		}
		if !served[r[1]] && ask("GET", "/"+r[1]).Code != http.StatusOK {
			t.Errorf("%s is not there", r[1])
		}
	}
	if style := ask("GET", "/style.css").Body.String(); strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style loads something")
	}
}
