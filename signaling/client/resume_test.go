package client_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// Messages are lost with the connection in both directions, one of them is known to have arrived, and more are sent while
// there is no connection.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		for n := 1; n <= 3; n++ {
			message(t, c, "ann", n)
			m.expect(protocol.TypeMessage)
		}
		m.send(`{"type":"message","from":"ann","data":1,"seq":5,"ack":1}`)
		next[client.Signal](t, c)
		m.drop()
		lost(t, c)
		message(t, c, "ann", 4) // waits

		m = f.resume("s1", 5, resumed("s2", 2, peer("ann"), peer("bob")))
		if ack := m.expect(protocol.TypeAck); ack.Ack != 5 { // at once, before anything else
			t.Errorf("ack %d, want 5", ack.Ack)
		}
		for _, want := range []struct {
			seq  uint64
			data string
		}{{3, "3"}, {4, "4"}} {
			if got := m.expect(protocol.TypeMessage); got.Seq != want.seq || data(got) != want.data {
				t.Errorf("seq %d data %s, want %+v", got.Seq, data(got), want)
			}
		}
		if e := next[client.Resumed](t, c); !e.Complete || len(e.Peers) != 2 || len(e.Lost) != 0 {
			t.Errorf("resumed %+v", e)
		}
		m.send(`{"type":"message","from":"ann","data":"old","seq":4}`)
		m.send(`{"type":"message","from":"ann","data":"old","seq":5}`)
		m.send(`{"type":"message","from":"ann","data":"new","seq":9,"ack":4}`)
		if e := next[client.Signal](t, c); string(e.Data) != `"new"` {
			t.Errorf("signal %s", e.Data)
		}

		// Message 2 was only known to have arrived, not acknowledged until now: nothing is left to be lost.
		m.drop()
		lost(t, c)
		m = f.accept()
		m.expect(protocol.TypeResume)
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeSessionLost, Message: "gone"})
		m.expect(protocol.TypeJoin)
		m.send(joined("me2", "t1"))
		if e := next[client.Joined](t, c); len(e.Lost) != 0 {
			t.Errorf("lost %v", e.Lost)
		}
	})
}

// received may be lower at a second resume: what is not acknowledged is kept.
func TestResumeReceivedGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		message(t, c, "ann", 1)
		m.expect(protocol.TypeMessage)
		m.drop()
		m = f.resume("s1", 0, resumed("s2", 1))
		m.expect(protocol.TypeAck)
		message(t, c, "ann", 2)
		if got := m.expect(protocol.TypeMessage); got.Seq != 2 {
			t.Errorf("seq %d, want 2", got.Seq)
		}
		m.drop()
		m = f.resume("s2", 0, resumed("s3", 0))
		m.expect(protocol.TypeAck)
		for seq := uint64(1); seq <= 2; seq++ {
			if got := m.expect(protocol.TypeMessage); got.Seq != seq {
				t.Errorf("seq %d, want %d", got.Seq, seq)
			}
		}
	})
}

// The new secret is lost on its way: the next resume is with the one before.
func TestResumedIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		m.drop()
		m = f.accept()
		m.expect(protocol.TypeResume)
		m.drop() // instead of resumed
		m = f.resume("s1", 0, resumed("s3", 0))
		m.expect(protocol.TypeAck)
		until[client.Resumed](t, c)
		m.drop()
		f.resume("s3", 0, resumed("s4", 0)).expect(protocol.TypeAck)
	})
}

// What belonged to the lost session is told, and never sent into the new one.
func TestSessionLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		name := "Ann"
		c, m := f.join(func(cfg *client.Config, j *protocol.Joined) { j.Limits.Unacknowledged = 3 })
		if _, err := c.Update(t.Context(), protocol.Update{Name: &name}); err != nil {
			t.Fatal(err)
		}
		m.expect(protocol.TypeUpdate)
		first := message(t, c, "ann", 1)
		m.expect(protocol.TypeMessage)
		m.send(`{"type":"ack","ack":%d}`, first)
		synctest.Wait()
		second := message(t, c, "bob", 2)
		m.expect(protocol.TypeMessage)
		m.drop()
		lost(t, c)
		third := message(t, c, "ann", 3) // never written
		message(t, c, "ann", 4)
		blocked := make(chan error)
		go func() {
			_, err := c.Message(t.Context(), "ann", 5) // begun in the old session
			blocked <- err
		}()
		m = f.accept()
		m.expect(protocol.TypeResume)
		m.send(protocol.ErrorMessage{Type: protocol.TypeError, Code: protocol.CodeSessionLost, Message: "gone"})
		if j, err := m.expect(protocol.TypeJoin).Join(); err != nil || j.Name != "Ann" {
			t.Errorf("rejoined as %q, %v", j.Name, err)
		}
		m.send(joined("me2", "t1", peer("ann")))
		if err := <-blocked; !errors.Is(err, client.ErrSessionLost) {
			t.Errorf("error %v, want ErrSessionLost", err)
		}
		if _, err := c.Message(t.Context(), "ann", 6); !errors.Is(err, client.ErrSessionLost) { // Joined was not taken yet
			t.Errorf("error %v, want ErrSessionLost", err)
		}
		e := next[client.Joined](t, c)
		if !e.Again || e.Peer != "me2" || c.Self() != "me2" || len(e.Peers) != 1 {
			t.Errorf("joined %+v", e)
		}
		if len(e.Lost) != 3 || e.Lost[0].ID != second || e.Lost[1].ID != third || e.Lost[0].To != "bob" ||
			string(e.Lost[0].Message) != `{"type":"message","to":"bob","data":2}` {
			t.Errorf("lost %+v", e.Lost)
		}
		message(t, c, "ann", 7)
		if got := m.expect(protocol.TypeMessage); data(got) != "7" {
			t.Errorf("data %s, want 7", data(got))
		}
	})
}

// A restarted server knows no more of a peer than its name at the last resume.
func TestIncompleteResumeIntroduces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) { cfg.Name = "Me" })
		restart := func(before, after string) {
			m.drop()
			lost(t, c)
			r := resumed(after, 0)
			r.Complete = false
			m = f.resume(before, 0, r)
			next[client.Resumed](t, c)
			m.expect(protocol.TypeAck)
		}
		restart("s1", "s2")
		name := "Myself"
		if _, err := c.Update(t.Context(), protocol.Update{Name: &name}); err != nil {
			t.Fatal(err)
		}
		m.expect(protocol.TypeUpdate) // and the first: nothing was said before it
		restart("s2", "s3")
		u, err := m.expect(protocol.TypeUpdate).Update()
		if err != nil || *u.Name != name || string(u.Metadata) != "null" {
			t.Errorf("update %+v, %v", u, err)
		}
	})
}

// After a restart of the server nothing is repeated, and those who are missing are away until they come or their time is up.
func TestIncompleteResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		told := message(t, c, "ann", 1)
		m.expect(protocol.TypeMessage)
		m.drop()
		lost(t, c)
		message(t, c, "ann", 10) // never written, so that it is not lost
		r := resumed("s2", 0, peer("new"))
		r.Complete = false
		m = f.resume("s1", 0, r)
		e := next[client.Resumed](t, c)
		if e.Complete || len(e.Lost) != 1 || e.Lost[0].ID != told {
			t.Errorf("resumed %+v", e)
		}
		if len(e.Peers) != 3 || e.Peers[0].Away || !e.Peers[1].Away || !e.Peers[2].Away {
			t.Errorf("peers %+v", e.Peers)
		}
		m.expect(protocol.TypeAck)
		message(t, c, "ann", 2)
		unsent := message(t, c, "bob", 3)
		message(t, c, "new", 4)
		if got := m.expect(protocol.TypeMessage); data(got) != "4" { // ann and bob are waited for
			t.Errorf("data %s, want 4", data(got))
		}
		m.send(`{"type":"peer-back","peer":"ann","seq":100}`)
		if e := next[client.PeerBack](t, c); e.Peer != "ann" {
			t.Errorf("back: %q", e.Peer)
		}
		for _, want := range []string{"10", "2"} {
			if got := m.expect(protocol.TypeMessage); data(got) != want {
				t.Errorf("data %s, want %s", data(got), want)
			}
		}
		if e := next[client.Undelivered](t, c); e.ID != unsent || e.To != "bob" || e.Code != protocol.CodePeerGone {
			t.Errorf("undelivered %+v", e)
		}
		if e := next[client.PeerLeft](t, c); e.Peer != "bob" || e.Reason != "timeout" {
			t.Errorf("left %+v", e)
		}
		if len(c.Peers()) != 2 {
			t.Errorf("peers %+v", c.Peers())
		}
	})
}

// What a resumed tells is ahead of the presence messages that follow it: nothing is told twice, nothing is left out.
func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		m.send(`{"type":"peer-joined","peer":"cleo","name":"Cleo","polite":false,"seq":1}`)
		if e := next[client.PeerJoined](t, c); e.Peer.Name != "Cleo" || e.Peer.Polite {
			t.Errorf("joined %+v", e)
		}
		m.send(`{"type":"peer-updated","peer":"cleo","name":null,"metadata":{"a":1},"seq":2}`)
		if e := next[client.PeerUpdated](t, c); e.Peer.Name != "" || string(e.Peer.Metadata) != `{"a":1}` {
			t.Errorf("updated %+v", e)
		}
		m.send(`{"type":"peer-updated","peer":"cleo","name":"C","metadata":null,"seq":3}`)
		if e := next[client.PeerUpdated](t, c); e.Peer.Name != "C" || e.Peer.Metadata != nil {
			t.Errorf("updated %+v", e)
		}
		m.drop()
		lost(t, c)
		ann := peer("ann")
		ann.Away = true
		m = f.resume("s1", 3, resumed("s2", 0, ann, peer("cleo"), peer("dan")))
		next[client.Resumed](t, c)
		for _, text := range []string{
			`{"type":"peer-away","peer":"ann","seq":4}`,
			`{"type":"peer-joined","peer":"dan","polite":false,"seq":5}`,
			`{"type":"peer-left","peer":"nobody","reason":"left","seq":6}`,
			`{"type":"peer-left","peer":"bob","reason":"kicked","seq":7}`,
			`{"type":"peer-back","peer":"ann","seq":8}`,
			`{"type":"peer-back","peer":"ann","seq":9}`,
			`{"type":"peer-away","peer":"dan","seq":10}`,
		} {
			m.send(text)
		}
		if e := next[client.PeerLeft](t, c); e != (client.PeerLeft{Peer: "bob", Reason: "kicked"}) {
			t.Errorf("left %+v", e)
		}
		if e := next[client.PeerBack](t, c); e.Peer != "ann" {
			t.Errorf("back %+v", e)
		}
		if e := next[client.PeerAway](t, c); e.Peer != "dan" {
			t.Errorf("away %+v", e)
		}
	})
}

func TestNewsOfTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		for _, text := range []string{
			`{"type":"knock","knock":"k","name":"Cem","seq":1}`,
			`{"type":"room-updated","locked":true,"seq":2}`,
			`{"type":"announcement","data":[1],"seq":3}`,
			`{"type":"lamp","lamp":"k","seq":4}`,
		} {
			m.send(text)
		}
		if e := next[client.Knock](t, c); e != (client.Knock{Knock: "k", Name: "Cem"}) {
			t.Errorf("knock %+v", e)
		}
		if e := next[client.RoomUpdated](t, c); !e.Locked {
			t.Errorf("room %+v", e)
		}
		if e := next[client.Announcement](t, c); string(e.Data) != "[1]" {
			t.Errorf("announcement %+v", e)
		}
		e := next[client.Other](t, c)
		if lamp, ok := e.Value("lamp"); e.Type != "lamp" || !ok || string(lamp) != `"k"` {
			t.Errorf("other %+v", e)
		}
	})
}

func TestSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		m.send(`{"type":"offer","sdp":"v=0\r\n","extra":1e400,"from":"ann","seq":1}`)
		e := next[client.Signal](t, c)
		if extra, _ := e.Value("extra"); e.From != "ann" || e.Type != "offer" || e.SDP != "v=0\r\n" || string(extra) != "1e400" {
			t.Errorf("signal %+v", e)
		}
		m.send(`{"type":"candidate","candidate":null,"from":"ann","seq":2}`)
		if e := next[client.Signal](t, c); string(e.Candidate) != "null" {
			t.Errorf("signal %+v", e)
		}
		m.send(`{"type":"ice-servers","iceServers":[{"urls":"turn:t.example.org"}],"iceServersExpire":60,"seq":3}`)
		if e := next[client.ICEServers](t, c); e.Expire != time.Minute || c.ICEServers()[0].URLs[0] != "turn:t.example.org" {
			t.Errorf("ice servers %+v", e)
		}
		id := message(t, c, "gone", 1)
		m.send(`{"type":"undelivered","to":"gone","of":%d,"code":"peer-gone","seq":4,"ack":%d}`, m.expect("message").Seq, id)
		if e := next[client.Undelivered](t, c); e.ID != id || e.To != "gone" || e.Code != protocol.CodePeerGone {
			t.Errorf("undelivered %+v", e)
		}
		id = message(t, c, "ann", 2)
		m.send(`{"type":"error","code":"forbidden","message":"no","of":%d,"seq":5}`, m.expect("message").Seq)
		if e := next[client.Refused](t, c); e.ID != id || e.Err.Code != protocol.CodeForbidden {
			t.Errorf("refused %+v", e)
		}
	})
}
