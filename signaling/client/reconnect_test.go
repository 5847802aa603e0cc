package client_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// A resolver that fails for a while costs no session.
func TestNamesThatCannotBeLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		failure := &net.DNSError{Err: "server misbehaving", Name: "fake", IsTemporary: true}
		f.refuseDials(failure)
		m.drop()
		lost(t, c)
		for range 3 {
			if e := next[client.Reconnecting](t, c); !errors.Is(e.Err, failure) {
				t.Fatalf("%v", e.Err)
			}
		}
		f.refuseDials(nil)
		f.resume("s1", 0, resumed("s2", 0))
		until[client.Resumed](t, c)
	})
}

func TestCloseCodes(t *testing.T) {
	tests := []struct {
		code   protocol.CloseCode
		action protocol.Action
	}{
		{1000, protocol.ActionDone},
		{1001, protocol.ActionResume},
		{1011, protocol.ActionResume},
		{1012, protocol.ActionResume},
		{4000, protocol.ActionResume},
		{4003, protocol.ActionResume},
		{4099, protocol.ActionResume},
		{1013, protocol.ActionJoin},
		{4100, protocol.ActionJoin},
		{4102, protocol.ActionJoin},
		{1002, protocol.ActionStop},
		{1008, protocol.ActionStop},
		{1009, protocol.ActionStop},
		{4500, protocol.ActionStop},
		{4501, protocol.ActionStop},
		{4599, protocol.ActionStop},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			c, m := f.join(nil)
			m.close(test.code)
			switch test.action {
			case protocol.ActionResume:
				f.resume("s1", 0, resumed("s2", 0))
				until[client.Resumed](t, c)
			case protocol.ActionJoin:
				m = f.accept()
				m.expect(protocol.TypeJoin)
				m.send(joined("me2", "t1"))
				if e := until[client.Joined](t, c); !e.Again || e.Peer != "me2" {
					t.Errorf("%d: %+v", test.code, e)
				}
			default:
				err := next[client.Ended](t, c).Err
				var closed *client.CloseError
				switch {
				case test.action == protocol.ActionDone && err != nil:
					t.Errorf("%d: ended with %v", test.code, err)
				case test.action == protocol.ActionStop && (!errors.As(err, &closed) || closed.Code != test.code || closed.Reason != "because"):
					t.Errorf("%d: ended with %v", test.code, err)
				}
				if _, err := c.Next(t.Context()); !errors.Is(err, client.ErrClosed) {
					t.Errorf("%d: next after the end: %v", test.code, err)
				}
				if _, err := c.Message(t.Context(), "ann", 1); !errors.Is(err, client.ErrClosed) {
					t.Errorf("%d: message after the end: %v", test.code, err)
				}
			}
		})
	}
}

func TestServerBreaksTheProtocol(t *testing.T) {
	for _, text := range []string{
		`{`,
		`{"type":5}`,
		`{"type":"joined","room":"r"}`,
		`{"type":"ack","ack":1}`,
		`{"type":"message","data":1,"seq":1}`,
		`{"type":"message","data":1,"from":null,"seq":1}`,
		`{"type":"candidate","candidate":null,"from":"","seq":1}`,
		`{"type":"peer-left","seq":1}`,
		`{"type":"peer-joined","peer":"x","polite":"yes","seq":1}`,
		"\"\xff\"",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			c, m := f.join(nil)
			m.send("%s", text)
			if err := next[client.Ended](t, c).Err; !errors.Is(err, client.ErrServer) {
				t.Errorf("%s: ended with %v", text, err)
			}
			if code := m.closeCode(); code != int(protocol.CloseViolation) {
				t.Errorf("%s: closed with %d", text, code)
			}
		})
	}
}

func TestBadResumed(t *testing.T) {
	for name, change := range map[string]func(*protocol.Resumed){
		"another peer":       func(r *protocol.Resumed) { r.Peer = "you" },
		"no session":         func(r *protocol.Resumed) { r.Session = "" },
		"too much received":  func(r *protocol.Resumed) { r.Received = 1 },
		"not a resumed more": func(r *protocol.Resumed) { r.Peers = []protocol.Peer{{Metadata: []byte("{}")}}; r.Peer = "" },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			c, m := f.join(nil)
			m.drop()
			r := resumed("s2", 0)
			change(&r)
			f.resume("s1", 0, r)
			if err := until[client.Ended](t, c).Err; !errors.Is(err, client.ErrServer) {
				t.Errorf("%s: ended with %v", name, err)
			}
		})
	}
}

// The waits grow from 0.5 s to 3 s, and to 30 s when the grace time has passed. Then the session is lost and joined anew.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) { cfg.Rand = func() float64 { return 1 } })
		down := errors.New("the network is down")
		f.refuseDials(down)
		began := time.Now()
		m.drop()
		next[client.Disconnected](t, c)
		ms := time.Millisecond
		waits := []time.Duration{500 * ms, 1000 * ms, 2000 * ms, 3000 * ms, 3000 * ms, 3000 * ms}
		for i, want := range waits {
			e := next[client.Reconnecting](t, c)
			if e.Attempt != i+1 || e.After != want || errors.Is(e.Err, down) != (i > 0) {
				t.Errorf("attempt %d: %+v, want %v", i, e, want)
			}
		}
		for {
			e := next[client.Reconnecting](t, c)
			if since := time.Since(began); (since >= 30*time.Second) != (e.After == 30*time.Second) {
				t.Errorf("after %v a wait of %v", since, e.After)
			}
			if time.Since(began) > time.Hour {
				break
			}
		}
		f.refuseDials(nil)
		m = f.accept()
		m.expect(protocol.TypeResume)
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeSessionLost, Message: "gone"})
		m.expect(protocol.TypeJoin)
		m.send(joined("me2", "t1"))
		until[client.Joined](t, c)
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) { cfg.Rand = func() float64 { return 0 } })
		m.drop()
		lost(t, c)
		m = f.accept()
		m.expect(protocol.TypeResume)
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeOverloaded, RetryAfter: 7})
		if e := next[client.Reconnecting](t, c); e.After != 7*time.Second {
			t.Errorf("after %v, want 7s", e.After)
		}
		m = f.accept()
		m.expect(protocol.TypeResume) // the session is still there
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeForbidden})
		m.expect(protocol.TypeJoin) // a join tells what is the matter
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeForbidden, Message: "not today"})
		var refused *protocol.Error
		if err := until[client.Ended](t, c).Err; !errors.As(err, &refused) || refused.Message != "not today" {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) { cfg.Rand = func() float64 { return 0.5 } })
		began := time.Now()
		m.send(protocol.Draining{Type: protocol.TypeDraining, Within: 20})
		if e := next[client.Draining](t, c); e.Within != 20*time.Second {
			t.Errorf("draining %+v", e)
		}
		if code := m.closeCode(); code != int(protocol.CloseGoingAway) {
			t.Errorf("closed with %d, which must not mean leaving", code)
		}
		f.resume("s1", 0, resumed("s2", 0))
		if since := time.Since(began); since != 10*time.Second {
			t.Errorf("moved after %v, want 10s", since)
		}
		until[client.Resumed](t, c)
	})
}

func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		message(t, c, "ann", 1)
		left := make(chan error)
		go func() { left <- c.Leave(context.Background()) }()
		m.expect(protocol.TypeMessage)
		m.expect(protocol.TypeLeave)
		if _, err := c.Message(t.Context(), "ann", 2); !errors.Is(err, client.ErrClosed) {
			t.Errorf("message after leave: %v", err)
		}
		m.close(protocol.CloseNormal)
		if err := <-left; err != nil {
			t.Errorf("leave: %v", err)
		}
		if e := next[client.Ended](t, c); e.Err != nil || len(e.Lost) != 1 {
			t.Errorf("ended %+v", e)
		}
		if err := c.Leave(t.Context()); err != nil {
			t.Errorf("leave again: %v", err)
		}
	})
}

// A client that leaves while its connection is lost gets it back in order to leave.
func TestLeaveWhileDisconnected(t *testing.T) {
	for _, gone := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) { cfg.Rand = func() float64 { return 1 } })
			f.refuseDials(errors.New("the network is down"))
			m.drop()
			lost(t, c)
			left := make(chan error)
			go func() { left <- c.Leave(context.Background()) }()
			synctest.Wait()
			f.refuseDials(nil)
			if gone {
				m = f.accept()
				m.expect(protocol.TypeResume)
				m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeSessionLost})
			} else {
				m = f.resume("s1", 0, resumed("s2", 0))
				m.expect(protocol.TypeAck)
				m.expect(protocol.TypeLeave)
				m.close(protocol.CloseNormal)
			}
			if err := <-left; err != nil {
				t.Errorf("leave: %v", err)
			}
		})
	}
}

func TestLeaveTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Leave(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("leave: %v", err)
		}
		m.expect(protocol.TypeLeave)
		if e := next[client.Ended](t, c); !errors.Is(e.Err, client.ErrClosed) {
			t.Errorf("ended %+v", e)
		}
	})
}

func TestClose(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, f *fake, c *client.Client, m *remote)
	}{
		{"connected", func(*testing.T, *fake, *client.Client, *remote) {}},
		{"waiting to reconnect", func(t *testing.T, f *fake, c *client.Client, m *remote) {
			f.refuseDials(net.ErrClosed)
			m.drop()
			lost(t, c)
		}},
		{"dialing", func(t *testing.T, f *fake, c *client.Client, m *remote) {
			f.refuseDials(errHang)
			m.drop()
			lost(t, c)
			time.Sleep(time.Second)
		}},
		{"resuming", func(t *testing.T, f *fake, c *client.Client, m *remote) {
			m.drop()
			lost(t, c)
			f.accept().expect(protocol.TypeResume)
		}},
		{"blocked by the application", func(t *testing.T, f *fake, c *client.Client, m *remote) {
			for i := range 10 {
				m.send(`{"type":"message","from":"ann","data":%d,"seq":%d}`, i, i+1)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) { cfg.Queue = 10 })
				test.do(t, f, c, m)
				c.Close()
				c.Close()
				if e := until[client.Ended](t, c); !errors.Is(e.Err, client.ErrClosed) {
					t.Errorf("ended %+v", e)
				}
				if _, err := c.Next(t.Context()); err != client.ErrClosed {
					t.Errorf("next: %v", err)
				}
			})
		})
	}
}
