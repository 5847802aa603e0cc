package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"parley/rooms"
)

// changeTest is a body of a PATCH.
type changeTest struct {
	body  string
	want  string // of the refusal; "": it is taken
	finer bool   // a schema cannot tell, or has no JSON to tell it of
}

func changes() []changeTest {
	const notOne = "must be one JSON object, and nothing else"
	return []changeTest{
		{body: `{}`},
		{body: ` {"locked":true} `},
		{body: `{"locked":false,"kept":true,"capacity":7,"password":"p","identities":"allow"}`},
		{body: `{"capacity":0,"identities":"refuse"}`},
		{body: `{"capacity":null,"password":null,"identities":null}`},
		{body: `{"capacity":2147483647,"identities":"replace"}`},
		{body: `{"password":"` + strings.Repeat("é", 128) + `"}`},
		{body: `{"password":"\ud83d\ude00"}`},

		{body: ``, want: notOne, finer: true},
		{body: `{`, want: notOne, finer: true},
		{body: `{"locked":true}{}`, want: notOne, finer: true},
		{body: `{"locked":true} x`, want: notOne, finer: true},
		{body: "{\"password\":\"\xff\"}", want: notOne, finer: true},
		{body: `{"locked":true,}`, want: notOne, finer: true},
		{body: `[]`, want: "must be a JSON object"},
		{body: `null`, want: "must be a JSON object"},
		{body: `"locked"`, want: "must be a JSON object"},
		{body: `{"lock":true}`, want: `"lock" is unknown`},
		{body: `{"Locked":true}`, want: `"Locked" is unknown`},
		{body: `{"":true}`, want: `"" is unknown`},
		{body: `{"` + strings.Repeat("x", 1000) + `":1}`, want: `x" is unknown`},
		{body: `{"locked":true,"l\u006fcked":false}`, want: `"locked" is there twice`, finer: true},
		{body: `{"locked":null}`, want: `"locked" must be true or false`},
		{body: `{"locked":1}`, want: `"locked" must be true or false`},
		{body: `{"kept":"true"}`, want: `"kept" must be true or false`},
		{body: `{"capacity":-1}`, want: `"capacity" must be a whole number`},
		{body: `{"capacity":1.5}`, want: `"capacity" must be a whole number`},
		{body: `{"capacity":2147483648}`, want: `"capacity" must be a whole number`},
		{body: `{"capacity":1e99}`, want: `"capacity" must be a whole number`},
		{body: `{"capacity":"4"}`, want: `"capacity" must be a whole number`},
		{body: `{"password":""}`, want: `"password" must be a string of 1 to 128 characters`},
		{body: `{"password":7}`, want: `"password" must be a string`},
		{body: `{"password":"` + strings.Repeat("é", 129) + `"}`, want: `"password" must be a string`},
		{body: `{"password":"hunter2\ud800"}`, want: `"password" must be a string`, finer: true},
		{body: `{"identities":"none"}`, want: `"identities" must be`},
		{body: `{"identities":""}`, want: `"identities" must be`},
		{body: `{"identities":true}`, want: `"identities" must be`},
	}
}

func TestChanges(t *testing.T) {
	for _, test := range changes() {
		s := newService(t, nil)
		a := s.ask(http.MethodPatch, "/api/v1/rooms/tea", test.body)
		if test.want == "" {
			if a.status != http.StatusOK || strings.Contains(a.body, `"password"`) {
				t.Errorf("%s: %d %s", test.body, a.status, a.body)
			}
			continue
		}
		var p problem
		_ = json.Unmarshal([]byte(a.body), &p)
		if a.status != http.StatusBadRequest || p.Error.Code != "bad-request" || !strings.Contains(p.Error.Message, test.want) || len(a.body) > 300 {
			t.Errorf("%s: %d %s, want %q", test.body, a.status, a.body, test.want)
		}
		if strings.Contains(a.body+s.log.String(), "hunter2") {
			t.Errorf("the password is told: %s %s", a.body, s.log)
		}
		if len(s.rooms.calls) > 0 {
			t.Errorf("%s: %q", test.body, s.rooms.calls)
		}
	}
}

func TestWhatIsAbsentStays(t *testing.T) {
	s := newService(t, nil)
	const path = "/api/v1/rooms/tea"
	for _, step := range []struct {
		body, answer string
		want         rooms.Policy
	}{
		{`{"locked":true}`, `{"locked":true,"hasPassword":false,"kept":false}`, rooms.Policy{Locked: true}},
		{
			`{"capacity":4,"password":"p"}`, `{"locked":true,"capacity":4,"hasPassword":true,"kept":false}`,
			rooms.Policy{Locked: true, Capacity: 4, Password: rooms.PasswordDigest("tea", "p")},
		},
		{
			`{"identities":"allow","locked":false}`, `{"locked":false,"capacity":4,"hasPassword":true,"identities":"allow","kept":false}`,
			rooms.Policy{Capacity: 4, Password: rooms.PasswordDigest("tea", "p"), Identities: "allow"},
		},
		{
			`{}`, `{"locked":false,"capacity":4,"hasPassword":true,"identities":"allow","kept":false}`,
			rooms.Policy{Capacity: 4, Password: rooms.PasswordDigest("tea", "p"), Identities: "allow"},
		},
		{
			`{"password":null,"capacity":null,"identities":null,"kept":true}`, `{"locked":false,"hasPassword":false,"kept":true}`,
			rooms.Policy{Kept: true},
		},
	} {
		s.want(200, step.answer, http.MethodPatch, path, step.body)
		if got := s.rooms.rooms["tea"].policy; got != step.want {
			t.Errorf("%s: %+v, want %+v", step.body, got, step.want)
		}
	}
	s.want(404, `{"error":{"code":"room-unknown","message":"there is no such room"}}`, http.MethodPatch, "/api/v1/rooms/milk", `{"locked":true}`)
	s.want(200, `{"locked":true,"hasPassword":false,"kept":true}`, http.MethodPatch, "/api/v1/rooms/milk", `{"locked":true,"kept":true}`)
}

// FuzzDecodeChange: whatever comes is refused as a bad request, or is a change within the limits that can be made twice.
func FuzzDecodeChange(f *testing.F) {
	for _, test := range changes() {
		f.Add([]byte(test.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := decodeChange(body)
		if err != nil {
			var refusal *failure
			if !errors.As(err, &refusal) || refusal.status != http.StatusBadRequest || len(refusal.message) > 1000 {
				t.Fatalf("%v", err)
			}
			return
		}
		var given map[string]json.RawMessage
		if err := json.Unmarshal(body, &given); err != nil || len(given) != len(c.names) {
			t.Fatalf("%d members taken of %d, %v", len(c.names), len(given), err)
		}
		var once rooms.Policy
		c.apply(&once)
		twice := once
		c.apply(&twice)
		if once != twice || once.Capacity < 0 || once.Capacity > maxCapacity || len(once.Password) > 4*128 {
			t.Fatalf("%+v, then %+v", once, twice)
		}
		switch once.Identities {
		case "", rooms.IdentityAllow, rooms.IdentityRefuse, rooms.IdentityReplace:
		default:
			t.Fatal(fmt.Sprint("identities ", once.Identities))
		}
	})
}
