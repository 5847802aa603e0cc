package signaling_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/gorilla/websocket"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/client"
	"parley/signaling/protocol"
)

// Who leaves hears what became of all that it has sent, also where nothing of it was written yet.
func TestWhoLeavesHearsWhatBecameOfItsMessages(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, _ := s.join()
		d := websocket.Dialer{NetDial: s.listener.dial}
		bob, _, err := d.Dial("ws://parley.test/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer bob.Close()
		for _, text := range []string{
			`{"type":"join","room":"r"}`,
			`{"type":"message","to":"` + ann.id + `","data":1,"seq":1}`,
			`{"type":"message","to":"nobody","data":1,"seq":2}`,
			`{"type":"unheard of","seq":3}`,
			`{"type":"leave"}`,
		} {
			if err := bob.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		ann.want("peer-joined")
		ann.want("message")
		if m := ann.want("peer-left"); m.str("reason") != "left" { // and bob has not read a word
			t.Fatalf("%s", m)
		}
		var told []string
		acked := uint64(0)
		for {
			_, text, err := bob.ReadMessage()
			var closed *websocket.CloseError
			if errors.As(err, &closed) && closed.Code == int(protocol.CloseNormal) {
				break
			}
			m := message{}
			if err := errors.Join(err, json.Unmarshal(text, &m)); err != nil {
				t.Fatal(err)
			}
			if acked >= m.num("of") && m.num("of") != 0 {
				t.Errorf("%s after it was acknowledged", m)
			}
			acked = max(acked, m.num("ack"))
			told = append(told, m.str("type"))
		}
		if want := []string{"joined", "undelivered", "error", "ack"}; !slices.Equal(told, want) || acked != 3 {
			t.Fatalf("told %q and acknowledged %d, instead of %q and 3", told, acked, want)
		}
	})
}

func TestNothingDeliveredIsLostToWhoLeaves(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, _ := s.join()
		bob, err := client.Join(t.Context(), client.Config{
			URL: "ws://parley.test/ws", Room: "r", NetDial: newLine(t, s.listener.dial).dial,
		})
		if err != nil {
			t.Fatal(err)
		}
		ann.want("peer-joined")
		for i := range 5 {
			if _, err := bob.Message(t.Context(), ann.id, i); err != nil {
				t.Fatal(err)
			}
		}
		if err := bob.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			ann.want("message")
		}
		ann.want("peer-left")
		for {
			e, err := bob.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if ended, ok := e.(client.Ended); ok {
				if len(ended.Lost) > 0 {
					t.Fatalf("%d messages count as lost", len(ended.Lost))
				}
				return
			}
		}
	})
}
