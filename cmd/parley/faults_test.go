package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/cmd/need"
	"parley/signaling/protocol"
)

// asServerEnv has the test binary be the server, for faults that happen to a whole process.
const asServerEnv = "PARLEY_TEST_AS_SERVER"

func init() {
	if os.Getenv(asServerEnv) == "1" {
		os.Exit(execute(context.Background(), os.Args[1:], streams{env: os.LookupEnv, out: os.Stdout, err: os.Stderr}))
	}
}

// child is a server in a process of its own.
type child struct {
	t       *testing.T
	address string
	log     *syncBuffer
}

// startChild has a shell prepare the process, and become the server then, with free ports.
func startChild(t *testing.T, shell []string, script string, args ...string) *child {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no shell to prepare the process")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := append(shell, "/bin/sh", "-c", script+`; exec "$0" "$@"`, self, "--listen=127.0.0.1:0", "--admin-listen=off")
	cmd := exec.Command(command[0], append(command[1:], args...)...)
	cmd.Env = append(os.Environ(), asServerEnv+"=1", "HOME="+t.TempDir(), "XDG_CONFIG_HOME=")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, log: &syncBuffer{}}
	up, read := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(read)
		at := regexp.MustCompile(`Parley is at https?://localhost:(\d+)/`)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			_, _ = c.log.Write([]byte(lines.Text() + "\n"))
			if found := at.FindStringSubmatch(lines.Text()); found != nil {
				up <- net.JoinHostPort("127.0.0.1", found[1])
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-read
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log:\n%s", c.log)
		}
	})
	select {
	case c.address = <-up:
	case <-read:
		t.Fatalf("the server did not start:\n%s", c.log)
	}
	return c
}

func (c *child) dial() (*websocket.Conn, error) {
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: time.Minute}
	ws, response, err := dialer.DialContext(c.t.Context(), "ws://"+c.address+"/ws", nil)
	if err == nil {
		_ = response.Body.Close()
		c.t.Cleanup(func() { _ = ws.Close() })
	}
	return ws, err
}

func (c *child) join(room string) *websocket.Conn {
	c.t.Helper()
	ws, err := c.dial()
	if err != nil {
		c.t.Fatal(err)
	}
	join(c.t, ws, room)
	return ws
}

// await reads until a message of this type comes.
func await(t *testing.T, ws *websocket.Conn, messageType string) {
	t.Helper()
	for {
		var m struct{ Type string }
		_, text, err := ws.ReadMessage()
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			t.Fatalf("waiting for %s: %v", messageType, err)
		}
		if m.Type == messageType {
			return
		}
	}
}

func broadcast(t *testing.T, ws *websocket.Conn) {
	t.Helper()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"message","data":1}`)); err != nil {
		t.Fatal(err)
	}
}

func TestFileDescriptorsUsedUp(t *testing.T) {
	c := startChild(t, nil, "ulimit -n 64", "--tls=off")
	ann, bob := c.join("kitchen"), c.join("kitchen")
	var crowd []net.Conn
	for range 200 { // more than the server can take: the rest waits in the system's queue
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			break
		}
		defer conn.Close()
		crowd = append(crowd, conn)
	}
	for !strings.Contains(c.log.String(), "too many open files") {
		broadcast(t, ann) // whoever is in goes on meanwhile
		await(t, bob, protocol.TypeMessage)
	}
	for _, conn := range crowd {
		_ = conn.Close()
	}
	carol := c.join("kitchen")
	broadcast(t, carol)
	await(t, ann, protocol.TypeMessage)
	await(t, bob, protocol.TypeMessage)
}

func TestFullDiskForTheCertificate(t *testing.T) {
	need.Namespaces.Path(t)
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		need.Namespaces.Missing(t, err)
	}
	// A file system of one page, which is in use: folders and names find room on it, and nothing else.
	full := `mount -t tmpfs -o size=4k tmpfs "$HOME" && echo full > "$HOME/full"`
	c := startChild(t, []string{unshare, "--mount"}, full)
	const warning = "WRN the development authority lives in memory"
	for !strings.Contains(c.log.String(), warning) { // the server says where it is first
		if got := runCommand(nil, "health", "https://"+c.address); got.code != exitOK {
			t.Fatalf("health: %s", got.err)
		}
	}
	if log := c.log.String(); strings.Count(log, warning) != 1 || !strings.Contains(log, "no space left") {
		t.Errorf("log:\n%s", log)
	}
	if got := runCommand(nil, "health", "https://"+c.address); got.code != exitOK {
		t.Errorf("health: %s", got.err)
	}
}

// TestNamesThatCannotBeLookedUp has the clients of this module meet a resolver that fails. The server looks up no names.
func TestNamesThatCannotBeLookedUp(t *testing.T) {
	got := runCommand(nil, "health", "https://parley.invalid:1/healthz")
	if got.code != exitFailure || strings.Count(got.err, "\n") != 1 || !strings.Contains(got.err, "parley.invalid") {
		t.Errorf("exit %d: %s", got.code, got.err)
	}
}
