package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// A token that has ended in the middle of a session: the client joins anew, with a fresh one.
func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		tokens := 0
		c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) {
			cfg.Token = func(context.Context) (string, error) {
				tokens++
				if tokens == 2 {
					return "", errors.New("the token server is down")
				}
				return fmt.Sprint("token ", tokens), nil
			}
		})
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeTokenExpired, Message: "too old"})
		m.close(protocol.CloseTokenExpired)
		if e := next[client.Refused](t, c); e.Err.Code != protocol.CodeTokenExpired {
			t.Errorf("refused %+v", e)
		}
		e := next[client.Disconnected](t, c)
		var refused *protocol.Error
		var closed *client.CloseError
		if !errors.As(e.Err, &refused) || !errors.As(e.Err, &closed) || closed.Code != protocol.CloseTokenExpired {
			t.Errorf("disconnected: %v", e.Err)
		}
		<-f.accept().over // no token, no join
		m = f.accept()
		if j, err := m.expect(protocol.TypeJoin).Join(); err != nil || j.Token != "token 3" {
			t.Errorf("joined with %q, %v", j.Token, err)
		}
		m.send(joined("me2", "t1"))
		until[client.Joined](t, c)
	})
}

// A rejoin that is refused for now is tried again; the identity stays the same, so that it can replace what is left of the
// old session.
func TestRejoinIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		m.close(protocol.CloseSessionEnded)
		m = f.accept()
		first, err := m.expect(protocol.TypeJoin).Join()
		if err != nil {
			t.Fatal(err)
		}
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeRoomFull, Message: "full"})
		m = f.accept()
		second, err := m.expect(protocol.TypeJoin).Join()
		if err != nil || first.Identity == "" || first.Identity != second.Identity {
			t.Errorf("identity %q, then %q, %v", first.Identity, second.Identity, err)
		}
		m.send(joined("me2", "t1"))
		until[client.Joined](t, c)
	})
}

// A client that leaves after its session was lost has nothing left to leave.
func TestLeaveWithoutSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) { cfg.Rand = func() float64 { return 1 } })
		f.refuseDials(errors.New("the network is down"))
		m.close(protocol.CloseSessionEnded)
		lost(t, c)
		if err := c.Leave(t.Context()); err != nil {
			t.Errorf("leave: %v", err)
		}
	})
}

func TestAnotherSubprotocol(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil); err == nil {
			_, _, _ = ws.ReadMessage()
			_ = ws.Close()
		}
	}))
	defer server.Close()
	_, err := client.Join(t.Context(), client.Config{URL: "ws" + strings.TrimPrefix(server.URL, "http"), Room: "r"})
	if err == nil || !strings.Contains(err.Error(), "does not speak parley.v1") {
		t.Errorf("error %v", err)
	}
}

func TestErrorTexts(t *testing.T) {
	tests := map[string]error{
		"client: the connection was closed with 4503":                          &client.CloseError{Code: 4503},
		"client: the connection was closed with 4503: bye":                     &client.CloseError{Code: 4503, Reason: "bye"},
		"client: the handshake was answered with HTTP status 404":              &client.HTTPError{Status: 404},
		"client: the handshake was answered with HTTP status 403: not allowed": &client.HTTPError{Status: 403, Body: "not allowed\nreally"},
	}
	for want, err := range tests {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
