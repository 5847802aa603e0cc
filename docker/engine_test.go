package docker

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/cmd/need"
)

// startLimit bounds the start and the end of an engine.
const startLimit = time.Minute

// command runs a program in the folder of the repository's top and returns what it printed, without the last newline.
func command(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = ".."
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return strings.TrimSpace(stdout.String()), err
}

func mustCommand(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := command(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// engine sees to it that `docker` reaches an engine for the time of the test: the one that is there, or one of the test's
// own, which leaves the network of the machine alone. That one gives containers no network but host and none.
func engine(t *testing.T) {
	t.Helper()
	need.Docker.Path(t)
	if _, err := command("docker", "version"); err == nil {
		return
	}
	dir, err := os.MkdirTemp("", "parley-docker") // t.TempDir is too long a path for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Log(err)
		}
	})
	socket := filepath.Join(dir, "socket")
	if err := startEngine(t, dir, socket); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		need.Docker.Missing(t, fmt.Errorf("%w; its log ends: %s", err, log[max(0, len(log)-500):]))
	}
	t.Setenv("DOCKER_HOST", "unix://"+socket)
}

// startEngine starts dockerd and waits until it says, as to systemd, that it is ready. It is ended with the test.
func startEngine(t *testing.T, dir, socket string) error {
	t.Helper()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		return err
	}
	defer notify.Close()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	// In a mount namespace of its own, so that nothing that it mounts stays behind.
	cmd := exec.Command("unshare", "--mount", "dockerd", "--host", "unix://"+socket, "--data-root", filepath.Join(dir, "data"),
		"--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"),
		"--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "TMPDIR="+dir)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		notify.Close() // nobody will say that it is ready
	}()
	t.Cleanup(func() { endEngine(t, cmd, ended) })
	if err := notify.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	for message := make([]byte, 4096); ; {
		n, err := notify.Read(message)
		if err != nil {
			return fmt.Errorf("the Docker engine did not start: %w", err)
		}
		if bytes.Contains(message[:n], []byte("READY=1")) {
			return nil
		}
	}
}

func endEngine(t *testing.T, cmd *exec.Cmd, ended <-chan error) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Log(err)
	}
	select {
	case <-ended:
	case <-time.After(startLimit):
		t.Error("the Docker engine does not end; it is killed")
		_ = cmd.Process.Kill()
		<-ended
	}
}

// baseImage sees to it that the engine has the image that the Dockerfile builds in: its own, the registry's, or a local
// stand-in.
func baseImage(t *testing.T) {
	t.Helper()
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	from := regexp.MustCompile(`(?m)^FROM (golang:\S+)`).FindSubmatch(dockerfile)
	if from == nil {
		t.Fatal("the Dockerfile begins with no golang image")
	}
	image := string(from[1])
	if _, err := command("docker", "image", "inspect", image); err == nil {
		return
	}
	if _, err := command("docker", "pull", "--quiet", image); err == nil {
		return
	}
	t.Logf("%s cannot be pulled; a stand-in is made from Debian's packages", image)
	mustCommand(t, "docker/golang-image", image)
}
