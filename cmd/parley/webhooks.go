package main

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling/protocol"
	"parley/signaling/webhook"
)

// checkWebhooks finds a webhook without a secret to sign with, and a secret without a webhook.
func (s *Settings) checkWebhooks() error {
	secret := s.WebhookSecret+s.WebhookSecretFile != ""
	switch {
	case secret && s.AuthWebhook+s.EventWebhook == "":
		return fmt.Errorf("%s has a meaning only with --auth-webhook or --event-webhook", s.saidSecret("webhook-secret", s.WebhookSecretFile))
	case !secret && s.AuthWebhook != "":
		return fmt.Errorf("%s needs --webhook-secret, which its requests are signed with", s.said("auth-webhook"))
	case !secret && s.EventWebhook != "":
		return fmt.Errorf("%s needs --webhook-secret, which its requests are signed with", s.said("event-webhook"))
	}
	return nil
}

// webhooks are those that the settings ask for.
type webhooks struct {
	authorizer *webhook.Authorizer // nil: nobody is asked about joins
	events     *webhook.Events     // nil: nobody is told what happens
	log        zerolog.Logger
}

func openWebhooks(s *Settings, registry prometheus.Registerer, log zerolog.Logger) (*webhooks, error) {
	w := &webhooks{log: log}
	secret, err := s.secret("webhook-secret", s.WebhookSecret, s.WebhookSecretFile)
	if err != nil {
		return nil, err
	}
	at := func(u webhookURL) webhook.Config {
		return webhook.Config{URL: string(u), Secret: secret, Log: log, Registerer: registry}
	}
	if s.AuthWebhook != "" {
		w.authorizer, err = webhook.NewAuthorizer(at(s.AuthWebhook))
	}
	if err == nil && s.EventWebhook != "" {
		w.events, err = webhook.NewEvents(at(s.EventWebhook))
	}
	if err != nil { // the addresses were found good before
		return nil, fmt.Errorf("%s: %w; this makes one: openssl rand -base64 32", s.saidSecret("webhook-secret", s.WebhookSecretFile), err)
	}
	return w, nil
}

// occurred gives what is told about rooms, nil where nobody is to know.
func (w *webhooks) occurred() func(rooms.Occurrence) {
	if w.events == nil {
		return nil
	}
	return func(o rooms.Occurrence) { w.events.Tell(webhook.Occurred(o)) }
}

// reported gives what is told about calls, nil where nobody is to know.
func (w *webhooks) reported() func(string, rooms.PeerID, protocol.Report) {
	if w.events == nil {
		return nil
	}
	return func(room string, peer rooms.PeerID, r protocol.Report) {
		w.events.Tell(webhook.Reported(room, peer, r))
	}
}

// close delivers what waits, for a while.
func (w *webhooks) close(ctx context.Context) {
	if w.authorizer != nil {
		w.authorizer.Close()
	}
	if w.events == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, eventsWithin)
	defer cancel()
	logFailure(w.log, "ending the event webhook", w.events.Close(ctx))
}
