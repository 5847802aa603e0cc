package roomstest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/rooms"
)

// exactlyOnce has peers write to each other while every connection is lost again and again, in both directions: what a
// client has not heard to be received it sends again, and what it has not received it gets again.
func exactlyOnce(t *testing.T, factory Factory) {
	const peers, messages = 4, 300
	engine := factory(t, rooms.Config{AwayAfter: awayAfter, Grace: forever})
	members := make([]*member, peers)
	for i := range members {
		members[i] = &member{client: join(t, engine), messages: messages, next: map[rooms.PeerID]int{}, random: rand.New(rand.NewPCG(uint64(i), 1))}
	}
	var wg sync.WaitGroup
	for i, m := range members {
		for j, o := range members {
			if i != j {
				m.others = append(m.others, o.client.Snapshot.Peer)
			}
		}
	}
	for _, m := range members {
		wg.Go(m.run)
	}
	wg.Wait()
	for i, m := range members {
		for _, o := range m.others {
			if m.next[o] != messages {
				t.Errorf("peer %d has %d messages of %s", i, m.next[o], o)
			}
		}
	}
}

// member is a client that sends numbered messages to all others, and is often cut.
type member struct {
	*client
	others   []rooms.PeerID
	messages int
	random   *rand.Rand
	next     map[rooms.PeerID]int // the message to come from each
	problem  string
}

func (m *member) run() {
	total := uint64(m.messages * len(m.others))
	sent := uint64(0) // as the client sees it; what lies above the server's received is sent again
	deadline := time.Now().Add(Patience)
	for m.problem == "" && (sent < total || !m.complete() || m.Attachment.Received() < total) {
		if time.Now().After(deadline) {
			m.problem = fmt.Sprintf("sent %d of %d, received %v", sent, total, m.next)
			break
		}
		if sent < total {
			sent++
			to := m.others[int(sent-1)%len(m.others)]
			text := strconv.Itoa(int(sent-1) / len(m.others))
			if m.Fresh(sent) {
				_ = m.Send(m.t.Context(), rooms.Message{Seq: sent, To: to, Payload: []byte(text)})
			}
		}
		switch m.random.IntN(20) {
		case 0: // the connection is lost, with what was on its way
			m.Next()
			m.Detach()
			sent = m.reconnect()
		case 1: // the client reconnects before anyone has noticed
			sent = m.reconnect()
		default:
			if m.take(m.Next().Events) { // it goes on, however busy the machine is
				deadline = time.Now().Add(Patience)
			}
			if sent == total { // nothing is left to do but to wait
				select {
				case <-m.link.woken:
				case <-time.After(time.Millisecond):
				}
			}
		}
	}
	if m.problem != "" {
		m.t.Error(m.problem)
	}
}

func (m *member) reconnect() uint64 {
	n, err := m.tryResume(m.Secret, m.last)
	if err != nil {
		m.problem = err.Error()
		return 0
	}
	m.client = n
	return n.Snapshot.Received
}

// take takes events, and tells whether a message was among them.
func (m *member) take(events []rooms.Event) (message bool) {
	for _, e := range events {
		if e.Seq <= m.last {
			m.problem = fmt.Sprintf("event %d after %d", e.Seq, m.last)
			return false
		}
		m.last = e.Seq
		if e.From == "" {
			continue
		}
		if want := strconv.Itoa(m.next[e.From]); string(e.Payload) != want {
			m.problem = fmt.Sprintf("%s from %s instead of %s", e.Payload, e.From, want)
			return false
		}
		m.next[e.From]++
		message = true
	}
	if len(events) > 0 && m.random.IntN(4) == 0 {
		if err := m.Ack(m.last); err != nil {
			m.problem = err.Error()
		}
	}
	return message
}

func (m *member) complete() bool {
	for _, o := range m.others {
		if m.next[o] < m.messages {
			return false
		}
	}
	return true
}
