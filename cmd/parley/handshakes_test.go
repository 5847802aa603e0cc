package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/certs"
)

// pipes is a network in memory, for virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }

// shaking is a listener under test. What it gives out is closed at once: that is how a client sees that it is done.
type shaking struct {
	*handshakes
	t        *testing.T
	pipes    *pipes
	client   *tls.Config
	registry *prometheus.Registry
}

// runHandshakes runs a test in virtual time, with one slot and room for two that wait for it.
func runHandshakes(t *testing.T, test func(t *testing.T, s *shaking)) {
	t.Helper()
	dev, err := certs.OpenDev(certs.DevOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	client := clientTLS(t)
	client.ServerName = "localhost"
	now := time.Now() // the certificate is of real time
	client.Time = func() time.Time { return now }
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		registry := prometheus.NewRegistry()
		h := newHandshakes(p, dev.TLSConfig(), registry, nopLog())
		h.slots = make(chan struct{}, 1)
		h.atMost.queued, h.atMost.awaited = 2, 3
		s := &shaking{h.start(), t, p, client, registry}
		var server sync.WaitGroup
		server.Go(func() {
			for {
				c, err := s.Accept()
				if err != nil {
					return
				}
				server.Go(func() { _ = c.Close() })
			}
		})
		defer server.Wait()
		defer s.Close()
		test(t, s)
	})
}

// shake begins a handshake; what comes of it can be read from the channel.
func (s *shaking) shake() <-chan error {
	c := tls.Client(s.pipes.dial(), s.client)
	outcome := make(chan error, 1)
	go func() {
		defer c.Close()
		if err := c.Handshake(); err != nil {
			outcome <- err
			return
		}
		_, err := c.Read(make([]byte, 1))
		if errors.Is(err, io.EOF) { // it was done, and closed
			err = nil
		}
		outcome <- err
	}()
	return outcome
}

func (s *shaking) wantResults(result string, n float64) {
	s.t.Helper()
	synctest.Wait()
	families, err := s.registry.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == result {
				if got := m.GetCounter().GetValue(); got != n {
					s.t.Errorf("%v are %s, not %v", got, result, n)
				}
				return
			}
		}
	}
	s.t.Errorf("none is %s", result)
}

// silent is a client that says nothing, and is done with when the server closes the connection.
func (s *shaking) silent() <-chan error {
	c := s.pipes.dial()
	outcome := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, c)
		_ = c.Close()
		outcome <- err
	}()
	return outcome
}

func TestHandshakesWaitForASlotInTurn(t *testing.T) {
	runHandshakes(t, func(t *testing.T, s *shaking) {
		s.slots <- struct{}{} // somebody else's, who takes his time
		first := s.shake()
		synctest.Wait()
		second := s.shake()
		synctest.Wait()
		if n := s.queued.Load(); n != 2 {
			t.Fatalf("%d wait", n)
		}
		if err := <-s.shake(); err == nil { // there is no room to wait
			t.Error("the third was served")
		}
		s.wantResults("refused", 1)
		time.Sleep(queuedWithin - time.Millisecond)
		<-s.slots
		for _, outcome := range []<-chan error{first, second} {
			if err := <-outcome; err != nil {
				t.Error(err)
			}
		}
		s.wantResults("ok", 2)
		if len(s.slots) != 0 || s.queued.Load() != 0 {
			t.Errorf("%d slots are held, %d wait", len(s.slots), s.queued.Load())
		}
	})
}

func TestHandshakesThatWaitTooLongAreRefused(t *testing.T) {
	runHandshakes(t, func(t *testing.T, s *shaking) {
		s.slots <- struct{}{}
		begin := time.Now()
		if err := <-s.shake(); err == nil || time.Since(begin) != queuedWithin {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		s.wantResults("refused", 1)
		if s.queued.Load() != 0 {
			t.Error("it still waits")
		}
	})
}

// Neither who says no hello nor who stops after it keeps another from being served.
func TestIdleClientsHoldNoSlot(t *testing.T) {
	runHandshakes(t, func(t *testing.T, s *shaking) {
		silent := s.silent()
		stalled := s.pipes.dial()
		defer stalled.Close()
		hello := make(chan struct{})
		go func() { // says hello and reads no answer
			defer close(hello)
			_ = tls.Client(writeOnly{stalled}, s.client).Handshake()
		}()
		<-hello
		synctest.Wait()
		if err := <-s.shake(); err != nil {
			t.Error(err)
		}
		begin := time.Now()
		if <-silent; time.Since(begin) != clientWithin {
			t.Errorf("the silent one was closed after %v", time.Since(begin))
		}
		s.wantResults("ok", 1)
		s.wantResults("no-hello", 1)
		s.wantResults("failed", 1)
	})
}

// writeOnly is the connection of a client that ends its handshake when it would have to read.
type writeOnly struct{ net.Conn }

func (writeOnly) Read([]byte) (int, error) { return 0, io.EOF }
func (writeOnly) Close() error             { return nil }

func TestTheSilentClientThatIsAwaitedLongestMakesRoom(t *testing.T) {
	runHandshakes(t, func(t *testing.T, s *shaking) {
		begin := time.Now()
		var silent []<-chan error
		for range 5 {
			silent = append(silent, s.silent())
			synctest.Wait()
		}
		for _, outcome := range silent[:2] {
			if <-outcome; time.Since(begin) != 0 {
				t.Errorf("closed after %v", time.Since(begin))
			}
		}
		if err := <-s.shake(); err != nil {
			t.Error(err)
		}
		s.wantResults("no-hello", 3)
	})
}

func TestCloseEndsHandshakes(t *testing.T) {
	runHandshakes(t, func(t *testing.T, s *shaking) {
		s.slots <- struct{}{}
		silent, queued := s.silent(), s.shake()
		synctest.Wait()
		begin := time.Now()
		if err := s.Close(); err != nil || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		<-silent
		if err := <-queued; err == nil {
			t.Error("it was served")
		}
		if _, err := s.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept: %v", err)
		}
	})
}

func TestAConfigurationOfItsOwnForAClientStays(t *testing.T) {
	asked := false
	config := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		asked = true
		return nil, nil
	}}
	l := newHandshakes(&pipes{}, config, prometheus.NewRegistry(), nopLog())
	client, server := net.Pipe()
	var wait sync.WaitGroup
	wait.Go(func() { _ = tls.Client(client, &tls.Config{ServerName: "a.example"}).Handshake(); _ = client.Close() })
	l.shake(server) // has no certificate
	wait.Wait()
	if !asked {
		t.Error("it was not asked")
	}
}

func TestErrorsOfAcceptReachTheHTTPServer(t *testing.T) {
	l := newHandshakes(failing{&pipes{done: make(chan struct{})}}, &tls.Config{}, prometheus.NewRegistry(), nopLog()).start()
	defer l.Close()
	for range 2 {
		if _, err := l.Accept(); err != errFailing {
			t.Errorf("accept: %v", err)
		}
	}
}

var errFailing = errors.New("too many open files")

type failing struct{ *pipes }

func (failing) Accept() (net.Conn, error) { return nil, errFailing }

func TestPlainHTTPIsToldOfHTTPS(t *testing.T) {
	s := startServer(t)
	response, body := s.get(t, "http://"+onLocalhost(s.public)+"/")
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "https://") {
		t.Errorf("%s: %s", response.Status, body)
	}
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", s.public.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "rubbish\n"); err != nil {
		t.Fatal(err)
	}
	if answer, _ := io.ReadAll(c); strings.Contains(string(answer), "HTTP") {
		t.Errorf("rubbish is answered with %q", answer)
	}
	_, metrics := s.get(t, "http://"+onLocalhost(s.admin)+"/metrics")
	for _, want := range []string{"\nparley_tls_handshakes_total{result=\"no-hello\"} ", "\nparley_tls_handshakes_queued 0\n"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is not in the metrics", want)
		}
	}
}
