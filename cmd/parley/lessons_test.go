package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Some of the ways in which other servers were brought down or taken over, as in signaling/lessons_test.go: those of HTTP.

func TestLessonOriginCheckedInTheUpgradeItself(t *testing.T) {
	s := startServer(t, "--tls=off", "--admin-listen=off")
	ask := func(path, origin string) int {
		t.Helper()
		c, err := net.Dial("tcp", s.public.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, origin)
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	for path, endpoint := range map[string]bool{
		"/ws": true, "/%77s": true, "/ws?x=/": true, "http://localhost/ws": true,
		"/%57s": false, "/%2577s": false, "/ws/": false, "//ws": false, "/./ws": false, "/x/../ws": false, "/x/%2e%2e/ws": false,
	} {
		if got := ask(path, "http://localhost"); (got == http.StatusSwitchingProtocols) != endpoint {
			t.Errorf("%s: its own page gets %d", path, got)
		}
		switch got := ask(path, "http://evil.example"); {
		case got == http.StatusSwitchingProtocols, endpoint && got != http.StatusForbidden:
			t.Errorf("%s: a foreign page gets %d", path, got)
		}
	}
}

func TestLessonManyHeaders(t *testing.T) {
	s := startServer(t, "--tls=off", "--admin-listen=off")
	header := func(n, size int) string {
		return strings.Repeat("X-Filler: "+strings.Repeat("x", size-len("X-Filler: \r\n"))+"\r\n", n)
	}
	for _, test := range []struct {
		what    string
		header  string
		allowed bool
	}{
		{"as usual", header(10, 100), true},
		{"as many as it takes", header(300, 40), true},
		{"too many", header(1000, 40), false},
		{"one that is too long", header(1, 40_000), false},
		{"without end", header(20_000, 400), false},
	} {
		c, err := net.Dial("tcp", s.public.String())
		if err != nil {
			t.Fatal(err)
		}
		var write sync.WaitGroup
		write.Go(func() {
			_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+test.header+"\r\n")
		})
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		want := http.StatusSwitchingProtocols
		if !test.allowed {
			want = http.StatusRequestHeaderFieldsTooLarge
		}
		// What is sent on while the server closes may cost its answer.
		if reset := err != nil && test.what == "without end"; !reset && (err != nil || response.StatusCode != want) {
			t.Errorf("%s: %v, %+v", test.what, err, response)
		}
		_ = c.Close()
		write.Wait()
	}
	join(t, s.dial(t, "ws"), "kitchen")
}

// A client that takes its time is not waited for without end, at any point of a request.
func TestLessonSlowRequests(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: localhost\r\n"
	for _, test := range []struct {
		what    string
		send    string
		trickle string // comes every second after that
		read    bool
		within  time.Duration
	}{
		{"nothing", "", "", true, headerWithin},
		{"half a header", request, "", true, headerWithin},
		{"a header without end", request, "X: y\r\n", true, headerWithin},
		{"half a body", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", "x", true, bodyWithin},
		{"an answer that is not read", request + "\r\n", "", false, answerWithin},
		{"a connection that is kept", request + "\r\n", "", true, idleWithin},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
				server := newPublicServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
				}), nopLog())
				var all sync.WaitGroup
				all.Go(func() { _ = server.Serve(p) })
				defer all.Wait()
				defer server.Close()
				c := p.dial()
				defer c.Close()
				begin := time.Now()
				ended := make(chan struct{})
				all.Go(func() { // writes on until the server has closed
					defer close(ended)
					_, err := io.WriteString(c, test.send)
					for ; err == nil; _, err = io.WriteString(c, test.trickle) {
						time.Sleep(time.Second)
					}
				})
				if test.read {
					all.Go(func() { _, _ = io.Copy(io.Discard, c) })
				}
				<-ended
				if waited := time.Since(begin); waited < test.within || waited > test.within+2*time.Second {
					t.Errorf("it was closed after %v", waited)
				}
			})
		})
	}
}
