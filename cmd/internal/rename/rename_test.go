package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRename(t *testing.T) {
	before := map[string]string{
		"go.mod":         "module parley\n\ngo 1.25.0\n",
		"rooms/rooms.go": "// Package rooms is.\npackage rooms\n\n// Name is a name.\nconst Name = \"parley/rooms\"\n",
		"cmd/parley/main.go": "// Command parley is; see [parley/rooms.Name].\npackage main\n\nimport (\n\t\"fmt\"\n\n\trooms \"parley/rooms\"\n)\n\n" +
			"func main() { fmt.Println(rooms.Name, \"parley/certs\") }\n",
		"docs/a.md":               "Run `go run parley/cmd/parley` or (parley/signaling/client); `parley serve` stays, and /etc/parley/certs, and parley/x.\n",
		"Makefile":                "x:\n\tgo doc parley/web\n",
		"web/testdata/golden.md":  "parley/rooms\n",
		"web/static/parley.js":    "// parley/rooms\n",
		"node_modules/x/y.go":     "package x // parley/rooms\n",
		".github/workflows/c.yml": "run: go vet parley/rooms\n",
	}
	after := maps.Clone(before)
	after["go.mod"] = "module example.com/x/parley\n\ngo 1.25.0\n"
	after["cmd/parley/main.go"] = "// Command parley is; see [example.com/x/parley/rooms.Name].\npackage main\n\nimport (\n\t\"fmt\"\n\n\trooms \"example.com/x/parley/rooms\"\n)\n\n" +
		"func main() { fmt.Println(rooms.Name, \"parley/certs\") }\n"
	after["docs/a.md"] = "Run `go run example.com/x/parley/cmd/parley` or (example.com/x/parley/signaling/client); `parley serve` stays, and /etc/parley/certs, and parley/x.\n"
	after["Makefile"] = "x:\n\tgo doc example.com/x/parley/web\n"
	after[".github/workflows/c.yml"] = "run: go vet example.com/x/parley/rooms\n"

	dir := lay(t, before)
	changed, err := rename(dir, "example.com/x/parley")
	if err != nil {
		t.Fatal(err)
	}
	if changed != 5 {
		t.Errorf("%d files changed, want 5", changed)
	}
	compare(t, dir, after)
	if out, err := goCommand(dir, "build", "./..."); err != nil {
		t.Errorf("the renamed module does not build: %v\n%s", err, out)
	}
	if _, err := rename(dir, "parley"); err != nil {
		t.Fatal(err)
	}
	compare(t, dir, before)
}

func compare(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || string(got) != want[name] {
			t.Errorf("%s: %v\n%s\nwant:\n%s", name, err, got, want[name])
		}
	}
}

func TestRenameToNonsense(t *testing.T) {
	files := map[string]string{"go.mod": "module parley\n\ngo 1.25.0\n", "a.go": "package a\n"}
	dir := lay(t, files)
	if _, err := rename(dir, "no spaces"); err == nil || !strings.Contains(err.Error(), "no spaces") {
		t.Errorf("rename to nonsense: %v; want an error that says so", err)
	}
	compare(t, dir, files)
}

// TestRenameThisTree is the promise of `make rename`: a copy of this very tree under another name passes vet.
func TestRenameThisTree(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles everything again")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, sources{os.DirFS("../../..")}); err != nil {
		t.Fatal(err)
	}
	if _, err := rename(dir, "example.com/x/parley"); err != nil {
		t.Fatal(err)
	}
	if _, err := goCommand(dir, "vet", "./..."); err != nil {
		t.Error(err)
	}
}

// sources is a tree without its version control, its programs and its JavaScript tools.
type sources struct{ fs.FS }

// ReadDir leaves those out at every level.
func (s sources) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return slices.Contains([]string{".git", "bin", "node_modules"}, e.Name())
	}), err
}
