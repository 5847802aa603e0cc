package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

// MinToken is how many characters a token has at least.
const MinToken = 32

var (
	errShortToken = fmt.Errorf("an admin token has at least %d characters", MinToken)
	errOddToken   = errors.New("an admin token is of visible ASCII characters, as it is sent in a header")
)

// guard decides who may ask. What is refused here is not looked at any further.
type guard struct {
	token    *[sha256.Size]byte // the digest, so that comparing tells nothing of the length; nil: none is needed
	loopback bool
	log      zerolog.Logger
	refused  *prometheus.CounterVec
	warnings *rate.Sometimes
}

func newGuard(config Config) (*guard, error) {
	g := &guard{
		loopback: config.Loopback, log: config.Log,
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_admin_refused_total", Help: "Requests of the admin API that were not let in.",
		}, []string{"reason"}),
		warnings: &rate.Sometimes{First: 1, Interval: time.Minute},
	}
	if config.Token != nil {
		if len(config.Token) < MinToken {
			return nil, errShortToken
		}
		if slices.ContainsFunc(config.Token, func(c byte) bool { return c <= ' ' || c > '~' }) {
			return nil, errOddToken
		}
		digest := sha256.Sum256(config.Token)
		g.token = &digest
	}
	if config.Registerer != nil {
		config.Registerer.MustRegister(g.refused)
	}
	return g, nil
}

// protect lets those through to next who may use the API.
func (g *guard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case g.token == nil && !g.loopback:
			g.refuse(w, r, "unprotected", failf(http.StatusNotFound, "not-served",
				"on an address that is not loopback only /metrics is served without --admin-token"))
		case g.loopback && !g.asked(w, r):
		case g.token != nil && !g.bears(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="parley"`)
			g.refuse(w, r, "token", failf(http.StatusUnauthorized, "unauthorized",
				"the admin token is needed, as Authorization: Bearer …"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// sameHost lets those through to next who are on this host, and no other's page in a browser of its.
func (g *guard) sameHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.asked(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// asked refuses what a page of another origin has a browser on this host ask for. Such a page can make a name of its own point
// to 127.0.0.1 (DNS rebinding), and then nothing but the name in the Host header tells it from us.
func (g *guard) asked(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case !isLoopback(r.Host):
		g.refuse(w, r, "host", failf(http.StatusForbidden, "forbidden", "this host alone is served: ask for localhost or 127.0.0.1"))
	case isForeign(r):
		g.refuse(w, r, "origin", failf(http.StatusForbidden, "forbidden", "pages of other origins are not served"))
	default:
		return true
	}
	return false
}

// refuse counts a request that is not let in. Of many the log tells one a minute.
func (g *guard) refuse(w http.ResponseWriter, r *http.Request, reason string, f *failure) {
	g.refused.WithLabelValues(reason).Inc()
	g.warnings.Do(func() {
		g.log.Warn().Str("remote", r.RemoteAddr).Str("reason", reason).Msg("an admin request was refused; others like it are counted only")
	})
	refuse(w, f)
}

// bears tells whether the request brings the token (RFC 6750 §2.1).
func (g *guard) bears(r *http.Request) bool {
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	digest := sha256.Sum256([]byte(strings.Trim(token, " ")))
	return subtle.ConstantTimeCompare(digest[:], g.token[:]) == 1
}

// isLoopback tells whether a Host header names this host as only it can be named.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") || ip != nil && ip.IsLoopback()
}

// isForeign tells whether a page of another origin asks. Browsers say so in Origin or, if they send none, in Sec-Fetch-Site;
// what is no browser says nothing. Another port of this host is another origin.
func isForeign(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) || u.Host == "" {
			return true
		}
	}
	return false
}
