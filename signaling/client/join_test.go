package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		cfg := f.config()
		cfg.Name, cfg.Metadata, cfg.Password = "Ann <a&b>", []byte(`{"role": "host"}`), "secret"
		cfg.Token = func(context.Context) (string, error) { return "token", nil }
		result := joining(cfg)
		m := f.accept()
		j, err := m.expect(protocol.TypeJoin).Join()
		if err != nil {
			t.Fatal(err)
		}
		if len(j.Identity) < protocol.MinIdentity {
			t.Errorf("identity %q is too short", j.Identity)
		}
		want := protocol.Join{Room: "lobby", Name: cfg.Name, Metadata: []byte(`{"role":"host"}`), Token: "token", Password: "secret"}
		if j.Room != want.Room || j.Name != want.Name || string(j.Metadata) != string(want.Metadata) ||
			j.Token != want.Token || j.Password != want.Password {
			t.Errorf("join %+v, want %+v", j, want)
		}
		m.send(`{"type":"of the future"}`) // passed over
		m.send(joined("me", "s1", peer("ann"), peer("bob")))
		r := <-result
		if r.err != nil {
			t.Fatal(r.err)
		}
		c := r.client
		defer c.Close()
		e := next[client.Joined](t, c)
		if e.Peer != "me" || e.Room != "lobby" || e.Again || len(e.Lost) != 0 || len(e.Peers) != 2 || !e.Peers[0].Polite ||
			len(e.ICEServers) != 1 || e.Grace != 30*time.Second {
			t.Errorf("joined %+v", e)
		}
		if c.Self() != "me" || len(c.Peers()) != 2 || len(c.ICEServers()) != 1 {
			t.Errorf("self %q, peers %v", c.Self(), c.Peers())
		}
	})
}

func TestJoinIsRefusedThenTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		result := joining(f.config())
		m := f.accept()
		m.expect(protocol.TypeJoin)
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeRoomFull, Message: "full", RetryAfter: 3})
		r := <-result
		var refused *protocol.Error
		if !errors.As(r.err, &refused) || refused.Code != protocol.CodeRoomFull || refused.RetryAfter != 3 {
			t.Fatalf("error %v", r.err)
		}
		<-m.over
		f.join(nil)
	})
}

func TestJoinIsClosed(t *testing.T) {
	tests := []struct {
		name string
		code protocol.Code // of the error that goes before, "" for none
		end  protocol.CloseCode
	}{
		{"unauthorized", protocol.CodeUnauthorized, protocol.CloseUnauthorized},
		{"version", protocol.CodeUnsupportedVersion, protocol.CloseVersion},
		{"try later", "", protocol.CloseTryLater},
		{"no frame after the error", protocol.CodeTokenExpired, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				result := joining(f.config())
				m := f.accept()
				m.expect(protocol.TypeJoin)
				want := test.end
				if test.code != "" {
					m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: test.code, Message: "no"})
				}
				if test.end == 0 {
					want, _ = test.code.Close()
					m.drop()
				} else {
					m.close(test.end)
				}
				r := <-result
				var refused *protocol.Error
				if errors.As(r.err, &refused) != (test.code != "") || refused != nil && refused.Code != test.code {
					t.Errorf("error %v, want code %q", r.err, test.code)
				}
				var closed *client.CloseError
				if !errors.As(r.err, &closed) || closed.Code != want {
					t.Errorf("error %v, want close code %d", r.err, want)
				}
			})
		})
	}
}

func TestJoinWaitsToBeAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		result := joining(f.config())
		m := f.accept()
		m.expect(protocol.TypeJoin)
		m.send(`{"type":"waiting"}`)
		time.Sleep(9 * time.Minute)
		m.send(joined("me", "s1"))
		r := <-result
		if r.err != nil {
			t.Fatal(r.err)
		}
		r.client.Close()
	})
}

func TestJoinGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		result := joining(f.config())
		f.accept().expect(protocol.TypeJoin)
		if r := <-result; r.err == nil { // after 10 s without an answer
			t.Fatal("joined without an answer")
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		go func() {
			_, err := client.Join(ctx, f.config())
			errs <- err
		}()
		f.accept().expect(protocol.TypeJoin)
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	})
}

func TestHandshakeIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := client.Config{URL: "ws://fake/ws", Room: "r"}
		var far net.Conn
		cfg.NetDial = func(context.Context, string, string) (net.Conn, error) {
			var near net.Conn
			near, far = net.Pipe()
			go func() { // takes the request, never answers
				buffer := make([]byte, 1000)
				for {
					if _, err := far.Read(buffer); err != nil {
						return
					}
				}
			}()
			return near, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Join(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v", err)
		}
	})
}

func TestBadConfig(t *testing.T) {
	tests := []struct {
		name   string
		change func(*client.Config)
		want   string
	}{
		{"no URL", func(c *client.Config) { c.URL = "" }, "the URL must be"},
		{"http", func(c *client.Config) { c.URL = "https://host/ws" }, "the URL must be"},
		{"a password in the URL", func(c *client.Config) { c.URL = "wss://a:b@host/ws" }, "must not have a user name"},
		{"no room", func(c *client.Config) { c.Room = "" }, `"room"`},
		{"metadata is no object", func(c *client.Config) { c.Metadata = []byte("5") }, `"metadata"`},
		{"metadata is no JSON", func(c *client.Config) { c.Metadata = []byte("{") }, "metadata is not JSON"},
		{"short identity", func(c *client.Config) { c.Identity = "short" }, `"identity"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := client.Config{URL: "ws://host/ws", Room: "r"}
			test.change(&cfg)
			_, err := client.Join(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestDialErrorsCanBeToldApart(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "come back later", http.StatusServiceUnavailable)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	url := "wss" + strings.TrimPrefix(server.URL, "https")

	_, err := client.Join(t.Context(), client.Config{URL: url, Room: "r"})
	var untrusted *tls.CertificateVerificationError
	if !errors.As(err, &untrusted) {
		t.Errorf("unknown authority: %v", err)
	}

	trusting := server.Client().Transport.(*http.Transport).TLSClientConfig
	_, err = client.Join(t.Context(), client.Config{URL: url, Room: "r", TLS: trusting})
	var status *client.HTTPError
	if !errors.As(err, &status) || status.Status != 503 || status.RetryAfter != 7*time.Second ||
		!strings.Contains(err.Error(), "come back later") {
		t.Errorf("HTTP answer: %v", err)
	}

	server.Close()
	_, err = client.Join(t.Context(), client.Config{URL: url, Room: "r", TLS: trusting})
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refused: %v", err)
	}
}

func TestTokenFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		cfg := f.config()
		wrong := errors.New("no token today")
		cfg.Token = func(context.Context) (string, error) { return "", wrong }
		if _, err := client.Join(t.Context(), cfg); !errors.Is(err, wrong) {
			t.Fatalf("error %v", err)
		}
	})
}
