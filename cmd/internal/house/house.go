// Package house holds the rules of this repository that a machine can check: which package may import which, what is
// documented, how long things are, what lies where. Its tests check the tree; nothing else calls it.
package house

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// topLevel is all that may lie at the top of the repository, besides files and folders whose name begins with a dot.
func topLevel() []string {
	return []string{
		"cmd", "signaling", "rooms", "web", "certs", "docker", "docs",
		"go.mod", "go.sum", "Makefile", "README.md", "LICENSE",
	}
}

// strayTopLevel returns the names at the top of the tree that do not belong there.
func strayTopLevel(files []string) []string {
	var stray []string
	for _, file := range files {
		top, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(topLevel(), top) && !slices.Contains(stray, top) {
			stray = append(stray, top)
		}
	}
	return stray
}

// forbiddenText is what no file may say, each with the reason. The strings are cut in two, or this file would say them.
func forbiddenText() map[string]string {
	const machine, registry = "a path of one machine only", "a package registry's host: the tools know it"
	return map[string]string{
		"/work" + "/":             machine,
		"/root" + "/":             machine,
		"proxy.golang" + ".org":   registry,
		"registry.npmjs" + ".org": registry,
		"deb.debian" + ".org":     registry,
	}
}

// forbiddenIn returns what text says that it must not, as lines for people.
func forbiddenIn(file, text string) []string {
	var found []string
	for words, why := range forbiddenText() {
		if before, _, ok := strings.Cut(text, words); ok {
			found = append(found, fmt.Sprintf("%s:%d: %q is %s", file, 1+strings.Count(before, "\n"), words, why))
		}
	}
	slices.Sort(found)
	return found
}

// sourceFiles returns the files of the tree under root, with slashes and relative to it: what git tracks or would add, and
// where git does not answer (an archive, another user's checkout) all but what builds leave behind.
func sourceFiles(root string) ([]string, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil && len(out) > 0 {
		names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		// A file that was deleted and not yet committed is still listed.
		return slices.DeleteFunc(names, func(name string) bool {
			_, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name)))
			return err != nil
		}), nil
	}
	return walk(root)
}

func walk(root string) ([]string, error) {
	left := []string{".git", "bin", "node_modules"}
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(left, d.Name()):
			return fs.SkipDir
		case !d.IsDir():
			files = append(files, path)
		}
		return nil
	})
	return files, err
}
