package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"parley/signaling/protocol"
)

// crowd is many clients of all kinds, and what became of them.
type crowd struct {
	t     *testing.T
	url   string
	group errgroup.Group

	mu  sync.Mutex
	got map[string]map[string]int // how many of each kind were told what
}

// visitor is a client that connects, says something (nothing where it is empty), and stays until it is told what is the matter.
type visitor struct {
	kind   string
	from   string // a loopback address, so that it does not count against anyone else's
	binary bool
	says   string
}

func (c *crowd) come(v visitor) {
	c.group.Go(func() error {
		told, err := c.visit(v)
		if err != nil {
			return fmt.Errorf("%s: %w", v.kind, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.got[v.kind] == nil {
			c.got[v.kind] = map[string]int{}
		}
		c.got[v.kind][told]++
		return nil
	})
}

func (c *crowd) visit(v visitor) (told string, err error) {
	dialer := websocket.Dialer{
		Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: time.Minute,
		NetDialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(v.from)}}).DialContext,
	}
	ws, response, err := dialer.DialContext(c.t.Context(), c.url, nil)
	if response != nil && response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "" {
		return "HTTP 503", nil
	}
	if err != nil {
		return "", err
	}
	defer ws.Close()
	kind := websocket.TextMessage
	if v.binary {
		kind = websocket.BinaryMessage
	}
	if v.says != "" {
		if err := ws.WriteMessage(kind, []byte(v.says)); err != nil {
			return "", err
		}
	}
	_, text, err := ws.ReadMessage()
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return fmt.Sprint(closed.Code), nil
	}
	if err != nil {
		return "", err
	}
	var m struct{ Type, Code string }
	if err := json.Unmarshal(text, &m); err != nil {
		return "", err
	}
	if m.Code != "" {
		return m.Code, nil
	}
	return m.Type, nil
}

// mistake is something that no client may say, and what it is told.
type mistake struct {
	binary     bool
	text, told string
}

var mistakes = []mistake{
	{text: `not JSON`, told: "bad-json"},
	{text: `{"type":"offer"}`, told: "not-joined"},
	{text: `{"type":"fly"}`, told: "unknown-type"},
	{text: `{"type":"join"}`, told: "bad-message"},
	{text: `{"type":"resume","session":"x","received":0}`, told: "session-lost"},
	{text: strings.Repeat("x", 300<<10), told: "too-large"},
	{text: "\xff", told: "1007"},
	{binary: true, text: "x", told: "1003"},
	{text: strings.Repeat("[", 1000), told: "bad-json"},
	{text: `{"type":"join","room":7}`, told: "bad-message"},
}

const (
	silent    = 5000 // sockets that never join
	joining   = 2000 // joins at once
	malformed = 100  // clients that say what none may
)

// TestACrowdDisturbsNobody has thousands of clients do what they should not, while two others call each other. It is for Linux,
// where all of 127.0.0.0/8 is to be had.
func TestACrowdDisturbsNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of sockets")
	}
	needFiles(t, silent+joining+malformed+1000)
	p := &serverProcess{
		t: t, binary: buildServer(t), home: t.TempDir(), listen: freeAddress(t), admin: freeAddress(t), args: []string{"--tls", "off"},
	}
	p.start()
	c := &crowd{t: t, url: "ws://" + p.listen + "/ws", got: map[string]map[string]int{}}
	for i := range silent {
		c.come(visitor{kind: "silent", from: fmt.Sprintf("127.0.1.%d", 1+i%100)})
	}
	for range joining {
		c.come(visitor{kind: "joining", from: "127.0.2.1", says: `{"type":"join","room":"hall"}`})
	}
	want := map[string]int{}
	for i := range malformed {
		m := mistakes[i%len(mistakes)]
		c.come(visitor{kind: "malformed", from: "127.0.3.1", binary: m.binary, says: m.text})
		want[m.told]++
	}
	ended := make(chan error, 1)
	go func() { ended <- c.group.Wait() }()
	calls := 0
	for going := true; going; calls++ {
		if code, out := peer(t, "call", "--pair", "--timeout", "2m", "--url", c.url); code != 0 {
			t.Fatalf("the pair that calls: %s%s", out.stdout.String(), out.stderr.String())
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			going = false
		default:
		}
	}
	t.Logf("%d calls; the crowd was told: %v", calls, c.got)
	wantOnly(t, "silent", c.got["silent"], silent, "overloaded", "4103", "HTTP 503")
	joined := c.got["joining"]
	wantOnly(t, "joining", joined, joining, "joined", "overloaded", "room-full", "HTTP 503")
	if joined["joined"] == 0 || joined["joined"] == joining {
		t.Errorf("joining: %v", joined)
	}
	if got := c.got["malformed"]; !maps.Equal(got, want) {
		t.Errorf("malformed: told %v, want %v", got, want)
	}
}

// wantOnly checks that each was told, and told one of these.
func wantOnly(t *testing.T, kind string, got map[string]int, count int, told ...string) {
	t.Helper()
	n := 0
	for _, one := range told {
		n += got[one]
	}
	if n != count {
		t.Errorf("%s: %d of %d were told one of %v; all: %v", kind, n, count, told, got)
	}
}

// needFiles skips a test for which this process may not open so many files. The Go runtime has raised the limit as far as it goes.
func needFiles(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < n {
		t.Skipf("%d open files are needed, %d are allowed (ulimit -n): %v", n, limit.Cur, err)
	}
}
