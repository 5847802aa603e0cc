package need

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fake is a machine with these programs in PATH and these files, on which every command prints output.
func fake(goos string, root bool, programs, files []string, output string, err error) machine {
	return machine{
		goos: goos,
		root: root,
		lookPath: func(name string) (string, error) {
			if slices.Contains(programs, name) {
				return "/bin/" + name, nil
			}
			return "", errors.New("not found")
		},
		exists: func(path string) bool { return slices.Contains(files, path) },
		run:    func(string, ...string) (string, error) { return output, err },
	}
}

func TestFind(t *testing.T) {
	failed := errors.New("exit status 1")
	chrome := "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
	tests := []struct {
		name    string
		need    Need
		machine machine
		path    string
		err     string // a part of it
		mend    bool   // installing its packages would help
	}{
		{name: "in PATH", need: Chromium, machine: fake("linux", false, []string{"google-chrome", "chromium"}, nil, "", nil), path: "/bin/chromium"},
		{name: "second name", need: Firefox, machine: fake("linux", false, []string{"firefox-esr"}, nil, "", nil), path: "/bin/firefox-esr"},
		{name: "macOS application", need: Chromium, machine: fake("darwin", false, nil, []string{chrome}, "", nil), path: chrome},
		{name: "absent", need: Coturn, machine: fake("linux", true, nil, nil, "", nil), err: "turnserver is not in PATH", mend: true},
		{name: "compiler", need: CCompiler, machine: fake("linux", false, []string{"gcc"}, nil, "", nil), path: "/bin/gcc"},
		{
			name: "compiler without headers", need: CCompiler, err: "stdlib.h: No such file", mend: true,
			machine: fake("linux", false, []string{"gcc"}, nil, "# runtime/cgo\nstdlib.h: No such file\n", failed),
		},
		{name: "node", need: Node, machine: fake("linux", false, []string{"node"}, nil, "v18.0.0\n", nil), path: "/bin/node"},
		{name: "old node", need: Node, machine: fake("linux", false, []string{"nodejs"}, nil, "v12.22.5\n", nil), err: `"v12.22.5", version 18`, mend: true},
		{name: "strange node", need: Node, machine: fake("linux", false, []string{"node"}, nil, "moon", nil), err: `"moon", version 18`, mend: true},
		{name: "broken node", need: Node, machine: fake("linux", false, []string{"node"}, nil, "", failed), err: "exit status 1"},
		{name: "namespaces", need: Namespaces, machine: fake("linux", true, nil, []string{"/usr/sbin/ip"}, "", nil), path: "/usr/sbin/ip"},
		{name: "namespaces for users", need: Namespaces, machine: fake("linux", false, []string{"ip"}, nil, "", nil), err: "they need root"},
		{name: "namespaces refused", need: Namespaces, machine: fake("linux", true, []string{"ip"}, nil, "Operation not permitted", failed), err: "not permitted"},
		{name: "namespaces on macOS", need: Namespaces, machine: fake("darwin", true, []string{"ip"}, nil, "", nil), err: "only Linux"},
		{name: "Docker", need: Docker, machine: fake("linux", false, []string{"docker"}, nil, "20.10", nil), path: "/bin/docker"},
		{name: "Docker without engine", need: Docker, machine: fake("linux", true, []string{"docker"}, nil, "no socket", failed), err: "no engine answers: no socket", mend: true},
		{name: "Docker in a cage", need: Docker, machine: fake("linux", true, []string{"docker", "dockerd"}, nil, "not permitted", failed), err: "nobody start an engine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path, err := tt.need.Source().find(tt.machine)
			if path != tt.path || (err == nil) != (tt.err == "") {
				t.Fatalf("find() = %q, %v; want %q, error %q", path, err, tt.path, tt.err)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), tt.err) {
				t.Errorf("the error is %q, want %q in it", err, tt.err)
			}
			if skip := NewSkip(tt.need, t.Name(), err); skip.Package != tt.mend {
				t.Errorf("a package helps: %t, want %t", skip.Package, tt.mend)
			}
		})
	}
}

func TestEngineThatRootCanStart(t *testing.T) {
	m := fake("linux", true, []string{"docker", "dockerd"}, nil, "", nil)
	m.run = func(name string, _ ...string) (string, error) {
		if name == "/bin/docker" {
			return "no socket", errors.New("exit status 1")
		}
		return "", nil
	}
	if path, err := Docker.Source().find(m); path != "/bin/docker" || err != nil {
		t.Errorf("find() = %q, %v; want /bin/docker", path, err)
	}
}

func TestEveryNeedHasASource(t *testing.T) {
	for _, n := range All() {
		s := n.Source()
		if len(s.Programs) == 0 || len(s.Debian) == 0 {
			t.Errorf("%s: no program or no Debian package in %+v", n, s)
		}
	}
}

// recorder is a testing.TB that notes how a test ended.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Name() string          { return "TestOfSomebody" }
func (r *recorder) Skipf(string, ...any)  { r.skipped = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true }

func TestMissing(t *testing.T) {
	t.Run("skips and reports", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "skips")
		t.Setenv(SkipsEnv, file)
		t.Setenv(RequireEnv, "")
		r := &recorder{TB: t}
		Nginx.Missing(r, absentError("gone"))
		if !r.skipped || r.failed {
			t.Errorf("skipped %t, failed %t; want a skip", r.skipped, r.failed)
		}
		got, err := Skips(file)
		want := []Skip{{Need: Nginx, Test: "TestOfSomebody", Reason: "gone", Package: true}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Skips() = %v, %v; want %v", got, err, want)
		}
	})
	t.Run("fails when required", func(t *testing.T) {
		t.Setenv(RequireEnv, "1")
		t.Setenv(SkipsEnv, "")
		r := &recorder{TB: t}
		// The real Fatalf ends the test; this one goes on to the skip.
		Nginx.Missing(r, absentError("gone"))
		if !r.failed {
			t.Error("not failed")
		}
	})
}

func TestPathOfAProgramThatIsThere(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "turnserver")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv(SkipsEnv, "")
	r := &recorder{TB: t}
	if testing.Short() {
		if Coturn.Path(r); !r.skipped {
			t.Error("a heavy need is not left out of the fast tests")
		}
		return
	}
	if got := Coturn.Path(r); got != program || r.skipped {
		t.Errorf("Path() = %q, skipped %t; want %q", got, r.skipped, program)
	}
}

func TestReportsAtTheSameTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "skips")
	const n = 50
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if err := Report(file, Skip{Need: Node, Test: strings.Repeat("long", 50)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got, err := Skips(file); len(got) != n || err != nil {
		t.Errorf("%d skips, %v; want %d", len(got), err, n)
	}
}

func TestSkipsOfADamagedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "skips")
	if got, err := Skips(file); len(got) != 0 || err != nil {
		t.Errorf("no file: %v, %v; want nothing", got, err)
	}
	if err := os.WriteFile(file, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Skips(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("damaged file: %v; want an error that names it", err)
	}
}
