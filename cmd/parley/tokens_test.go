package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/cmd/need"
	"parley/signaling/protocol"
	"parley/signaling/token"
)

const testSecret = "a secret that is for tests alone"

// answerToJoin joins, with a token unless it is "", and gives the type of the answer or the code of the refusal.
func (s *testServer) answerToJoin(t *testing.T, room, token string) string {
	t.Helper()
	ws := s.dial(t, "ws")
	request := fmt.Sprintf(`{"type":"join","room":%q}`, room)
	if token != "" {
		request = fmt.Sprintf(`{"type":"join","room":%q,"token":%q}`, room, token)
	}
	if err := ws.WriteMessage(websocket.TextMessage, []byte(request)); err != nil {
		t.Fatal(err)
	}
	var answer struct{ Type, Code string }
	_, text, err := ws.ReadMessage()
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer.Type + answer.Code
}

func TestATokenOfTheCommandLetsIn(t *testing.T) {
	file := writeTemp(t, "secret", testSecret+"\n")
	s := startServer(t, "--tls=off", "--require-token", "--token-secret-file="+file, "--token-issuer=tests")
	if !strings.Contains(s.log.String(), "Nobody joins without a token.") {
		t.Errorf("log:\n%s", s.log)
	}
	made := runCommand(map[string]string{"PARLEY_TOKEN_SECRET": testSecret}, "token", "--room=team-*", "--identity=ann", "--token-issuer=tests")
	token := strings.TrimSuffix(made.out, "\n")
	if made.code != 0 || strings.Count(token, ".") != 2 || strings.ContainsAny(token, " \n") {
		t.Fatalf("%+v", made)
	}
	stranger := strings.TrimSpace(runCommand(nil, "token", "--token-secret-file="+file, "--room=team-a").out)
	for _, test := range []struct{ room, token, want string }{
		{"team-a", token, protocol.TypeJoined},
		{"team-a", "", "error" + string(protocol.CodeUnauthorized)},
		{"kitchen", token, "error" + string(protocol.CodeUnauthorized)},
		{"team-a", stranger, "error" + string(protocol.CodeUnauthorized)}, // of no issuer
	} {
		if got := s.answerToJoin(t, test.room, test.token); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
	if strings.Contains(s.log.String(), token[:40]) {
		t.Errorf("the token is in the log:\n%s", s.log)
	}
}

func TestTokensThatNobodyNeedsAreWarnedOf(t *testing.T) {
	s := startServer(t, "--tls=off", "--token-secret="+testSecret)
	if !strings.Contains(s.log.String(), "only --require-token asks for one") {
		t.Errorf("log:\n%s", s.log)
	}
	if got := s.answerToJoin(t, "kitchen", ""); got != protocol.TypeJoined {
		t.Error(got)
	}
}

func TestWrongTokenSettings(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--token-secret=short"}, "--token-secret: a secret for tokens has at least 32 bytes"},
		{[]string{"--token-secret-file=" + writeTemp(t, "blank", "\n")}, "--token-secret-file: a secret for tokens has at least 32 bytes"},
		{[]string{"--token-secret-file=/none"}, "--token-secret-file: /none: no such file"},
		{[]string{"--token-jwks=http://keys.example/"}, "--token-jwks: not an address of the form https://HOST/PATH"},
		{[]string{"token", "--room=a"}, "--token-secret: a secret for tokens has at least 32 bytes"},
		{[]string{"token", "--room=a", "--ttl=0s", "--token-secret=" + testSecret}, "--ttl: a token is good for some time"},
	} {
		args := test.args
		if args[0] != "token" {
			args = append([]string{"--listen=127.0.0.1:0", "--admin-listen=off", "--tls=off"}, args...)
		}
		checkFailure(t, runCommand(nil, args...), exitFailure, test.want, "")
	}
	checkFailure(t, runCommand(nil, "token", "--token-secret="+testSecret), exitUsage, "missing flags: --room=ROOM", "")
}

// TestTokensOfTheDocumentation runs the programs of docs/tokens.md that make a token.
func TestTokensOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := token.NewVerifier(token.Config{Secret: []byte(testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	goRun := func(*testing.T) []string { return []string{need.GoCommand(), "run"} }
	for _, test := range []struct {
		language, file string
		command        func(*testing.T) []string
	}{
		{"go", "main.go", goRun},
		{"js", "token.cjs", func(t *testing.T) []string { return []string{need.Node.Path(t)} }},
		{"python", "token.py", func(t *testing.T) []string { return []string{need.Python.Path(t)} }},
	} {
		t.Run(test.language, func(t *testing.T) {
			command := test.command(t)
			program := regexp.MustCompile("(?s)```" + test.language + "\n(.*?)```").FindSubmatch(text)
			if program == nil {
				t.Fatal("there is none")
			}
			file := filepath.Join(t.TempDir(), test.file)
			if err := os.WriteFile(file, program[1], 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], file)...) // go run finds modules by the folder
			cmd.Env = append(os.Environ(), "PARLEY_TOKEN_SECRET="+testSecret)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			grant, err := verifier.Verify(t.Context(), strings.TrimSpace(string(out)), "tea")
			if err != nil || grant.Identity != "ann" || grant.Name != "Ann" {
				t.Errorf("%+v, %v", grant, err)
			}
		})
	}
}
