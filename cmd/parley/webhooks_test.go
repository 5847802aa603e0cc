package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/cmd/need"
	"parley/signaling/protocol"
	"parley/signaling/webhook"
)

func TestWrongWebhookSettings(t *testing.T) {
	for want, args := range map[string][]string{
		"--webhook-secret: a secret for webhooks has at least 32 bytes":      {"--webhook-secret=hunter2"},
		"--webhook-secret-file: a secret for webhooks has at least 32 bytes": {"--webhook-secret-file=" + writeTemp(t, "short", "hunter2\n")},
		"--webhook-secret-file: /none: no such file":                         {"--webhook-secret-file=/none"},
	} {
		for _, hook := range []string{"--auth-webhook", "--event-webhook"} {
			all := append([]string{"--listen=127.0.0.1:0", "--admin-listen=off", "--tls=off", hook + "=http://localhost:1/"}, args...)
			got := runCommand(nil, all...)
			checkFailure(t, got, exitFailure, want, "")
			if strings.Contains(got.err, "hunter2") {
				t.Errorf("the secret is told: %s", got.err)
			}
		}
	}
}

// operator is a server of the operator's, with both webhooks.
type operator struct {
	*httptest.Server
	mu     sync.Mutex
	events []webhook.Event
	asked  chan struct{} // has one when the room "slow" is asked about
	slow   chan struct{} // which is answered when this is closed
}

func newOperator(t *testing.T) *operator {
	o := &operator{asked: make(chan struct{}, 1), slow: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/join", func(w http.ResponseWriter, r *http.Request) {
		var asked webhook.Join
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		switch asked.Room {
		case "slow":
			o.asked <- struct{}{}
			select {
			case <-o.slow:
			case <-r.Context().Done():
			}
		case "attic":
			_, _ = io.WriteString(w, `{"allow":false,"reason":"Mind your head."}`)
			return
		case "cellar":
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, `{"allow":true}`)
	})
	mux.HandleFunc("/events", func(_ http.ResponseWriter, r *http.Request) {
		var batch struct{ Events []webhook.Event }
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			t.Error(err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.events = append(o.events, batch.Events...)
	})
	o.Server = httptest.NewServer(mux)
	t.Cleanup(o.Close)
	return o
}

func TestWebhooksOfAServer(t *testing.T) {
	o := newOperator(t)
	s := startServer(t, "--tls=off", "--drain=0s", "--auth-webhook="+o.URL+"/join", "--event-webhook="+o.URL+"/events",
		"--webhook-secret-file="+writeTemp(t, "secret", testSecret+"\n"))
	for room, want := range map[string]string{
		"kitchen": protocol.TypeJoined, "attic": "error" + string(protocol.CodeForbidden), "cellar": "error" + string(protocol.CodeOverloaded),
	} {
		if got := s.answerToJoin(t, room, ""); got != want {
			t.Errorf("%s: %s", room, got)
		}
	}
	ws := s.dial(t, "ws")
	joined := join(t, ws, "kitchen")
	for _, say := range []string{`{"type":"report","about":"b","state":"connected","path":"relay","elapsed":840}`, `{"type":"leave"}`} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(say)); err != nil {
			t.Fatal(err)
		}
	}
	for err := error(nil); err == nil; {
		_, _, err = ws.ReadMessage()
	}
	if _, metrics := s.get(t, "http://"+onLocalhost(s.admin)+"/metrics"); !strings.Contains(metrics, "\nparley_webhook_joins_total{result=\"allowed\"} 2\n") ||
		!strings.Contains(metrics, "\nparley_webhook_events_waiting ") {
		t.Errorf("metrics:\n%s", metrics)
	}
	s.stop()
	<-s.ended // what waits is delivered before
	var call webhook.Event
	for _, event := range o.events {
		if event.Type == webhook.TypeCall {
			call = event
		}
	}
	call.ID, call.At = "", time.Time{}
	if want := (webhook.Event{Type: "call", Room: "kitchen", Peer: joined.Peer, About: "b", State: "connected", Path: "relay", Elapsed: 840}); call != want {
		t.Errorf("%+v of %+v", call, o.events)
	}
	log := s.log.String()
	if !strings.Contains(log, "Nobody joins without a yes from --auth-webhook.") || strings.Contains(log, "Rooms are open") || strings.Contains(log, testSecret) {
		t.Errorf("log:\n%s", log)
	}
}

// What comes over TLS while a join is asked about is read later, and nothing of it is lost.
func TestAWebhookAndTLS(t *testing.T) {
	o := newOperator(t)
	s := startServer(t, "--drain=0s", "--auth-webhook="+o.URL+"/join", "--webhook-secret="+testSecret)
	ws := s.dial(t, "wss")
	for _, say := range []string{`{"type":"join","room":"slow"}`, `{"type":"message","to":"b","data":"` + strings.Repeat("x", 10_000) + `"}`} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(say)); err != nil {
			t.Fatal(err)
		}
	}
	<-o.asked
	close(o.slow)
	for _, want := range []string{protocol.TypeJoined, protocol.TypeUndelivered} {
		_, text, err := ws.ReadMessage()
		m, decodeErr := protocol.Decode(text)
		if err != nil || decodeErr != nil || m.Type != want {
			t.Fatalf("%s came, and not %s: %v", text, want, err)
		}
	}
}

// TestReceiversOfTheDocumentation runs the programs of docs/webhooks.md that check a signature.
func TestReceiversOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		language, file string
		command        func(t *testing.T, file string) *exec.Cmd
	}{
		{"go", "main.go", func(t *testing.T, file string) *exec.Cmd { // built first: what `go run` starts is not ended with it
			program := filepath.Join(filepath.Dir(file), "receiver.exe")
			if out, err := exec.CommandContext(t.Context(), need.GoCommand(), "build", "-o", program, file).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return exec.CommandContext(t.Context(), program)
		}},
		{"js", "receiver.cjs", func(t *testing.T, file string) *exec.Cmd {
			return exec.CommandContext(t.Context(), need.Node.Path(t), file)
		}},
		{"python", "receiver.py", func(t *testing.T, file string) *exec.Cmd {
			return exec.CommandContext(t.Context(), need.Python.Path(t), file)
		}},
	} {
		t.Run(test.language, func(t *testing.T) {
			program := regexp.MustCompile("(?s)```" + test.language + "\n(.*?)```").FindSubmatch(text)
			if program == nil {
				t.Fatal("there is none")
			}
			file := filepath.Join(t.TempDir(), test.file)
			if err := os.WriteFile(file, program[1], 0o600); err != nil {
				t.Fatal(err)
			}
			checkReceiver(t, startReceiver(t, test.command(t, file)))
		})
	}
}

// startReceiver starts a program that prints its port, and gives its address.
func startReceiver(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+testSecret, "PORT=0")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended by then, and the program with it
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port) + "/"
}

func checkReceiver(t *testing.T, address string) {
	ask := func(secret, room string) (webhook.Grant, error) {
		a, err := webhook.NewAuthorizer(webhook.Config{URL: address, Secret: []byte(secret)})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		return a.Authorize(t.Context(), webhook.Join{Room: room})
	}
	if grant, err := ask(testSecret, "tea"); err != nil || grant.Capacity != 4 {
		t.Errorf("%+v, %v", grant, err)
	}
	var refusal *webhook.Refusal
	if _, err := ask(testSecret, "attic"); !errors.As(err, &refusal) || refusal.Reason != "There is tea, and nothing else." {
		t.Errorf("another room: %v", err)
	}
	if _, err := ask(testSecret+"!", "tea"); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("another secret: %v", err)
	}
	const body = `{"type":"join","room":"tea"}`
	now := time.Now().Unix()
	for name, test := range map[string]struct {
		sent   int64
		body   string
		change string // put before the signature
		want   int
	}{
		"as it was sent":           {now, body, "", http.StatusOK},
		"sent again much later":    {now - 301, body, "", http.StatusUnauthorized},
		"sent in the far future":   {now + 301, body, "", http.StatusUnauthorized},
		"another body":             {now, body + " ", "", http.StatusUnauthorized},
		"a longer signature":       {now, body, "v0=0,", http.StatusUnauthorized},
		"a signature in non-ASCII": {now, body, "ä", http.StatusUnauthorized},
	} {
		timestamp := strconv.FormatInt(test.sent, 10)
		mac := hmac.New(sha256.New, []byte(testSecret))
		_, _ = fmt.Fprintf(mac, "%s.%s", timestamp, body)
		if got := post(t, address, test.body, timestamp, test.change+"v1="+hex.EncodeToString(mac.Sum(nil))); got != test.want {
			t.Errorf("%s: %d, not %d", name, got, test.want)
		}
	}
	if got := post(t, address, body, "", ""); got != http.StatusUnauthorized {
		t.Errorf("without a signature: %d", got)
	}
}

// post gives the status of the answer.
func post(t *testing.T, address, body, timestamp, signature string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if signature != "" {
		request.Header.Set(webhook.HeaderTimestamp, timestamp)
		request.Header.Set(webhook.HeaderSignature, signature)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
