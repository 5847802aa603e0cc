package need

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Source says how a need is found and how it is installed.
type Source struct {
	Programs  []string // names looked up in PATH, the first found wins
	Files     []string // absolute paths tried next: where macOS keeps applications
	Debian    []string // the packages to install on Debian
	Brew      string   // the formula or cask to install on macOS; empty: comes with the system, or is not to be had there
	LinuxOnly bool
	Heavy     bool // left out by `make test-fast`
	usable    func(m machine, path string) error
}

// Source returns how n is found and installed. For a name that is not in the table it panics: a mistake in a test.
func (n Need) Source() Source {
	switch n {
	case CCompiler:
		return Source{Programs: []string{"gcc", "clang", "cc"}, Debian: []string{"gcc", "libc6-dev"}, usable: compiles}
	case Chromium:
		return Source{
			Programs: []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"},
			Files: []string{
				"/Applications/Chromium.app/Contents/MacOS/Chromium",
				"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
			},
			Debian: []string{"chromium"}, Brew: "google-chrome", Heavy: true,
		}
	case Firefox:
		return Source{
			Programs: []string{"firefox", "firefox-esr"},
			Files:    []string{"/Applications/Firefox.app/Contents/MacOS/firefox"},
			Debian:   []string{"firefox-esr"}, Brew: "firefox", Heavy: true,
		}
	case Node:
		return Source{Programs: []string{"node", "nodejs"}, Debian: []string{"nodejs"}, Brew: "node", usable: nodeIsCurrent}
	case NPM:
		return Source{Programs: []string{"npm"}, Debian: []string{"npm"}, Brew: "node"}
	case Python:
		return Source{Programs: []string{"python3"}, Debian: []string{"python3"}, Brew: "python"}
	case Coturn:
		return Source{Programs: []string{"turnserver"}, Debian: []string{"coturn"}, Brew: "coturn", Heavy: true}
	case Nginx:
		return Source{
			Programs: []string{"nginx"}, Files: []string{"/usr/sbin/nginx"},
			Debian: []string{"nginx-light"}, Brew: "nginx", Heavy: true,
		}
	case Namespaces:
		return Source{
			Programs: []string{"ip"}, Files: []string{"/usr/sbin/ip"},
			Debian: []string{"iproute2"}, LinuxOnly: true, Heavy: true, usable: mayUnshare,
		}
	case Docker:
		return Source{
			Programs: []string{"docker"}, Debian: []string{"docker.io"},
			Brew: "docker-desktop", Heavy: true, usable: hasEngine,
		}
	}
	panic("need: " + string(n) + " is not in the table")
}

// All returns every need, in the order in which people are told of them.
func All() []Need {
	return []Need{CCompiler, Chromium, Firefox, Node, NPM, Python, Coturn, Nginx, Namespaces, Docker}
}

// compiles tries the compiler on the one package that the race detector needs it for: a compiler without the C library's
// headers is of no use.
func compiles(m machine, _ string) error {
	if out, err := m.run("go", "build", "-race", "runtime/cgo"); err != nil {
		return absentError("it cannot build for the race detector: " + lastLine(out, err))
	}
	return nil
}

// oldestNode is the oldest Node.js with a test runner of its own (node --test), which Debian 12 has.
const oldestNode = 18

func nodeIsCurrent(m machine, path string) error {
	out, err := m.run(path, "--version")
	if err != nil {
		return fmt.Errorf("%s --version: %s", path, lastLine(out, err))
	}
	version := strings.TrimSpace(out)
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		return absentError(fmt.Sprintf("%s is %q, version %d or later is needed", path, version, oldestNode))
	}
	return nil
}

func mayUnshare(m machine, _ string) error {
	if !m.root {
		return errors.New("they need root")
	}
	if out, err := m.run("unshare", "--net", "true"); err != nil {
		return fmt.Errorf("this system refuses them: %s", lastLine(out, err))
	}
	return nil
}

// hasEngine accepts an engine that answers, or one that root can start.
func hasEngine(m machine, path string) error {
	out, err := m.run(path, "version", "--format", "{{.Server.Version}}")
	if err == nil {
		return nil
	}
	if _, missing := m.lookPath("dockerd"); missing != nil || !m.root || m.goos != "linux" {
		return absentError("no engine answers: " + lastLine(out, err))
	}
	if out, err := m.run("unshare", "--mount", "--net", "true"); err != nil {
		return fmt.Errorf("this system lets nobody start an engine: %s", lastLine(out, err))
	}
	return nil
}

// absentError is the reason why a need is missing that its packages would mend; any other error is this machine's.
type absentError string

// Error implements error.
func (e absentError) Error() string { return string(e) }

// lastLine is what a failed command said last, which is where the reason stands, or else its error.
func lastLine(output string, err error) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}
