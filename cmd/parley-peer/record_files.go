package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/signaling/protocol"
)

// folder is where recordings go.
type folder struct{ dir string }

// prepare makes the folder and finds out whether it can be written to, before anyone is called.
func (f folder) prepare() error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	probe, err := os.CreateTemp(f.dir, ".parley-peer-*")
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	_ = probe.Close()
	return os.Remove(probe.Name())
}

// sameName bounds the attempts to find a name that is free.
const sameName = 10_000

// create makes a file named after the peer and its track, and with a number if there is one of that name: nothing is ever
// written over.
func (f folder) create(peer protocol.Peer, track, extension string) (*os.File, error) {
	parts := []string{fileName(peer.Name), fileName(fmt.Sprintf("%.8s", peer.Peer)), cmp.Or(fileName(track), "track")}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	base := filepath.Join(f.dir, strings.Join(parts, "-"))
	for i := 1; i <= sameName; i++ {
		name := base + extension
		if i > 1 {
			name = fmt.Sprintf("%s-%d%s", base, i, extension)
		}
		file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
	return nil, fmt.Errorf("%s%s: there are %d of that name", base, extension, sameName)
}

// fileName makes a part of a file name of what somebody else has chosen: only letters, digits and dashes of ASCII, and not
// many of them.
func fileName(s string) string {
	const most = 40
	clean := strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, s)
	return strings.Trim(clean[:min(most, len(clean))], "-_")
}
