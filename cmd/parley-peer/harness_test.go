package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"parley/rooms"
	"parley/signaling"
)

func TestMain(m *testing.M) {
	// The tests wait for servers, grace times and media far more than they compute. A -parallel on the command line comes after this.
	_ = flag.Set("test.parallel", "6")
	// toxiproxy forgets goroutines now and then when a proxy is stopped while data is on its way.
	goleak.VerifyTestMain(m,
		goleak.Cleanup(func(code int) {
			_ = os.RemoveAll(serverFolder)
			os.Exit(code)
		}),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).write"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}

// startServer runs a signaling server on loopback, without TLS, and gives its address.
func startServer(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewServer(newEndpoint(t))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func newEndpoint(t *testing.T) http.Handler {
	t.Helper()
	engine := rooms.NewMemory(rooms.Config{})
	endpoint, err := signaling.New(signaling.Config{AllowNoOrigin: true}, engine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = endpoint.Shutdown(ctx)
		_ = engine.Close()
	})
	return endpoint
}

// output is what a run has printed.
type output struct{ stdout, stderr bytes.Buffer }

// peer runs the program and gives its exit code.
func peer(t *testing.T, args ...string) (int, *output) {
	t.Helper()
	var out output
	code := run(t.Context(), args, &out.stdout, &out.stderr)
	return code, &out
}

// lastLine decodes the JSON object on the last line of standard output.
func lastLine[T any](t *testing.T, out *output) (value T) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out.stdout.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &value); err != nil {
		t.Fatalf("%v in %q; %s", err, lines, out.stderr.String())
	}
	return value
}

// mute joins a room and never answers anything.
func mute(t *testing.T, address, room string) {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if err := ws.WriteJSON(map[string]any{"type": "join", "room": room}); err != nil {
		t.Fatal(err)
	}
	var joined map[string]any
	if err := ws.ReadJSON(&joined); err != nil || joined["type"] != "joined" {
		t.Fatal(joined, err)
	}
}

// freeAddress is a loopback address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }
