package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"parley/rooms"
	"parley/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testToken = "0123456789abcdef-for-tests-alone"

// fakeRooms is a Governor of rooms that a test puts there.
type fakeRooms struct {
	rooms map[string]*fakeRoom
	err   error    // what every call fails with, nil for none
	calls []string // of those that change something, and of those that look
}

type fakeRoom struct {
	policy rooms.Policy
	peers  []rooms.PeerState
	heard  []string
}

func (f *fakeRooms) find(call, name string) (*fakeRoom, error) {
	f.calls = append(f.calls, call+" "+name)
	if f.err != nil {
		return nil, f.err
	}
	if r := f.rooms[name]; r != nil {
		return r, nil
	}
	return nil, rooms.ErrRoomUnknown
}

func (f *fakeRooms) Rooms(_ context.Context, after string, limit int) (found []rooms.RoomState, err error) {
	f.calls = append(f.calls, "list")
	for name, r := range f.rooms {
		if name > after {
			found = append(found, rooms.RoomState{Name: name, Peers: len(r.peers), Policy: r.policy})
		}
	}
	slices.SortFunc(found, func(a, b rooms.RoomState) int { return strings.Compare(a.Name, b.Name) })
	return found[:min(limit, len(found))], f.err
}

func (f *fakeRooms) Room(_ context.Context, name string) (rooms.RoomState, []rooms.PeerState, error) {
	r, err := f.find("show", name)
	if err != nil {
		return rooms.RoomState{}, nil, err
	}
	return rooms.RoomState{Name: name, Peers: len(r.peers), Policy: r.policy}, r.peers, nil
}

func (f *fakeRooms) Expel(_ context.Context, room string, peer rooms.PeerID) error {
	r, err := f.find("expel", room)
	if err != nil {
		return err
	}
	before := len(r.peers)
	r.peers = slices.DeleteFunc(r.peers, func(p rooms.PeerState) bool { return p.Peer == peer })
	if len(r.peers) == before {
		return rooms.ErrPeerUnknown
	}
	return nil
}

func (f *fakeRooms) CloseRoom(_ context.Context, room string) error {
	_, err := f.find("close", room)
	delete(f.rooms, room)
	return err
}

func (f *fakeRooms) Say(_ context.Context, room string, payload []byte) (int, error) {
	r, err := f.find("say", room)
	if err != nil {
		return 0, err
	}
	r.heard = append(r.heard, string(payload))
	return len(r.peers), nil
}

// Govern edits twice, as an engine may.
func (f *fakeRooms) Govern(_ context.Context, room string, edit func(*rooms.Policy)) (rooms.Policy, error) {
	r, err := f.find("govern", room)
	if err != nil && f.err != nil {
		return rooms.Policy{}, err
	}
	policy := rooms.Policy{}
	if r != nil {
		policy = r.policy
	}
	again := policy
	edit(&again)
	edit(&policy)
	if r == nil && !policy.Kept {
		return rooms.Policy{}, err
	}
	if r == nil {
		r = &fakeRoom{}
		f.rooms[room] = r
	}
	r.policy = policy
	return policy, nil
}

// service is an API over fake rooms.
type service struct {
	*testing.T
	api     *API
	rooms   *fakeRooms
	log     *bytes.Buffer
	metrics http.Handler
}

// newService has the rooms that docs/admin.md has.
func newService(t *testing.T, change func(*Config)) *service {
	t.Helper()
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	s := &service{T: t, log: &bytes.Buffer{}, rooms: &fakeRooms{rooms: map[string]*fakeRoom{
		"tea": {peers: []rooms.PeerState{
			{
				Peer: "4f1c", Name: "Ann", Metadata: []byte(`{"team":7}`), Joined: at("2030-01-02T03:04:05Z"),
				Address: "192.0.2.1", Node: "n1",
			},
			{Peer: "9b2d", Away: true, Joined: at("2030-01-02T04:05:00+01:00"), Address: "192.0.2.2", Node: "n2"},
		}},
	}}}
	registry := prometheus.NewRegistry()
	s.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	config := Config{
		Rooms: s.rooms, Loopback: true, Log: zerolog.New(s.log), Registerer: registry,
		Connections: func(room string) map[rooms.PeerID]signaling.Connection {
			if room != "tea" {
				t.Errorf("asked for the connections of %q", room)
			}
			return map[rooms.PeerID]signaling.Connection{"4f1c": {Since: at("2030-01-02T03:04:04Z"), Received: 2048, Sent: 4096}}
		},
	}
	if change != nil {
		change(&config)
	}
	var err error
	if s.api, err = New(config); err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// code is that of a refusal.
func (a answer) code() string {
	var p problem
	_ = json.Unmarshal([]byte(a.body), &p)
	return p.Error.Code
}

// newRequest makes a request as a program on this host does, unless change does it otherwise.
func newRequest(method, path, body string, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, "http://localhost:8444"+path, strings.NewReader(body))
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(r)
	}
	return r
}

// do asks, and holds the answer against openapi.json.
func (s *service) do(r *http.Request) answer {
	s.Helper()
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	a := answer{w.Code, w.Header(), w.Body.String()}
	checkAnswer(s.T, r, a)
	return a
}

func (s *service) ask(method, path, body string) answer {
	s.Helper()
	return s.do(newRequest(method, path, body, nil))
}

// want asks for what is answered with a status and JSON that means the same as body.
func (s *service) want(status int, body, method, path, request string) {
	s.Helper()
	a := s.ask(method, path, request)
	if a.status != status || compact(a.body) != compact(body) {
		s.Errorf("%s %s %s: %d %s, want %d %s", method, path, request, a.status, a.body, status, body)
	}
}

func compact(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return strings.TrimSpace(text)
	}
	return b.String()
}
