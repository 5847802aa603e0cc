package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// The markers of the places in a page that --write fills: from one of the first two, with --slow the second, to the third.
const (
	beginMarker     = "<!-- parley-bench writes from here -->\n"
	beginSlowMarker = "<!-- parley-bench --slow writes from here -->\n"
	endMarker       = "<!-- to here -->\n"
)

// markedFile is a page with such a place.
type markedFile struct {
	path          string
	begin         string
	before, after []byte
}

func openMarked(path, begin string) (*markedFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	before, rest, ok := bytes.Cut(text, []byte(begin))
	_, after, alsoOK := bytes.Cut(rest, []byte(endMarker))
	if !ok || !alsoOK {
		return nil, fmt.Errorf("%s has no lines %q and %q to write between", path, strings.TrimSpace(begin), strings.TrimSpace(endMarker))
	}
	return &markedFile{path, begin, before, after}, nil
}

// replace writes the page anew with text in that place.
func (f *markedFile) replace(text string) error {
	page := fmt.Sprintf("%s%s%s\n%s%s", f.before, f.begin, text, endMarker, f.after)
	return os.WriteFile(f.path, []byte(page), 0o644)
}
