package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/gorilla/websocket"

	"parley/cmd/need"
	"parley/signaling/protocol"
)

// parley is the server of this repository, in a process of its own, as people run it but for its limits on clients.
type parley struct {
	program  string
	numbered bool // clients number their messages and acknowledge the server's
}

func (p parley) name() string {
	if p.numbered {
		return "parley"
	}
	return "parley, no seq or ack"
}

func (p parley) command(c certificate) *exec.Cmd {
	return exec.Command(p.program, "serve",
		"--listen", "127.0.0.1:0", "--admin-listen", "off",
		"--tls", "files", "--tls-cert", c.certFile, "--tls-key", c.keyFile,
		"--rate", "0", "--connections-per-address", "0", "--joins-per-address", "0", "--max-unjoined", "0", "--drain", "0",
		"--log-format", "json", "--log-level", "info")
}

// buildParley builds the server into a folder, as `make build` does.
func buildParley(ctx context.Context, dir string) (program string, err error) {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path == "" {
		return "", errors.New("this program does not know its module: give --parley FILE")
	}
	build := exec.CommandContext(ctx, need.GoCommand(), "build", "-trimpath", "-buildvcs=false",
		"-o", dir+string(filepath.Separator), info.Main.Path+"/cmd/parley")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building parley (outside of its repository, give --parley FILE): %w\n%s", err, out)
	}
	built, err := filepath.Glob(filepath.Join(dir, "parley*")) // .exe on Windows
	if err != nil || len(built) != 1 {
		return "", fmt.Errorf("building parley: %q was built, want one program", built)
	}
	return built[0], nil
}

// pair brings two clients into a room of their own.
func (p parley) pair(ctx context.Context, d *dialer, number int, message func(to string) []byte) (*peer, *peer, error) {
	room := fmt.Sprintf("bench-%d", number)
	first, firstID, err := p.join(ctx, d, room, "")
	if err != nil {
		return nil, nil, err
	}
	if d.next != nil {
		d = d.next
	}
	second, secondID, err := p.join(ctx, d, room, "")
	if err != nil {
		return nil, nil, errors.Join(err, first.Close())
	}
	return p.peer(first, message(secondID)), p.peer(second, message(firstID)), nil
}

func (p parley) join(ctx context.Context, d *dialer, room, identity string) (ws *websocket.Conn, id string, err error) {
	ws, err = d.dial(ctx, "/ws", protocol.Subprotocol)
	if err != nil {
		return nil, "", err
	}
	id, err = joinRoom(ws, protocol.Join{Room: room, Identity: identity})
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("joining: %w", err), ws.Close())
	}
	return ws, id, nil
}

func joinRoom(ws *websocket.Conn, j protocol.Join) (id string, err error) {
	join := protocol.Encode(struct {
		protocol.Plain
		protocol.Join
	}{protocol.Plain{Type: protocol.TypeJoin}, j})
	if err := ws.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
		return "", err
	}
	if err := ws.WriteMessage(websocket.TextMessage, join.AppendTo(nil, 0, 0)); err != nil {
		return "", err
	}
	_, text, err := ws.ReadMessage()
	if err != nil {
		return "", err
	}
	m, err := protocol.Decode(text)
	if err != nil {
		return "", err
	}
	if m.Type != protocol.TypeJoined {
		return "", unexpected(text)
	}
	joined, err := protocol.DecodeInto[protocol.Joined](m)
	if err != nil {
		return "", err
	}
	return joined.Peer, ws.SetReadDeadline(time.Time{})
}

func (p parley) peer(ws *websocket.Conn, message []byte) *peer {
	client := newPeer(ws, message)
	client.relayed = []byte(`{"type":"` + protocol.TypeCandidate + `"`)
	client.aside = asideOfParley
	client.numbered = p.numbered
	return client
}

// asideOfParley takes what the server says beside the candidates: that is nothing that would make it do less than it should.
func asideOfParley(message []byte) error {
	m, err := protocol.Decode(message)
	if err != nil {
		return err
	}
	switch m.Type {
	case protocol.TypeAck, protocol.TypePeerJoined:
		return nil
	}
	return unexpected(message)
}
