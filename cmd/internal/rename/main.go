// Command rename gives the module another path; `make rename MODULE=example.com/you/parley` runs it. It changes go.mod, the
// imports, and the comments, documents and scripts that name the module or a package in it.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley/cmd/need"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] == "" {
		fmt.Fprintln(os.Stderr, "usage: make rename MODULE=example.com/you/parley")
		os.Exit(2)
	}
	changed, err := rename(".", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
	fmt.Printf("The module is now %s; files changed: %d\n", os.Args[1], changed)
}

// rename gives the module in the folder root the path to, and returns how many files that changed.
func rename(root, to string) (int, error) {
	from, err := goCommand(root, "list", "-m")
	if err != nil {
		return 0, err
	}
	// The go command refuses a path that is none, before anything else is changed.
	if _, err := goCommand(root, "mod", "edit", "-module="+to); err != nil {
		return 0, err
	}
	changed := 1
	r := renamer{from: from, to: to}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "node_modules", "testdata"}, d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		did, err := r.file(path)
		if did {
			changed++
		}
		return err
	})
	return changed, err
}

func goCommand(dir string, args ...string) (string, error) {
	cmd := exec.Command(need.GoCommand(), args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

type renamer struct{ from, to string }

// file changes one file in place and says whether it did.
func (r renamer) file(path string) (bool, error) {
	var change func([]byte) ([]byte, error)
	switch name := filepath.Base(path); {
	case filepath.Ext(name) == ".go":
		change = r.code
	case slices.Contains([]string{".md", ".yml", ".yaml", ".sh", ".json"}, filepath.Ext(name)),
		name == "Makefile", strings.HasPrefix(name, "Dockerfile"), filepath.Base(filepath.Dir(path)) == ".ci":
		change = func(text []byte) ([]byte, error) { return r.text(text), nil }
	default:
		return false, nil
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	after, err := change(before)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	if bytes.Equal(before, after) {
		return false, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return true, os.WriteFile(path, after, info.Mode().Perm())
}

// text changes the paths of packages in a text. The name of the module alone is left, where it is a plain word: "parley"
// is a program too.
func (r renamer) text(text []byte) []byte {
	below := "/(?:cmd|signaling|rooms|web|certs|docker)\\b"
	if strings.ContainsAny(r.from, "./") {
		below = "\\b"
	}
	named := regexp.MustCompile(`(^|[^\w./~-])` + regexp.QuoteMeta(r.from) + `(` + below + `)`)
	return named.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(r.to, "$", "$$")+"${2}"))
}

// code changes the imports of a Go file, and package paths in its comments. Other strings are data and stay. The imports
// are sorted anew.
func (r renamer) code(src []byte) ([]byte, error) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	edits := map[int]edit{}
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if rest, ok := strings.CutPrefix(path, r.from); ok && (rest == "" || rest[0] == '/') {
			edits[files.Position(spec.Path.Pos()).Offset] = edit{spec.Path.Value, strconv.Quote(r.to + rest)}
		}
	}
	for _, group := range f.Comments {
		for _, c := range group.List {
			r.comment(files, c, edits)
		}
	}
	if len(edits) == 0 {
		return src, nil
	}
	return format.Source(apply(src, edits))
}

type edit struct{ from, to string }

func (r renamer) comment(files *token.FileSet, c *ast.Comment, edits map[int]edit) {
	if after := string(r.text([]byte(c.Text))); after != c.Text {
		edits[files.Position(c.Pos()).Offset] = edit{c.Text, after}
	}
}

// apply makes the edits, each at its offset in src.
func apply(src []byte, edits map[int]edit) []byte {
	var out bytes.Buffer
	for at := 0; at < len(src); {
		if e, ok := edits[at]; ok {
			out.WriteString(e.to)
			at += len(e.from)
			continue
		}
		out.WriteByte(src[at])
		at++
	}
	return out.Bytes()
}
