package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/signaling/protocol"
)

const testID = "0b3cbd42-3a0c-4bd6-8b53-1f5c1a7b9a10"

// connected gives both ends of a connection: the client's, and a server's.
func connected(t *testing.T) (client, server *websocket.Conn) {
	t.Helper()
	accepted := make(chan *websocket.Conn, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
		}
		accepted <- ws
	}))
	t.Cleanup(s.Close)
	client, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}

func TestPeerSends(t *testing.T) {
	for _, numbered := range []bool{false, true} {
		for _, size := range []int{minMessage, 180, maxMessage} {
			t.Run(fmt.Sprint(size, numbered), func(t *testing.T) {
				client, server := connected(t)
				p := newPeer(client, candidateMessage(testID, size))
				p.numbered = numbered
				for n := range uint64(12) { // over the step to two digits
					p.received = 3 * n
					if err := p.send(); err != nil {
						t.Fatal(err)
					}
					_, text, err := server.ReadMessage()
					if err != nil {
						t.Fatal(err)
					}
					m, err := protocol.Decode(text)
					if err != nil {
						t.Fatalf("%v: %s", err, text)
					}
					if numbered && (m.Seq != n+1 || m.Ack != 3*n) || !numbered && (m.Seq != 0 || m.HasAck || len(text) != size) {
						t.Fatalf("message %d is %s", n, text)
					}
					if r, err := m.Relay("x"); err != nil || r.To != testID {
						t.Fatalf("Relay() = %+v, %v", r, err)
					}
				}
			})
		}
	}
}

func TestCandidateMessageIsAsLongAsSaid(t *testing.T) {
	for _, size := range []int{minMessage, minMessage + 1, minMessage + 7, 180, 1000, maxMessage} {
		message := candidateMessage(testID, size)
		if len(message) != size || !json.Valid(message) {
			t.Errorf("candidateMessage(%d) is %d bytes: %s", size, len(message), message)
		}
	}
}

func TestPeerReceives(t *testing.T) {
	const relayed = `{"type":"candidate","from":"x"`
	failed := errors.New("not this one")
	tests := []struct {
		name     string
		messages []string
		received uint64
		want     string // of the error, empty for none
	}{
		{name: "candidate", messages: []string{relayed + `,"seq":7}`}, received: 7},
		{name: "with an acknowledgement", messages: []string{relayed + `,"seq":70,"ack":71}`}, received: 70},
		{name: "without a number", messages: []string{relayed + `}`}},
		{name: "after others", messages: []string{`{"type":"ack","ack":5}`, `{"type":"peer-joined","seq":1}`, relayed + `}`}, received: 1},
		{name: "error", messages: []string{`{"type":"error"}`}, want: "not this one"},
		{name: "too long", messages: []string{strings.Repeat("x", 5000)}, want: "a message of"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := connected(t)
			p := newPeer(client, candidateMessage(testID, 180))
			p.numbered, p.relayed = true, []byte(`{"type":"candidate"`)
			p.aside = func(message []byte) error {
				if strings.Contains(string(message), "error") {
					return failed
				}
				return nil
			}
			for _, m := range tt.messages {
				if err := server.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
					t.Fatal(err)
				}
			}
			err := p.receive()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("receive() = %v, want %q", err, tt.want)
			}
			if p.received != tt.received {
				t.Errorf("received %d, want %d", p.received, tt.received)
			}
		})
	}
}

func TestPeerWithoutAside(t *testing.T) {
	client, server := connected(t)
	p := newPeer(client, candidateMessage(testID, 180))
	p.relayed = []byte("{")
	if err := server.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 500))); err != nil {
		t.Fatal(err)
	}
	if err := p.receive(); err == nil || len(err.Error()) > 300 {
		t.Errorf("receive() = %v, want the message, shortened", err)
	}
}

func TestAsideOfParley(t *testing.T) {
	tests := []struct {
		message string
		ok      bool
	}{
		{message: `{"type":"ack","ack":3}`, ok: true},
		{message: `{"type":"peer-joined","peer":"x","polite":false,"seq":1}`, ok: true},
		{message: `{"type":"error","code":"rate-limited","message":"too many"}`},
		{message: `{"type":"undelivered","to":"x","code":"peer-gone"}`},
		{message: `nothing`},
	}
	for _, tt := range tests {
		if err := asideOfParley([]byte(tt.message)); (err == nil) != tt.ok {
			t.Errorf("asideOfParley(%s) = %v", tt.message, err)
		}
	}
}
