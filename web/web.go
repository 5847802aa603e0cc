// Package web is the page that the server shows: files, embedded as they lie in static, without a build step. The page makes
// calls in rooms, and its client is there for other pages too. Command parley mounts the Handler beside the signaling
// endpoint, on the same origin.
package web

import (
	"bytes"
	"embed"
	"net/http"
	"strings"
	"sync"
	"time"
)

//go:embed static
var static embed.FS

// policy lets a page load scripts, styles and pictures from its own origin and connect to it, wss included, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'self'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// permissions are what a call needs, for this page alone. What else pages may ask for is off.
const permissions = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), autoplay=(self), " +
	"clipboard-write=(self), accelerometer=(), geolocation=(), gyroscope=(), hid=(), " +
	"magnetometer=(), midi=(), payment=(), serial=(), usb=()"

// roomPrefix is before the name of a room in the address of its page.
const roomPrefix = "/r/"

// clientPrefix is before what pages of other origins may load.
const clientPrefix = "/client/"

// Handler serves the page at /, a room's page at /r/ROOM, and the files that they need, with GET and HEAD. Every other path is
// not found. The page's own addresses are relative: behind a base path, strip that first.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { embedded().ServeHTTP(w, r) })
}

// embedded compresses the texts once, for the first who asks: a server's start does not wait for it.
var embedded = sync.OnceValue(func() *site { return newSite(static) })

// site is everything that can be asked for.
type site struct {
	files map[string]*file // by path
	room  *file
}

// find returns nil where there is nothing. A slash in a room's name is escaped, so its address is always one segment.
func (s *site) find(escapedPath string) *file {
	if room, ok := strings.CutPrefix(escapedPath, roomPrefix); ok && room != "" && !strings.Contains(room, "/") {
		return s.room
	}
	return s.files[escapedPath]
}

// ServeHTTP implements http.Handler.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header(), r.URL.Path)
	f := s.find(r.URL.EscapedPath())
	switch {
	case f == nil:
		http.Error(w, "There is nothing at this address.", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "This address can only be read.", http.StatusMethodNotAllowed)
	default:
		f.serve(w, r)
	}
}

func setHeaders(header http.Header, path string) {
	header.Set("Content-Security-Policy", policy)
	header.Set("Permissions-Policy", permissions)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if strings.HasPrefix(path, clientPrefix) {
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	} else {
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
	}
}

// serve sends the file, compressed where the client takes that.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", "no-cache") // kept, and asked for again: names stay when contents change
	if len(f.versions) > 1 {
		header.Set("Vary", "Accept-Encoding")
	}
	sent := f.version(r.Header.Values("Accept-Encoding"))
	if sent.coding != "" {
		header.Set("Content-Encoding", sent.coding)
	}
	header.Set("ETag", sent.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sent.body))
}

// version chooses the smallest that the client takes.
func (f *file) version(accepted []string) version {
	last := len(f.versions) - 1
	for _, v := range f.versions[:last] {
		if accepts(accepted, v.coding) {
			return v
		}
	}
	return f.versions[last]
}

// accepts reads Accept-Encoding no further than it must: browsers and proxies say a coding by its name.
func accepts(values []string, wanted string) bool {
	for _, coding := range strings.Split(strings.Join(values, ","), ",") {
		name, parameters, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), wanted) {
			quality := strings.TrimLeft(strings.ReplaceAll(parameters, " ", ""), "qQ=")
			return strings.Trim(quality, "0.") != "" || quality == ""
		}
	}
	return false
}
