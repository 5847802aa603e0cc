package certs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

const (
	// AuthorityPagePath is the page with the steps to trust the development authority.
	AuthorityPagePath = "/parley-ca"
	// AuthorityFilePath is the authority's certificate.
	AuthorityFilePath = "/parley-ca.crt"
)

//go:embed page.html
var pageSource string

// NewAuthorityHandler returns a handler for [AuthorityPagePath] and [AuthorityFilePath], which
// serve the certificate and the steps to trust it on each system. Only mode dev should mount it.
// Behind a base path, strip that first; the page links to the file relative to itself. It sets a
// Content-Security-Policy of its own, stricter than a site's would be.
func NewAuthorityHandler(a Authority) (http.Handler, error) {
	parsed, err := template.New("page").Parse(pageSource)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := parsed.Execute(&page, a); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+AuthorityPagePath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", pagePolicy(page.String()))
		send(w, "text/html; charset=utf-8", page.Bytes())
	})
	// The type and the ending make iOS, Android and Firefox offer to install the file. PEM, because
	// all systems read it, and Debian's update-ca-certificates, curl and Node.js read nothing else.
	// No Content-Disposition: with one, Safari on iOS stores the file instead.
	mux.HandleFunc("GET "+AuthorityFilePath, func(w http.ResponseWriter, _ *http.Request) {
		send(w, "application/x-x509-ca-cert", a.PEM)
	})
	return mux, nil
}

// pagePolicy allows nothing but the page's own style, by its hash.
func pagePolicy(page string) string {
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))
}

func send(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store") // the authority of a server in memory is another after each start
	_, _ = w.Write(body)                        // an error means that the client has gone
}
