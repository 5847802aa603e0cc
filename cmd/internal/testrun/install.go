package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"parley/cmd/need"
)

// installer installs what tests need with Debian's apt-get.
type installer struct {
	out     io.Writer
	allowed bool // root on Debian
	find    func(need.Need) (string, error)
	apt     func(args ...string) (output string, err error)
}

func newInstaller(out io.Writer) installer {
	release, _ := os.ReadFile("/etc/os-release") // there is none elsewhere
	return installer{
		out:     out,
		allowed: os.Geteuid() == 0 && isDebian(string(release)),
		find:    need.Need.Find,
		apt:     aptGet,
	}
}

// install installs what of wanted is missing, and says so first. Whatever fails is said and left to the tests to skip.
func (i installer) install(wanted []need.Need) {
	if !i.allowed {
		return
	}
	var packages []string
	for _, n := range wanted {
		if _, err := i.find(n); err != nil {
			packages = append(packages, n.Source().Debian...)
		}
	}
	if len(packages) == 0 {
		return
	}
	fmt.Fprintf(i.out, "Installing what the tests need: apt-get install %s\n", strings.Join(packages, " "))
	// The package lists may be absent or old; only then is it worth the time to fetch them.
	if _, err := i.aptInstall(packages); err == nil {
		return
	}
	_, _ = i.apt("update") // one unreachable source is not the end; the installation tells
	if out, err := i.aptInstall(packages); err != nil {
		fmt.Fprintf(i.out, "apt-get could not install them: %s\n", aptReason(out, err))
	}
}

func (i installer) aptInstall(packages []string) (string, error) {
	args := []string{"install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"}
	return i.apt(append(args, packages...)...)
}

func aptGet(args ...string) (string, error) {
	cmd := exec.Command("apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// aptReason is apt-get's last complaint.
func aptReason(output string, err error) string {
	reason := err.Error()
	for line := range strings.Lines(output) {
		if complaint, ok := strings.CutPrefix(line, "E: "); ok {
			reason = strings.TrimSpace(complaint)
		}
	}
	return reason
}

// isDebian reads an os-release file. Ubuntu is not Debian here: its browsers are snaps, which its packages only point to.
func isDebian(release string) bool {
	scanner := bufio.NewScanner(strings.NewReader(release))
	for scanner.Scan() {
		if value, ok := strings.CutPrefix(scanner.Text(), "ID="); ok {
			return strings.Trim(value, `"`) == "debian"
		}
	}
	return false
}
