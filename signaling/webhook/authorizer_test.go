package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/signaling/protocol"
	"parley/signaling/webhook"
)

// authorizer gives one, and has it closed.
func (r *receiver) authorizer() *webhook.Authorizer {
	r.t.Helper()
	a, err := webhook.NewAuthorizer(r.config())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(a.Close)
	return a
}

func TestAJoinIsAskedAbout(t *testing.T) {
	const answer = `{"allow":true,"identity":"user-7","name":"Ann","metadata":{"seat": 1e2},"capacity":4,"broadcast":false,
		"iceServers":[{"urls":"stun:a.example"},{"urls":["turn:a.example?transport=udp"],"username":"u","credential":"c"}],"more":[1]}`
	run(t, answers(200, answer), func(t *testing.T, r *receiver) {
		got, err := r.authorizer().Authorize(t.Context(), webhook.Join{
			Room: "tea", Name: "Somebody", Metadata: json.RawMessage(`{"a":1}`), Identity: "ann", Address: "192.0.2.1",
		})
		want := webhook.Grant{
			Identity: "user-7", Name: "Ann", Metadata: json.RawMessage(`{"seat": 1e2}`), Capacity: 4,
			ICEServers: []protocol.ICEServer{
				{URLs: []string{"stun:a.example"}}, {URLs: []string{"turn:a.example?transport=udp"}, Username: "u", Credential: "c"},
			},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
		asked := `{"type":"join","room":"tea","name":"Somebody","metadata":{"a":1},"identity":"ann","address":"192.0.2.1"}`
		if seen := r.seen(); len(seen) != 1 || seen[0] != asked {
			t.Errorf("asked %q", seen)
		}
	})
}

func TestWhatIsNotKnownIsNotSaid(t *testing.T) {
	run(t, answers(200, `{"allow":true}`), func(t *testing.T, r *receiver) {
		got, err := r.authorizer().Authorize(t.Context(), webhook.Join{Room: "tea"})
		if want := (webhook.Grant{Broadcast: true}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
		if seen := r.seen(); seen[0] != `{"type":"join","room":"tea"}` {
			t.Errorf("asked %q", seen)
		}
	})
}

func TestAClearNo(t *testing.T) {
	for answer, want := range map[string]string{
		`{"allow":false}`:                                   "this join was refused",
		`{"allow":false,"reason":""}`:                       "this join was refused",
		`{"allow":false,"reason":null}`:                     "this join was refused",
		`{"allow":false,"reason":"Not on Sundays."}`:        "Not on Sundays.",
		`{"allow":true,"allow":false}`:                      "this join was refused", // of a repeated name the last counts
		`{"allow":false,"Allow":true,"ALLOW":true}`:         "this join was refused", // names are case-sensitive
		`{"allow":false,"capacity":"many","name":7}`:        "this join was refused", // what goes with a yes is not looked at
		`{"allow":false,"reason":"` + wide(200, "ä") + `"}`: wide(200, "ä"),
	} {
		run(t, answers(200, answer), func(t *testing.T, r *receiver) {
			_, err := r.authorizer().Authorize(t.Context(), webhook.Join{Room: "tea"})
			var refusal *webhook.Refusal
			if !errors.As(err, &refusal) || refusal.Error() != want {
				t.Errorf("%s: %v", answer, err)
			}
			if n := r.metric("parley_webhook_joins_total", "refused"); n != 1 {
				t.Errorf("%v are counted", n)
			}
		})
	}
}

func wide(n int, s string) string { return strings.Repeat(s, n) }

// Whatever is not a clear yes in every part refuses the join, and neither the error nor the log repeats it.
func TestRubbishLetsNobodyIn(t *testing.T) {
	yes := func(more string) string { return `{"allow":true,` + more + `}` }
	tests := []string{
		"", " ", "yes", "true", "null", "[]", `"allow"`, "{}", "{", `{"allow":true`, `{"allow":true}{}`, `{"allow":true} hunter2`, "<html>hunter2</html>",
		`{"allow":null}`, `{"allow":1}`, `{"allow":"true"}`, `{"allow":[true]}`, `{"Allow":true}`, `{"ALLOW":true}`, `{"allowed":true}`,
		`{"allow":true,"allow":1}`, `[{"allow":true}]`, "\xff{\"allow\":true}", "\ufeff{\"allow\":true}", yes("\"x\":\"\xff\""),
		yes(`"x":` + wide(64, "[") + wide(64, "]")), yes(`"x":` + wide(64, `{"a":`) + `1` + wide(64, "}")), wide(70000, "["),
		yes(`"reason":7`), yes(`"reason":"a\u0007b"`), yes(`"reason":"a\nb"`), yes(`"reason":"` + wide(201, "x") + `"`), `{"allow":false,"reason":"\u0000"}`,
		yes(`"identity":7`), yes(`"identity":["hunter2"]`), yes(`"identity":"` + wide(256, "x") + `"`), yes(`"identity":"\ud800"`),
		yes(`"name":7`), yes(`"name":{"hunter2":1}`), yes(`"name":"` + wide(65, "x") + `"`), yes(`"name":"a\u0000b"`), yes(`"name":"\ud83d"`),
		yes(`"metadata":"hunter2"`), yes(`"metadata":""`), yes(`"metadata":[]`), yes(`"metadata":7`), yes(`"metadata":{"x":"` + wide(4096, "x") + `"}`),
		yes(`"metadata":` + wide(62, `{"a":`) + `1` + wide(62, "}")),
		yes(`"capacity":-1`), yes(`"capacity":1.5`), yes(`"capacity":"4"`), yes(`"capacity":1e99`), yes(`"capacity":[4]`), yes(`"capacity":true`),
		yes(`"broadcast":0`), yes(`"broadcast":"false"`), yes(`"broadcast":{}`),
		yes(`"iceServers":{}`), yes(`"iceServers":"stun:a"`), yes(`"iceServers":["stun:a"]`), yes(`"iceServers":[null]`), yes(`"iceServers":[{}]`),
		yes(`"iceServers":[{"urls":[]}]`), yes(`"iceServers":[{"urls":7}]`), yes(`"iceServers":[{"urls":"https://hunter2"}]`), yes(`"iceServers":[{"urls":"stun:"}]`),
		yes(`"iceServers":[{"urls":"turn:a","credential":"hunter2"}]`), yes(`"iceServers":[{"urls":"TURN:a"}]`), yes(`"iceServers":[{"urls":"stun:u@a"}]`),
		yes(`"iceServers":[{"urls":"turn:a","username":7,"credential":"hunter2"}]`),
		yes(`"iceServers":[` + wide(32, `{"urls":"stun:a"},`) + `{"urls":"stun:a"}]`),
	}
	run(t, nil, func(t *testing.T, r *receiver) {
		a := r.authorizer()
		for _, answer := range tests {
			r.change(func() { r.serve = answers(200, answer) })
			grant, err := a.Authorize(t.Context(), webhook.Join{Room: "tea"})
			var refusal *webhook.Refusal
			if !errors.Is(err, webhook.ErrUnavailable) || errors.As(err, &refusal) || !reflect.DeepEqual(grant, webhook.Grant{}) {
				t.Errorf("%.100s: %+v, %v", answer, grant, err)
			} else if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%.100s is repeated by %v", answer, err)
			}
			time.Sleep(time.Minute) // for the log to speak of the next, too
		}
		if n := r.metric("parley_webhook_joins_total", "failed"); n != float64(len(tests)) {
			t.Errorf("%v of %d are counted", n, len(tests))
		}
		if log := r.log.String(); strings.Count(log, "\n") != len(tests) || strings.Contains(log, "hunter2") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// What is at the very limit is good.
func TestTheLongestAnswers(t *testing.T) {
	run(t, nil, func(t *testing.T, r *receiver) {
		a := r.authorizer()
		for _, more := range []string{
			`"x":` + wide(63, "[") + wide(63, "]"), `"x":"` + wide(60, "[") + `\"{"`, `"identity":"` + wide(255, "x") + `"`, `"name":"` + wide(64, "ä") + `"`,
			`"metadata":` + wide(61, `{"a":`) + `1` + wide(61, "}"), `"iceServers":[` + wide(31, `{"urls":"stun:a"},`) + `{"urls":"stun:a"}]`,
			`"x":"` + wide(64<<10-len(`{"allow":true,"x":""}`), "x") + `"`, `"name":"","identity":"","metadata":null,"capacity":0,"iceServers":[]`,
		} {
			r.change(func() { r.serve = answers(200, `{"allow":true,`+more+`}`) })
			if _, err := a.Authorize(t.Context(), webhook.Join{Room: "tea"}); err != nil {
				t.Errorf("%.100s: %v", more, err)
			}
		}
	})
}

func TestAServerThatFails(t *testing.T) {
	trickle := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(time.Second):
			}
		}
	}
	yes := `{"allow":true}`
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		down  bool
		after time.Duration
		log   string
	}{
		"slow":              {serve: hangs, after: 5 * time.Second, log: "no answer within 5s"},
		"slow in its body":  {serve: trickle, after: 5 * time.Second, log: "no answer within 5s"},
		"down":              {down: true, log: "connection refused"},
		"an error":          {serve: answers(500, yes), log: "the status 500"},
		"created":           {serve: answers(201, yes), log: "the status 201"},
		"no content":        {serve: answers(204, ""), log: "the status 204"},
		"unauthorized":      {serve: answers(401, yes), log: "the status 401"},
		"too many requests": {serve: answers(429, yes), log: "the status 429"},
		"huge": {serve: func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				_, _ = io.WriteString(w, wide(64<<10, " "))
			}
		}, log: "longer than 65536 bytes"},
		"a byte too much": {serve: answers(200, yes+wide(64<<10-len(yes)+1, " ")), log: "longer than 65536 bytes"},
		"redirecting": {serve: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://localhost/elsewhere", http.StatusTemporaryRedirect)
		}, log: "the status 307"},
		"long headers": {serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", wide(100<<10, "x"))
			_, _ = io.WriteString(w, yes)
		}},
		"gone in the middle": {serve: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, test.serve, func(t *testing.T, r *receiver) {
				r.down = test.down
				begin := time.Now()
				_, err := r.authorizer().Authorize(t.Context(), webhook.Join{Room: "tea"})
				if !errors.Is(err, webhook.ErrUnavailable) || time.Since(begin) != test.after {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
				if n := len(r.seen()); n > 1 || n == 0 && !test.down {
					t.Errorf("%d requests", n)
				}
				if log := r.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, test.log) {
					t.Errorf("log:\n%s", log)
				}
			})
		})
	}
}

func TestHowLongToWaitCanBeSet(t *testing.T) {
	run(t, hangs, func(t *testing.T, r *receiver) {
		config := r.config()
		config.Within = time.Second
		a, err := webhook.NewAuthorizer(config)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		begin := time.Now()
		if _, err := a.Authorize(t.Context(), webhook.Join{Room: "tea"}); err == nil || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// Whoever has gone is not waited for: the request ends with the context, and nothing stays behind.
func TestWhoHasGoneIsNotAskedAbout(t *testing.T) {
	run(t, nil, func(t *testing.T, r *receiver) {
		cancelled := make(chan struct{})
		r.serve = func(w http.ResponseWriter, request *http.Request) {
			hangs(w, request)
			close(cancelled)
		}
		ctx, cancel := context.WithCancel(t.Context())
		a := r.authorizer()
		failed := make(chan error, 1)
		go func() {
			_, err := a.Authorize(ctx, webhook.Join{Room: "tea"})
			failed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) || errors.Is(err, webhook.ErrUnavailable) {
			t.Error(err)
		}
		<-cancelled
		if r.metric("parley_webhook_joins_total", "gone") != 1 || r.log.String() != "" {
			t.Errorf("log:\n%s", &r.log)
		}
	})
}

func TestOnlySoManyAreAskedAboutAtATime(t *testing.T) {
	run(t, hangs, func(t *testing.T, r *receiver) {
		a := r.authorizer()
		done := make(chan error, 256)
		for range 256 {
			go func() {
				_, err := a.Authorize(t.Context(), webhook.Join{Room: "tea"})
				done <- err
			}()
		}
		synctest.Wait()
		begin := time.Now()
		if _, err := a.Authorize(t.Context(), webhook.Join{Room: "tea"}); !errors.Is(err, webhook.ErrUnavailable) || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		for range 256 {
			<-done
		}
		r.change(func() { r.serve = answers(200, `{"allow":true}`) })
		if _, err := a.Authorize(t.Context(), webhook.Join{Room: "tea"}); err != nil {
			t.Error(err)
		}
		for label, want := range map[string]float64{"busy": 1, "failed": 256, "allowed": 1} {
			if got := r.metric("parley_webhook_joins_total", label); got != want {
				t.Errorf("%s: %v, not %v", label, got, want)
			}
		}
		if n := strings.Count(r.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
	})
}

// A request that somebody has seen cannot be sent again later, or changed: that is what the timestamp and the signature are for.
func TestAReplayIsSeenByItsTimestamp(t *testing.T) {
	var header http.Header
	keep := func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		_, _ = io.WriteString(w, `{"allow":true}`)
	}
	run(t, keep, func(t *testing.T, r *receiver) {
		if _, err := r.authorizer().Authorize(t.Context(), webhook.Join{Room: "tea"}); err != nil {
			t.Fatal(err)
		}
		body := []byte(r.seen()[0])
		if err := verify(header, body); err != nil {
			t.Fatal(err)
		}
		if verify(header, []byte(`{"type":"join","room":"attic"}`)) == nil {
			t.Error("the body can be changed")
		}
		time.Sleep(time.Second)
		if verify(header, body) == nil {
			t.Error("it can be sent again")
		}
		header.Set(webhook.HeaderTimestamp, fmt.Sprint(time.Now().Unix()))
		if verify(header, body) == nil {
			t.Error("the timestamp can be changed")
		}
	})
}
