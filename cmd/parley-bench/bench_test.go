package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serverTest leaves a test that starts servers out of the fast ones.
func serverTest(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
}

func newTestBench(t *testing.T) *bench {
	t.Helper()
	pair, err := writeCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &bench{
		duration: 200 * time.Millisecond, rounds: 1, certificate: pair, cpuTime: cpuTime,
		progress: func(line string) { t.Log(line) },
	}
}

func TestEverySubjectRelays(t *testing.T) {
	serverTest(t)
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+beginMarker+"old\n"+endMarker+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	args := []string{"--pairs", "2", "--duration", "200ms", "--rounds", "1", "--json", "--write", page}
	if code := execute(t.Context(), args, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	t.Log(stderr.String())
	var got report
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, stdout.String())
	}
	if len(got.Workloads) != 1 || len(got.Workloads[0].Subjects) != 5 {
		t.Fatalf("got %+v, want one workload on five subjects", got)
	}
	for _, s := range got.Workloads[0].Subjects {
		for figure, of := range map[string]spread{
			"CPU ratio": s.CPURatio, "rate ratio": s.RateRatio, "CPU": s.CPUPerMillion, "rate": s.PerSecond,
		} {
			if !(of.Min > 0 && of.Min <= of.Median && of.Median <= of.Max && of.Max < math.MaxFloat64) {
				t.Errorf("%s: %s is %+v", s.Name, figure, of)
			}
		}
	}
	written, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\n" + beginMarker + got.String() + "\n" + endMarker + "after\n"; string(written) != want {
		t.Errorf("the page is\n%s\nwant\n%s", written, want)
	}
}

func TestPairsBesideOneWhoNeverReads(t *testing.T) {
	serverTest(t)
	var stdout, stderr bytes.Buffer
	args := []string{"--slow", "--pairs", "2", "--duration", "300ms", "--rounds", "1", "--json"}
	if code := execute(t.Context(), args, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var got report
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, stdout.String())
	}
	if len(got.Workloads) != 1 || len(got.Workloads[0].Subjects) != 3 {
		t.Fatalf("got %+v, want one workload with three kinds of company", got)
	}
	for _, s := range got.Workloads[0].Subjects {
		if s.P99Ratio.Min <= 0 || s.P50.Min <= 0 || s.P99.Min < s.P50.Min {
			t.Errorf("%+v", s)
		}
	}
	if table := got.String(); !strings.Contains(table, "p99 ÷ alone") || !strings.Contains(table, "beside one who never reads") {
		t.Error(table)
	}
}

// TestCPUTimeAtTheEnd is what happens on systems that tell the CPU time of a process only when it has ended.
func TestCPUTimeAtTheEnd(t *testing.T) {
	serverTest(t)
	b := newTestBench(t)
	b.cpuTime = func(int) (time.Duration, error) { return 0, errors.ErrUnsupported }
	w, s := relay{pairs: 1, size: minMessage}, bare{program: os.Args[0]}

	var idle time.Duration
	_, err := b.measure(t.Context(), w, s, &idle)
	if err != nil && !errors.Is(err, errNothing) { // which is right where starting has used more than so short a run
		t.Fatal(err)
	}
	if idle <= 0 {
		t.Errorf("a server without load used %v", idle)
	}

	idle = 1
	m, err := b.measure(t.Context(), w, s, &idle)
	if err != nil {
		t.Fatal(err)
	}
	if m.cpuCount < m.count || m.cpuPerMillion() <= 0 || m.busy != 0 {
		t.Errorf("got %+v, want all messages to count for the CPU time, and no idea how busy the server was", m)
	}
}

func TestServerThatDoesNotStart(t *testing.T) {
	serverTest(t)
	b := newTestBench(t)
	b.certificate.certFile = filepath.Join(t.TempDir(), "missing.pem")
	_, err := b.start(t.Context(), bare{program: os.Args[0]})
	if err == nil || !strings.Contains(err.Error(), "ended at once") || !strings.Contains(err.Error(), "missing.pem") {
		t.Errorf("start() = %v, want the server's own reason", err)
	}
	if _, err := b.start(t.Context(), bare{program: b.certificate.certFile}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("start() of a missing program = %v", err)
	}
}

type fakeLoad func(context.Context) error

func (f fakeLoad) run(ctx context.Context) error { return f(ctx) }
func (fakeLoad) close()                          {}

func TestLoadThatFails(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name string
		load fakeLoad
		want string
	}{
		{name: "fails", load: func(context.Context) error { return broken }, want: "broken"},
		{name: "ends", load: func(context.Context) error { return nil }, want: "the load ended by itself"},
		{name: "fails at its end", load: func(ctx context.Context) error { <-ctx.Done(); return broken }, want: "broken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &bench{duration: time.Millisecond, cpuTime: cpuTime}
			if _, err := b.window(t.Context(), processes{server: []int{os.Getpid()}}, tt.load, newRecorder()); err == nil || err.Error() != tt.want {
				t.Errorf("window() = %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b := &bench{duration: time.Hour, cpuTime: cpuTime}
		waits := fakeLoad(func(ctx context.Context) error { <-ctx.Done(); return nil })
		if _, err := b.window(ctx, processes{server: []int{os.Getpid()}}, waits, newRecorder()); !errors.Is(err, context.Canceled) {
			t.Errorf("window() = %v, want it canceled", err)
		}
	})
}

func TestBetween(t *testing.T) {
	at := time.Now()
	reading := func(after time.Duration, counts ...uint64) reading {
		return reading{at: at.Add(after), cpu: after / 2, load: after / 4, counts: counts}
	}
	m, err := between(reading(0, 10, 0), reading(2*time.Second, 310, 300), newRecorder())
	if err != nil {
		t.Fatal(err)
	}
	if m.count != 600 || m.perSecond() != 300 || m.busy != 0.5 || m.loadBusy != 0.25 || m.cpuPerMillion() != 1e6/600 {
		t.Errorf("between() = %+v", m)
	}
	if _, err := between(reading(0, 10, 0), reading(1, 5010, 0), newRecorder()); err == nil {
		t.Error("a client that stood still while the other went on is no error")
	}
	if _, err := between(reading(0, 10, 0), reading(1, 20, 0), newRecorder()); err != nil {
		t.Errorf("a client that has not had its turn in a short time is an error: %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{name: "help", args: []string{"--help"}, code: exitOK, want: "--pairs"},
		{name: "unknown", args: []string{"--speed"}, code: exitUsage, want: "--speed"},
		{name: "no pairs", args: []string{"--pairs", "0"}, code: exitUsage, want: "--pairs and --rounds must be at least 1"},
		{name: "too short", args: []string{"--duration", "1ms"}, code: exitUsage, want: "--duration must be at least"},
		{name: "too small", args: []string{"--size", "20"}, code: exitUsage, want: "--size must be"},
		{name: "no page", args: []string{"--write", "missing.md"}, code: exitFailed, want: "--write: "},
		{name: "bare relay without a certificate", args: []string{bareArgument}, code: exitFailed, want: "certificate file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if code := execute(t.Context(), tt.args, &out, &out); code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("execute(%q) = %d: %s\nwant %d and %q", tt.args, code, out.String(), tt.code, tt.want)
			}
		})
	}
}
