package natsrooms

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"time"

	"parley/rooms"
)

// Options says where NATS is and what of it this deployment uses. The zero value of a field means its default.
type Options struct {
	URLs        []string    // of servers of one cluster; at least one
	Credentials string      // file with a user's JWT and seed; "" for none
	TLS         *tls.Config // for tls:// URLs; nil: the system's roots
	Name        string      // of the connection, as NATS's own monitoring shows it; default parley

	Prefix   string // of every name in NATS: two deployments of different prefixes share the servers; default parley
	Replicas int    // of every stream and bucket; default 1
	Shards   int    // streams that mailboxes are spread over, a node's in one of them; default 4
	MaxBytes int64  // of one shard; default 256 MiB

	Lease    time.Duration // a node that does not renew its lease for so long is dead; default 20 s
	Patience time.Duration // how long a message waits for NATS before it is refused; default 12 s

	Figures Figures                         // where what happens is counted
	Warn    func(what string, failed error) // nil: nobody wants to know
}

var prefixForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// withDefaults checks the options and fills in what is zero.
func (o Options) withDefaults() (Options, error) {
	o.Name = cmp.Or(o.Name, "parley")
	o.Prefix = cmp.Or(o.Prefix, "parley")
	o.Replicas = cmp.Or(o.Replicas, 1)
	o.Shards = cmp.Or(o.Shards, 4)
	o.MaxBytes = cmp.Or(o.MaxBytes, 256<<20)
	o.Lease = cmp.Or(o.Lease, 20*time.Second)
	o.Patience = cmp.Or(o.Patience, 12*time.Second)
	o.Figures = o.Figures.complete()
	if o.Warn == nil {
		o.Warn = func(string, error) {}
	}
	switch {
	case len(o.URLs) == 0:
		return o, errors.New("natsrooms: no URL of a NATS server")
	case !prefixForm.MatchString(o.Prefix):
		return o, fmt.Errorf("natsrooms: the prefix %q is not 1 to 32 letters, digits, - and _", o.Prefix)
	case o.Replicas < 1 || o.Replicas > 5:
		return o, fmt.Errorf("natsrooms: %d replicas: NATS has 1 to 5", o.Replicas)
	}
	return o, nil
}

// window is for how long a message may still be wanted: by a peer whose node died while it was away, and by NATS itself to
// know a repeat.
func (o Options) window(config rooms.Config) time.Duration {
	return config.Grace + o.Lease + 30*time.Second
}
