package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/client"
	"parley/signaling/protocol"
)

// runLoad runs the command and gives what it found.
func runLoad(t *testing.T, address string, args ...string) (int, loadResult, *output) {
	t.Helper()
	args = append([]string{"load", "--json", "--url", "ws://" + address + "/ws"}, args...)
	code, out := peer(t, args...)
	return code, lastLine[loadResult](t, out), out
}

func TestLoadLosesNothingWhileConnectionsAreCut(t *testing.T) {
	t.Parallel()
	code, r, out := runLoad(t, startServer(t), "--pairs", "5", "--duration", "3s", "--rate", "30", "--cut", "500ms")
	if code != exitOK || !r.OK || r.Lost+r.Doubled+r.Reordered+r.Ghosts != 0 {
		t.Errorf("exit %d: %+v", code, r)
	}
	if r.Resumes == 0 || r.Cuts == 0 || r.Sent == 0 || r.Delivered+r.Told-r.ToldAndDelivered != r.Sent {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(out.stderr.String(), "10 clients have joined") || !strings.Contains(out.stderr.String(), "reordered") {
		t.Errorf("standard error: %s", out.stderr.String())
	}
}

// All that the server knew is gone at once, in the middle of it all.
func TestLoadOutlivesTheServer(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	first := startMortalServer(t, address)
	ended := make(chan struct{})
	var code int
	var r loadResult
	go func() {
		defer close(ended)
		code, r, _ = runLoad(t, address, "--pairs", "4", "--duration", "3s", "--rate", "50", "--cut", "2s")
	}()
	select {
	case <-first.served:
		first.kill()
		startMortalServer(t, address)
	case <-ended:
	}
	<-ended
	if code != exitOK || r.Lost+r.Doubled+r.Reordered+r.Ghosts != 0 {
		t.Errorf("exit %d: %+v", code, r)
	}
	if r.Rejoins == 0 || r.Told == 0 || r.Delivered == 0 {
		t.Errorf("the restart was not noticed: %+v", r)
	}
}

// A load that cannot find anything wrong is worth nothing.
func TestLoadFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	const at = 3 // the message that something is done to: one of the first, so that even a slow machine comes to it
	withoutNumber := func(message []byte) []byte {
		return change(t, message, func(m map[string]json.RawMessage) { delete(m, "seq") })
	}
	for name, test := range map[string]struct {
		fault func(n int, message []byte, held *[]byte, pass func([]byte))
		want  loadResult
	}{
		"lost": {func(n int, message []byte, _ *[]byte, pass func([]byte)) {
			if n != at {
				pass(message)
			}
		}, loadResult{Lost: 1}},
		"doubled": {func(n int, message []byte, _ *[]byte, pass func([]byte)) {
			pass(message)
			if n == at { // without its number, or the client would know it again
				pass(withoutNumber(message))
			}
		}, loadResult{Doubled: 1}},
		"reordered": {func(n int, message []byte, held *[]byte, pass func([]byte)) {
			switch n {
			case at:
				*held = message
			case at + 1:
				pass(withoutNumber(message))
				pass(*held)
			default:
				pass(message)
			}
		}, loadResult{Reordered: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, held := 0, []byte(nil)
			relay := &relay{target: address, down: func(nth int, message []byte, pass func([]byte)) {
				if nth != 1 || !bytes.Contains(message, []byte(`"type":"message"`)) {
					pass(message)
					return
				}
				n++
				test.fault(n, message, &held, pass)
			}}
			code, r, out := runLoad(t, startRelay(t, relay), "--pairs", "2", "--duration", "2s", "--rate", "50")
			if got := (loadResult{Lost: r.Lost, Doubled: r.Doubled, Reordered: r.Reordered, Ghosts: r.Ghosts}); code != exitFailed ||
				fmt.Sprint(got) != fmt.Sprint(test.want) || r.OK || r.Stage != "load" {
				t.Errorf("exit %d: %+v", code, r)
			}
			if !strings.Contains(out.stderr.String(), "failed at load: ") {
				t.Errorf("standard error: %s", out.stderr.String())
			}
		})
	}
}

func TestLoadFindsStrangers(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	mute(t, address, "strange-1")
	code, r, _ := runLoad(t, address, "--room", "strange", "--pairs", "2", "--duration", "200ms")
	if code != exitFailed || r.Ghosts != 1 || r.Lost+r.Doubled+r.Reordered != 0 {
		t.Errorf("exit %d: %+v", code, r)
	}
}

// The server of this test never hears of anyone's leaving.
func TestLoadFindsThoseWhoStay(t *testing.T) {
	t.Parallel()
	address := startServerWith(t, rooms.Config{}, signaling.Config{Grace: time.Second})
	relay := &relay{target: address, up: func(_ int, message []byte, pass func([]byte)) {
		if !bytes.Contains(message, []byte(`"type":"leave"`)) {
			pass(message)
		}
	}}
	l := &load{
		settings: peerSettings{URL: "ws://" + startRelay(t, relay) + "/ws", Room: "stay", logf: func(string, ...any) {}},
		pairs:    1, rate: 20, duration: 200 * time.Millisecond, cutter: &cutter{}, patience: usualPatience,
		progress: func(string, ...any) {},
	}
	l.patience.slack, l.patience.leave = 0, 100*time.Millisecond
	if r := l.run(t.Context()); r.OK || r.Ghosts != 2 || r.Lost+r.Doubled+r.Reordered != 0 {
		t.Errorf("%+v", r)
	}
}

func TestLoadNamesTheLimit(t *testing.T) {
	t.Parallel()
	full := startServerWith(t, rooms.Config{Capacity: 1}, signaling.Config{})
	l := &load{
		settings: peerSettings{URL: "ws://" + full + "/ws", Room: "full", logf: func(string, ...any) {}},
		pairs:    1, rate: 1, duration: time.Second, cutter: &cutter{}, patience: usualPatience,
		progress: func(string, ...any) {},
	}
	l.patience.join = time.Second
	if r := l.run(t.Context()); r.OK || r.Stage != "join" || r.Limits["room-full"] == 0 {
		t.Errorf("%+v", r)
	}
}

// A client that does not know the limits runs into one. It sends again what was refused, and says so in its log only.
func TestLoadNamesTheRate(t *testing.T) {
	t.Parallel()
	strict := startServerWith(t, rooms.Config{}, signaling.Config{Rate: 1, Burst: 1})
	relay := &relay{target: strict, down: func(_ int, message []byte, pass func([]byte)) {
		if bytes.Contains(message, []byte(`"type":"joined"`)) {
			message = change(t, message, func(m map[string]json.RawMessage) { delete(m, "limits") })
		}
		pass(message)
	}}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout bytes.Buffer
	stderr := newWatched()
	ended := make(chan struct{})
	url := "ws://" + startRelay(t, relay) + "/ws"
	go func() {
		defer close(ended)
		run(ctx, []string{"load", "--json", "-v", "--pairs", "1", "--duration", "0", "--rate", "20", "--url", url}, &stdout, stderr)
	}()
	stderr.wait(t, rateLimited, 1)
	interrupt()
	<-ended
	if r := lastLine[loadResult](t, &output{stdout: stdout}); r.Limits["rate-limited"] == 0 {
		t.Errorf("%+v", r)
	}
}

func TestLimitNames(t *testing.T) {
	for want, err := range map[string]error{
		"overloaded":                   &stageError{"join", &protocol.Error{Code: protocol.CodeOverloaded}},
		"HTTP 429":                     &client.HTTPError{Status: 429},
		"HTTP 503 (too many)":          fmt.Errorf("x: %w", &client.HTTPError{Status: 503, Body: "too many\nand more"}),
		"closed with 4002 (too slow)":  &client.CloseError{Code: protocol.CloseSlow, Reason: "too slow"},
		"closed with 4507":             &client.CloseError{Code: protocol.CloseRate},
		"closed with 1013 (try later)": &client.CloseError{Code: protocol.CloseTryLater, Reason: "try later"},
	} {
		if got := limitName(err); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
	for _, err := range []error{
		nil, errors.New("x"), &net.OpError{Err: errCut}, &client.CloseError{Code: protocol.CloseRestart},
		&client.CloseError{Code: protocol.CloseNormal},
	} {
		if got := limitName(err); got != "" {
			t.Errorf("%v: %q", err, got)
		}
	}
	l := limits{counts: map[string]uint64{}}
	for i := range 2 * maxLimits {
		l.add(strings.Repeat("é", 200) + fmt.Sprint(i))
		l.add(fmt.Sprint(i))
	}
	if len(l.counts) > maxLimits+1 || l.counts[otherLimits] == 0 || l.counts[strings.Repeat("é", maxLimitName)] != 2*maxLimits {
		t.Errorf("%v", l.counts)
	}
}

func TestLoadEndsWhenInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout bytes.Buffer
	stderr := newWatched()
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{
			"load", "--duration", "0", "--cut", "300ms", "--url", "ws://" + startServer(t) + "/ws",
		}, &stdout, stderr)
	}()
	stderr.wait(t, "have joined", 1)
	interrupt()
	if code := <-ended; code != exitOK && !strings.Contains(stderr.String(), "nothing was sent") ||
		!strings.Contains(stdout.String(), "interrupted") {
		t.Errorf("exit %d: %s %s", code, stdout.String(), stderr.String())
	}
}

func TestLoadAgainstNobody(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var out output
	code := run(ctx, []string{"load", "--pairs", "2", "--url", "ws://" + freeAddress(t) + "/ws"}, &out.stdout, &out.stderr)
	if code != exitFailed || !strings.Contains(out.stderr.String(), "failed at connect") {
		t.Errorf("exit %d: %s", code, out.stderr.String())
	}
}

func TestLoadPrintsATableAndItsJSON(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	code, out := peer(t, "load", "--pairs", "1", "--duration", "1s", "--rate", "50", "--url", "ws://"+address+"/ws")
	for _, row := range []string{"sent", "delivered", "told", "lost", "doubled", "reordered", "ghosts"} {
		if !strings.Contains(out.stdout.String(), row) {
			t.Errorf("no row %q in %s", row, out.stdout.String())
		}
	}
	if code != exitOK {
		t.Errorf("exit %d: %s", code, out.stderr.String())
	}
	_, out = peer(t, "load", "--json", "--pairs", "1", "--duration", "1s", "--rate", "50", "--url", "ws://"+address+"/ws")
	members := lastLine[map[string]any](t, out)
	for _, name := range []string{
		"ok", "room", "pairs", "sent", "rate", "wantedRate", "delivered", "told", "toldBy", "toldAndDelivered", "inFlight", "lost",
		"doubled", "reordered", "late", "slowest", "ghosts", "cuts", "resumes", "rejoins", "limits", "interrupted", "elapsed",
	} {
		if _, ok := members[name]; !ok {
			t.Errorf("no %q in %s", name, out.stdout.String())
		}
	}
	if strings.Count(out.stdout.String(), "\n") != 1 {
		t.Errorf("more than the object on standard output: %s", out.stdout.String())
	}
}

func TestLoadUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--pairs", "0"},
		{"--pairs", "-1"},
		{"--pairs", "many"},
		{"--rate", "0"},
		{"--rate", "NaN"},
		{"--rate", "1e9"},
		{"--rate", "1e-9"},
		{"--duration", "-1s"},
		{"--cut", "-1s"},
		{"--cut", "often"},
		{"--bogus"},
	} {
		if code, out := peer(t, append([]string{"load"}, args...)...); code != exitUsage || out.stdout.Len() > 0 || out.stderr.Len() == 0 {
			t.Errorf("%v: exit %d, %q, %q", args, code, out.stdout.String(), out.stderr.String())
		}
	}
}
