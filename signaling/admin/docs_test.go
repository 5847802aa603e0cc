package admin

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"parley/rooms"
)

const docsFile = "../../docs/admin.md"

// example is one curl of the documentation, and what it prints.
type example struct{ command, prints string }

func readExamples(t *testing.T) (examples []example) {
	t.Helper()
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				examples = append(examples, example{command: strings.TrimSpace(command)})
			} else {
				examples[len(examples)-1].prints += line
			}
		}
	}
	return examples
}

// request makes the request that a curl command makes. It knows what the documentation uses.
func request(t *testing.T, command string) *http.Request {
	t.Helper()
	words := regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(command, -1)
	method, address, body, headers := "", "", "", http.Header{}
	for i := 1; i < len(words); i++ {
		next := func() string {
			i++
			return strings.ReplaceAll(strings.Trim(words[i], `'"`), "$(cat admin.token)", testToken)
		}
		switch words[i] {
		case "-X":
			method = next()
		case "-d":
			i++
			body = strings.Trim(words[i], "'")
		case "-H":
			name, value, _ := strings.Cut(next(), ": ")
			headers.Set(name, value)
		default:
			address = strings.Trim(words[i], "'")
		}
	}
	if method == "" {
		method = http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
	}
	path, ok := strings.CutPrefix(address, "localhost:8444")
	if !ok {
		t.Fatalf("%s: asks for %q", command, address)
	}
	return newRequest(method, path, body, func(r *http.Request) { r.Header = headers })
}

// TestExamplesOfTheDocumentation makes the requests of docs/admin.md, one after the other, and wants the answers there.
func TestExamplesOfTheDocumentation(t *testing.T) {
	s := newService(t, nil)
	withToken := newService(t, func(c *Config) { c.Token = []byte(testToken) })
	done := 0
	for _, e := range readExamples(t) {
		if !strings.HasPrefix(e.command, "curl ") {
			continue
		}
		done++
		at := s
		if strings.Contains(e.command, "Authorization") {
			at = withToken
		}
		if strings.Contains(e.command, "limit=1") { // the kept room that the text has by then
			s.rooms.rooms["coffee"] = &fakeRoom{policy: rooms.Policy{Locked: true, Kept: true}}
		}
		got := at.do(request(t, e.command))
		if got.status >= 400 && !strings.Contains(e.prints, `"error"`) || e.prints != "" && compact(got.body) != compact(e.prints) ||
			e.prints == "" && got.status != 204 && at == s {
			t.Errorf("%s\n%d %s, want\n%s", e.command, got.status, got.body, e.prints)
		}
	}
	if done < 9 {
		t.Errorf("%d examples were found", done)
	}
}

// TestErrorsOfTheDocumentation: the table has every code of the description, with its status.
func TestErrorsOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	detail := openAPI().follow(map[string]any{"$ref": "#/components/schemas/Error"})["properties"].(map[string]any)["error"]
	codes := detail.(map[string]any)["properties"].(map[string]any)["code"].(map[string]any)["enum"].([]any)
	for _, code := range codes {
		if !regexp.MustCompile(`(?m)^\| [0-9]{3} \|.*` + fmt.Sprintf("`%s`", code)).Match(text) {
			t.Errorf("%s is not in the table", code)
		}
	}
}
