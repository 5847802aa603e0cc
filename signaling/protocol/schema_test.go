package protocol_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"parley/signaling/protocol"
)

const schemaFile = "../../docs/schema/parley.v1.json"

// schemas are the definitions of docs/schema/parley.v1.json: clientMessage, client-join and so on.
type schemas struct {
	compiler *jsonschema.Compiler
	names    []string
}

func readSchemas(t *testing.T) schemas {
	t.Helper()
	document := readJSON(t, schemaFile)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("parley.v1.json", document); err != nil {
		t.Fatal(err)
	}
	s := schemas{compiler: c}
	for name := range document.(map[string]any)["$defs"].(map[string]any) {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	return s
}

func readJSON(t *testing.T, file string) any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return value
}

// validate holds a message against one definition.
func (s schemas) validate(t *testing.T, name, message string) error {
	t.Helper()
	schema, err := s.compiler.Compile("parley.v1.json#/$defs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(message))
	if err != nil {
		t.Fatalf("%s: %v", message, err)
	}
	return schema.Validate(value)
}

// messages gives the definitions of the messages of one side: client, server or channel.
func (s schemas) messages(side string) (names []string) {
	for _, name := range s.names {
		if strings.HasPrefix(name, side+"-") {
			names = append(names, name)
		}
	}
	return names
}

func TestSchemaTakesValidMessages(t *testing.T) {
	s, v := readSchemas(t), readVectors(t)
	check := func(side, messageType, name string, text parts) {
		t.Helper()
		for _, definition := range []string{side + "Message", side + "-" + messageType} {
			if err := s.validate(t, definition, string(text)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, vector := range v.Client.Valid {
		check("client", vector.Type, vector.Name, vector.Text)
	}
	for _, vector := range v.Server.Valid {
		check("server", vector.Type, vector.Name, vector.Text)
	}
	for _, vector := range v.Relayed {
		m, err := protocol.Decode([]byte(vector.Text))
		if err != nil {
			t.Fatal(err)
		}
		check("client", m.Type, vector.Name, vector.Text)
		check("server", m.Type, vector.Name, vector.Receives)
	}
}

func TestSchemaRefusesInvalidMessages(t *testing.T) {
	s, v := readSchemas(t), readVectors(t)
	for _, vector := range v.Client.Invalid {
		if vector.Code == protocol.CodeBadJSON {
			continue // no JSON, no object, or too deep: nothing that a schema could be asked about
		}
		err := s.validate(t, "clientMessage", string(vector.Text))
		if passes := vector.NotInSchema != ""; passes != (err == nil) {
			t.Errorf("%s: passes %v, notInSchema %q", vector.Name, err == nil, vector.NotInSchema)
		}
	}
	for _, vector := range v.Server.Invalid {
		if s.validate(t, "serverMessage", string(vector.Text)) == nil {
			t.Errorf("%s: passes", vector.Name)
		}
	}
}

// TestSchemaOfWhatTheServerSays: what the server adds, and what it leaves out, is part of the schemas.
func TestSchemaOfWhatTheServerSays(t *testing.T) {
	s := readSchemas(t)
	for name, text := range map[string]string{
		"relayed without from":     `{"type":"message","data":1,"seq":1}`,
		"an offer of nobody":       `{"type":"offer","sdp":"v=0","from":"","seq":1}`,
		"relayed without seq":      `{"type":"message","data":1,"from":"A"}`,
		"presence without seq":     `{"type":"peer-away","peer":"A"}`,
		"a numbered pong":          `{"type":"pong","seq":1}`,
		"a numbered ack":           `{"type":"ack","ack":1,"seq":1}`,
		"a numbered error without": `{"type":"error","code":"bad-json","message":"m","seq":1}`,
		"an unknown code":          `{"type":"error","code":"worse-json","message":"m"}`,
		"an unknown reason":        `{"type":"peer-left","peer":"A","reason":"bored","seq":1}`,
		"peers null":               `{"type":"joined","room":"r","peer":"A","session":"s","grace":30,"peers":null,"iceServers":[],"heartbeat":30,"limits":{"message":1,"rate":1,"burst":1,"peers":1,"unacknowledged":1}}`,
		"iceServers null":          `{"type":"ice-servers","iceServers":null,"seq":1}`,
	} {
		if s.validate(t, "serverMessage", text) == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

// TestSchemaIsComplete: every type of the package has its definition, every definition is of such a type and is in the list
// of its side, and the codes are those of the package.
func TestSchemaIsComplete(t *testing.T) {
	s, v := readSchemas(t), readVectors(t)
	want := map[string]bool{}
	for _, vector := range v.Client.Valid {
		want["client-"+vector.Type] = true
	}
	for _, vector := range v.Server.Valid {
		want["server-"+vector.Type] = true
	}
	for name, value := range constants(t, "Type") {
		if protocol.Relayed(value) {
			want["client-"+value], want["server-"+value] = true, true
		}
		if !slices.Contains(s.names, "client-"+value) && !slices.Contains(s.names, "server-"+value) {
			t.Errorf("%s has no schema", name)
		}
	}
	have := append(s.messages("client"), s.messages("server")...)
	for _, name := range have {
		if !want[name] {
			t.Errorf("%s is of no known type", name)
		}
	}
	if len(have) != len(want) {
		t.Errorf("%d schemas for %d messages", len(have), len(want))
	}
	defs := readJSON(t, schemaFile).(map[string]any)["$defs"].(map[string]any)
	for _, side := range []string{"client", "server", "channel"} {
		list := defs[side+"Message"].(map[string]any)["oneOf"].([]any)
		listed := map[string]bool{}
		for _, ref := range list {
			listed[strings.TrimPrefix(ref.(map[string]any)["$ref"].(string), "#/$defs/")] = true
		}
		for _, name := range s.messages(side) {
			if !listed[name] {
				t.Errorf("%s is not among the messages of the %s", name, side)
			}
		}
	}
	codes := defs["errorCode"].(map[string]any)["enum"].([]any)
	if len(codes) != len(v.Errors) {
		t.Errorf("%d codes in the schema, %d in the vectors", len(codes), len(v.Errors))
	}
	for _, e := range v.Errors {
		if !slices.Contains(codes, any(string(e.Code))) {
			t.Errorf("%s is not in the schema", e.Code)
		}
	}
}

// TestSchemaIsASchema holds the file against the meta-schema of JSON Schema 2020-12.
func TestSchemaIsASchema(t *testing.T) {
	meta, err := jsonschema.NewCompiler().Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	if err := meta.Validate(readJSON(t, schemaFile)); err != nil {
		t.Error(err)
	}
}
