package protocol

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deeply JSON may nest; the message itself is the first level.
const MaxDepth = 64

// member is one name and value of a JSON object, as spans of the text it was read from.
type member struct {
	name  string
	start int    // of the name's opening quote
	end   int    // after the value
	value []byte // without surrounding white space
}

// object is a JSON object whose values are still text: what the server does not know it can pass on, digit for digit.
type object struct {
	text    []byte
	members []member
}

// parseObject splits text, which must be one JSON object, into its members. The error is always CodeBadJSON; an object that
// is only too deep is returned with it.
func parseObject(text []byte) (object, error) {
	if !json.Valid(text) {
		return object{}, Errorf(CodeBadJSON, "the message is not valid JSON")
	}
	s := scanner{text: text}
	s.space()
	if text[s.pos] != '{' {
		return object{}, Errorf(CodeBadJSON, "the message is not a JSON object")
	}
	o := object{text: text, members: make([]member, 0, 8)}
	s.pos++
	for s.space(); text[s.pos] != '}'; s.space() {
		if text[s.pos] == ',' {
			s.pos++
			continue
		}
		m := member{start: s.pos}
		m.name = memberName(s.value())
		s.space() // then the colon
		s.pos++
		s.space()
		m.value = s.value()
		m.end = s.pos
		o.members = append(o.members, m)
	}
	if s.deepest+1 > MaxDepth {
		return o, Errorf(CodeBadJSON, "the message is nested more than %d deep", MaxDepth)
	}
	return o, nil
}

// memberName is the name as it is meant: a name may be written with escapes, and "fr\u006fm" is "from".
func memberName(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return ""
	}
	return name
}

// get gives the value of a member; of a repeated name the last counts.
func (o object) get(name string) ([]byte, bool) {
	for i := len(o.members) - 1; i >= 0; i-- {
		if o.members[i].name == name {
			return o.members[i].value, true
		}
	}
	return nil, false
}

// optional gives a member that may be absent; null is as good as absent.
func (o object) optional(name string) ([]byte, bool) {
	value, ok := o.get(name)
	return value, ok && !isNull(value)
}

// str gives the string member name, "" if it is absent; max counts code points.
func (o object) str(name string, max int) (string, error) {
	value, ok := o.optional(name)
	if !ok {
		return "", nil
	}
	return text(name, value, max)
}

// requiredStr is str for a member that must be there and not be empty.
func (o object) requiredStr(name string, max int) (string, error) {
	s, err := o.str(name, max)
	if err == nil && s == "" {
		err = Errorf(CodeBadMessage, "%q must be a string that is not empty", name)
	}
	return s, err
}

// integer gives an integer member between 0 and MaxSeq, written in digits only.
func (o object) integer(name string) (n uint64, ok bool, err error) {
	value, ok := o.get(name)
	if !ok {
		return 0, false, nil
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false, Errorf(CodeBadMessage, "%q must be an integer", name)
		}
		if n = n*10 + uint64(c-'0'); n > MaxSeq {
			return 0, false, Errorf(CodeBadMessage, "%q must be at most 2^53-1", name)
		}
	}
	return n, true, nil
}

// text decodes a JSON string of at most max code points.
func text(name string, value []byte, max int) (string, error) {
	if value[0] != '"' {
		return "", Errorf(CodeBadMessage, "%q must be a string", name)
	}
	s := string(value[1 : len(value)-1])
	if strings.IndexByte(s, '\\') >= 0 {
		if err := json.Unmarshal(value, &s); err != nil {
			return "", Errorf(CodeBadMessage, "%q must be a string", name)
		}
	}
	if utf8.RuneCountInString(s) > max {
		return "", Errorf(CodeTooLarge, "%q is longer than %d characters", name, max)
	}
	if !utf8.Valid(value) || halfSurrogate(value) {
		return "", Errorf(CodeBadMessage, "%q is not valid Unicode", name)
	}
	return s, nil
}

// halfSurrogate tells whether a JSON string holds an escaped half of a surrogate pair. Decoding puts U+FFFD in its place, so
// that two names which differ would become one: names are taken as they are or not at all.
func halfSurrogate(value []byte) bool {
	for {
		i := bytes.IndexByte(value, '\\')
		if i < 0 {
			return false
		}
		value = value[i:]
		switch unit := escapedUnit(value); {
		case unit < 0xD800 || unit > 0xDFFF:
			value = value[2:]
		case unit < 0xDC00 && escapedUnit(value[6:])&^0x3FF == 0xDC00:
			value = value[12:]
		default:
			return true
		}
	}
}

// escapedUnit gives the UTF-16 code unit of an escape such as \u00e9 at the start of text, 0 where there is none.
func escapedUnit(text []byte) uint64 {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	unit, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit
}

func isNull(value []byte) bool { return string(value) == "null" }

// Depth is how deeply valid JSON nests: 0 for a number, 1 for a list of numbers.
func Depth(value []byte) int {
	s := scanner{text: value}
	s.space()
	s.value()
	return s.deepest
}

// scanner walks over JSON that is known to be valid.
type scanner struct {
	text    []byte
	pos     int
	deepest int
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// value steps over one value and gives its text.
func (s *scanner) value() []byte {
	start := s.pos
	depth := 0
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case '"':
			s.quoted()
		case '{', '[':
			depth++
			s.deepest = max(s.deepest, depth)
			s.pos++
		case '}', ']':
			depth--
			s.pos++
		case ',', ':', ' ', '\t', '\r', '\n':
			s.pos++ // only reached inside of an object or array
		default:
			s.literal()
		}
		if depth == 0 {
			break
		}
	}
	return s.text[start:s.pos]
}

// quoted steps over a string.
func (s *scanner) quoted() {
	for s.pos++; s.text[s.pos] != '"'; s.pos++ {
		if s.text[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
}

// literal steps over a number, true, false or null.
func (s *scanner) literal() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ',', ':', ']', '}', ' ', '\t', '\r', '\n':
			return
		}
		s.pos++
	}
}
