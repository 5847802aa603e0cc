package main

import (
	"fmt"
	"slices"
	"strings"

	"parley/cmd/need"
)

// namedTests is how many of the skipped tests the summary names for each need.
const namedTests = 3

// summary says which tests were skipped for want of what, and the one command that installs it. It is empty if none was.
func summary(skips []need.Skip, goos string, root bool) string {
	var text strings.Builder
	var packages []string
	for _, n := range need.All() {
		var tests []string
		var reason string
		for _, s := range skips {
			if s.Need != n {
				continue
			}
			tests, reason = append(tests, s.Test), s.Reason
			if s.Package {
				packages = append(packages, installable(n, goos)...)
			}
		}
		if len(tests) > 0 {
			fmt.Fprintf(&text, "  %s: %s (%s)\n", n, abridge(tests), reason)
		}
	}
	if text.Len() == 0 {
		return ""
	}
	slices.Sort(packages)
	return "\nSkipped, because something is missing here:\n" + text.String() + command(slices.Compact(packages), goos, root)
}

func abridge(tests []string) string {
	slices.Sort(tests)
	tests = slices.Compact(tests)
	if len(tests) <= namedTests {
		return strings.Join(tests, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(tests[:namedTests], ", "), len(tests)-namedTests)
}

func installable(n need.Need, goos string) []string {
	if goos != "darwin" {
		return n.Source().Debian
	}
	if formula := n.Source().Brew; formula != "" {
		return []string{formula}
	}
	return nil
}

func command(packages []string, goos string, root bool) string {
	switch names := strings.Join(packages, " "); {
	case names == "":
		return ""
	case goos == "darwin":
		return "To run them too: brew install " + names + "\n"
	case root:
		return "To run them too: apt-get install " + names + "\n"
	default:
		return "To run them too: sudo apt-get install " + names + "\n"
	}
}
