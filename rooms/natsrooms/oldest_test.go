package natsrooms

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"parley/cmd/need"
	"parley/rooms"
	"parley/rooms/roomstest"
)

// oldestNATS is the first version that has all that the engine uses.
const oldestNATS = "v2.11.0"

// TestSoakOldestNATS runs the suite against the oldest server that is good enough, as a process of its own.
func TestSoakOldestNATS(t *testing.T) {
	if os.Getenv("PARLEY_TEST_SOAK") == "" {
		t.Skip("for make soak")
	}
	url := startProcess(t, installNATS(t))
	roomstest.Run(t, func(t *testing.T, config rooms.Config) rooms.Engine {
		return newNode(t, config, Options{URLs: []string{url}, Prefix: newPrefix(), Shards: 1})
	})
}

// installNATS builds that version, and gives the program.
func installNATS(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	install := exec.Command(need.GoCommand(), "install", "github.com/nats-io/nats-server/v2@"+oldestNATS)
	install.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(folder, "nats-server")
}

// startProcess starts a NATS server on a free port, and gives its URL.
func startProcess(t *testing.T, program string) string {
	t.Helper()
	nats := exec.Command(program, "--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir", t.TempDir())
	log, err := nats.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := nats.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nats.Process.Kill()
		_ = nats.Wait()
	})
	listens := regexp.MustCompile(`Listening for client connections on (127\.0\.0\.1:\d+)`)
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			go func() {
				for lines.Scan() { // it must not wait for somebody to read
				}
			}()
			return "nats://" + found[1]
		}
	}
	t.Fatal("the NATS server has ended")
	return ""
}
