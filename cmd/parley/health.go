package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// healthCommand asks a server for its health: a container's health check has no other program to do it.
type healthCommand struct {
	URL string `arg:"" optional:"" help:"What to get. By default the server on this host, as PARLEY_LISTEN and PARLEY_TLS say."`
	CA  string `name:"ca" placeholder:"FILE" help:"Trust the authorities in this PEM file, and nothing else."`
}

const healthWithin = 5 * time.Second

// Run returns nil for an answer of 200.
func (c *healthCommand) Run(ctx context.Context, s streams) error {
	target, err := c.target(s)
	if err != nil {
		return err
	}
	config, err := c.tlsConfig(target)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport: &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		// Another place is another server's health, and its certificate might not be looked at.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		return fmt.Errorf("%s: %w", target.Redacted(), err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", target.Redacted(), response.Status)
	}
	_, err = fmt.Fprintf(s.out, "%s is well\n", target.Redacted())
	return err
}

// target is the URL to get.
func (c *healthCommand) target(s streams) (*url.URL, error) {
	given := c.URL
	if given == "" {
		given = localURL(s.env)
	}
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is not a URL such as https://localhost:8443/healthz", given)
	}
	if u.Path == "" {
		u.Path = "/healthz"
	}
	return u, nil
}

// localURL is where the server of this host is that has the same environment, as in a container.
func localURL(env func(string) (string, bool)) string {
	scheme, host, port := "https", "localhost", "8443"
	if mode, _ := env("PARLEY_TLS"); mode == string(tlsOff) {
		scheme = "http"
	}
	address, _ := env("PARLEY_LISTEN")
	if h, p, err := net.SplitHostPort(address); err == nil {
		port = p
		if ip := net.ParseIP(h); h != "" && (ip == nil || !ip.IsUnspecified()) {
			host = h
		}
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// tlsConfig does not verify a server on this host unless --ca is given: its certificate is for the names that others reach
// it by, or from a development authority that nothing trusts yet, and whoever answers on loopback is this host anyway.
func (c *healthCommand) tlsConfig(target *url.URL) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		config.InsecureSkipVerify = isLoopback(target.Hostname())
		return config, nil
	}
	var err error
	if config.RootCAs, err = readAuthorities(c.CA); err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	return config, nil
}

// isLoopback tells whether a host, without its port, is this one.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
