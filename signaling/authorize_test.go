package signaling_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
	"parley/signaling/token"
)

var tokenSecret = []byte("a secret that is for tests alone")

// checked is a server that looks at tokens.
func checked(t *testing.T, require bool) signaling.Config {
	t.Helper()
	v, err := token.NewVerifier(token.Config{Secret: tokenSecret})
	if err != nil {
		t.Fatal(err)
	}
	return signaling.Config{Tokens: v, RequireToken: require}
}

// ticket gives the member "token" of a token for the room "r", good for an hour, unless change says otherwise.
func ticket(t *testing.T, change func(*token.Claims)) string {
	t.Helper()
	claims := token.Claims{Room: "r"}
	claims.ExpiresAt = jwt.NewNumericDate(time.Now().Add(time.Hour))
	if change != nil {
		change(&claims)
	}
	signed, err := token.Sign(tokenSecret, claims)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`"token":%q`, signed)
}

func expiresIn(d time.Duration) func(*token.Claims) {
	return func(c *token.Claims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(d)) }
}

func TestWhoMayJoin(t *testing.T) {
	run(t, checked(t, true), rooms.Config{}, func(t *testing.T, s *service) {
		for _, test := range []struct {
			name, token string
			code        protocol.Code
			close       protocol.CloseCode
		}{
			{"without a token", `"name":"Ann"`, protocol.CodeUnauthorized, protocol.CloseUnauthorized},
			{"rubbish", `"token":"a.b.c"`, protocol.CodeUnauthorized, protocol.CloseUnauthorized},
			{"no algorithm", `"token":"eyJhbGciOiJub25lIn0.eyJyb29tIjoiciIsImV4cCI6OTk5OTk5OTk5OTl9."`, protocol.CodeUnauthorized, protocol.CloseUnauthorized},
			{"expired", ticket(t, expiresIn(-time.Minute)), protocol.CodeTokenExpired, protocol.CloseTokenExpired},
			{"for another room", ticket(t, func(c *token.Claims) { c.Room = "kitchen" }), protocol.CodeUnauthorized, protocol.CloseUnauthorized},
			{"not yet", ticket(t, func(c *token.Claims) { c.NotBefore = jwt.NewNumericDate(time.Now().Add(time.Minute)) }), protocol.CodeUnauthorized, protocol.CloseUnauthorized},
		} {
			p := s.dial()
			p.say(`{"type":"join","room":"r",%s}`, test.token)
			refused := p.wantError(test.code)
			if len(test.token) > 40 && strings.Contains(refused.String(), test.token[20:40]) {
				t.Errorf("%s: the token comes back: %s", test.name, refused)
			}
			p.wantClose(test.close)
		}
		long := s.dial()
		long.say(`{"type":"join","room":"r","token":%q}`, strings.Repeat("a", protocol.MaxToken+1))
		long.wantError(protocol.CodeTooLarge)
		s.join(ticket(t, nil))
	})
}

// Where tokens are checked and not required, who brings none may come too, and who brings a bad one may not.
func TestTokensThatNobodyNeeds(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(_ *testing.T, s *service) {
		s.join()
		p := s.dial()
		p.say(`{"type":"join","room":"r","token":"a.b.c"}`)
		p.wantClose(protocol.CloseUnauthorized)
	})
}

func TestATokenSaysWhoOneIs(t *testing.T) {
	run(t, checked(t, true), rooms.Config{Capacity: 1}, func(t *testing.T, s *service) {
		asAnn := ticket(t, func(c *token.Claims) {
			c.Subject, c.Name, c.Metadata, c.Capacity = "ann@example.org", "Ann", json.RawMessage(`{"seat":1}`), 2
		})
		ann, _ := s.join(asAnn, `"name":"Somebody else"`, `"metadata":{}`)
		bob, joined := s.join(ticket(t, func(c *token.Claims) { c.Subject, c.Capacity = "bob", 2 }))
		if !strings.Contains(joined.String(), `"name":"Ann"`) || !strings.Contains(joined.String(), `"seat":1`) {
			t.Errorf("Bob sees %s", joined)
		}
		ann.want("peer-joined")
		for _, update := range []string{`"name":"Eve"`, `"metadata":{"seat":2}`} {
			ann.say(`{"type":"update",%s}`, update)
			ann.wantError(protocol.CodeForbidden)
		}
		bob.say(`{"type":"update","name":"Bob"}`)
		ann.want("peer-updated")
		full := s.dial()
		full.say(`{"type":"join","room":"r",%s}`, ticket(t, nil))
		full.wantError(protocol.CodeRoomFull)
		again, _ := s.join(asAnn) // takes its own seat
		ann.wantClose(protocol.CloseReplaced)
		bob.want("peer-left")
		bob.want("peer-joined")
		again.fence()
	})
}

// What each message needs that a peer may send.
func TestRightsOfEveryMessage(t *testing.T) {
	run(t, checked(t, true), rooms.Config{}, func(t *testing.T, s *service) {
		ann, _ := s.join(ticket(t, may(token.MayJoin)))
		bob, _ := s.join(ticket(t, may(token.MayJoin, token.MayBroadcast)))
		ann.want("peer-joined")
		tried := map[string]bool{"join": true, "resume": true, "leave": true} // which have tests of their own
		for _, test := range []struct{ says, bobHears, annHears string }{
			{`"type":"offer","to":%q,"sdp":"v=0"`, "offer", ""},
			{`"type":"answer","to":%q,"sdp":"v=0"`, "answer", ""},
			{`"type":"candidate","to":%q,"candidate":{"candidate":""}`, "candidate", ""},
			{`"type":"message","to":%q,"data":1`, "message", ""},
			{`"type":"message","data":1`, "", "error"},
			{`"type":"update","name":"Ann"`, "peer-updated", ""},
			{`"type":"ice-servers"`, "", "ice-servers"},
			{`"type":"report","about":%q,"state":"connected"`, "", ""},
			{`"type":"kick","about":%q`, "", "error"},
			{`"type":"lock","locked":true`, "", "error"},
			{`"type":"close"`, "", "error"},
			{`"type":"admit","knock":"k"`, "", "error"},
			{`"type":"deny","knock":"k"`, "", "error"},
			{`"type":"ack","ack":0`, "", ""},
			{`"type":"ping"`, "", "pong"},
			{`"type":"authenticate",` + ticket(t, may(token.MayJoin)), "", ""},
		} {
			if strings.Contains(test.says, "%q") {
				test.says = fmt.Sprintf(test.says, bob.id)
			}
			tried[strings.Split(test.says, `"`)[3]] = true
			ann.say("{%s}", test.says)
			if test.bobHears != "" {
				bob.want(test.bobHears)
			}
			switch test.annHears {
			case "error":
				ann.wantError(protocol.CodeForbidden)
			case "":
				ann.fence()
			default:
				ann.want(test.annHears)
			}
		}
		for _, name := range clientTypes(t) {
			if !tried[name] {
				t.Errorf("it is not tried what %s needs", name)
			}
		}
		bob.say(`{"type":"message","data":1}`)
		ann.want("message")
		ann.say(`{"type":"leave"}`)
		ann.wantClose(protocol.CloseNormal)
	})
}

// clientTypes gives the types of all messages that a client may send, from the schema.
func clientTypes(t *testing.T) (types []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/schema/parley.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"client-([a-z-]+)": \{`).FindAllSubmatch(text, -1) {
		types = append(types, string(found[1]))
	}
	if len(types) < 10 {
		t.Fatalf("the schema has only %q", types)
	}
	return types
}

// A token may be made to last for ever, as far as a year has four digits.
func TestTokensOfTheFarFuture(t *testing.T) {
	run(t, checked(t, true), rooms.Config{}, func(t *testing.T, s *service) {
		at := func(seconds int64) string {
			return ticket(t, func(c *token.Claims) {
				c.ExpiresAt, c.May = jwt.NewNumericDate(time.Unix(seconds, 0)), []token.Right{token.MayJoin}
			})
		}
		ann, joined := s.join(at(99999999999))
		time.Sleep(time.Hour)
		ann.fence()
		ann.drop()
		ann, _ = s.resume(ann, joined.str("session"), ann.last)
		ann.say(`{"type":"message","data":1}`)
		ann.wantError(protocol.CodeForbidden) // what the token does not allow, it does not allow after a resume either
		bob := s.dial()
		bob.say(`{"type":"join","room":"r",%s}`, at(999999999999))
		bob.wantError(protocol.CodeUnauthorized)
		bob.wantClose(protocol.CloseUnauthorized)
	})
}

func TestATokenEndsDuringACall(t *testing.T) {
	run(t, checked(t, true), rooms.Config{}, func(t *testing.T, s *service) {
		short := func(c *token.Claims) {
			c.Subject = "ann"
			expiresIn(time.Minute)(c)
		}
		ann, joined := s.join(ticket(t, short))
		bob, _ := s.join(ticket(t, nil))
		ann.want("peer-joined")
		ann.wantError(protocol.CodeTokenExpired)
		ann.wantClose(protocol.CloseTokenExpired)
		p := s.dial()
		p.say(`{"type":"resume","session":%q,"received":%d}`, joined.str("session"), ann.last)
		p.wantError(protocol.CodeTokenExpired)
		p.wantClose(protocol.CloseTokenExpired)
		bob.want("peer-away")    // no more: what the two have between them goes on
		s.join(ticket(t, short)) // with a fresh one
		bob.want("peer-left")
		bob.want("peer-joined")
		bob.fence()
	})
}

func TestAFreshTokenComesInTime(t *testing.T) {
	run(t, checked(t, true), rooms.Config{}, func(t *testing.T, s *service) {
		as := func(identity string, d time.Duration) string {
			return ticket(t, func(c *token.Claims) {
				c.Subject = identity
				expiresIn(d)(c)
			})
		}
		ann, joined := s.join(as("ann", time.Minute))
		for _, refused := range []string{as("bob", time.Hour), as("ann", -time.Minute), as("", time.Hour), `"token":"a.b.c"`} {
			ann.say(`{"type":"authenticate",%s}`, refused)
			ann.wantError(protocol.CodeForbidden)
		}
		ann.say(`{"type":"authenticate",%s}`, as("ann", 10*time.Minute))
		ann.fence()
		time.Sleep(5 * time.Minute)
		ann.fence()
		ann.drop()
		ann, _ = s.resume(ann, joined.str("session"), ann.last) // the session has the fresh one, too
		time.Sleep(4 * time.Minute)
		ann.fence()
		time.Sleep(2 * time.Minute)
		ann.wantError(protocol.CodeTokenExpired)
		ann.wantClose(protocol.CloseTokenExpired)
	})
}

// A session that began before tokens were required does not outlive that.
func TestASessionWithoutATokenIsNotResumed(t *testing.T) {
	key, err := rooms.NewSessionKey([]byte(strings.Repeat("k", rooms.MinSessionKey)))
	if err != nil {
		t.Fatal(err)
	}
	engine := rooms.Config{SessionKey: key}
	run(t, checked(t, false), engine, func(t *testing.T, s *service) {
		ann, joined := s.join()
		bob, joinedBob := s.join(ticket(t, nil))
		ann.drop()
		bob.drop()
		s.config.RequireToken = true
		s.restart(engine)
		p := s.dial()
		p.say(`{"type":"resume","session":%q,"received":0}`, joined.str("session"))
		p.wantError(protocol.CodeUnauthorized)
		p.wantClose(protocol.CloseUnauthorized)
		s.resume(bob, joinedBob.str("session"), 0)
	})
}
