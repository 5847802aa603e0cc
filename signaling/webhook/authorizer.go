package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"parley/signaling/protocol"
	"parley/signaling/token"
)

// ErrUnavailable is that the operator's server cannot be asked now, or gives no answer that can be read. Callers compare with
// errors.Is; the text is for the log, and has nothing of the answer in it.
var ErrUnavailable = errors.New("webhook: no answer about a join can be had now")

// Refusal is the error of a join that the operator's server does not allow.
type Refusal struct {
	Reason string // for a person, "" for none
}

// Error gives the reason.
func (r *Refusal) Error() string {
	if r.Reason == "" {
		return "this join was refused"
	}
	return r.Reason
}

// Join is what is asked about: somebody who wants into a room, as far as it is known who that is.
type Join struct {
	Room     string          `json:"room"`
	Name     string          `json:"name,omitempty"`     // the token's, or what the client says
	Metadata json.RawMessage `json:"metadata,omitempty"` // the same
	Identity string          `json:"identity,omitempty"` // that a token vouches for; never a client's own secret one
	Address  string          `json:"address,omitempty"`  // of the client, "" where it is not known
}

// Grant is what the operator's server allows with its yes.
type Grant struct {
	Identity   string               // "" where it leaves that as it is, as for the others
	Name       string               // what the others see; the peer cannot change it
	Metadata   json.RawMessage      // nil where it leaves that as it is
	Capacity   int                  // peers in the room, 0 where it leaves that as it is
	ICEServers []protocol.ICEServer // nil for those of every client
	Broadcast  bool                 // false takes the right away to write to everyone at once
	May        []token.Right        // rights beside those that it has: see token.GivenOnly
	Wait       bool                 // somebody in the room has to let it in
}

// maxJoins is how many joins may be asked about at a time.
const maxJoins = 256

// Authorizer asks about joins. It may be used by any number of goroutines.
type Authorizer struct {
	caller *caller
	log    zerolog.Logger
	places chan struct{} // one for each join that is asked about
	joins  *prometheus.CounterVec
	warn   rate.Sometimes
}

// The results of asking, as labels.
const (
	resultAllowed = "allowed"
	resultRefused = "refused"
	resultFailed  = "failed" // no answer, or none that can be read
	resultBusy    = "busy"   // too many were asked about already
	resultGone    = "gone"   // the client did not wait for the answer
)

// NewAuthorizer makes one. Errors are about the address and the secret.
func NewAuthorizer(c Config) (*Authorizer, error) {
	caller, err := newCaller(c)
	if err != nil {
		return nil, err
	}
	a := &Authorizer{
		caller: caller, log: c.Log, places: make(chan struct{}, maxJoins), warn: rate.Sometimes{First: 1, Interval: 10 * time.Second},
		joins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_webhook_joins_total", Help: "Joins that the authorization webhook was asked about, by result.",
		}, []string{"result"}),
	}
	for _, result := range []string{resultAllowed, resultRefused, resultFailed, resultBusy, resultGone} {
		a.joins.WithLabelValues(result)
	}
	if c.Registerer != nil {
		if err := c.Registerer.Register(a.joins); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Close lets go of the connections. Whoever still asks is to be stopped by the context that it gave.
func (a *Authorizer) Close() { a.caller.close() }

// Authorize asks about a join. Errors: a *Refusal, ErrUnavailable, or the context's.
func (a *Authorizer) Authorize(ctx context.Context, j Join) (Grant, error) {
	select {
	case a.places <- struct{}{}:
		defer func() { <-a.places }()
	default:
		a.joins.WithLabelValues(resultBusy).Inc()
		return Grant{}, fmt.Errorf("%w: %d joins wait for one already", ErrUnavailable, maxJoins)
	}
	grant, err := a.ask(ctx, j)
	var refusal *Refusal
	result := resultAllowed
	switch {
	case ctx.Err() != nil:
		result, err = resultGone, context.Cause(ctx)
	case errors.As(err, &refusal):
		result = resultRefused
	case err != nil:
		result = resultFailed
		a.warn.Do(func() {
			a.log.Warn().Err(err).Msg("The authorization webhook gives no answer to a join, which is refused. More of the next seconds are only counted.")
		})
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	a.joins.WithLabelValues(result).Inc()
	if err != nil {
		return Grant{}, err
	}
	return grant, nil
}

func (a *Authorizer) ask(ctx context.Context, j Join) (Grant, error) {
	body, err := json.Marshal(struct {
		Type string `json:"type"`
		Join
	}{protocol.TypeJoin, j})
	if err != nil {
		return Grant{}, err
	}
	status, answer, err := a.caller.post(ctx, body)
	switch {
	case err != nil:
		return Grant{}, err
	case status != http.StatusOK:
		return Grant{}, fmt.Errorf("it answers with the status %d", status)
	case len(answer) > maxAnswer:
		return Grant{}, fmt.Errorf("its answer is longer than %d bytes", maxAnswer)
	}
	return decodeAnswer(answer)
}
