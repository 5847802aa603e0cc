package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/signaling/protocol"
)

// maxBody is how long a body may be, in bytes.
const maxBody = 64 << 10

// methods are the routes of one path.
type methods map[string]route

// find gives the route that a request asks for. A change must say that it brings JSON, even where it brings nothing: a page of
// another origin cannot say so without asking first (a CORS preflight), and is then refused.
func (m methods) find(r *http.Request) (route, error) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	route, ok := m[method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(m)), ", ")
		refusal := failf(http.StatusMethodNotAllowed, "method-not-allowed", "this address takes %s", allowed)
		refusal.allowed = allowed
		return route, refusal
	}
	if route.change == "" {
		return route, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return route, failf(http.StatusUnsupportedMediaType, "not-json", "changes need Content-Type: application/json, even those without a body")
	}
	return route, nil
}

// checkNames refuses what cannot be the name of a room or a peer, which would otherwise get a policy to keep.
func checkNames(r *http.Request) error {
	if room := r.PathValue("room"); room != "" && !isName(room, protocol.MaxRoom) {
		return badRequest("a room's name has 1 to %d characters, none of them a control character", protocol.MaxRoom)
	}
	if peer := r.PathValue("peer"); peer != "" && !isName(peer, protocol.MaxPeer) {
		return badRequest("a peer's id has 1 to %d characters, none of them a control character", protocol.MaxPeer)
	}
	return nil
}

func isName(s string, most int) bool {
	return utf8.ValidString(s) && s != "" && utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, unicode.IsControl)
}

// body reads the body of a request.
func (c *call) body() ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.writer, c.request.Body, maxBody))
	var long *http.MaxBytesError
	if err != nil && !errors.As(err, &long) {
		err = badRequest("the body did not arrive in full")
	}
	return body, err
}

// decodeObject reads a body that is one JSON object, whose members must be known. Package json by itself is lenient: it takes a
// repeated name, a name in another case, and what is no Unicode.
func decodeObject(body []byte, known ...string) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, badRequest("the body must be one JSON object, and nothing else")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if begin, _ := d.Token(); begin != json.Delim('{') {
		return nil, badRequest("the body must be a JSON object")
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		token, _ := d.Token() // it is valid
		name, _ := token.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, badRequest("the body must be a JSON object")
		}
		if !slices.Contains(known, name) {
			return nil, badRequest("%.64q is unknown: the members are %s", name, strings.Join(known, ", "))
		}
		if _, twice := members[name]; twice {
			return nil, badRequest("%q is there twice", name)
		}
		members[name] = value
	}
	return members, nil
}
