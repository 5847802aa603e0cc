// Package webhook asks and tells a server of the operator's over HTTP, with signed requests: an Authorizer asks it about each
// join, and Events tell it what happens in rooms. Package signaling has the first decide on joins; command parley makes both of
// its flags, and feeds the second.
//
//	join ─ Authorizer.Authorize ── POST, signed ──► the operator's server
//	       Grant or Refusal     ◄─ JSON ──────────
//
//	engine, report ─ Events.Tell ─ queue ─ one POST at a time ──► the operator's server
//
// Whatever goes wrong with an answer about a join refuses the join: only a clear yes lets somebody in.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// The headers of every request. The signature is v1= and the HMAC-SHA256, in hexadecimal digits, of the timestamp, a full stop
// and the body.
const (
	HeaderTimestamp = "Parley-Timestamp" // Unix seconds: a receiver that refuses old ones cannot be replayed to
	HeaderSignature = "Parley-Signature"
)

const (
	// MinSecret is the least length of the secret that requests are signed with, in bytes.
	MinSecret = 32

	requestWithin = 5 * time.Second
	maxAnswer     = 64 << 10 // bytes
	maxIdle       = 16       // connections that are kept for the next request
)

// Config says where a webhook is. Authorizer and Events each have one.
type Config struct {
	URL        string // see CheckURL
	Secret     []byte // at least MinSecret bytes
	Log        zerolog.Logger
	Registerer prometheus.Registerer // nil: no metrics are registered

	Within time.Duration // for one request, with its answer; default 5 s
	Keep   time.Duration // of Events: how old one may become that cannot be delivered; default 1 h

	// Dial connects to the operator's server. nil: over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// CheckURL refuses an address that would carry what is sent in the clear: it must be https, or this host's. The error does not
// repeat the address, which may have a secret in it.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return errors.New("not an address of the form https://HOST/PATH")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// caller makes signed requests to one address.
type caller struct {
	url    string
	secret []byte
	within time.Duration
	client *http.Client
}

func newCaller(c Config) (*caller, error) {
	if err := CheckURL(c.URL); err != nil {
		return nil, err
	}
	if len(c.Secret) < MinSecret {
		return nil, fmt.Errorf("a secret for webhooks has at least %d bytes", MinSecret)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = maxIdle
	transport.MaxResponseHeaderBytes = maxAnswer
	transport.DisableCompression = true
	if c.Dial != nil {
		transport.DialContext = c.Dial
	}
	within := c.Within
	if within == 0 {
		within = requestWithin
	}
	return &caller{
		url: c.URL, secret: c.Secret, within: within,
		client: &http.Client{
			Transport: transport,
			// The request is for one address: whoever answers there has no say in who else gets it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// close lets go of the connections that are kept.
func (c *caller) close() { c.client.CloseIdleConnections() }

// post sends a body and gives the answer, of which no more is read than one byte beyond maxAnswer. The error has neither the
// address nor the body in it.
func (c *caller) post(ctx context.Context, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.within, fmt.Errorf("no answer within %v", c.within))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Parley")
	request.Header.Set(HeaderTimestamp, timestamp)
	request.Header.Set(HeaderSignature, sign(c.secret, timestamp, body))
	response, err := c.client.Do(request)
	if err == nil {
		defer response.Body.Close()
		status = response.StatusCode
		answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return 0, nil, withoutURL(err)
	}
	return status, answer, nil
}

// withoutURL takes the address out of an error: it is known, and may have a secret in it.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// sign gives the value of HeaderSignature.
func sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}
