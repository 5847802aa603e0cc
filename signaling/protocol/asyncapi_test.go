package protocol_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const asyncAPIFile = "../../docs/asyncapi.yaml"

func readAsyncAPI(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(asyncAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	text, err = yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document.(map[string]any)
}

// TestAsyncAPIIsValid holds the document against the official schema of AsyncAPI 3.0.0.
func TestAsyncAPIIsValid(t *testing.T) {
	compressed, err := os.Open("testdata/asyncapi/3.0.0.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer compressed.Close()
	text, err := gzip.NewReader(compressed)
	if err != nil {
		t.Fatal(err)
	}
	official, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("asyncapi.json", official); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	document := readAsyncAPI(t)
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
	document["operations"].(map[string]any)["receiveJoin"].(map[string]any)["action"] = "shout"
	if schema.Validate(document) == nil {
		t.Error("the schema takes an unknown action: it checks nothing")
	}
}

// at follows a JSON pointer such as /components/messages/client-join.
func at(t *testing.T, document any, pointer string) any {
	t.Helper()
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		object, _ := document.(map[string]any)
		value, ok := object[name]
		if !ok {
			t.Fatalf("%s leads nowhere", pointer)
		}
		document = value
	}
	return document
}

// references gives every $ref below value.
func references(value any) (refs []string) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			if ref, ok := member.(string); ok && name == "$ref" {
				refs = append(refs, ref)
			}
			refs = append(refs, references(member)...)
		}
	case []any:
		for _, item := range value {
			refs = append(refs, references(item)...)
		}
	}
	return refs
}

func TestAsyncAPIReferencesLeadSomewhere(t *testing.T) {
	document := readAsyncAPI(t)
	schema := readJSON(t, schemaFile)
	for _, ref := range references(document) {
		file, pointer, _ := strings.Cut(ref, "#")
		switch file {
		case "":
			at(t, document, pointer)
		case "./schema/parley.v1.json":
			at(t, schema, pointer)
		default:
			t.Errorf("%s: an unknown file", ref)
		}
	}
}

// TestAsyncAPIIsComplete: the channel has every message of the schema and no other, with the payload of its name; the server
// receives each message of a client in an operation of its own and sends each of its own, and replies with its own.
func TestAsyncAPIIsComplete(t *testing.T) {
	document, s := readAsyncAPI(t), readSchemas(t)
	want := map[string]string{}
	for _, name := range s.messages("client") {
		want[name] = "receive"
	}
	for _, name := range s.messages("server") {
		want[name] = "send"
	}
	const channel = "#/channels/signaling/messages/"
	messages := at(t, document, "/channels/signaling/messages").(map[string]any)
	for name := range want {
		ref := at(t, messages, name+"/$ref").(string)
		message := at(t, document, strings.TrimPrefix(ref, "#"))
		if payload := at(t, message, "payload/$ref"); payload != "./schema/parley.v1.json#/$defs/"+name {
			t.Errorf("%s has the payload %s", name, payload)
		}
		if _, messageType, _ := strings.Cut(name, "-"); at(t, message, "name") != messageType {
			t.Errorf("%s is named %s", name, at(t, message, "name"))
		}
	}
	if all := at(t, document, "/components/messages").(map[string]any); len(messages) != len(want) || len(all) != len(want) {
		t.Errorf("%d messages, %d of them in the channel; want %d", len(all), len(messages), len(want))
	}
	done := map[string]bool{}
	for name, operation := range at(t, document, "/operations").(map[string]any) {
		for _, ref := range references(at(t, operation, "messages")) {
			message := strings.TrimPrefix(ref, channel)
			if action := at(t, operation, "action"); action != want[message] || done[message] {
				t.Errorf("%s: %s %s", name, action, message)
			}
			done[message] = true
		}
		if reply, ok := operation.(map[string]any)["reply"]; ok {
			for _, ref := range references(at(t, reply, "messages")) {
				if want[strings.TrimPrefix(ref, channel)] != "send" {
					t.Errorf("%s replies with %s", name, ref)
				}
			}
		}
	}
	if len(done) != len(want) {
		t.Errorf("%d messages have operations, want %d", len(done), len(want))
	}
}
