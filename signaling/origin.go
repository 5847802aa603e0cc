package signaling

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// origins decides which web pages may connect (RFC 6454, RFC 6455 §10.2): the browser's same-origin policy does not cover
// WebSockets, so the server has to.
type origins struct {
	all      bool
	listed   map[string]bool
	noOrigin bool
}

func newOrigins(c Config) (origins, error) {
	o := origins{listed: map[string]bool{}, noOrigin: c.AllowNoOrigin}
	for _, s := range c.Origins {
		if s == "*" {
			o.all = true
			continue
		}
		canonical, ok := canonicalOrigin(s)
		if !ok {
			return o, fmt.Errorf("origin %q is not of the form https://host[:port]", s)
		}
		o.listed[canonical] = true
	}
	return o, nil
}

// check returns nil for a request that is let in, and else an error that says what to do about it. scheme is that of the
// server's own pages, empty where it is not known.
func (o origins) check(r *http.Request, scheme string) error {
	given := r.Header.Values("Origin")
	if len(given) == 0 {
		if o.noOrigin {
			return nil
		}
		return fmt.Errorf("a request without an Origin is refused here; --allow-no-origin admits clients that are not browsers")
	}
	if o.all {
		return nil
	}
	origin, ok := canonicalOrigin(given[0])
	if ok && len(given) == 1 && (o.listed[origin] || same(origin, scheme, r.Host)) {
		return nil
	}
	over := ""
	if scheme != "" {
		over = " over " + scheme
	}
	return fmt.Errorf("origin %q is not that of this server, which was asked for as host %q%s; --origin %s admits it",
		given[0], r.Host, over, given[0])
}

// same tells whether the origin is that of the page this server itself serves as host. The scheme counts only where it is
// known: behind a proxy that ends TLS and does not say so it is not.
func same(origin, scheme, host string) bool {
	given, _, _ := strings.Cut(origin, "://")
	if given != "https" && given != "http" || scheme != "" && scheme != given {
		return false
	}
	own, ok := canonicalOrigin(given + "://" + host)
	return ok && own == origin
}

// canonicalOrigin writes an origin in one way: lower case, no default port. "null" stays what it is.
func canonicalOrigin(s string) (string, bool) {
	if s == "null" {
		return s, true
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" ||
		u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname())
	port := u.Port()
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		host = net.JoinHostPort(strings.Trim(host, "[]"), port)
	}
	return scheme + "://" + host, true
}
