package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/gorilla/websocket"

	"parley/signaling/protocol"
)

// relay is the least server that the examples need: one room, no loss, no resume.
type relay struct {
	mu      sync.Mutex
	members []*member
}

type member struct {
	id  string
	ws  *websocket.Conn
	seq uint64
}

// serve starts a server and gives its URL.
func serve() (url string, stop func()) {
	server := httptest.NewServer(&relay{})
	return "ws" + strings.TrimPrefix(server.URL, "http"), server.Close
}

func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{protocol.Subprotocol}}
	ws, err := upgrader.Upgrade(w, request, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	me := r.join(ws)
	for {
		_, text, err := ws.ReadMessage()
		if err != nil {
			return
		}
		m, err := protocol.Decode(text)
		switch {
		case err != nil:
			return
		case m.Type == protocol.TypeLeave:
			_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		case protocol.Relayed(m.Type):
			r.forward(me, m)
		}
	}
}

// join lets a newcomer in.
func (r *relay) join(ws *websocket.Conn) *member {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _, _ = ws.ReadMessage() // whatever it says
	me := &member{id: fmt.Sprint("peer-", len(r.members)+1), ws: ws}
	j := joined(me.id, "secret")
	for _, other := range r.members {
		j.Peers = append(j.Peers, protocol.Peer{Peer: other.id, Polite: true})
		other.send(protocol.Encode(protocol.PeerJoined{Type: protocol.TypePeerJoined, Peer: protocol.Peer{Peer: me.id}}), 0)
	}
	_ = ws.WriteMessage(websocket.TextMessage, protocol.Encode(j).AppendTo(nil, 0, 0))
	r.members = append(r.members, me)
	return me
}

func (r *relay) forward(from *member, m protocol.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	relayed, err := m.Relay(from.id)
	if err != nil {
		return
	}
	for _, other := range r.members {
		if other.id == relayed.To || relayed.Broadcast && other != from {
			other.send(relayed.Body, 0)
		}
	}
	_ = from.ws.WriteMessage(websocket.TextMessage, protocol.Encode(protocol.Plain{Type: protocol.TypeAck}).AppendTo(nil, 0, m.Seq))
}

func (m *member) send(body protocol.Body, ack uint64) {
	m.seq++
	_ = m.ws.WriteMessage(websocket.TextMessage, body.AppendTo(nil, m.seq, ack))
}
