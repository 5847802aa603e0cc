package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"parley/rooms"
)

// setting is one flag with three values other than its default: in the file (YAML), the environment and as arguments. Each
// comes with the line that `parley config` prints for it.
type setting struct {
	fallback      string
	file, inFile  string
	env, inEnv    string
	args, inFlags string // args are separated by spaces
}

// same is a setting that is shown as it is written.
func same(fallback, file, env, flag, name string) setting {
	return setting{fallback, file, file, env, env, "--" + name + "=" + flag, flag}
}

func settingsTable() map[string]setting {
	all := limitsTable()
	maps.Copy(all, joinSettingsTable())
	maps.Copy(all, otherSettingsTable())
	return all
}

func otherSettingsTable() map[string]setting {
	ice := func(s string) string { return `[{"urls":["` + s + `"]}]` }
	return map[string]setting{
		"listen": {
			`":8443"`, `":1"`, `":1"`, "127.0.0.1:2", `"127.0.0.1:2"`, "--listen [::1]:3", `"[::1]:3"`,
		},
		"admin-listen":     {`"127.0.0.1:8444"`, `":1"`, `":1"`, "off", "off", "--admin-listen=:3", `":3"`},
		"admin-token":      {`""`, "a", `"(hidden)"`, "b", `"(hidden)"`, "--admin-token c", `"(hidden)"`},
		"admin-token-file": same(`""`, "/a.key", "/b.key", "/c.key", "admin-token-file"),
		"tls":              same("dev", "off", "files", "dev", "tls"),
		"tls-cert":         same(`""`, "/a.crt", "/b.crt", "/c.crt", "tls-cert"),
		"tls-key":          same(`""`, "/a.key", "/b.key", "/c.key", "tls-key"),
		"domain": {
			"[]", "[a.example, b.example]", `["a.example","b.example"]`, "c.example, d.example", `["c.example","d.example"]`,
			"--domain e.example --domain f.example", `["e.example","f.example"]`,
		},
		"origin": {
			"[]", "https://a.example", `["https://a.example"]`, "https://b.example,https://c.example",
			`["https://b.example","https://c.example"]`, "--origin *", `["*"]`,
		},
		"allow-no-origin": {"true", "false", "false", "true", "true", "--no-allow-no-origin", "false"},
		"trusted-proxy": {
			"[]", "[10.1.2.3/8, \"::1\"]", `["10.0.0.0/8","::1/128"]`, "192.0.2.1, fd00::/8", `["192.0.2.1/32","fd00::/8"]`,
			"--trusted-proxy ::ffff:10.0.0.0/104 --trusted-proxy ::ffff:192.0.2.1", `["10.0.0.0/8","192.0.2.1/32"]`,
		},
		"room-capacity":    same("16", "1", "2", "0", "room-capacity"),
		"grace":            same("30s", "1s", "2m", "90s", "grace").withFlagShown("1m30s"),
		"identity-policy":  same("replace", "refuse", "allow", "replace", "identity-policy"),
		"drain":            same("20s", "1s", "0s", "1h", "drain").withFlagShown("1h0m"),
		"session-key":      {`""`, "a", `"(hidden)"`, "b", `"(hidden)"`, "--session-key c", `"(hidden)"`},
		"session-key-file": same(`""`, "/a.key", "/b.key", "/c.key", "session-key-file"),
		"nats-url": {
			`""`, "[nats://a:1, nats://b]", `"(hidden)"`, "nats://c, tls://d", `"(hidden)"`, "--nats-url e --nats-url f", `"(hidden)"`,
		},
		"nats-creds":         same(`""`, "/a.creds", "/b.creds", "/c.creds", "nats-creds"),
		"nats-ca":            same(`""`, "/a.crt", "/b.crt", "/c.crt", "nats-ca"),
		"nats-prefix":        same("parley", "a", "b", "c", "nats-prefix"),
		"nats-replicas":      same("1", "3", "5", "3", "nats-replicas"),
		"ready-needs-engine": {"false", "true", "true", "false", "false", "--ready-needs-engine", "true"},
		"ice-server": {
			"[]", `["stun:a.example", {urls: "stun:b.example"}]`, `[{"urls":["stun:a.example"]},{"urls":["stun:b.example"]}]`,
			"stun:c.example:1", ice("stun:c.example:1"), `--ice-server={"urls":["stuns:d.example"]}`, ice("stuns:d.example"),
		},
		"log-format": same("console", "json", "console", "json", "log-format"),
		"log-level":  same("info", "warn", "error", "debug", "log-level"),
	}
}

func joinSettingsTable() map[string]setting {
	return map[string]setting{
		"require-token":     {"false", "true", "true", "false", "false", "--require-token", "true"},
		"token-secret":      {`""`, "a", `"(hidden)"`, "b", `"(hidden)"`, "--token-secret c", `"(hidden)"`},
		"token-secret-file": same(`""`, "/a.key", "/b.key", "/c.key", "token-secret-file"),
		"token-jwks": {
			`""`, "https://a.example/k", `"https://a.example/k"`, "https://b.example/k", `"https://b.example/k"`,
			"--token-jwks https://c.example/k", `"https://c.example/k"`,
		},
		"token-issuer": same(`""`, "a", "b", "c", "token-issuer"),
		"auth-webhook": {
			`""`, "https://a.example/k", `"https://a.example/k"`, "http://localhost:1/k", `"http://localhost:1/k"`,
			"--auth-webhook https://c.example/k", `"https://c.example/k"`,
		},
		"event-webhook": {
			`""`, "https://a.example/k", `"https://a.example/k"`, "http://127.0.0.1/k", `"http://127.0.0.1/k"`,
			"--event-webhook https://c.example/k", `"https://c.example/k"`,
		},
		"webhook-secret":      {`""`, "a", `"(hidden)"`, "b", `"(hidden)"`, "--webhook-secret c", `"(hidden)"`},
		"webhook-secret-file": same(`""`, "/a.key", "/b.key", "/c.key", "webhook-secret-file"),
	}
}

func limitsTable() map[string]setting {
	return map[string]setting{
		"rate":                    same("100", "0.5", "2", "0", "rate"),
		"burst":                   same("1500", "1", "2", "0", "burst"),
		"max-message":             {"64KiB", "1000", "1000", "2kB", "2000", "--max-message 1MiB", "1MiB"},
		"max-rooms":               same("0", "1", "2", "3", "max-rooms"),
		"connections-per-address": same("1024", "1", "2", "0", "connections-per-address"),
		"joins-per-address":       same("50", "0.5", "2", "0", "joins-per-address"),
		"max-connections":         same("0", "1", "2", "3", "max-connections"),
		"max-unjoined":            same("4096", "1", "2", "0", "max-unjoined"),
	}
}

func (s setting) withFlagShown(shown string) setting {
	s.inFlags = shown
	return s
}

func TestEverySettingIsInTheTable(t *testing.T) {
	var flags []string
	for _, flag := range parseSettings(t).flags {
		if flag.Name != configFlag {
			flags = append(flags, flag.Name)
		}
		if flag.Help == "" || flag.Group == nil || flag.PlaceHolder == "" && !flag.IsBool() {
			t.Errorf("--%s lacks help, group or placeholder", flag.Name)
		}
	}
	table := slices.Sorted(maps.Keys(settingsTable()))
	if slices.Sort(flags); !slices.Equal(flags, table) {
		t.Errorf("flags %q\ntable %q", flags, table)
	}
}

func TestPrecedence(t *testing.T) {
	for name, s := range settingsTable() {
		t.Run(name, func(t *testing.T) {
			file := writeTemp(t, "parley.yaml", name+": "+s.file+"\n")
			env := map[string]string{variable(name): s.env}
			for _, test := range []struct {
				what string
				env  map[string]string
				args []string
				want string
				from string
			}{
				{"default", nil, nil, s.fallback, "default"},
				{"empty variable", map[string]string{variable(name): ""}, nil, s.fallback, "default"},
				{"file", nil, []string{"--config", file}, s.inFile, "file " + file},
				{"environment over file", env, []string{"--config", file}, s.inEnv, "environment " + variable(name)},
				{"flag over all", env, append([]string{"--config", file}, strings.Fields(s.args)...), s.inFlags, "flag"},
			} {
				args := slices.Concat([]string{"config"}, test.args, companions(name, test.want))
				got := runCommand(test.env, args...)
				if got.code != exitOK || got.err != "" {
					t.Fatalf("%s: exit %d, %s", test.what, got.code, got.err)
				}
				if value, from := line(t, got.out, name); value != test.want || from != test.from {
					t.Errorf("%s: %q from %q, want %q from %q", test.what, value, from, test.want, test.from)
				}
			}
		})
	}
}

// companions are the flags without which a value would contradict the rest.
func companions(name, value string) []string {
	switch {
	case name == "tls" && value == "files":
		return []string{"--tls-cert=x", "--tls-key=x"}
	case name == "tls-cert" && value != `""`:
		return []string{"--tls=files", "--tls-key=x"}
	case name == "tls-key" && value != `""`:
		return []string{"--tls=files", "--tls-cert=x"}
	case slices.Contains([]string{"require-token", "token-issuer"}, name):
		return []string{"--token-jwks=https://x"}
	case slices.Contains([]string{"auth-webhook", "event-webhook"}, name) && value != `""`:
		return []string{"--webhook-secret=x"}
	case slices.Contains([]string{"webhook-secret", "webhook-secret-file"}, name) && value != `""`:
		return []string{"--auth-webhook=https://x"}
	case slices.Contains([]string{"nats-creds", "nats-ca", "ready-needs-engine"}, name):
		return []string{"--nats-url=nats://x"}
	}
	return nil
}

// line finds a setting in the output of `parley config`.
func line(t *testing.T, out, name string) (value, from string) {
	t.Helper()
	for l := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(l, name+": "); ok {
			value, from, _ := strings.Cut(rest, " # ")
			return strings.TrimSpace(value), strings.TrimSpace(from)
		}
	}
	t.Fatalf("%s is not in\n%s", name, out)
	return "", ""
}

func TestConfigFileFromTheEnvironment(t *testing.T) {
	file := writeTemp(t, "parley.yaml", "# a comment\ngrace: 5s\nmax-rooms:\n")
	other := writeTemp(t, "other.yaml", "grace: 6s\n")
	env := map[string]string{"PARLEY_CONFIG": file}
	got := runCommand(env, "config")
	if value, from := line(t, got.out, "grace"); value != "5s" || from != "file "+file {
		t.Errorf("%q from %q", value, from)
	}
	if value, from := line(t, got.out, "max-rooms"); value != "0" || from != "default" {
		t.Errorf("a key without a value: %q from %q", value, from)
	}
	got = runCommand(env, "config", "--config", other)
	if value, _ := line(t, got.out, "grace"); value != "6s" {
		t.Errorf("the flag names another file, and grace is %q", value)
	}
	for _, text := range []string{"", "---\n"} {
		if got := runCommand(nil, "config", "--config", writeTemp(t, "empty.yaml", text)); got.code != exitOK {
			t.Errorf("file %q: %s", text, got.err)
		}
	}
}

// TestConfigPrintsAFile feeds what it prints back to it.
func TestConfigPrintsAFile(t *testing.T) {
	first := runCommand(nil, "config", "--grace=7s", "--origin=https://a.example", "--ice-server=stun:a.example", "--admin-listen=off",
		"--max-message=3KiB", "--rate=2.5", "--no-allow-no-origin", "--domain=*.a.example")
	again := runCommand(nil, "config", "--config", writeTemp(t, "again.yaml", withoutEmpty(first.out)))
	if again.code != exitOK {
		t.Fatal(again.err)
	}
	for _, name := range []string{"grace", "origin", "ice-server", "admin-listen", "max-message", "rate", "allow-no-origin", "domain", "listen"} {
		want, _ := line(t, first.out, name)
		if got, _ := line(t, again.out, name); got != want {
			t.Errorf("%s is %q, was %q", name, got, want)
		}
	}
}

func withoutEmpty(text string) string { return strings.ReplaceAll(text, `""`, "") }

func TestSecretsAreHidden(t *testing.T) {
	const secret = "hunter2"
	server := `{"urls":"turn:a.example","username":"ann","credential":"` + secret + `"}`
	file := writeTemp(t, "parley.yaml", "ice-server:\n  - urls: [\"turn:a.example\"]\n    username: ann\n    credential: "+secret+"\n")
	for _, got := range []outcome{
		runCommand(nil, "config", "--ice-server", server),
		runCommand(map[string]string{"PARLEY_ICE_SERVER": server}, "config"),
		runCommand(nil, "config", "--config", file),
	} {
		value, _ := line(t, got.out, "ice-server")
		if want := `[{"urls":["turn:a.example"],"username":"ann","credential":"(hidden)"}]`; value != want {
			t.Errorf("got %s, want %s", value, want)
		}
		if strings.Contains(got.out+got.err, secret) {
			t.Errorf("the secret is in %s%s", got.out, got.err)
		}
	}
	settings := parseSettings(t, "--ice-server", server)
	if got := settings.ICEServer[0].Credential; got != secret {
		t.Errorf("the setting itself has %q", got)
	}
}

// TestEverySecretIsHidden has what no setting has yet: a whole value that is a secret.
func TestEverySecretIsHidden(t *testing.T) {
	var grammar struct {
		Secret string   `secret:""`
		Unset  string   `secret:""`
		Many   []string `secret:""`
		Plain  string
	}
	parser, err := kong.New(&grammar, kong.NoDefaultHelp())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--secret=hunter2", "--many=hunter2", "--plain=word"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"secret": `"(hidden)"`, "unset": `""`, "many": `"(hidden)"`, "plain": "word"}
	for _, flag := range parser.Model.Flags {
		if got := shown(flag); got != want[flag.Name] {
			t.Errorf("%s: %s", flag.Name, got)
		}
	}
}

func roomsOf(t *testing.T, s *Settings) rooms.Config {
	t.Helper()
	config, err := s.rooms()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestSessionKey(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef"
	if roomsOf(t, parseSettings(t)).SessionKey != nil {
		t.Error("there is a key that nobody gave")
	}
	given := roomsOf(t, parseSettings(t, "--session-key="+key)).SessionKey
	read := roomsOf(t, parseSettings(t, "--session-key-file="+writeTemp(t, "key", key+"\n"))).SessionKey
	if given == nil || read == nil || *given != *read {
		t.Error("the key of the file is another than the same one given")
	}
	short := writeTemp(t, "short", "hunter2")
	for want, args := range map[string][]string{
		"--session-key: a session key has at least 32 bytes":          {"--session-key=hunter2"},
		"--session-key-file: a session key has at least 32 bytes":     {"--session-key-file=" + short},
		"--session-key-file: /none: no such file":                     {"--session-key-file=/none"},
		"--session-key-file: a session key has at least 32 bytes; ":   {"--session-key-file=" + writeTemp(t, "blank", " \n")},
		"--session-key and --session-key-file: one of them is enough": {"--session-key=" + key, "--session-key-file=" + short},
	} {
		got := runCommand(nil, append(args, "--listen=127.0.0.1:0", "--admin-listen=off", "--tls=off")...)
		checkFailure(t, got, exitFailure, want, "")
		if strings.Contains(got.err, "hunter2") {
			t.Errorf("the key is told: %s", got.err)
		}
	}
}

func TestLimitsForThePackages(t *testing.T) {
	none := parseSettings(t, "--room-capacity=0", "--rate=0", "--burst=0", "--max-message=0", "--max-rooms=0", "--tls=off",
		"--connections-per-address=0", "--joins-per-address=0", "--max-connections=0", "--max-unjoined=0")
	c, r := none.signaling(nopLog()), roomsOf(t, none)
	if c.Capacity >= 0 || c.Rate >= 0 || c.Burst >= 0 || c.MaxMessage >= 0 || r.Capacity >= 0 || r.MaxRooms != 0 || c.TLS {
		t.Errorf("0 is not without limit: %+v, %+v", c, r)
	}
	if c.ConnectionsPerAddress >= 0 || c.JoinsPerAddress >= 0 || c.MaxConnections >= 0 || c.MaxUnjoined >= 0 {
		t.Errorf("0 is not without limit: %+v", c)
	}
	some := parseSettings(t, "--room-capacity=3", "--rate=4", "--burst=5", "--max-message=6KiB", "--max-rooms=7", "--grace=8s",
		"--connections-per-address=9", "--joins-per-address=10", "--max-connections=11", "--max-unjoined=12")
	c, r = some.signaling(nopLog()), roomsOf(t, some)
	if c.Capacity != 3 || c.Rate != 4 || c.Burst != 5 || c.MaxMessage != 6<<10 || c.Grace != 8*time.Second || !c.TLS || !c.AllowNoOrigin {
		t.Errorf("got %+v", c)
	}
	if c.ConnectionsPerAddress != 9 || c.JoinsPerAddress != 10 || c.MaxConnections != 11 || c.MaxUnjoined != 12 {
		t.Errorf("got %+v", c)
	}
	if r.Capacity != 3 || r.MaxRooms != 7 || r.Grace != 8*time.Second {
		t.Errorf("got %+v", r)
	}
}
