package house

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the top of the repository, as the tests of this folder see it.
const root = "../../.."

func report(t *testing.T, findings []string) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}

func tree(t *testing.T) []string {
	t.Helper()
	files, err := sourceFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(files, "go.mod") {
		t.Fatalf("go.mod is not among the files: %q", files)
	}
	return files
}

// lay writes files into a new folder and returns it.
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

func TestArrowsOfTheTree(t *testing.T) {
	module, graph, err := loadGraph(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := graph[module+"/cmd/internal/house"]; !ok {
		t.Fatalf("the import graph lacks this package: %d packages", len(graph))
	}
	report(t, backward(graph, module, arrows()))
}

func TestSourceOfTheTree(t *testing.T) {
	report(t, sourceFindings(root, tree(t)))
}

func TestTopLevelOfTheTree(t *testing.T) {
	if stray := strayTopLevel(tree(t)); len(stray) > 0 {
		t.Errorf("%q must not lie at the top level", stray)
	}
}

func TestTextOfTheTree(t *testing.T) {
	for _, file := range tree(t) {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			continue // a symbolic link to nowhere, or a file that another program just removed
		}
		report(t, forbiddenIn(file, string(text)))
	}
}

func TestBackwardArrows(t *testing.T) {
	tests := []struct {
		name  string
		graph Graph
		want  string // the beginning of the only finding; empty: none
	}{
		{name: "downwards", graph: Graph{"m/cmd/parley": {"m/signaling"}, "m/signaling": {"m/rooms", "github.com/gorilla/websocket"}, "m/rooms": {}}},
		{name: "rooms to signaling", graph: Graph{"m/rooms": {"m/signaling"}, "m/signaling": {}}, want: "m/rooms imports m/signaling: the domain"},
		{name: "a folder below", graph: Graph{"m/rooms": {"m/signaling/protocol"}}, want: "m/rooms imports m/signaling/protocol: the domain"},
		{
			name:  "by way of another",
			graph: Graph{"m/rooms": {"github.com/x/y"}, "github.com/x/y": {"github.com/z", "github.com/pion/ice/v4"}},
			want:  "m/rooms imports github.com/x/y imports github.com/pion/ice/v4: the domain",
		},
		{name: "module at the top of its pattern", graph: Graph{"m/rooms": {"github.com/rs/zerolog"}}, want: "m/rooms imports github.com/rs/zerolog: "},
		{name: "not a prefix of a word", graph: Graph{"m/rooms": {"github.com/pionic/x"}}},
		{name: "more than only", graph: Graph{"m/signaling/protocol": {"github.com/google/uuid"}}, want: "m/signaling/protocol imports github.com/google/uuid: the wire"},
		{name: "only", graph: Graph{"m/rooms/roomstest": {"m/rooms"}, "m/rooms": {"github.com/google/uuid"}}},
		{name: "more than only one", graph: Graph{"m/rooms/roomstest": {"go.uber.org/goleak"}}, want: "m/rooms/roomstest imports go.uber.org/goleak: every"},
		{name: "client to its server", graph: Graph{"m/signaling/client": {"m/signaling"}}, want: "m/signaling/client imports m/signaling: a client"},
		{name: "client to the wire", graph: Graph{"m/signaling/client": {"m/signaling/protocol"}}},
		{name: "web to cmd", graph: Graph{"m/web": {"m/cmd/need"}}, want: "m/web imports m/cmd/need: commands"},
		{name: "a circle", graph: Graph{"m/certs": {"github.com/x/y"}, "github.com/x/y": {"m/certs"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := backward(tt.graph, "m", arrows())
			if tt.want == "" {
				report(t, got)
				return
			}
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("backward() = %q, want one finding that begins with %q", got, tt.want)
			}
		})
	}
}

func TestEveryArrowHasAReason(t *testing.T) {
	for _, a := range arrows() {
		if a.Why == "" || len(a.Not) == 0 && a.Only == nil {
			t.Errorf("%+v says too little", a)
		}
	}
}

func TestSourceFindings(t *testing.T) {
	table := "\tt := []int{\n" + strings.Repeat("\t\t1,\n", maxFunctionLines) + "\t}\n"
	long := "func f() {\n" + strings.Repeat("\tg()\n", maxFunctionLines-1) + "}\n"
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{name: "well kept", files: map[string]string{
			"a/a.go": "// Package a is.\npackage a\n\n// X is.\nfunc X() {}\n\n// T is.\ntype T int\n\n// M is.\nfunc (T) M() {}\n\ntype u int\n\nfunc (u) M() {}\n\nconst (\n\tA = 1 // one\n)\n\n// Errors.\nvar B, C int\n",
			"a/b.go": "package a\n",
		}},
		{name: "command", files: map[string]string{"cmd/x/main.go": "// Command x is.\npackage main\n\ntype T int\n\nfunc main() {}\n"}},
		{name: "no package comment", files: map[string]string{"a/a.go": "package a\n"}, want: []string{`a: 0 package comments that begin with "Package a ", want 1`}},
		{
			name:  "two package comments",
			files: map[string]string{"a/a.go": "// Package a is.\npackage a\n", "a/b.go": "// Package a is.\npackage a\n"},
			want:  []string{`a: 2 package comments that begin with "Package a ", want 1`},
		},
		{
			name:  "a licence in its place",
			files: map[string]string{"a/a.go": "// Package a is.\npackage a\n", "a/b.go": "// Copyright.\npackage a\n"},
			want:  []string{`a: the package comment must begin with "Package a "`},
		},
		{
			name: "undocumented", want: []string{"a/a.go: A has no comment", "a/a.go: M has no comment", "a/a.go: T has no comment", "a/a.go: X has no comment"},
			files: map[string]string{"a/a.go": "// Package a is.\npackage a\n\nfunc X() {}\n\n// Types.\ntype (\n\tT[P any] int\n)\n\nfunc (*T[P]) M() {}\n\nvar A int\n"},
		},
		{
			name:  "long function, in a test too, but not for its table",
			files: map[string]string{"a/a.go": "// Package a is.\npackage a\n", "a/a_test.go": "package a\n\n" + long + "func h() {\n" + table + "}\n", "a/b.go": "package a\n\nfunc h() {\n" + table + "}\n"},
			want:  []string{"a/a_test.go: f is 61 lines, at most 60", "a/b.go: h is 64 lines, at most 60"},
		},
		{
			name:  "long file",
			files: map[string]string{"a/a.go": "// Package a is.\npackage a\n" + strings.Repeat("\n", maxFileLines), "a/a_test.go": "package a\n" + strings.Repeat("\n", maxFileLines)},
			want:  []string{"a/a.go: 402 lines, at most 400"},
		},
		{
			name: "a clock that can be set", want: []string{"rooms/a.go: UnixNano takes the wall clock, which can be set; measure with time.Since"},
			files: map[string]string{
				"rooms/a.go": "// Package rooms is.\npackage rooms\n\nvar a = now().UnixNano()\n",
				"web/a.go":   "// Package web is.\npackage web\n\nvar a = now().UnixNano()\n",
			},
		},
		{
			name:  "test data and generated files",
			files: map[string]string{"a/testdata/x.go": "package x\n", "a/a.go": "// Package a is.\npackage a\n", "a/g.go": "// Code generated by hand. DO NOT EDIT.\n\npackage a\n\n" + long},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			names := slices.Collect(maps.Keys(tt.files))
			if got := sourceFindings(lay(t, tt.files), names); !slices.Equal(got, tt.want) {
				t.Errorf("sourceFindings() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStrayTopLevel(t *testing.T) {
	files := []string{"cmd/a.go", "LICENSE", ".ci/run", ".gitignore", "scripts/a", "scripts/b", "notes.txt"}
	if got, want := strayTopLevel(files), []string{"scripts", "notes.txt"}; !slices.Equal(got, want) {
		t.Errorf("strayTopLevel() = %q, want %q", got, want)
	}
}

func TestForbiddenText(t *testing.T) {
	for words := range forbiddenText() {
		got := forbiddenIn("a.md", "first\nsee "+words+"x\n")
		if len(got) != 1 || !strings.HasPrefix(got[0], "a.md:2: ") {
			t.Errorf("forbiddenIn() = %q, want one finding in line 2", got)
		}
	}
	if got := forbiddenIn("a.md", "https://go.dev and ./work"); len(got) > 0 {
		t.Errorf("forbiddenIn() = %q, want nothing", got)
	}
}

func TestFilesWithoutGit(t *testing.T) {
	dir := lay(t, map[string]string{"go.mod": "", "bin/parley": "", "web/node_modules/x.js": "", "web/app.js": "", ".git/HEAD": ""})
	got, err := sourceFiles(dir)
	if want := []string{"go.mod", "web/app.js"}; !slices.Equal(got, want) || err != nil {
		t.Errorf("sourceFiles() = %q, %v; want %q", got, err, want)
	}
}
