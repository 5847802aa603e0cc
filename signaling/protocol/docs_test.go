package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/signaling/protocol"
)

// fence is a fenced block of docs/protocol.md.
type fence struct {
	language string
	label    string // the last line of text before the block
	text     string
}

func readDocs(t *testing.T) (text string, fences []fence) {
	t.Helper()
	raw, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(string(raw), "\r\n", "\n")
	label := ""
	var open *fence
	for line := range strings.Lines(text) {
		switch language, found := strings.CutPrefix(strings.TrimSpace(line), "```"); {
		case found && open == nil:
			open = &fence{language: language, label: label}
		case found:
			fences = append(fences, *open)
			open, label = nil, ""
		case open != nil:
			open.text += line
		case strings.TrimSpace(line) != "":
			label = strings.TrimSpace(line)
		}
	}
	if open != nil {
		t.Fatal("a block does not end")
	}
	return text, fences
}

// TestOpeningClient: the client that docs/protocol.md opens with is short, needs no numbers, and uses nothing but WebSocket and
// RTCPeerConnection, so that it can run wherever a test puts these two. It is the first block of JavaScript.
func TestOpeningClient(t *testing.T) {
	_, fences := readDocs(t)
	if len(fences) == 0 || fences[0].language != "js" {
		t.Fatal("the first block is not JavaScript")
	}
	code := fences[0].text
	if n := strings.Count(code, "\n"); n > 25 {
		t.Errorf("it has %d lines, want at most 25", n)
	}
	if !strings.HasPrefix(code, "export function enter(url, room, prepare) {\n") {
		t.Errorf("it does not begin with the function that the other examples import: %s", code)
	}
	for _, word := range []string{"seq", "ack", "import", "require", "window", "document", "location", "setTimeout", "navigator"} {
		if regexp.MustCompile(`\b` + word + `\b`).MatchString(code) {
			t.Errorf("it uses %s", word)
		}
	}
	for _, word := range []string{"new WebSocket(url, 'parley.v1')", "new RTCPeerConnection("} {
		if !strings.Contains(code, word) {
			t.Errorf("it lacks %s", word)
		}
	}
}

// TestExamples holds every JSON example against the schema of the side that its label names, and finds that no message is
// without one.
func TestExamples(t *testing.T) {
	_, fences := readDocs(t)
	s := readSchemas(t)
	shown := map[string]bool{}
	for _, f := range fences {
		if f.language != "json" {
			continue
		}
		side, ok := map[string]string{
			"Client → server:": "client", "Server → client:": "server", "Client ↔ client:": "channel",
		}[f.label]
		if !ok {
			t.Errorf("the label %q of an example does not say whose message it is", f.label)
			continue
		}
		for d := json.NewDecoder(strings.NewReader(f.text)); ; {
			var message json.RawMessage
			if err := d.Decode(&message); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v: %s", err, f.text)
			}
			shown[side+"-"+checkExample(t, s, side, message)] = true
		}
	}
	for _, side := range []string{"client", "server", "channel"} {
		for _, name := range s.messages(side) {
			if !shown[name] {
				t.Errorf("%s has no example", name)
			}
		}
	}
}

func checkExample(t *testing.T, s schemas, side string, message json.RawMessage) (messageType string) {
	t.Helper()
	if err := s.validate(t, side+"Message", string(message)); err != nil {
		t.Errorf("%s: %v", message, err)
	}
	m, err := protocol.Decode(message)
	if err != nil {
		t.Fatalf("%s: %v", message, err)
	}
	switch side {
	case "client":
		if _, err := fields(m); err != nil {
			t.Errorf("%s: %v", message, err)
		}
	case "server":
		body, known, err := understood(m)
		if err != nil {
			t.Errorf("%s: %v", message, err)
		}
		if !known {
			break
		}
		// Nothing in the example is unknown to the package.
		var compact bytes.Buffer
		if err := json.Compact(&compact, message); err != nil {
			t.Fatal(err)
		}
		if again := body.AppendTo(nil, m.Seq, m.Ack); len(again) != compact.Len() {
			t.Errorf("\nexample    %s\nunderstood %s", compact.Bytes(), again)
		}
	}
	return m.Type
}

// TestDocsNameEverything: every type and every code of the package stands in a table.
func TestDocsNameEverything(t *testing.T) {
	text, _ := readDocs(t)
	var cells []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			cells = append(cells, regexp.MustCompile("`[^`]*`|[0-9]{4}").FindAllString(line, -1)...)
		}
	}
	for _, prefix := range []string{"Type", "Code"} {
		for name, value := range constants(t, prefix) {
			if !slices.Contains(cells, "`"+value+"`") {
				t.Errorf("%s: no table has %s", name, value)
			}
		}
	}
	for name, value := range constants(t, "Close") {
		if !slices.Contains(cells, value) {
			t.Errorf("%s: no table has %s", name, value)
		}
	}
}

// TestDocsLinks: what docs/protocol.md links to within the repository is there.
func TestDocsLinks(t *testing.T) {
	text, _ := readDocs(t)
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		file, anchor, _ := strings.Cut(link[1], "#")
		if strings.HasPrefix(file, "https:") {
			continue
		}
		if _, err := os.Stat("../../docs/" + file); err != nil {
			t.Error(err)
		}
		heading := regexp.MustCompile(`(?mi)^#+ ` + strings.ReplaceAll(anchor, "-", " ") + `$`)
		if anchor != "" && !heading.MatchString(text) {
			t.Errorf("no heading for #%s", anchor)
		}
	}
}
