package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"parley/rooms"
	"parley/signaling/protocol"
)

func TestRooms(t *testing.T) {
	s := newService(t, nil)
	s.rooms.rooms["coffee"] = &fakeRoom{policy: rooms.Policy{Locked: true, Capacity: 3, Password: "x", Identities: "refuse", Kept: true}}
	s.want(200, `{"rooms":[
		{"name":"coffee","peers":0,"locked":true,"capacity":3,"hasPassword":true,"identities":"refuse","kept":true},
		{"name":"tea","peers":2,"locked":false,"hasPassword":false,"kept":false}]}`, "GET", "/api/v1/rooms", "")
	s.want(200, `{"name":"tea","peers":[
		{"peer":"4f1c","name":"Ann","metadata":{"team":7},"away":false,"joined":"2030-01-02T03:04:05Z","address":"192.0.2.1","node":"n1",
		 "connection":{"since":"2030-01-02T03:04:04Z","received":2048,"sent":4096}},
		{"peer":"9b2d","away":true,"joined":"2030-01-02T03:05:00Z","address":"192.0.2.2","node":"n2"}],
		"locked":false,"hasPassword":false,"kept":false}`, "GET", "/api/v1/rooms/tea", "")
	s.rooms.rooms["tea"].peers = []rooms.PeerState{{Peer: "4f1c"}}
	s.want(200, `{"name":"tea","peers":[{"peer":"4f1c","away":false,"address":"",
		"connection":{"since":"2030-01-02T03:04:04Z","received":2048,"sent":4096}}],
		"locked":false,"hasPassword":false,"kept":false}`, "GET", "/api/v1/rooms/tea", "")

	s = newService(t, func(c *Config) { c.Connections = nil })
	clear(s.rooms.rooms)
	s.want(200, `{"rooms":[]}`, "GET", "/api/v1/rooms", "")
	s.rooms.rooms["tea"] = &fakeRoom{}
	s.want(200, `{"name":"tea","peers":[],"locked":false,"hasPassword":false,"kept":false}`, "GET", "/api/v1/rooms/tea", "")
}

func TestPaging(t *testing.T) {
	s := newService(t, nil)
	clear(s.rooms.rooms)
	var names []string
	for i := range 250 {
		name := fmt.Sprintf("room %03d/é", i)
		names = append(names, name)
		s.rooms.rooms[name] = &fakeRoom{}
	}
	for limit, pages := range map[string]int{"": 3, "1": 250, "7": 36, "100": 3, "125": 2, "249": 2, "250": 1, "1000": 1} {
		query := url.Values{}
		if limit != "" {
			query.Set("limit", limit)
		}
		var got []string
		for n := 1; ; n++ {
			var page listAnswer
			a := s.ask("GET", "/api/v1/rooms?"+query.Encode(), "")
			if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != 200 {
				t.Fatalf("limit %s: %d %s", limit, a.status, a.body)
			}
			for _, r := range page.Rooms {
				got = append(got, r.Name)
			}
			if page.Next == "" {
				if n != pages {
					t.Errorf("limit %s: %d pages, want %d", limit, n, pages)
				}
				break
			}
			query.Set("after", page.Next)
		}
		if !slices.Equal(got, names) {
			t.Errorf("limit %s: %q", limit, got)
		}
	}
	for _, query := range []string{
		"limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1.5", "after=", "after=%20", "after=dGVh=", "after=dGVi$", "after=_w",
		"after=CQ", "limit=%", "limit=1;after=x", "after=" + strings.Repeat("QUJD", 43),
	} {
		if a := s.ask("GET", "/api/v1/rooms?"+query, ""); a.status != 400 || a.code() != "bad-request" {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestNamesAreTakenAsTheyAre(t *testing.T) {
	for _, name := range []string{"a/b", "a b", "ä", "..", ".", "%2F", "a?b#c", "a//b/", strings.Repeat("é", 128)} {
		s := newService(t, func(c *Config) { c.Connections = nil })
		s.rooms.rooms[name] = &fakeRoom{peers: []rooms.PeerState{{Peer: "a/b"}}}
		path := "/api/v1/rooms/" + strings.ReplaceAll(url.PathEscape(name), ".", "%2E")
		for _, step := range []struct{ method, path, body string }{
			{"GET", path, ""},
			{"PATCH", path, "{}"},
			{"POST", path + "/messages", `{"data":1}`},
			{"DELETE", path + "/peers/a%2Fb", ""},
			{"DELETE", path, ""},
		} {
			if a := s.ask(step.method, step.path, step.body); a.status != 200 && a.status != 204 {
				t.Errorf("%s %s: %d %s", step.method, step.path, a.status, a.body)
			}
		}
		if want := []string{"show ", "govern ", "say ", "expel ", "close "}; !slices.EqualFunc(s.rooms.calls, want, func(got, begin string) bool {
			return got == begin+name
		}) {
			t.Errorf("%q: %q", name, s.rooms.calls)
		}
	}
	s := newService(t, nil)
	for _, path := range []string{"a%00", "%7F", "%FF", strings.Repeat("x", 129), "tea/peers/" + strings.Repeat("x", 129), "tea/peers/%0A"} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			if strings.Contains(path, "peers") && method != "DELETE" {
				continue
			}
			if a := s.ask(method, "/api/v1/rooms/"+path, "{}"); a.status != 400 || len(s.rooms.calls) > 0 {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
		}
	}
}

func TestMessages(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, data := range []string{
		`null`, `{"n":12345678901234567890.000000000000000001,"<":"\u2028&]}\"[["}`, `"\\"`, `[]`, deep(63), `"` + strings.Repeat("x", 60_000) + `"`,
	} {
		s := newService(t, nil)
		s.want(200, `{"peers":2}`, "POST", "/api/v1/rooms/tea/messages", `{"data":`+data+`}`)
		heard := s.rooms.rooms["tea"].heard
		if len(heard) != 1 {
			t.Fatalf("%d messages", len(heard))
		}
		text := string(protocol.Body(heard[0]).AppendTo(nil, 7, 0))
		if want := `{"type":"announcement","data":` + data + `,"seq":7}`; text != want {
			t.Errorf("got %s, want %s", text, want)
		}
		if _, err := protocol.Decode([]byte(text)); err != nil {
			t.Errorf("%s: %v", data[:min(len(data), 80)], err)
		}
	}
	s := newService(t, nil)
	for body, want := range map[string]int{
		``: 400, `{}`: 400, `{"data":1,"to":"x"}`: 400, `{"data":1}x`: 400, `[1]`: 400, `{"data":` + deep(64) + `}`: 400, "{\"data\":\"\xff\"}": 400,
		`{"data":"` + strings.Repeat("x", maxBody) + `"}`: 413,
	} {
		if a := s.ask("POST", "/api/v1/rooms/tea/messages", body); a.status != want || len(s.rooms.calls) > 0 {
			t.Errorf("%.60s: %d %s", body, a.status, a.body)
		}
	}
}

func TestErrors(t *testing.T) {
	for err, want := range map[error]string{
		rooms.ErrRoomUnknown:                          "404 room-unknown",
		rooms.ErrPeerUnknown:                          "404 peer-unknown",
		fmt.Errorf("x: %w", rooms.ErrUnavailable):     "503 unavailable",
		fmt.Errorf("x: %w", context.DeadlineExceeded): "503 unavailable",
		rooms.ErrTooManyRooms:                         "503 too-many-rooms",
		errors.New("hunter2"):                         "500 internal",
	} {
		for _, r := range routes() {
			s := newService(t, nil)
			s.rooms.err = err
			path, body := sample(t, r)
			got := s.ask(r.method, path, body)
			if r.path == "/api/v1/openapi.json" {
				continue
			}
			if text := fmt.Sprint(got.status, " ", got.code()); text != want || strings.Contains(got.body, "hunter2") {
				t.Errorf("%v: %s %s: %d %s", err, r.method, r.path, got.status, got.body)
			}
			if retry := got.header.Get("Retry-After"); (retry != "") != (got.status == 503) {
				t.Errorf("%v: Retry-After %q", err, retry)
			}
			if logged := strings.Contains(s.log.String(), `"level":"error"`); logged != (got.status == 500) {
				t.Errorf("%v: log %s", err, s.log)
			}
		}
	}
	s := newService(t, nil)
	s.want(404, `{"error":{"code":"peer-unknown","message":"there is no such peer in the room"}}`, "DELETE", "/api/v1/rooms/tea/peers/x", "")
	for _, step := range []struct{ method, path, allowed string }{
		{"PUT", "/api/v1/rooms/tea", "DELETE, GET, PATCH"},
		{"POST", "/api/v1/rooms", "GET"},
		{"GET", "/api/v1/rooms/tea/messages", "POST"},
		{"OPTIONS", "/api/v1/rooms/tea/peers/x", "DELETE"},
		{"GET", "/api/v1/", ""},
		{"GET", "/api/v1/rooms/", ""},
		{"GET", "/api/v2/rooms", ""},
		{"DELETE", "/api/v1/rooms/tea/peers", ""},
		{"GET", "/api/v1/rooms/a/b", ""},
	} {
		a := s.ask(step.method, step.path, "")
		want := "404 not-found"
		if step.allowed != "" {
			want = "405 method-not-allowed"
		}
		if got := fmt.Sprint(a.status, " ", a.code()); got != want || a.header.Get("Allow") != step.allowed {
			t.Errorf("%s %s: %s %v", step.method, step.path, got, a.header)
		}
	}
	if a := s.ask("HEAD", "/api/v1/rooms", ""); a.status != 200 {
		t.Errorf("HEAD: %d", a.status)
	}
}

func TestBodiesThatDoNotArrive(t *testing.T) {
	s := newService(t, nil)
	for _, path := range []string{"/api/v1/rooms/tea/messages", "/api/v1/rooms/tea"} {
		method := "POST"
		if !strings.HasSuffix(path, "messages") {
			method = "PATCH"
		}
		for want, body := range map[int]io.Reader{
			400: iotest.ErrReader(io.ErrUnexpectedEOF),
			413: strings.NewReader(strings.Repeat(" ", maxBody) + "{}"),
		} {
			a := s.do(newRequest(method, path, "", func(r *http.Request) { r.Body = io.NopCloser(body) }))
			if a.status != want || len(s.rooms.calls) > 0 {
				t.Errorf("%s %s: %d %s, want %d", method, path, a.status, a.body, want)
			}
		}
		a := s.ask(method, path, strings.Repeat(" ", maxBody-2)+"{}")
		if method == "PATCH" && a.status != 200 || method == "POST" && a.status != 400 {
			t.Errorf("%s as long as may be: %d %s", method, a.status, a.body)
		}
		s.rooms.calls = nil
	}
}

func TestAudit(t *testing.T) {
	s := newService(t, nil)
	for _, step := range []struct{ method, path, body, want string }{
		{"GET", "", "", ``},
		{"GET", "/tea", "", ``},
		{"PATCH", "/tea", `{"password":"hunter2","locked":true}`, `"audit":"govern","room":"tea","changed":["locked","password"],"remote":"192.0.2.1:1234","result":"done"`},
		{"PATCH", "/tea", `{"password":"hunter2","lock":true}`, `"audit":"govern","room":"tea","remote":"192.0.2.1:1234","result":"bad-request"`},
		{"PATCH", "/milk", `{"kept":false}`, `"audit":"govern","room":"milk","changed":["kept"],"remote":"192.0.2.1:1234","result":"room-unknown"`},
		{"POST", "/tea/messages", `{"data":"hunter2"}`, `"audit":"say","room":"tea","remote":"192.0.2.1:1234","result":"done"`},
		{"DELETE", "/tea/peers/x", ``, `"audit":"expel","room":"tea","peer":"x","remote":"192.0.2.1:1234","result":"peer-unknown"`},
		{"DELETE", "/tea/peers/4f1c", ``, `"audit":"expel","room":"tea","peer":"4f1c","remote":"192.0.2.1:1234","result":"done"`},
		{"DELETE", "/tea", ``, `"audit":"close","room":"tea","remote":"192.0.2.1:1234","result":"done"`},
	} {
		s.log.Reset()
		s.ask(step.method, "/api/v1/rooms"+step.path, step.body)
		want := `{"level":"info",` + step.want + `,"message":"admin"}` + "\n"
		if step.want == "" {
			want = ""
		}
		if got := s.log.String(); got != want {
			t.Errorf("%s %s: log %s, want %s", step.method, step.path, got, want)
		}
	}
}
