package signaling_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
	"parley/signaling/token"
	"parley/signaling/webhook"
)

const webhookSecret = "another secret that is for tests alone"

// decider is the operator's server that is asked about joins, on a network in memory.
type decider struct {
	*pipeListener
	mu     sync.Mutex
	asked  []string
	decide http.HandlerFunc // nil: yes
}

// says is an answer that is always the same.
func says(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }
}

// hesitates answers with a yes when the test says so, and not to clients that have gone.
func hesitates(yes <-chan struct{}, gone chan<- struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-yes:
			_, _ = io.WriteString(w, `{"allow":true}`)
		case <-r.Context().Done():
			gone <- struct{}{}
		}
	}
}

// ServeHTTP implements http.Handler.
func (d *decider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	d.asked = append(d.asked, string(body))
	decide := d.decide
	d.mu.Unlock()
	if decide == nil {
		decide = says(`{"allow":true}`)
	}
	decide(w, r)
}

// all gives the requests.
func (d *decider) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

func (d *decider) change(decide http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.decide = decide
}

// runAsking is run with a server that asks about joins.
func runAsking(
	t *testing.T, config signaling.Config, engine rooms.Config, decide http.HandlerFunc, test func(t *testing.T, s *service, d *decider),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &decider{pipeListener: newPipeListener(), decide: decide}
		web := &http.Server{Handler: d}
		go func() { _ = web.Serve(d) }()
		defer web.Close()
		a, err := webhook.NewAuthorizer(webhook.Config{
			URL: "http://localhost/", Secret: []byte(webhookSecret), Log: config.Log,
			Dial: func(context.Context, string, string) (net.Conn, error) { return d.dial("", "") },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		config.AllowNoOrigin, config.Authorizer = true, a
		s := &service{t: t, config: config}
		s.start(rooms.NewMemory(engine))
		defer s.stop()
		test(t, s, d)
	})
}

// What the webhook is told of a client, and what it is not.
func TestAWebhookIsAskedAboutEachJoin(t *testing.T) {
	runAsking(t, checked(t, false), rooms.Config{}, nil, func(t *testing.T, s *service, d *decider) {
		s.from = "192.0.2.7"
		s.join()
		s.join(`"name":"Ann"`, `"metadata":{"a": 1}`, `"identity":"a secret of the client's own"`, `"password":"open"`)
		asAnn := ticket(t, func(c *token.Claims) { c.Subject, c.Name = "ann", "Ann of the token" })
		s.join(asAnn, `"name":"Somebody else"`)
		p := s.dial()
		p.say(`{"type":"join","room":"r","token":"a.b.c"}`)
		p.wantClose(protocol.CloseUnauthorized) // without being asked about
		want := []string{
			`{"type":"join","room":"r","address":"192.0.2.7"}`,
			`{"type":"join","room":"r","name":"Ann","metadata":{"a":1},"address":"192.0.2.7"}`,
			`{"type":"join","room":"r","name":"Ann of the token","identity":"ann","address":"192.0.2.7"}`,
		}
		if got := d.all(); !slices.Equal(got, want) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestAWebhookSaysWhoOneIs(t *testing.T) {
	const answer = `{"allow":true,"identity":"ann","name":"Ann","metadata":{"seat":1},"capacity":2,"broadcast":false,
		"iceServers":[{"urls":["turn:a.example"],"username":"u","credential":"c"}]}`
	everybodys := signaling.Config{ICEServers: []protocol.ICEServer{{URLs: []string{"stun:b.example"}}}}
	runAsking(t, everybodys, rooms.Config{Capacity: 1}, says(answer), func(t *testing.T, s *service, d *decider) {
		const own, shared = `[{"urls":["turn:a.example"],"username":"u","credential":"c"}]`, `[{"urls":["stun:b.example"]}]`
		servers := func(m message, want string) {
			t.Helper()
			if got := string(m["iceServers"]); got != want {
				t.Errorf("the ICE servers are %s, not %s", got, want)
			}
		}
		ann, joined := s.join(`"name":"Somebody else"`)
		servers(joined, own)
		d.change(says(`{"allow":true,"capacity":2}`))
		bob, joinedBob := s.join()
		ann.want("peer-joined")
		servers(joinedBob, shared)
		if !strings.Contains(joinedBob.String(), `"name":"Ann"`) || !strings.Contains(joinedBob.String(), `"seat":1`) {
			t.Errorf("Bob sees %s", joinedBob)
		}
		for _, forbidden := range []string{`"type":"update","name":"Eve"`, `"type":"update","metadata":{}`, `"type":"message","data":1`} {
			ann.say(`{%s}`, forbidden)
			ann.wantError(protocol.CodeForbidden)
		}
		bob.say(`{"type":"message","data":1}`)
		ann.want("message")
		bob.say(`{"type":"update","name":"Bob"}`)
		ann.want("peer-updated")
		ann.say(`{"type":"ice-servers"}`)
		servers(ann.want("ice-servers"), own)
		ann.drop()
		ann, resumed := s.resume(ann, joined.str("session"), ann.last)
		servers(resumed, own)
		ann.say(`{"type":"message","data":1}`)
		ann.wantError(protocol.CodeForbidden)
		d.change(says(`{"allow":true}`))
		full := s.dial()
		full.say(`{"type":"join","room":"r"}`)
		full.wantError(protocol.CodeRoomFull)
		d.change(says(answer))
		s.join() // takes its own seat
		ann.wantClose(protocol.CloseReplaced)
		bob.want("peer-left")
		bob.want("peer-joined")
	})
}

// Whoever is refused may ask again, on the same connection.
func TestAWebhookRefuses(t *testing.T) {
	for answer, want := range map[string]string{
		`{"allow":false}`: "this join was refused", `{"allow":false,"reason":"Not on Sundays, 100%d."}`: "Not on Sundays, 100%d.",
	} {
		runAsking(t, signaling.Config{}, rooms.Config{}, says(answer), func(t *testing.T, s *service, d *decider) {
			p := s.dial()
			p.say(`{"type":"join","room":"r"}`)
			if m := p.wantError(protocol.CodeForbidden); m.str("message") != want {
				t.Errorf("%s", m)
			}
			p.fence()
			d.change(nil)
			p.say(`{"type":"join","room":"r"}`)
			p.want("joined")
		})
	}
}

// A server that cannot be asked lets nobody in, and does not send them away for good.
func TestAWebhookThatFailsLetsNobodyIn(t *testing.T) {
	status := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	for name, test := range map[string]struct {
		decide http.HandlerFunc
		after  time.Duration
	}{
		"rubbish":  {says("hunter2"), 0},
		"an error": {status, 0},
		"slow":     {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var log lines
			registry := prometheus.NewRegistry()
			config := signaling.Config{Log: zerolog.New(&log), Registerer: registry}
			runAsking(t, config, rooms.Config{}, test.decide, func(t *testing.T, s *service, d *decider) {
				begin := time.Now()
				p := s.dial()
				p.say(`{"type":"join","room":"r","identity":"a secret of the client's own"}`)
				if m := p.wantError(protocol.CodeOverloaded); m.num("retryAfter") < 2 || time.Since(begin) != test.after {
					t.Errorf("%s after %v", m, time.Since(begin))
				}
				p.fence()
				if s.engine.Stats().Peers != 0 || metric(t, registry, "parley_overloaded_total", "webhook") != 1 {
					t.Error("it is in the room, or not counted")
				}
				d.change(nil)
				p.say(`{"type":"join","room":"r"}`)
				p.want("joined")
			})
			all := strings.Join(log.all(), "")
			if strings.Count(all, "--auth-webhook gives no answer") != 1 {
				t.Errorf("log:\n%s", all)
			}
			for _, hidden := range []string{webhookSecret, "hunter2", "of the client's own"} {
				if strings.Contains(all, hidden) {
					t.Errorf("%q is in the log:\n%s", hidden, all)
				}
			}
		})
	}
}

// A client that has gone is asked about no longer, and is not in the room when the answer comes.
func TestWhoLeavesWhileItIsAskedAbout(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, s *service, p *peer){
		"the connection is lost": func(_ *testing.T, _ *service, p *peer) { p.drop() },
		"it sends more, and is lost": func(_ *testing.T, _ *service, p *peer) {
			p.say(`{"type":"message","data":1}`)
			p.drop()
		},
		"the server ends": func(t *testing.T, s *service, _ *peer) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			if err := s.server.Shutdown(ctx); err != nil || time.Since(begin) != 0 {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			runAsking(t, signaling.Config{Registerer: registry}, rooms.Config{}, nil, func(t *testing.T, s *service, d *decider) {
				gone := make(chan struct{}, 1)
				d.change(hesitates(nil, gone))
				p := s.dial()
				p.say(`{"type":"join","room":"r"}`)
				synctest.Wait()
				begin := time.Now()
				leave(t, s, p)
				<-gone
				if time.Since(begin) != 0 {
					t.Errorf("the request ended after %v", time.Since(begin))
				}
				synctest.Wait()
				if s.engine.Stats().Peers != 0 || metric(t, registry, "parley_joins_total", "gone") != 1 || metric(t, registry, "parley_connections") != 0 {
					t.Error("something is left of it")
				}
			})
		})
	}
}

// What a client sends while it is asked about waits, and nothing of it is lost, however much it is.
func TestWhatComesWhileAJoinIsAskedAbout(t *testing.T) {
	for _, size := range []int{0, 1, 500, 3000, 5000, 15000} {
		runAsking(t, signaling.Config{}, rooms.Config{}, nil, func(t *testing.T, s *service, d *decider) {
			bob, _ := s.join()
			yes := make(chan struct{})
			d.change(hesitates(yes, make(chan struct{}, 1)))
			ann := s.dial()
			ann.say(`{"type":"join","room":"r"}`)
			synctest.Wait()
			said := make(chan struct{})
			go func() { // as it may have to wait itself
				defer close(said)
				for i := range 20 {
					ann.say(`{"type":"message","data":%d,"more":%q}`, i, strings.Repeat("x", size))
				}
			}()
			time.Sleep(4 * time.Second)
			close(yes)
			ann.want("joined")
			bob.want("peer-joined")
			for i := range 20 {
				if m := bob.want("message"); m.num("data") != uint64(i) || len(m.str("more")) != size {
					t.Fatalf("%d bytes: message %d is %d", size, i, m.num("data"))
				}
			}
			<-said
			time.Sleep(time.Hour) // no deadline is left behind
			ann.fence()
		})
	}
}

// A fresh token changes nothing of what the webhook has said, and the identity that counts is the token's.
func TestAFreshTokenAndAWebhook(t *testing.T) {
	config := checked(t, true)
	runAsking(t, config, rooms.Config{}, says(`{"allow":true,"identity":"user-7","name":"Ann","broadcast":false}`), func(t *testing.T, s *service, d *decider) {
		as := func(identity string, in time.Duration) string {
			return ticket(t, func(c *token.Claims) {
				c.Subject = identity
				expiresIn(in)(c)
			})
		}
		ann, joined := s.join(as("ann", time.Minute))
		ann.say(`{"type":"authenticate",%s}`, as("user-7", time.Hour))
		ann.wantError(protocol.CodeForbidden)
		ann.say(`{"type":"authenticate",%s}`, as("ann", time.Hour))
		ann.fence()
		time.Sleep(10 * time.Minute)
		ann.drop()
		ann, _ = s.resume(ann, joined.str("session"), ann.last)
		for _, forbidden := range []string{`"type":"update","name":"Eve"`, `"type":"message","data":1`} {
			ann.say(`{%s}`, forbidden)
			ann.wantError(protocol.CodeForbidden)
		}
		ann.say(`{"type":"update","metadata":{}}`)
		ann.fence()
		time.Sleep(time.Hour)
		ann.wantError(protocol.CodeTokenExpired)
		ann.wantClose(protocol.CloseTokenExpired)
		if len(d.all()) != 1 {
			t.Errorf("asked %q", d.all())
		}
	})
}

// Without a token nothing ends, and the rights last over a restart. A session that began before there was a webhook is not resumed:
// its client joins anew, which can be asked about. Nor is one that began before tokens were required.
func TestAWebhookAndARestart(t *testing.T) {
	key, err := rooms.NewSessionKey([]byte(strings.Repeat("k", rooms.MinSessionKey)))
	if err != nil {
		t.Fatal(err)
	}
	engine := rooms.Config{SessionKey: key}
	everybodys := checked(t, false)
	everybodys.ICEServers = []protocol.ICEServer{{URLs: []string{"stun:b.example"}}}
	runAsking(t, everybodys, engine, says(`{"allow":true,"broadcast":false,"iceServers":[]}`), func(t *testing.T, s *service, _ *decider) {
		asking := s.config.Authorizer
		ann, joined := s.join()
		if string(joined["iceServers"]) != "[]" {
			t.Errorf("%s", joined)
		}
		ann.say(`{"type":"authenticate",%s}`, ticket(t, nil)) // there is none to follow on
		time.Sleep(100 * time.Hour)
		ann.fence()
		ann.drop()
		s.restart(engine)
		ann, resumed := s.resume(ann, joined.str("session"), ann.last)
		if !strings.Contains(string(resumed["iceServers"]), "b.example") { // the new server knows of no others
			t.Errorf("%s", resumed)
		}
		ann.say(`{"type":"message","data":1}`)
		ann.wantError(protocol.CodeForbidden)
		ann.drop()

		s.config.RequireToken = true
		s.restart(engine)
		p := s.dial()
		p.say(`{"type":"resume","session":%q,"received":0}`, resumed.str("session"))
		p.wantError(protocol.CodeUnauthorized)
		p.wantClose(protocol.CloseUnauthorized)

		s.config.RequireToken, s.config.Authorizer = false, nil
		s.restart(engine)
		bob, joinedBob := s.join()
		_, joinedCarol := s.join(ticket(t, nil))
		bob.drop()
		s.config.Authorizer = asking
		s.restart(engine)
		for _, session := range []string{joinedBob.str("session"), joinedCarol.str("session")} {
			p := s.dial()
			p.say(`{"type":"resume","session":%q,"received":0}`, session)
			p.wantError(protocol.CodeSessionLost)
			p.say(`{"type":"join","room":"r"}`)
			if joined := p.want("joined"); strings.Contains(joined.String(), joinedBob.str("peer")) {
				t.Errorf("who could not resume is still there: %s", joined)
			}
			p.say(`{"type":"leave"}`)
		}
	})
}

// What was allowed for a join that came to nothing is not for the session that the same connection resumes then.
func TestAServerThatWasForAnotherJoin(t *testing.T) {
	key, err := rooms.NewSessionKey([]byte(strings.Repeat("k", rooms.MinSessionKey)))
	if err != nil {
		t.Fatal(err)
	}
	engine := rooms.Config{SessionKey: key, Capacity: 1}
	runAsking(t, signaling.Config{}, engine, nil, func(t *testing.T, s *service, d *decider) {
		ann, joined := s.join()
		ann.drop()
		s.restart(engine)
		full := func(p *peer, want string) {
			p.say(`{"type":"join","room":"full"}`)
			p.want(want)
		}
		full(s.dial(), "joined")
		d.change(says(`{"allow":true,"iceServers":[{"urls":"stun:c.example"}]}`))
		p := s.dial()
		full(p, "error")
		p.say(`{"type":"resume","session":%q,"received":0}`, joined.str("session"))
		if resumed := p.want("resumed"); string(resumed["iceServers"]) != "[]" {
			t.Errorf("%s", resumed)
		}
	})
}

// Password and address go to the engine, whatever is configured; both are for it alone.
func TestAJoinBringsPasswordAndAddress(t *testing.T) {
	var got rooms.Join
	synctest.Test(t, func(t *testing.T) {
		s := &service{t: t, config: signaling.Config{AllowNoOrigin: true}, from: "2001:db8::7"}
		s.start(noting{rooms.NewMemory(rooms.Config{}), &got})
		defer s.stop()
		s.join(`"password":"open sesame"`)
	})
	if got.Password != "open sesame" || got.Address != "2001:db8::7" || got.Carry != nil {
		t.Errorf("%+v", got)
	}
}

type noting struct {
	*rooms.Memory
	join *rooms.Join
}

func (n noting) Join(ctx context.Context, j rooms.Join, l rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	*n.join = j
	return n.Memory.Join(ctx, j, l)
}

// The longest pass is one that a session can carry.
func TestTheLongestPass(t *testing.T) {
	var got rooms.Join
	config := checked(t, true)
	const answer = `{"allow":true,"identity":"user-7","name":"Ann","metadata":{},"broadcast":false}`
	runAsking(t, config, rooms.Config{}, says(answer), func(t *testing.T, s *service, _ *decider) {
		s.stop()
		s.start(noting{rooms.NewMemory(rooms.Config{}), &got})
		s.join(ticket(t, func(c *token.Claims) {
			c.Subject, c.Name, c.Metadata = strings.Repeat("x", 255), "Ann", json.RawMessage(`{}`)
			expiresIn(1234567*time.Hour + time.Nanosecond)(c)
		}))
		if n := len(got.Carry); n == 0 || n > rooms.MaxCarry {
			t.Errorf("%d bytes: %s", n, got.Carry)
		}
	})
}

func TestReportsAreTold(t *testing.T) {
	var told []string
	config := signaling.Config{Reported: func(room string, peer rooms.PeerID, r protocol.Report) {
		told = append(told, fmt.Sprint(room, " ", peer, " ", r))
	}}
	run(t, config, rooms.Config{}, func(t *testing.T, s *service) {
		ann, _ := s.join()
		ann.say(`{"type":"report","about":"b","state":"connected","path":"relay","elapsed":840}`)
		ann.say(`{"type":"report","about":"b","state":"rubbish"}`)
		ann.wantError(protocol.CodeBadMessage)
		if want := []string{"r " + ann.id + " {b connected relay 840}"}; !slices.Equal(told, want) {
			t.Errorf("%q", told)
		}
	})
}

// The webhook gives rights that no token has given.
func TestTheWebhookGivesRights(t *testing.T) {
	runAsking(t, signaling.Config{}, rooms.Config{}, says(`{"allow":true,"may":["kick","lock","admit","close","fly"]}`), func(t *testing.T, s *service, _ *decider) {
		ann, joined := s.join()
		if got := string(joined["may"]); got != `["kick","lock","admit","close"]` {
			t.Fatalf("the peer is told of %s", got)
		}
		ben, _ := s.join()
		ann.want("peer-joined")
		ann.say(`{"type":"lock","locked":true}`)
		ann.want("room-updated")
		ann.say(`{"type":"kick","about":%q}`, ben.id)
		ben.wantClose(protocol.CloseKicked)
		s.join() // a lock does not keep out who may lock
	})
}
