package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// maxPacked is how many bytes the page may take on the wire, with everything that it loads.
const maxPacked = 100_000

func ask(site http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	site.ServeHTTP(answer, request)
	return answer
}

func TestPaths(t *testing.T) {
	site := Handler()
	for _, test := range []struct {
		method, path string
		code         int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/r/tea", 200, "text/html; charset=utf-8"},
		{"GET", "/r/a%2Fb", 200, "text/html; charset=utf-8"},
		{"GET", "/r/%2e%2e", 200, "text/html; charset=utf-8"},
		{"GET", "/style.css", 200, "text/css; charset=utf-8"},
		{"GET", "/favicon.svg", 200, "image/svg+xml"},
		{"GET", "/card.png", 200, "image/png"},
		{"GET", "/page/main.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/client/index.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/vendor/lean-qr.license.txt", 200, "text/plain; charset=utf-8"},
		{"POST", "/", 405, "text/plain; charset=utf-8"},
		{"POST", "/r/tea", 405, "text/plain; charset=utf-8"},
		{"OPTIONS", "/style.css", 405, "text/plain; charset=utf-8"},
		{"GET", "/r/", 404, "text/plain; charset=utf-8"},
		{"GET", "/r/tea/", 404, "text/plain; charset=utf-8"},
		{"GET", "/r/tea/page/main.js", 404, "text/plain; charset=utf-8"},
		{"GET", "/index.html", 404, "text/plain; charset=utf-8"},
		{"GET", "/client/", 404, "text/plain; charset=utf-8"},
		{"GET", "/static/index.html", 404, "text/plain; charset=utf-8"},
		{"GET", "/../web.go", 404, "text/plain; charset=utf-8"},
		{"POST", "/nothing", 404, "text/plain; charset=utf-8"},
		{"GET", "/nothing", 404, "text/plain; charset=utf-8"},
	} {
		answer := ask(site, test.method, test.path)
		if answer.Code != test.code || answer.Header().Get("Content-Type") != test.contentType {
			t.Errorf("%s %s: %d %q", test.method, test.path, answer.Code, answer.Header().Get("Content-Type"))
		}
		if test.method == "HEAD" && answer.Body.Len() > 0 {
			t.Errorf("HEAD has a body")
		}
		for name, want := range map[string]string{
			"Content-Security-Policy":    policy,
			"Permissions-Policy":         permissions,
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

func TestPolicyAllowsNoInlineCode(t *testing.T) {
	for _, loose := range []string{"unsafe", "data:", "http:", "https:", "*"} {
		if strings.Contains(policy, loose) {
			t.Errorf("the policy has %s", loose)
		}
	}
	for _, needed := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, needed) {
			t.Errorf("the policy lacks %s", needed)
		}
	}
}

func TestOnlyTheClientIsForOtherOrigins(t *testing.T) {
	site := Handler()
	for _, test := range []struct{ path, allowed, resource string }{
		{"/", "", "same-origin"},
		{"/r/tea", "", "same-origin"},
		{"/page/main.js", "", "same-origin"},
		{"/client/index.js", "*", "cross-origin"},
	} {
		header := ask(site, "GET", test.path).Header()
		allowed, resource := header.Get("Access-Control-Allow-Origin"), header.Get("Cross-Origin-Resource-Policy")
		if allowed != test.allowed || resource != test.resource {
			t.Errorf("%s: allowed %q, resource policy %q", test.path, allowed, resource)
		}
	}
}

func TestFilesAreAskedForAgain(t *testing.T) {
	site := Handler()
	tags := map[string]string{}
	for _, path := range []string{"/", "/r/tea", "/style.css", "/favicon.svg", "/client/index.js"} {
		for _, coding := range []string{"identity", "gzip", "br"} {
			first := ask(site, "GET", path, "Accept-Encoding", coding)
			tag := first.Header().Get("ETag")
			if tag == "" || first.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: header %q", path, first.Header())
			}
			again := ask(site, "GET", path, "Accept-Encoding", coding, "If-None-Match", tag)
			if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("%s: %d", path, again.Code)
			}
			if other := ask(site, "GET", path, "Accept-Encoding", coding, "If-None-Match", `"other"`); other.Code != http.StatusOK {
				t.Errorf("%s: %d", path, other.Code)
			}
			if first.Header().Get("Content-Encoding") == coding || coding == "identity" {
				if before, ok := tags[tag]; ok {
					t.Errorf("%s %s has the tag of %s", path, coding, before)
				}
				tags[tag] = path + " " + coding
			}
		}
	}
}

func TestCompression(t *testing.T) {
	site := Handler()
	plain := ask(site, "GET", "/style.css")
	if plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("header %q", plain.Header())
	}
	for accepted, want := range map[string]string{
		"gzip, deflate, br, zstd": "br", "gzip;q=0.8, BR": "br", "br;q=0, gzip": "gzip", "gzip": "gzip", "zstd": "", "": "",
	} {
		packed := ask(site, "GET", "/style.css", "Accept-Encoding", accepted)
		if coding := packed.Header().Get("Content-Encoding"); coding != want {
			t.Errorf("%q: %q", accepted, coding)
			continue
		}
		var reader io.Reader = packed.Body
		switch want {
		case "br":
			reader = brotli.NewReader(packed.Body)
		case "gzip":
			var err error
			if reader, err = gzip.NewReader(packed.Body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(reader)
		if err != nil || !bytes.Equal(text, plain.Body.Bytes()) {
			t.Errorf("%q: the text is another one (%v)", accepted, err)
		}
	}
	for coding, want := range map[string]bool{
		"gzip": true, "GZIP": true, "deflate, gzip": true, "gzip;q=1": true, "gzip; q=0.001": true,
		"gzip;q=0": false, "gzip; q=0.0": false, "": false, "br": false, "x-gzip": false,
	} {
		if got := accepts([]string{coding}, "gzip"); got != want {
			t.Errorf("%q: %v", coding, got)
		}
	}
}

func TestRoomsHaveThePageOneFolderDown(t *testing.T) {
	site := Handler()
	landing, room := ask(site, "GET", "/").Body.String(), ask(site, "GET", "/r/tea").Body.String()
	for page, wants := range map[string][]string{
		landing: {`<base href="./">`, `data-screen="landing"`},
		room:    {`<base href="../">`, `data-screen="green"`},
	} {
		for _, want := range wants {
			if strings.Count(page, want) != 1 {
				t.Errorf("%s is there %d times", want, strings.Count(page, want))
			}
		}
	}
}

func TestEveryFileHasAType(t *testing.T) {
	for path, f := range embedded().files {
		if f.contentType == contentType("unknown") || len(f.plain()) == 0 {
			t.Errorf("%s is %s with %d bytes", path, f.contentType, len(f.plain()))
		}
	}
}

// TestPageKeepsToItsPolicy looks for what the policy would block, and for addresses that a base path would break.
func TestPageKeepsToItsPolicy(t *testing.T) {
	site := Handler()
	page := ask(site, "GET", "/").Body.String()
	if regexp.MustCompile(`(?i)<script>|<style|\s(style|on[a-z]+)=`).MatchString(page) {
		t.Error("there is something in the page that the policy blocks")
	}
	served := map[string]bool{"healthz": true, "./": true} // by the server, beside the page
	references := regexp.MustCompile(`(?:href|src|content)="([^"]*\.[a-z]+|[^" ]*/[^" ]*|healthz)"`).FindAllStringSubmatch(page, -1)
	if len(references) < 10 {
		t.Fatalf("%d references found", len(references))
	}
	for _, r := range references {
		if strings.HasSuffix(r[1], ".") { // a sentence
			continue
		}
		if strings.HasPrefix(r[1], "/") || strings.Contains(r[1], ":") {
			t.Errorf("%s is not relative", r[1])
		}
		if !served[r[1]] && ask(site, "GET", "/"+r[1]).Code != http.StatusOK {
			t.Errorf("%s is not there", r[1])
		}
	}
	for name, f := range embedded().files {
		if path.Ext(name) != ".css" {
			continue
		}
		if style := string(f.plain()); strings.Contains(style, "url(") || strings.Contains(style, "@import") {
			t.Errorf("%s loads something", name)
		}
	}
}

func (f *file) plain() []byte { return f.versions[len(f.versions)-1].body }

// TestPageIsSmall adds up what a browser loads for the page, compressed.
func TestPageIsSmall(t *testing.T) {
	site := embedded()
	names := []string{"/", "/style.css", "/style/doors.css", "/style/room.css", "/style/tile.css", "/style/panel.css", "/favicon.svg", "/page/main.js"}
	for _, name := range modules(static) {
		names = append(names, "/"+name)
	}
	var packed, plain int
	for _, name := range names {
		f := site.files[name]
		if f == nil {
			t.Errorf("%s is imported and not there", name)
			continue
		}
		plain += len(f.plain())
		packed += len(f.versions[0].body)
	}
	t.Logf("%d files, %d bytes, compressed %d", len(names), plain, packed)
	if packed > maxPacked {
		t.Errorf("%d bytes are more than %d", packed, maxPacked)
	}
}

// TestEveryModuleIsPreloaded finds the modules on disk that nothing imports, or that the search for imports misses.
func TestEveryModuleIsPreloaded(t *testing.T) {
	page := ask(Handler(), "GET", "/").Body.String()
	typesOnly := map[string]bool{"page/types.js": true, "page/main.js": true}
	err := fs.WalkDir(static, "static/page", func(name string, entry fs.DirEntry, err error) error {
		at := strings.TrimPrefix(name, "static/")
		if err == nil && !entry.IsDir() && !typesOnly[at] && !strings.Contains(page, `<link rel="modulepreload" href="`+at+`">`) {
			t.Errorf("%s is not preloaded", at)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
