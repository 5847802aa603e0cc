package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// The markers of the place in a page that --write fills.
const (
	beginMarker = "<!-- parley-bench writes from here -->\n"
	endMarker   = "<!-- to here -->\n"
)

// markedFile is a page with such a place.
type markedFile struct {
	path          string
	before, after []byte
}

func openMarked(path string) (*markedFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	before, rest, ok := bytes.Cut(text, []byte(beginMarker))
	_, after, alsoOK := bytes.Cut(rest, []byte(endMarker))
	if !ok || !alsoOK {
		return nil, fmt.Errorf("%s has no lines %q and %q to write between", path, strings.TrimSpace(beginMarker), strings.TrimSpace(endMarker))
	}
	return &markedFile{path, before, after}, nil
}

// replace writes the page anew with text in that place.
func (f *markedFile) replace(text string) error {
	page := fmt.Sprintf("%s%s%s\n%s%s", f.before, beginMarker, text, endMarker, f.after)
	return os.WriteFile(f.path, []byte(page), 0o644)
}
