package protocol_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/signaling/protocol"
)

// constants gives the values of the package's exported constants whose names begin with prefix, by their names: what is read
// from the source cannot be forgotten in a list.
func constants(t *testing.T, prefix string) map[string]string {
	t.Helper()
	found := map[string]string{}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) != 1 {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				found[spec.Names[0].Name] = strings.Trim(literal.Value, `"`)
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatalf("no constant begins with %s", prefix)
	}
	return found
}

func TestConstants(t *testing.T) {
	v := readVectors(t)
	if v.Subprotocol != protocol.Subprotocol || v.MaxSeq != protocol.MaxSeq || v.MaxDepth != protocol.MaxDepth {
		t.Errorf("the vectors say %q, %d, %d", v.Subprotocol, v.MaxSeq, v.MaxDepth)
	}
}

func TestEveryCodeIsInTheVectors(t *testing.T) {
	v := readVectors(t)
	codes := slices.Clone(v.Undelivered)
	for _, e := range v.Errors {
		codes = append(codes, e.Code)
	}
	all := constants(t, "Code")
	for name, code := range all {
		if !slices.Contains(codes, protocol.Code(code)) {
			t.Errorf("%s is not in the vectors", name)
		}
	}
	if len(codes) != len(all) {
		t.Errorf("the vectors have %d codes, the package %d", len(codes), len(all))
	}
	for name, code := range constants(t, "Close") {
		if !slices.ContainsFunc(v.Close, func(c closing) bool { return strconv.Itoa(int(c.Code)) == code }) {
			t.Errorf("%s is not in the vectors", name)
		}
	}
}

func TestEveryTypeIsInTheVectors(t *testing.T) {
	v := readVectors(t)
	seen := map[string]bool{}
	for _, list := range [][]vector{v.Client.Valid, v.Server.Valid} {
		for _, vector := range list {
			seen[vector.Type] = true
		}
	}
	for _, vector := range v.Relayed {
		m, err := protocol.Decode([]byte(vector.Text))
		if err != nil {
			t.Fatal(err)
		}
		seen[m.Type] = true
	}
	for name, value := range constants(t, "Type") {
		if !seen[value] {
			t.Errorf("%s is not in the vectors", name)
		}
	}
}

func TestErrorCodeCloses(t *testing.T) {
	for _, e := range readVectors(t).Errors {
		code, closes := e.Code.Close()
		if closes != (e.Close != nil) || closes && code != *e.Close {
			t.Errorf("%s: %d, %v", e.Code, code, closes)
		}
	}
	for _, code := range readVectors(t).Undelivered {
		if _, closes := code.Close(); closes {
			t.Errorf("%s closes the connection", code)
		}
	}
}

func TestCloseCodeActions(t *testing.T) {
	for _, c := range readVectors(t).Close {
		if got := c.Code.Action(); got != c.Action {
			t.Errorf("%d: %s, want %s", c.Code, got, c.Action)
		}
	}
}

func TestErrorIsReadableAndSent(t *testing.T) {
	err := protocol.Errorf(protocol.CodeRateLimited, "at most %d a second", 100)
	if got, want := err.Error(), "rate-limited: at most 100 a second"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err.RetryAfter = 2
	const want = `{"type":"error","code":"rate-limited","message":"at most 100 a second","of":7,"retryAfter":2,"seq":9}`
	if got := protocol.EncodeError(err, 7).AppendTo(nil, 9, 0); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestReadingSingleMembers(t *testing.T) {
	m, err := protocol.Decode([]byte(`{"type":"message","data": {"a":0.10},"text":"h\u00e9","n":5}`))
	if err != nil {
		t.Fatal(err)
	}
	if value, ok := m.Value("data"); !ok || string(value) != `{"a":0.10}` {
		t.Errorf("data %s, %v", value, ok)
	}
	if _, ok := m.Value("absent"); ok {
		t.Error("absent is there")
	}
	for name, want := range map[string]string{"text": "hé", "n": "", "absent": ""} {
		if got := m.Text(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if from := m.From(); from != "" {
		t.Errorf("from %q", from)
	}
}
