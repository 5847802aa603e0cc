package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAPairVerifiesItself(t *testing.T) {
	address := startServer(t)
	code, out := peer(t, "call", "--pair", "--json", "--url", "ws://"+address+"/ws")
	result := lastLine[pairResult](t, out)
	if code != exitOK || !result.OK || len(result.Pair) != 2 {
		t.Fatalf("exit %d: %+v %s", code, result, out.stderr.String())
	}
	for _, call := range result.Pair {
		if len(call.Peers) != 1 {
			t.Fatalf("%+v", call)
		}
		p := call.Peers[0]
		if !p.Verified || !p.Media.Video.Clip || p.Media.Audio.Seconds < 0.5 || p.Pair.Path == "" ||
			p.Steps.Offer == 0 || p.Steps.Answer == 0 || p.Steps.Connected == 0 || p.Steps.Data == 0 || p.Steps.Media == 0 {
			t.Errorf("%+v", p)
		}
	}
	if !strings.Contains(out.stderr.String(), "verified") {
		t.Errorf("standard error has no line for a peer: %s", out.stderr.String())
	}
}

func TestThreePeersVerifyEachOther(t *testing.T) {
	address := startServer(t)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if code, out := peer(t, "call", "--expect", "2", "--room", "three", "--url", "ws://"+address+"/ws"); code != exitOK {
				t.Errorf("exit %d: %s %s", code, out.stdout.String(), out.stderr.String())
			}
		})
	}
	all.Wait()
}

func TestEchoSendsEverythingBack(t *testing.T) {
	address := startServer(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		var out output
		ended <- run(ctx, []string{"echo", "--room", "e", "--url", "ws://" + address + "/ws"}, &out.stdout, &out.stderr)
	}()
	code, out := peer(t, "call", "--json", "--room", "e", "--url", "ws://"+address+"/ws")
	if r := lastLine[callResult](t, out); code != exitOK || !r.Peers[0].Media.Video.Clip {
		t.Errorf("exit %d: %+v", code, r)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("echo: exit %d", code)
	}
}

func TestExpectNobodyJoinsAndLeaves(t *testing.T) {
	address := startServer(t)
	if code, out := peer(t, "call", "--expect", "0", "--room", "r", "--url", "ws://"+address+"/ws"); code != exitOK {
		t.Fatalf("exit %d: %s", code, out.stderr.String())
	}
}

func TestAServerThatStartsLateIsWaitedFor(t *testing.T) {
	address := freeAddress(t)
	ended := make(chan int)
	go func() {
		var out output
		ended <- run(t.Context(), []string{"call", "--expect", "0", "--room", "r", "--url", "ws://" + address + "/ws"}, &out.stdout, &out.stderr)
	}()
	server := httptest.NewUnstartedServer(newEndpoint(t))
	_ = server.Listener.Close()
	listener, err := listen(address)
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	if code := <-ended; code != exitOK {
		t.Fatalf("exit %d", code)
	}
}

func TestFailuresSayTheirStage(t *testing.T) {
	address := startServer(t)
	mute(t, address, "mute")
	untrusted := httptest.NewTLSServer(newEndpoint(t))
	t.Cleanup(untrusted.Close)
	for name, test := range map[string]struct {
		args  []string
		stage string
		words string
	}{
		"a stopped server": {
			[]string{"--room", "r", "--url", "ws://" + freeAddress(t) + "/ws"}, "connect", "refused",
		},
		"another room": {
			[]string{"--room", "lonely", "--url", "ws://" + address + "/ws"}, "peers", `no other came to room "lonely"`,
		},
		"a refused certificate": {
			[]string{"--room", "r", "--timeout", "1m", "--url", strings.Replace(untrusted.URL, "https", "wss", 1) + "/ws"}, "connect", "--ca FILE",
		},
		"a peer that never answers": {
			[]string{"--room", "mute", "--url", "ws://" + address + "/ws"}, "negotiation", "not answered",
		},
		"an authority that is not there": {
			[]string{"--room", "r", "--timeout", "1m", "--url", "ws://" + address + "/ws", "--ca", "/nowhere"}, "connect", "--ca",
		},
		"a room of a bad name": {
			[]string{"--room", strings.Repeat("x", 129), "--timeout", "1m", "--url", "ws://" + address + "/ws"}, "join", "128",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			args := append([]string{"call", "--json", "--timeout", "1s"}, test.args...)
			code, out := peer(t, args...)
			r := lastLine[callResult](t, out)
			if code != exitFailed || r.OK || r.Stage != test.stage || !strings.Contains(r.Problem, test.words) {
				t.Errorf("exit %d: %+v", code, r)
			}
			if !strings.Contains(out.stderr.String(), "failed at "+test.stage) {
				t.Errorf("standard error: %s", out.stderr.String())
			}
			if time.Since(began) > 50*time.Second {
				t.Errorf("what cannot succeed was tried for %v", time.Since(began))
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"dance"},
		{"call"},
		{"echo"},
		{"call", "--room", "r", "--bogus"},
		{"call", "--room", "r", "--expect", "-1"},
		{"call", "--room", "r", "--timeout", "0s"},
		{"call", "--room", "r", "--timeout", "soon"},
	} {
		if code, out := peer(t, args...); code != exitUsage || out.stdout.Len() > 0 || out.stderr.Len() == 0 {
			t.Errorf("%v: exit %d, %q, %q", args, code, out.stdout.String(), out.stderr.String())
		}
	}
	if code, out := peer(t, "--help"); code != exitOK || !strings.Contains(out.stdout.String(), "call") {
		t.Errorf("--help: exit %d, %q", code, out.stdout.String())
	}
}
