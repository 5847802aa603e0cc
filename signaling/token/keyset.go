package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// How keys are fetched. A set that cannot be fetched leaves the one before in force.
const (
	fetchEvery   = 10 * time.Minute
	fetchUnknown = 10 * time.Second // at the most so often for the sake of a key that is not known yet
	fetchWithin  = 5 * time.Second
	waitForKey   = 6 * time.Second // of one token for a fetch
	maxKeySet    = 1 << 20         // bytes
)

// KeySet is a JSON Web Key Set at an address of its own: keys are found there by kid, and nowhere else. It is fetched now and
// then, and when a token names a key that is not known, as after a rotation.
type KeySet struct {
	keys   keyfunc.Keyfunc
	cancel context.CancelFunc
}

// keySetMethods are the algorithms that keys of a set are for. Secrets shared with the issuer are none of them.
func keySetMethods() []string {
	return []string{
		jwt.SigningMethodES256.Alg(), jwt.SigningMethodRS256.Alg(), jwt.SigningMethodEdDSA.Alg(),
	}
}

// OpenKeySet begins to fetch a set. A server that cannot be reached is no error, but told to failed, each time. The error is
// about the address: it must be https, or this host's.
func OpenKeySet(address string, failed func(error)) (*KeySet, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return nil, errors.New("not an address of the form https://HOST/PATH")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // it is asked rarely
	ctx, cancel := context.WithCancel(context.Background())
	yes := true
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{u.String()}, keyfunc.Override{
		Client: &http.Client{
			Transport: boundedTransport{transport},
			// Whoever can have this server ask another address could have it ask one of the inside.
			CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("it redirects, which is not followed") },
		},
		HTTPTimeout:               fetchWithin,
		NoErrorReturnFirstHTTPReq: &yes,
		RateLimitWaitMax:          waitForKey,
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(_ context.Context, err error) { failed(err) }
		},
		RefreshInterval:   fetchEvery,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(fetchUnknown), 1),
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return &KeySet{keys: keys, cancel: cancel}, nil
}

// Close ends fetching.
func (s *KeySet) Close() { s.cancel() }

// key gives the key that a token names.
func (s *KeySet) key(ctx context.Context, t *jwt.Token) (any, error) {
	key, err := s.keys.KeyfuncCtx(ctx)(t)
	if errors.Is(err, jwkset.ErrKeyNotFound) {
		if all, listErr := s.keys.Storage().KeyReadAll(ctx); listErr != nil || len(all) == 0 {
			return nil, ErrUnavailable
		}
	}
	return key, err
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// boundedTransport reads no more of an answer than a key set may have.
type boundedTransport struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.Transport.RoundTrip(r)
	if err == nil {
		response.Body = &boundedBody{ReadCloser: response.Body, left: maxKeySet}
	}
	return response, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("a key set has at most %d bytes", maxKeySet)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
