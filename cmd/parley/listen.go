package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/certs"
)

// listenAll opens both addresses; admin is nil where it is off.
func listenAll(ctx context.Context, s *Settings) (public, admin net.Listener, err error) {
	public, err = listen(ctx, s, "listen", string(s.Listen))
	if err != nil || s.AdminListen == adminOff {
		return public, nil, err
	}
	admin, err = listen(ctx, s, "admin-listen", string(s.AdminListen))
	if err != nil {
		return nil, nil, errors.Join(err, public.Close())
	}
	return public, admin, nil
}

func listen(ctx context.Context, s *Settings, flag, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w; choose another with --%s", s.said(flag), address, innermost(err), flag)
	}
	return l, nil
}

// innermost is the reason without the names of the calls that met it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// openTLS opens the source of the certificate that the mode names.
func openTLS(s *Settings, log zerolog.Logger) (tlsSetup, error) {
	switch s.TLS {
	case tlsOff:
		return tlsSetup{source: certs.Off{}}, nil
	case tlsFiles:
		files, err := certs.OpenFiles(certs.FilesOptions{
			CertFile: s.TLSCert, KeyFile: s.TLSKey,
			OnReload: func(r certs.Reload) { logReload(log, r) },
		})
		if err != nil {
			flag := "tls-cert"
			if strings.HasPrefix(err.Error(), "key file") {
				flag = "tls-key"
			}
			return tlsSetup{}, fmt.Errorf("%s: %w", s.said(flag), err)
		}
		return tlsSetup{source: files}, nil
	default:
		dev, err := certs.OpenDev(certs.DevOptions{Names: s.Domain})
		if err != nil {
			return tlsSetup{}, fmt.Errorf("%s: %w", s.said("domain"), err)
		}
		return tlsSetup{source: dev, dev: dev}, nil
	}
}

// listener puts TLS over a listener, if there is to be any.
func (t tlsSetup) listener(l net.Listener, registry prometheus.Registerer, log zerolog.Logger) net.Listener {
	config := t.source.TLSConfig()
	if config == nil {
		return l
	}
	return newHandshakes(l, config, registry, log).start()
}

func logReload(log zerolog.Logger, r certs.Reload) {
	if r.Err != nil {
		log.Warn().Msg(r.Err.Error())
		return
	}
	log.Info().Time("until", r.NotAfter.UTC()).Msg("a new certificate is in use")
}

// expiryWarning is how long before its end a certificate from files is warned of at the start.
const expiryWarning = 14 * 24 * time.Hour

// warnOfExpiry says when a certificate that nobody renews here has ended or soon will.
func warnOfExpiry(log zerolog.Logger, until, now time.Time) {
	switch left := until.Sub(now); {
	case left <= 0:
		log.Warn().Msgf("The certificate has ended, at %s: browsers refuse it.", until.UTC().Format(time.DateTime))
	case left < expiryWarning:
		log.Warn().Msgf("The certificate ends soon, at %s. A new pair in its place is taken into use at once.", until.UTC().Format(time.DateTime))
	}
}
