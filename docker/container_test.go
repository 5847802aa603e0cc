// Package docker tests the container image as it is meant to be run: read-only, without root and without capabilities.
// There is no other Go code here; `make test-container` runs it.
package docker

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	image     = "parley:test"
	container = "parley-test"
)

func TestContainer(t *testing.T) {
	if os.Getenv("PARLEY_TEST_CONTAINER") != "1" {
		t.Skip("make test-container runs this")
	}
	engine(t)
	baseImage(t)
	begin := time.Now()
	mustCommand(t, "make", "image", "IMAGE="+image, "DOCKER_BUILD_ARGS=--network host")
	t.Logf("image: built in %s, %s", time.Since(begin).Round(time.Second), size(t))
	if user := inspect(t, "{{.Config.User}}", image); user != "65532:65532" {
		t.Errorf("the image runs as %q, want 65532:65532", user)
	}

	_, _ = command("docker", "rm", "--force", container) // of a run that was broken off
	begin = time.Now()
	events := healthEvents(t, begin)
	mustCommand(t, "docker", "run", "--detach", "--name", container, "--read-only", "--cap-drop", "ALL",
		"--security-opt", "no-new-privileges", "--network", "none", "--health-interval", "250ms", image)
	t.Cleanup(func() { mustCommand(t, "docker", "rm", "--force", container) })
	waitHealthy(t, events)
	t.Logf("healthy %s after docker run", time.Since(begin).Round(10*time.Millisecond))

	t.Log(mustCommand(t, "docker", "exec", container, "parley", "version"))
	// The development authority cannot be kept where nothing can be written, so nobody can be told to trust it.
	t.Log(mustCommand(t, "docker", "exec", container, "parley-peer", "call", "--pair", "--insecure", "--timeout", "60s", "--json"))

	begin = time.Now()
	mustCommand(t, "docker", "stop", "-t", "30", container)
	if code := inspect(t, "{{.State.ExitCode}}", container); code != "0" {
		t.Errorf("exit code %s after SIGTERM, want 0; the log:\n%s", code, logs(t))
	}
	t.Logf("ended %s after SIGTERM", time.Since(begin).Round(10*time.Millisecond))
}

func size(t *testing.T) string {
	t.Helper()
	bytes, err := strconv.ParseFloat(inspect(t, "{{.Size}}", image), 64)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatFloat(bytes/1e6, 'f', 1, 64) + " MB"
}

func inspect(t *testing.T, format, what string) string {
	t.Helper()
	return mustCommand(t, "docker", "inspect", "--format", format, what)
}

// logs is for the report of a failure, and must not be the next one.
func logs(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("docker", "logs", container).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// healthEvents follows the container's events that tell how it is, from begin until the end of the test.
func healthEvents(t *testing.T, begin time.Time) <-chan string {
	t.Helper()
	since := fmt.Sprintf("%d.%09d", begin.Unix(), begin.Nanosecond())
	cmd := exec.Command("docker", "events", "--since", since, "--format", "{{.Action}}",
		"--filter", "container="+container, "--filter", "event=health_status", "--filter", "event=die")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	events := make(chan string, 100)
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			events <- lines.Text()
		}
		close(events)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range events { // until its output ends
		}
		_ = cmd.Wait()
	})
	return events
}

// waitHealthy waits for the container's own health check to say that it is well. A container that ends fails the test.
func waitHealthy(t *testing.T, events <-chan string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case event, ok := <-events:
			if strings.HasPrefix(event, "health_status") && strings.HasSuffix(event, ": healthy") {
				return
			}
			if !ok || event == "die" {
				t.Fatalf("the container ended; its log:\n%s", logs(t))
			}
		case <-limit:
			t.Fatalf("not healthy in time: %s\nthe log:\n%s", inspect(t, "{{json .State.Health}}", container), logs(t))
		}
	}
}
