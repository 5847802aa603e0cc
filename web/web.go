// Package web is the page that the server shows at its root: files, embedded as they lie in static, without a build step.
// Command parley mounts the Handler beside the signaling endpoint, on the same origin.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

// policy lets a page load its own styles and pictures, and nothing from elsewhere.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"

// file is one file as it is sent.
type file struct {
	body        []byte
	contentType string
	tag         string // a strong ETag
}

// Handler serves the page at / and the files that it needs beside it, with GET and HEAD. Every other path is not found. The
// page's own addresses are relative: behind a base path, strip that first.
func Handler() http.Handler { return handler(load(static)) }

type handler map[string]file

// load reads all files. It cannot fail: they are in the binary.
func load(files fs.FS) map[string]file {
	loaded := map[string]file{}
	_ = fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		sum := sha256.Sum256(body)
		at := strings.TrimPrefix(name, "static")
		if at == "/index.html" {
			at = "/"
		}
		loaded[at] = file{
			body: body, contentType: contentType(name),
			tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
		return err
	})
	return loaded
}

// contentType does not ask the system, which may know other types than the browser needs.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return "application/octet-stream"
	}
}

// ServeHTTP implements http.Handler.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	f, ok := h[r.URL.Path]
	switch {
	case !ok:
		http.Error(w, "There is nothing at this address.", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "This address can only be read.", http.StatusMethodNotAllowed)
	default:
		header.Set("Content-Type", f.contentType)
		header.Set("ETag", f.tag)
		header.Set("Cache-Control", "no-cache") // kept, and asked for again: names stay when contents change
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	}
}
