package signaling_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/rooms"
	"parley/signaling"
)

func TestConnectionsOfARoom(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		silent := s.dial()
		defer silent.drop()
		time.Sleep(time.Second)
		began := time.Now()
		ann, bob := s.pair()
		synctest.Wait()
		before := s.server.Connections("r")
		if len(before) != 2 || len(s.server.Connections("another")) != 0 {
			t.Fatalf("got %+v", before)
		}
		for _, id := range []string{ann.id, bob.id} {
			if c := before[rooms.PeerID(id)]; !c.Since.Equal(began) || c.Received == 0 || c.Sent < 200 {
				t.Errorf("%s: %+v, joined at %v", id, c, began)
			}
		}

		const length = 3000
		ann.say(`{"type":"message","to":%q,"data":%q}`, bob.id, strings.Repeat("x", length))
		bob.want("message")
		synctest.Wait()
		after := s.server.Connections("r")
		grown := func(p *peer) (received, sent uint64) {
			was, is := before[rooms.PeerID(p.id)], after[rooms.PeerID(p.id)]
			return is.Received - was.Received, is.Sent - was.Sent
		}
		if received, sent := grown(ann); received < length || received > length+200 || sent > 200 {
			t.Errorf("ann's connection received %d and sent %d bytes more", received, sent)
		}
		if received, sent := grown(bob); sent < length || sent > length+200 || received > 200 {
			t.Errorf("bob's connection received %d and sent %d bytes more", received, sent)
		}

		bob.drop()
		synctest.Wait()
		if left := s.server.Connections("r"); len(left) != 1 || left[rooms.PeerID(ann.id)].Since.IsZero() {
			t.Errorf("after bob's was lost: %+v", left)
		}
	})
}

// TestConnectionsAfterAResume: a peer has the connection that took its session over, however long the other one lives on.
func TestConnectionsAfterAResume(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		time.Sleep(time.Minute)
		again, _ := s.resume(ann, joined.str("session"), ann.last)
		defer again.drop()
		synctest.Wait()
		if c := s.server.Connections("r")[rooms.PeerID(ann.id)]; !c.Since.Equal(time.Now()) {
			t.Errorf("%+v", c)
		}
	})
}
