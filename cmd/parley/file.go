package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// readFile reads a file of settings: one YAML mapping. Its errors are one line and repeat nothing of what the file holds.
func readFile(path string) (map[string]any, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileFailure(path, err)
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	var settings map[string]any
	if err := d.Decode(&settings); err != nil && !errors.Is(err, io.EOF) {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			return nil, fileFailure(path, err)
		}
		return nil, fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, false))
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is more than one YAML document in it", path)
	}
	return settings, nil
}

// readSecret gives a secret that is given as it is, or in a file; nil where it is in neither, and only there. White space around
// it, as a file's last line end, does not count.
func readSecret(text, path string) ([]byte, error) {
	if path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fileFailure(path, err)
		}
		text = string(content)
	} else if text == "" {
		return nil, nil
	}
	return []byte(strings.TrimSpace(text)), nil
}

// readAuthorities reads the certificates of a PEM file.
func readAuthorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fileFailure(path, err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: there is no certificate in PEM form in it", path)
	}
	return authorities, nil
}

// fileFailure gives path and reason of an error without the name of the system call.
func fileFailure(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// fileText gives a value of the file as it would be written on the command line, nil for none.
func fileText(value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	default:
		return nil, errors.New("must be a single value")
	}
}

// fileTexts is fileText for a setting that may be repeated: one value, or a sequence of them. A mapping becomes JSON.
func fileTexts(value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	entries, ok := value.([]any)
	if !ok {
		entries = []any{value}
	}
	texts := []string{}
	for _, entry := range entries {
		if mapping, ok := entry.(map[string]any); ok {
			text, err := json.Marshal(mapping)
			if err != nil {
				return nil, errors.New("a mapping in it cannot be written as JSON")
			}
			texts = append(texts, string(text))
			continue
		}
		text, err := fileText(entry)
		if err != nil || text == nil {
			return nil, errors.New("must be a value or a sequence of values")
		}
		texts = append(texts, text.(string))
	}
	return texts, nil
}
