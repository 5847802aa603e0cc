package main

import (
	"fmt"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling"
)

// Settings is all that can be set. Each field is a flag, an environment variable and a key of the file, by the same name.
// Tags beside kong's: `more` keeps a flag out of --help (--help-all has it), `secret` hides its value wherever it is printed.
type Settings struct {
	Config string `group:"File" placeholder:"FILE" help:"YAML file; its keys are the names of these flags."`

	Listen         listenAddress `group:"Addresses" default:":8443" placeholder:"ADDRESS" help:"Where page, /ws, /healthz and /readyz are."`
	AdminListen    adminAddress  `group:"Addresses" default:"127.0.0.1:8444" placeholder:"ADDRESS" help:"Metrics, profiles and admin API, or off. See --admin-token."`
	AdminToken     string        `group:"Addresses" placeholder:"SECRET" secret:"" more:"" help:"The admin API needs it: 32 characters or more. Beyond loopback, without it, there are only metrics."`
	AdminTokenFile string        `group:"Addresses" placeholder:"FILE" more:"" help:"The admin token, in a file."`

	TLS     tlsMode `name:"tls" group:"TLS" default:"dev" placeholder:"MODE" help:"dev (an own authority), files, or off (behind a proxy that has TLS)."`
	TLSCert string  `name:"tls-cert" group:"TLS" placeholder:"FILE" help:"With --tls files: certificate and chain, PEM. Read again on change."`
	TLSKey  string  `name:"tls-key" group:"TLS" placeholder:"FILE" help:"With --tls files: its key, PEM."`
	Domain  list    `group:"TLS" placeholder:"NAME" help:"With --tls dev: a further name for the certificate. Repeatable."`

	Origin        list     `group:"Who may connect" placeholder:"ORIGIN" help:"A web origin let in beside the server's own; * for all. Repeatable."`
	AllowNoOrigin bool     `group:"Who may connect" default:"true" negatable:"" more:"" help:"Let in clients that are not browsers."`
	TrustedProxy  networks `group:"Who may connect" placeholder:"CIDR" help:"A proxy in front, whose word for clients' addresses is taken. Repeatable."`

	RequireToken    bool   `group:"Who may join" help:"Nobody joins without a token."`
	TokenSecret     string `group:"Who may join" placeholder:"SECRET" secret:"" help:"Join tokens signed with it (HS256) are good: 32 random characters or more."`
	TokenSecretFile string `group:"Who may join" placeholder:"FILE" more:"" help:"That secret, in a file."`
	TokenJWKS       string `name:"token-jwks" group:"Who may join" placeholder:"URL" help:"Tokens signed with a key of this set (ES256, RS256, EdDSA) are good."`
	TokenIssuer     string `group:"Who may join" placeholder:"NAME" more:"" help:"What a token must have as its iss."`

	AuthWebhook       webhookURL `group:"Who may join" placeholder:"URL" help:"It is asked about each join, and decides. See docs/webhooks.md."`
	EventWebhook      webhookURL `group:"Who may join" placeholder:"URL" more:"" help:"It is told what happens in rooms."`
	WebhookSecret     string     `group:"Who may join" placeholder:"SECRET" secret:"" more:"" help:"What requests to both are signed with: 32 random characters or more."`
	WebhookSecretFile string     `group:"Who may join" placeholder:"FILE" more:"" help:"That secret, in a file."`

	RoomCapacity   count          `group:"Rooms" default:"16" placeholder:"N" help:"Peers in a room."`
	Grace          graceTime      `group:"Rooms" default:"30s" placeholder:"TIME" help:"How long a lost connection may be away: 1s to 120s."`
	IdentityPolicy identityPolicy `group:"Rooms" default:"replace" placeholder:"POLICY" more:"" help:"When an identity joins that is in the room: refuse, replace or allow."`

	Drain          drainTime `group:"Restarts" default:"20s" placeholder:"TIME" help:"How long the server may take to end, for what it has taken to arrive."`
	SessionKey     string    `group:"Restarts" placeholder:"SECRET" secret:"" help:"Sessions survive a restart with the same key: 32 random characters or more."`
	SessionKeyFile string    `group:"Restarts" placeholder:"FILE" more:"" help:"The session key, in a file."`

	NATSURL          list   `name:"nats-url" group:"Many nodes" placeholder:"URL" secret:"" help:"A NATS server that many nodes share: one set of rooms. Repeatable."`
	NATSCreds        string `name:"nats-creds" group:"Many nodes" placeholder:"FILE" more:"" help:"Credentials for NATS: a user's JWT and seed."`
	NATSCA           string `name:"nats-ca" group:"Many nodes" placeholder:"FILE" more:"" help:"Trust the authorities in this PEM file for NATS, and nothing else."`
	NATSPrefix       string `name:"nats-prefix" group:"Many nodes" default:"parley" placeholder:"NAME" more:"" help:"Of every name in NATS: one for each deployment."`
	NATSReplicas     count  `name:"nats-replicas" group:"Many nodes" default:"1" placeholder:"N" more:"" help:"Copies that NATS keeps: 1, or 3 with three servers."`
	ReadyNeedsEngine bool   `group:"Many nodes" more:"" help:"/readyz fails while NATS is away, and not only until it was reached."`

	Rate                  perSecond `group:"Limits" default:"100" placeholder:"N" help:"Messages a second that a connection may send."`
	Burst                 count     `group:"Limits" default:"1500" placeholder:"N" help:"Messages that it may send at once."`
	MaxMessage            size      `group:"Limits" default:"64KiB" placeholder:"SIZE" help:"Length of one message."`
	ConnectionsPerAddress count     `group:"Limits" default:"1024" placeholder:"N" more:"" help:"Connections from one address; an IPv6 /64 is one."`
	JoinsPerAddress       perSecond `group:"Limits" default:"50" placeholder:"N" more:"" help:"Joins a second from one address; four times as many at once."`
	MaxConnections        count     `group:"Limits" default:"0" placeholder:"N" help:"Connections at a time."`
	MaxUnjoined           count     `group:"Limits" default:"4096" placeholder:"N" more:"" help:"Connections that have not joined; beyond it the oldest goes."`
	MaxRooms              count     `group:"Limits" default:"0" placeholder:"N" help:"Rooms at a time."`

	ICEServer iceServers `name:"ice-server" group:"Calls" placeholder:"SERVER" secret:"" help:"STUN or TURN server for clients: a URL, or JSON with credentials. Repeatable."`

	LogFormat logFormat `group:"Log" default:"console" placeholder:"FORMAT" help:"console or json."`
	LogLevel  logLevel  `group:"Log" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`

	from  map[string]place // where each value came from, by the flag's name
	flags []*kong.Flag     // these fields, as kong sees them
}

func (s *Settings) settings() *Settings { return s }

// said names a setting in the words in which the user gave it.
func (s *Settings) said(flag string) string {
	if p, ok := s.from[flag]; ok {
		return p.said
	}
	return "--" + flag
}

// check finds settings that contradict each other. What has no effect is refused: it was meant to have one.
func (s *Settings) check() error {
	if s.TLS == tlsFiles {
		for flag, value := range map[string]string{"tls-cert": s.TLSCert, "tls-key": s.TLSKey} {
			if value == "" {
				return fmt.Errorf("%s: files needs --tls-cert and --tls-key, and --%s is missing", s.said("tls"), flag)
			}
		}
	}
	idle := func(flag string, given bool, mode tlsMode) error {
		if given && s.TLS != mode {
			return fmt.Errorf("%s has a meaning only with --tls %s, and --tls is %s", s.said(flag), mode, s.TLS)
		}
		return nil
	}
	if token := s.AdminToken + s.AdminTokenFile; token != "" && s.AdminListen == adminOff {
		return fmt.Errorf("%s has no meaning with --admin-listen off", s.saidSecret("admin-token", s.AdminTokenFile))
	}
	for flag, both := range map[string]bool{
		"admin-token":    s.AdminToken != "" && s.AdminTokenFile != "",
		"session-key":    s.SessionKey != "" && s.SessionKeyFile != "",
		"token-secret":   s.TokenSecret != "" && s.TokenSecretFile != "",
		"webhook-secret": s.WebhookSecret != "" && s.WebhookSecretFile != "",
	} {
		if both {
			return fmt.Errorf("%s and %s: one of them is enough", s.said(flag), s.said(flag+"-file"))
		}
	}
	withKeys := func(flag string, given bool) error {
		if given && !s.checksTokens() {
			return fmt.Errorf("%s needs what tokens are checked with: --token-secret or --token-jwks", s.said(flag))
		}
		return nil
	}
	withNATS := func(flag string, given bool) error {
		if given && len(s.NATSURL) == 0 {
			return fmt.Errorf("%s has a meaning only with --nats-url", s.said(flag))
		}
		return nil
	}
	if key := s.SessionKey + s.SessionKeyFile; key != "" && len(s.NATSURL) > 0 {
		return fmt.Errorf("%s has no meaning with --nats-url: sessions are in NATS", s.saidSecret("session-key", s.SessionKeyFile))
	}
	for _, err := range []error{
		withKeys("require-token", s.RequireToken),
		withKeys("token-issuer", s.TokenIssuer != ""),
		s.checkWebhooks(),
		withNATS("nats-creds", s.NATSCreds != ""),
		withNATS("nats-ca", s.NATSCA != ""),
		withNATS("ready-needs-engine", s.ReadyNeedsEngine),
		idle("tls-cert", s.TLSCert != "", tlsFiles),
		idle("tls-key", s.TLSKey != "", tlsFiles),
		idle("domain", len(s.Domain) > 0, tlsDev),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// saidSecret names a secret as the user gave it: by its flag, or by the one of the file that it is in.
func (s *Settings) saidSecret(flag, path string) string {
	if path != "" {
		flag += "-file"
	}
	return s.said(flag)
}

// secret gives a secret from its flag or its file, nil where it is in neither.
func (s *Settings) secret(flag, text, path string) ([]byte, error) {
	secret, err := readSecret(text, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.saidSecret(flag, path), err)
	}
	return secret, nil
}

// rooms gives the settings of the engine.
func (s *Settings) rooms() (rooms.Config, error) {
	key, err := s.sessionKey()
	return rooms.Config{
		Capacity:   orUnlimited(int(s.RoomCapacity)),
		MaxRooms:   int(s.MaxRooms), // where 0 is no limit too
		Identities: rooms.IdentityPolicy(s.IdentityPolicy),
		Grace:      s.Grace.duration(),
		SessionKey: key,
	}, err
}

// sessionKey gives the key from wherever it is, nil if there is none.
func (s *Settings) sessionKey() (*rooms.SessionKey, error) {
	secret, err := s.secret("session-key", s.SessionKey, s.SessionKeyFile)
	if secret == nil {
		return nil, err
	}
	key, err := rooms.NewSessionKey(secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; this makes one: openssl rand -base64 32", s.saidSecret("session-key", s.SessionKeyFile), err)
	}
	return key, nil
}

// signaling gives the settings of the endpoint, but for its registry of metrics.
func (s *Settings) signaling(log zerolog.Logger) signaling.Config {
	return signaling.Config{
		Log:            log,
		Origins:        s.Origin,
		AllowNoOrigin:  s.AllowNoOrigin,
		TLS:            s.TLS != tlsOff,
		TrustedProxies: s.TrustedProxy,
		RequireToken:   s.RequireToken,
		ICEServers:     s.ICEServer,
		Capacity:       orUnlimited(int(s.RoomCapacity)),
		Grace:          s.Grace.duration(),
		MaxMessage:     orUnlimited(int(s.MaxMessage)),
		Rate:           orUnlimited(float64(s.Rate)),
		Burst:          orUnlimited(int(s.Burst)),

		MaxConnections:        orUnlimited(int(s.MaxConnections)),
		MaxUnjoined:           orUnlimited(int(s.MaxUnjoined)),
		ConnectionsPerAddress: orUnlimited(int(s.ConnectionsPerAddress)),
		JoinsPerAddress:       orUnlimited(float64(s.JoinsPerAddress)),
	}
}

// orUnlimited turns a limit as the user writes it, where 0 is none, into one as the packages have it, where 0 is the default
// and below 0 is none.
func orUnlimited[T int | float64](v T) T {
	if v == 0 {
		return -1
	}
	return v
}
