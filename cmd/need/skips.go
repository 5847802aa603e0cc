package need

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Skip is one test that was skipped because of a missing need.
type Skip struct {
	Need    Need
	Test    string
	Reason  string
	Package bool // installing the need's packages would help
}

// NewSkip returns the skip of test for want of n, which Find or the test's own attempt refused with reason.
func NewSkip(n Need, test string, reason error) Skip {
	var absent absentError
	return Skip{Need: n, Test: test, Reason: reason.Error(), Package: errors.As(reason, &absent)}
}

// Report adds skip to file, one line of JSON. Test binaries that run at the same time may share the file: a line is one
// append.
func Report(file string, skip Skip) error {
	line, err := json.Marshal(skip)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// Skips returns what was reported to file, none if nothing was.
func Skips(file string) ([]Skip, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var skips []Skip
	for line := range strings.Lines(string(data)) {
		var s Skip
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		skips = append(skips, s)
	}
	return skips, nil
}
