package main

import (
	"context"
	"errors"
	"fmt"

	"parley/certs"
)

// caCommand prints the development authority of this host and user.
type caCommand struct{}

// Run prints the certificate on standard output, and about it on standard error, so that the output can go into a file.
func (caCommand) Run(_ context.Context, s streams) error {
	dev, err := certs.OpenDev(certs.DevOptions{})
	if err != nil {
		return err
	}
	authority := dev.Authority()
	if authority.Path == "" { // one that no server will ever use
		return errors.New(dev.Warning())
	}
	_, _ = fmt.Fprintf(s.err, "%s\nkept in %s\nSHA-256 %s\n", authority.Name, authority.Path, authority.Fingerprint)
	_, err = s.out.Write(authority.PEM)
	return errors.Join(err, dev.Close())
}
