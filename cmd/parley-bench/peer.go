package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/gorilla/websocket"
)

// A client's frame (RFC 6455 §5.2) as it is used here: final, text, a length of 16 bits, and a masking key of zeros, under
// which the payload stands as it is. The server unmasks it like any other.
const (
	frameHeader = 8
	finalText   = 0x81
	masked16    = 0x80 | 126
)

// peer is one client that sends the same message again and again, cheaply: the frame is built once, and what changes is put
// behind its fixed part. Sending and receiving are for one goroutine.
type peer struct {
	ws    *websocket.Conn
	raw   net.Conn // below ws
	frame []byte   // the fixed part first, fixed bytes of it
	fixed int
	in    []byte // the message received last, in its whole length what it may have

	// relayed is how a message of the other client begins. Every other message is the server's own, which aside judges.
	relayed []byte
	aside   func(message []byte) error

	numbered bool // messages carry seq, and ack of what was received
	sent     uint64
	received uint64
}

// newPeer makes a client out of a connection that needs nothing more said. message is a whole JSON object.
func newPeer(ws *websocket.Conn, message []byte) *peer {
	p := &peer{ws: ws, raw: ws.NetConn(), in: make([]byte, 2*len(message)+1<<10)}
	p.frame = append(make([]byte, frameHeader), bytes.TrimSuffix(message, []byte("}"))...)
	p.frame[0], p.frame[1] = finalText, masked16
	p.fixed = len(p.frame)
	return p
}

// send sends the message, with an acknowledgement on it as clients do it.
func (p *peer) send() error {
	f := p.frame[:p.fixed]
	if p.numbered {
		p.sent++
		f = strconv.AppendUint(append(f, seqMember...), p.sent, 10)
		f = strconv.AppendUint(append(f, `,"ack":`...), p.received, 10)
	}
	f = append(f, '}')
	binary.BigEndian.PutUint16(f[2:], uint16(len(f)-frameHeader))
	p.frame = f // it may have grown
	_, err := p.raw.Write(f)
	return err
}

// receive waits for a message of the other client.
func (p *peer) receive() error {
	for {
		message, err := p.read()
		if err != nil {
			return err
		}
		if p.numbered {
			if seq := lastNumber(message); seq != 0 {
				p.received = seq
			}
		}
		if bytes.HasPrefix(message, p.relayed) {
			return nil
		}
		if p.aside == nil {
			return unexpected(message)
		}
		if err := p.aside(message); err != nil {
			return err
		}
	}
}

func (p *peer) read() ([]byte, error) {
	_, r, err := p.ws.NextReader()
	if err != nil {
		return nil, err
	}
	switch n, err := io.ReadFull(r, p.in); {
	case err == nil:
		return nil, fmt.Errorf("a message of %d bytes or more came", n)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF): // the message's end
		return p.in[:n], nil
	default:
		return nil, err
	}
}

const seqMember = `,"seq":`

// lastNumber finds the number of a message, which is among its last members; 0 for none.
func lastNumber(message []byte) (n uint64) {
	at := bytes.LastIndex(message, []byte(seqMember))
	if at < 0 {
		return 0
	}
	for _, digit := range message[at+len(seqMember):] {
		if digit < '0' || digit > '9' {
			break
		}
		n = n*10 + uint64(digit-'0')
	}
	return n
}

func unexpected(message []byte) error {
	const enough = 200
	return fmt.Errorf("the server sent %.*q", enough, message)
}
