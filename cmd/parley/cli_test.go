package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func nopLog() zerolog.Logger { return zerolog.Nop() }

// TestWrongValues tries each wrong value as a flag, in the environment and in the file: exit 1, and one line that begins with
// the name that the user wrote.
func TestWrongValues(t *testing.T) {
	const secret = "hunter2"
	tests := []struct{ flag, value, want string }{
		{"listen", "8443", `"8443" is not of the form [HOST]:PORT`},
		{"listen", ":70000", `":70000" does not end in a port`},
		{"listen", "off", `"off" is not of the form`},
		{"admin-listen", "on", `"on" is not of the form [HOST]:PORT, such as :8443 or 127.0.0.1:8443; or off`},
		{"tls", "acme", `"acme" is none of dev, files, off`},
		{"allow-no-origin", "perhaps", `"perhaps" is neither true nor false`},
		{"trusted-proxy", "localhost", `"localhost" is not an address or a CIDR block`},
		{"trusted-proxy", "10.0.0.0/33", `"10.0.0.0/33" is not an address or a CIDR block`},
		{"trusted-proxy", "::ffff:10.0.0.0/80", ` is not an address or a CIDR block`},
		{"trusted-proxy", "fe80::1%eth0", ` is not an address or a CIDR block`},
		{"auth-webhook", "kitchen", "not an address of the form https://HOST/PATH"},
		{"auth-webhook", "http://a.example/" + secret, "not an address of the form https://HOST/PATH"},
		{"event-webhook", "https://ann:" + secret + "@a.example/", "not an address of the form https://HOST/PATH"},
		{"room-capacity", "-1", `"-1" is not a whole number from 0 to 2147483647`},
		{"room-capacity", "2147483648", `"2147483648" is not a whole number`},
		{"room-capacity", "many", `"many" is not a whole number`},
		{"grace", "121s", `"121s" is not a time from 1s to 120s`},
		{"grace", "0", `"0" is not a time from 1s to 120s`},
		{"grace", "30", `"30" is not a time`},
		{"rate", "-1", `"-1" is not a number from 0.001 to 1e9, or 0`},
		{"rate", "NaN", `"NaN" is not a number`},
		{"rate", "1e-5", ` is not a number`},
		{"burst", "1.5", `"1.5" is not a whole number`},
		{"max-message", "64 XB", `"64 XB" is not a size below 2GiB`},
		{"max-message", "2GiB", `"2GiB" is not a size`},
		{"max-message", "-1", `"-1" is not a size`},
		{"max-message", "9999999999999999999999KiB", ` is not a size`},
		{"max-rooms", "x", `"x" is not a whole number`},
		{"connections-per-address", "-1", `"-1" is not a whole number`},
		{"joins-per-address", "-1", `"-1" is not a number`},
		{"max-connections", "x", `"x" is not a whole number`},
		{"max-unjoined", "1.5", `"1.5" is not a whole number`},
		{"log-format", "xml", `"xml" is none of console, json`},
		{"log-level", "loud", `"loud" is none of debug, info, warn, error`},
		{"ice-server", "https://" + secret, "a URL begins with none of stun: stuns: turn: turns:"},
		{"ice-server", "turn:ann:" + secret + "@host", "a turn: URL is not of the form"},
		{"ice-server", "stun:" + secret + "?transport=udp", "a stun: URL is not of the form"},
		{"ice-server", "stun:" + secret + ":99999", "a stun: URL is not of the form"},
		{"ice-server", "stun:", "a stun: URL is not of the form"},
		{"ice-server", "stun://" + secret, "a stun: URL is not of the form"},
		{"ice-server", "turns:" + secret, "a turns: URL needs credentials"},
		{"ice-server", `{"urls":"turn:a","credential":"` + secret + `"}`, "a turn: URL needs credentials"},
		{"ice-server", `{"urls":["stun:a","x:` + secret + `"]}`, "a URL (the 2. of its urls) begins with none of"},
		{"ice-server", `{"urls":[]}`, "an RTCIceServer needs at least one URL"},
		{"ice-server", `{"username":"` + secret + `"}`, `an RTCIceServer needs "urls"`},
		{"ice-server", `{"urls":7}`, `"urls" must be a string or an array of strings`},
		{"ice-server", `{"url":"stun:` + secret + `"}`, `not an RTCIceServer: unknown field "url"`},
		{"ice-server", `{"urls":"stun:a","credentialType":"oauth"}`, "the only credentialType"},
		{"ice-server", `{"urls":"stun:a"}{"` + secret + `":1}`, "not an RTCIceServer: something follows"},
		{"ice-server", `{"urls":"stun:a","credential":"` + secret, "not an RTCIceServer: unexpected EOF"},
		{"ice-server", `["stun:a",`, "not valid JSON"},
		{"ice-server", `["stun:a",{"urls":"turn:` + secret + `"}]`, "a turn: URL needs credentials"},
	}
	for _, test := range tests {
		t.Run(test.flag, func(t *testing.T) {
			file := writeTemp(t, "p.yaml", test.flag+": "+asJSON(test.value)+"\n")
			for said, got := range map[string]outcome{
				"--" + test.flag:        runCommand(nil, "--"+test.flag+"="+test.value),
				variable(test.flag):     runCommand(map[string]string{variable(test.flag): test.value}, "serve"),
				file + ": " + test.flag: runCommand(nil, "config", "--config", file),
			} {
				checkFailure(t, got, exitFailure, said+": ", test.want)
				if strings.Contains(got.err, secret) {
					t.Errorf("the secret is in %q", got.err)
				}
			}
		})
	}
}

// checkFailure wants one line on standard error that begins with the program's name and begin, and holds want.
func checkFailure(t *testing.T, got outcome, code int, begin, want string) {
	t.Helper()
	if got.code != code || got.out != "" || strings.Count(got.err, "\n") != 1 ||
		!strings.HasPrefix(got.err, "parley: "+begin) || !strings.Contains(got.err, want) {
		t.Errorf("exit %d, output %q, error %q; want exit %d and one line that begins with %q and has %q",
			got.code, got.out, got.err, code, begin, want)
	}
}

func TestUsageErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--nope":                 "unknown flag --nope; see parley --help",
		"nope":                   "unexpected argument nope",
		"serve extra":            "unexpected argument extra",
		"version --listen :1":    "unknown flag --listen",
		"--listen":               "--listen needs a value",
		"--rate -1":              "--rate needs a value; one that begins with a dash is written --rate=VALUE",
		"--origin":               "--origin needs a value",
		"--ice-server --tls off": "--ice-server needs a value",
		"--listen :1 config":     `flag --listen applies to the default command "serve"`,
	} {
		checkFailure(t, runCommand(nil, strings.Fields(args)...), exitUsage, want, "")
	}
}

func TestContradictions(t *testing.T) {
	env := map[string]string{"PARLEY_DOMAIN": "a.example"}
	for _, test := range []struct {
		got  outcome
		want string
	}{
		{runCommand(nil, "--tls=files", "--tls-key=x"), "--tls: files needs --tls-cert and --tls-key, and --tls-cert is missing"},
		{runCommand(nil, "--tls=files", "--tls-cert=x"), "--tls: files needs --tls-cert and --tls-key, and --tls-key is missing"},
		{runCommand(nil, "--tls-cert=x"), "--tls-cert has a meaning only with --tls files, and --tls is dev"},
		{runCommand(nil, "--tls=off", "--tls-key=x"), "--tls-key has a meaning only with --tls files, and --tls is off"},
		{runCommand(nil, "--require-token"), "--require-token needs what tokens are checked with: --token-secret or --token-jwks"},
		{runCommand(nil, "--token-issuer=x"), "--token-issuer needs what tokens are checked with: --token-secret or --token-jwks"},
		{runCommand(nil, "--token-secret=a", "--token-secret-file=b"), "--token-secret and --token-secret-file: one of them is enough"},
		{runCommand(nil, "--auth-webhook=https://a"), "--auth-webhook needs --webhook-secret, which its requests are signed with"},
		{runCommand(nil, "--event-webhook=https://a"), "--event-webhook needs --webhook-secret, which its requests are signed with"},
		{runCommand(nil, "--webhook-secret=x"), "--webhook-secret has a meaning only with --auth-webhook or --event-webhook"},
		{runCommand(nil, "--webhook-secret-file=x"), "--webhook-secret-file has a meaning only with --auth-webhook or --event-webhook"},
		{runCommand(nil, "--auth-webhook=https://a", "--webhook-secret=a", "--webhook-secret-file=b"), "--webhook-secret and --webhook-secret-file: one of them is enough"},
		{runCommand(nil, "--admin-token=a", "--admin-token-file=b"), "--admin-token and --admin-token-file: one of them is enough"},
		{runCommand(nil, "--admin-token=a", "--admin-listen=off"), "--admin-token has no meaning with --admin-listen off"},
		{runCommand(nil, "--admin-token-file=a", "--admin-listen=off"), "--admin-token-file has no meaning with --admin-listen off"},
		{runCommand(nil, "--nats-creds=x"), "--nats-creds has a meaning only with --nats-url"},
		{runCommand(nil, "--ready-needs-engine"), "--ready-needs-engine has a meaning only with --nats-url"},
		{runCommand(nil, "--nats-url=nats://a", "--session-key=x"), "--session-key has no meaning with --nats-url: sessions are in NATS"},
		{runCommand(env, "config", "--tls=off"), "PARLEY_DOMAIN has a meaning only with --tls dev, and --tls is off"},
	} {
		checkFailure(t, test.got, exitFailure, test.want, "")
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"gracious: 1s\n":              `: unknown key "gracious"; the keys are the names of the flags`,
		"config: other.yaml\n":        `: unknown key "config"`,
		"help: true\n":                `: unknown key "help"`,
		"grace: 1s\ngrace: 2s\n":      ": [2:1] ",
		"- grace\n":                   ": [1:1] ",
		"grace: [\n":                  ": [1:8] ",
		"grace: 1s\n---\ngrace: 2s\n": ": there is more than one YAML document in it",
		"grace: [1s]\n":               ": grace: must be a single value",
		"grace: {a: b}\n":             ": grace: must be a single value",
		"origin: [[a]]\n":             ": origin: must be a value or a sequence of values",
		"origin: [null]\n":            ": origin: must be a value or a sequence of values",
		"ice-server: [{urls: {}}]\n":  `: ice-server: "urls" must be a string or an array of strings`,
	} {
		file := writeTemp(t, "p.yaml", text)
		begin := file
		if strings.HasPrefix(want, ": [") || strings.HasPrefix(want, ": there") {
			begin = "--config: " + file
		}
		checkFailure(t, runCommand(nil, "--config", file), exitFailure, begin+want, "")
	}
	checkFailure(t, runCommand(nil, "--config", dir), exitFailure, "--config: "+dir+": ", "is a directory")
	checkFailure(t, runCommand(map[string]string{"PARLEY_CONFIG": dir + "/none"}), exitFailure,
		"PARLEY_CONFIG: "+dir+"/none: ", "no such file")
}

func TestFilesRepeatNoSecret(t *testing.T) {
	for _, text := range []string{"ice-server: \"hunter2\n", "hunter2", "ice-server: {urls: [hunter2]\n", "ice-server: hunter2: x\n"} {
		got := runCommand(nil, "--config", writeTemp(t, "p.yaml", text))
		if got.code != exitFailure || strings.Contains(got.err, "hunter2") || strings.Count(got.err, "\n") != 1 {
			t.Errorf("%q: exit %d, %q", text, got.code, got.err)
		}
	}
}

func TestHelpFitsAScreen(t *testing.T) {
	help := runCommand(nil, "--help")
	lines := strings.Split(strings.TrimSuffix(help.out, "\n"), "\n")
	if help.code != exitOK || help.err != "" || len(lines) < 24 || len(lines) > 40 {
		t.Errorf("exit %d, %d lines", help.code, len(lines))
	}
	for _, l := range lines {
		if len(l) > 105 {
			t.Errorf("%d characters: %s", len(l), l)
		}
	}
	for _, args := range [][]string{{"-h"}, {"serve", "--help"}, {"config", "-h"}, {"--tls=files", "--help"}} {
		if got := runCommand(nil, args...); got.out != help.out || got.code != exitOK {
			t.Errorf("%q: exit %d\n%s", args, got.code, got.out)
		}
	}
	health := runCommand(nil, "health", "--help")
	for _, want := range []string{"Usage: parley health [URL]\n", "--ca FILE"} {
		if !strings.Contains(health.out, want) {
			t.Errorf("%q is not in\n%s", want, health.out)
		}
	}
}

func TestHelpAllHasEveryFlag(t *testing.T) {
	help := runCommand(nil, "--help-all")
	for _, name := range append(slices.Collect(maps.Keys(settingsTable())), configFlag) {
		if !strings.Contains(help.out, name+" ") || !strings.Contains(help.out, " "+variable(name)+" ") {
			t.Errorf("%s or %s is not in it", name, variable(name))
		}
	}
	if help.code != exitOK || !strings.Contains(help.out, "--[no-]allow-no-origin") {
		t.Errorf("exit %d\n%s", help.code, help.out)
	}
}

func TestVersion(t *testing.T) {
	got := runCommand(nil, "version")
	if got.code != exitOK || !strings.HasPrefix(got.out, "parley ") || !strings.Contains(got.out, ", go1.") {
		t.Errorf("exit %d, %q", got.code, got.out)
	}
	b := build{version: "v1.2.3", commit: "abc", dirty: true}
	if !strings.HasPrefix(b.String(), "parley v1.2.3, commit abc with changes, go") {
		t.Errorf("got %q", b)
	}
}
