package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// An acknowledgement comes after 16 messages or a second, and rides on what goes out anyway.
func TestAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		seq := uint64(0)
		send := func(n int) {
			for range n {
				seq++
				m.send(`{"type":"message","from":"ann","data":1,"seq":%d}`, seq)
				next[client.Signal](t, c)
			}
			synctest.Wait()
		}
		send(15)
		m.nothing()
		send(1)
		if ack := m.expect(protocol.TypeAck); ack.Ack != 16 || ack.Seq != 0 {
			t.Errorf("ack %+v, want 16", ack)
		}
		send(1)
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		m.nothing()
		send(1)
		time.Sleep(time.Millisecond)
		if ack := m.expect(protocol.TypeAck); ack.Ack != 18 {
			t.Errorf("ack %d, want 18", ack.Ack)
		}
		send(1)
		message(t, c, "ann", 1)
		if got := m.expect(protocol.TypeMessage); !got.HasAck || got.Ack != 19 {
			t.Errorf("ack %d rides, want 19", got.Ack)
		}
		time.Sleep(time.Minute)
		m.nothing()
		m.send(`{"type":"message","from":"ann","data":1,"seq":%d}`, seq) // again: the server seems not to know
		if ack := m.expect(protocol.TypeAck); ack.Ack != 19 {
			t.Errorf("ack %d, want 19", ack.Ack)
		}
	})
}

// Three quarters of the burst go at once, the rest at the server's rate. A broadcast costs one for each 16 receivers begun.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(_ *client.Config, j *protocol.Joined) {
			j.Limits.Rate, j.Limits.Burst = 10, 20
			for i := range 15 {
				j.Peers = append(j.Peers, peer(string(rune('c'+i)))) // 17 with ann and bob
			}
		})
		began := time.Now()
		for n := range 15 {
			message(t, c, "ann", n)
		}
		if since := time.Since(began); since != 0 {
			t.Errorf("the burst took %v", since)
		}
		for n := range 10 {
			message(t, c, "ann", n)
		}
		if since := time.Since(began).Round(time.Millisecond); since != time.Second {
			t.Errorf("10 more took %v, want 1s", since)
		}
		if _, err := c.Broadcast(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if since := time.Since(began).Round(time.Millisecond); since != 1200*time.Millisecond {
			t.Errorf("the broadcast went after %v, want 1.2s", since)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := c.Message(ctx, "ann", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		for range 26 {
			m.expect(protocol.TypeMessage)
		}
		m.nothing()
	})
}

func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(_ *client.Config, j *protocol.Joined) { j.Limits.Unacknowledged = 2 })
		message(t, c, "ann", 1)
		message(t, c, "ann", 2)
		sent := make(chan uint64, 1)
		go func() { sent <- message(t, c, "ann", 3) }()
		synctest.Wait()
		select {
		case <-sent:
			t.Error("the third message did not wait")
		default:
		}
		m.send(`{"type":"ack","ack":1}`)
		if id := <-sent; id != 3 {
			t.Errorf("id %d, want 3", id)
		}
		for want := uint64(1); want <= 3; want++ {
			if got := m.expect(protocol.TypeMessage); got.Seq != want {
				t.Errorf("seq %d, want %d", got.Seq, want)
			}
		}
	})
}

// What the server is known to have after a resume does not fill the window, even if no acknowledgement ever comes for it.
func TestWindowAfterResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(_ *client.Config, j *protocol.Joined) { j.Limits.Unacknowledged = 2 })
		message(t, c, "ann", 1)
		message(t, c, "ann", 2)
		m.expect(protocol.TypeMessage)
		m.expect(protocol.TypeMessage)
		m.drop()
		r := resumed("s2", 2)
		r.Limits.Unacknowledged = 2
		m = f.resume("s1", 0, r)
		m.expect(protocol.TypeAck)
		message(t, c, "ann", 3)
		if got := m.expect(protocol.TypeMessage); got.Seq != 3 {
			t.Errorf("seq %d, want 3", got.Seq)
		}
	})
}

// Two of four messages are refused, the second of them after it was acknowledged. They go again in order, after the pause
// and before anything that was sent later, and are still known by their first numbers.
func TestRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		var ids []uint64
		for n := 1; n <= 4; n++ {
			ids = append(ids, message(t, c, "ann", n))
			m.expect(protocol.TypeMessage)
		}
		began := time.Now()
		refuse := `{"type":"error","code":"rate-limited","message":"slowly","of":%d,"retryAfter":2,"seq":%d}`
		m.send(refuse, ids[1], 1)
		synctest.Wait()
		sent := make(chan uint64)
		go func() { sent <- message(t, c, "ann", 5) }()
		m.send(`{"type":"ack","ack":%d}`, ids[3])
		m.send(refuse, ids[2], 2)
		m.expect(protocol.TypeAck)
		for i, want := range []string{"2", "3", "5"} {
			got := m.expect(protocol.TypeMessage)
			if data(got) != want || got.Seq <= ids[3] {
				t.Errorf("seq %d data %s, want data %s and a fresh number", got.Seq, data(got), want)
			}
			if i == 0 {
				if since := time.Since(began); since < 2*time.Second {
					t.Errorf("sent again after %v", since)
				}
				m.send(`{"type":"undelivered","to":"ann","of":%d,"code":"peer-slow","seq":3}`, got.Seq)
				if e := next[client.Undelivered](t, c); e.ID != ids[1] {
					t.Errorf("undelivered %d, want %d", e.ID, ids[1])
				}
			}
		}
		<-sent
		// A refusal of what was sent so long ago that it is not kept any more is told.
		m.send(refuse, 1000000, 4)
		next[client.Refused](t, c)
	})
}

// Refused messages do not wait for ever for those that were in flight behind them, and survive a lost connection.
func TestRateLimitedWithoutAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		message(t, c, "ann", 1)
		message(t, c, "ann", 2)
		m.expect(protocol.TypeMessage)
		m.expect(protocol.TypeMessage)
		m.send(`{"type":"error","code":"rate-limited","message":"slowly","of":1,"seq":1}`)
		synctest.Wait()
		m.drop()
		m = f.resume("s1", 1, resumed("s2", 2))
		m.expect(protocol.TypeAck)
		until[client.Resumed](t, c)
		if got := m.expect(protocol.TypeMessage); got.Seq != 3 || data(got) != "1" {
			t.Errorf("seq %d data %s", got.Seq, data(got))
		}
	})
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(_ *client.Config, j *protocol.Joined) { j.Heartbeat = 25 })
		began := time.Now()
		since := func(want time.Duration) {
			t.Helper()
			if got := time.Since(began); got != want {
				t.Errorf("after %v, want %v", got, want)
			}
		}
		m.expect(protocol.TypePing)
		since(25 * time.Second)
		time.Sleep(4 * time.Second)
		m.send(`{"type":"pong"}`)
		time.Sleep(20 * time.Second)
		if err := m.ws.WriteControl(9, []byte("5"), time.Now().Add(time.Second)); err != nil { // any frame counts
			t.Fatal(err)
		}
		m.expect(protocol.TypePing)
		since((29 + 20 + 25) * time.Second)
		<-m.over // nothing answers
		since((29 + 20 + 25 + 5) * time.Second)
		lost(t, c)
		r := resumed("s2", 0)
		r.Heartbeat = 25
		m = f.resume("s1", 0, r)
		m.expect(protocol.TypeAck)
		began = time.Now()
		m.expect(protocol.TypePing)
		since(25 * time.Second)
	})
}

// An application that takes no events keeps the client from reading, for as long as it likes. Nothing is dropped.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(cfg *client.Config, j *protocol.Joined) { cfg.Queue, j.Heartbeat = 10, 25 })
		const messages = 100
		written := make(chan struct{})
		go func() {
			defer close(written)
			for i := range messages {
				m.send(`{"type":"message","from":"ann","data":%d,"seq":%d}`, i, i+1)
			}
		}()
		synctest.Wait()
		select {
		case <-written:
			t.Error("everything was read")
		default:
		}
		if ack := m.expect(protocol.TypeAck); ack.Ack != 10 { // what waits for Next is received
			t.Errorf("ack %d, want 10", ack.Ack)
		}
		for range 10 { // the server goes on hearing from us, and nobody gives up
			m.expect(protocol.TypePing)
		}
		for i := range messages {
			if e := next[client.Signal](t, c); string(e.Data) != itoa(i) {
				t.Fatalf("message %s, want %d", e.Data, i)
			}
		}
		<-written
	})
}

// An application that sends from the goroutine that takes the events is not locked up by its own full queue.
func TestSendingGoesOnWhenTheQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(cfg *client.Config, j *protocol.Joined) { cfg.Queue, j.Limits.Unacknowledged = 10, 1 })
		message(t, c, "ann", 1)
		go func() {
			for i := range 20 {
				m.send(`{"type":"message","from":"ann","data":%d,"seq":%d}`, i, i+1)
			}
			m.send(`{"type":"ack","ack":1}`)
		}()
		synctest.Wait()
		message(t, c, "ann", 2)
		for i := range 20 {
			if e := next[client.Signal](t, c); string(e.Data) != itoa(i) {
				t.Fatalf("message %s, want %d", e.Data, i)
			}
		}
	})
}

// Many lost connections do not pile up events that nobody takes.
func TestLostConnectionsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) { cfg.Queue = 4 })
		for i := range 2 { // each leaves Disconnected, Reconnecting and Resumed
			m.drop()
			r := resumed("s"+itoa(i+2), 0)
			r.Heartbeat = 25
			m = f.resume("s"+itoa(i+1), 0, r)
			m.expect(protocol.TypeAck)
		}
		m.drop() // which is noticed by writing: nobody reads while the queue is full
		time.Sleep(time.Hour)
		if len(f.remotes) != 0 {
			t.Fatal("connected although nobody takes the events")
		}
		until[client.Resumed](t, c)
		until[client.Resumed](t, c)
		f.resume("s3", 0, resumed("s4", 0)).expect(protocol.TypeAck)
	})
}
