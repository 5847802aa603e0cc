package admin

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is openapi.json as the tests use it.
type document struct {
	compiler *jsonschema.Compiler
	root     map[string]any
	mux      *http.ServeMux // finds the path of a request
}

var openAPI = sync.OnceValue(func() *document {
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(description))
	if err != nil {
		panic(err)
	}
	d := &document{compiler: jsonschema.NewCompiler(), root: root.(map[string]any), mux: http.NewServeMux()}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("openapi.json", root); err != nil {
		panic(err)
	}
	for path := range d.paths() {
		d.mux.Handle(path, http.NotFoundHandler())
	}
	return d
})

func (d *document) paths() map[string]any { return d.root["paths"].(map[string]any) }

// operation is what the document says of a request, nil if it knows none such.
func (d *document) operation(r *http.Request) map[string]any {
	_, path := d.mux.Handler(r)
	item, _ := d.paths()[path].(map[string]any)
	method := strings.ToLower(r.Method)
	if r.Method == http.MethodHead {
		method = "get"
	}
	operation, _ := item[method].(map[string]any)
	return operation
}

// follow gives what a value is or refers to.
func (d *document) follow(value any) map[string]any {
	object, _ := value.(map[string]any)
	ref, ok := object["$ref"].(string)
	if !ok {
		return object
	}
	var at any = d.root
	for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[name]
	}
	return at.(map[string]any)
}

// schema gives the schema of what has a content of JSON, nil for none.
func (d *document) schema(of map[string]any) any {
	content, _ := of["content"].(map[string]any)
	media, _ := content["application/json"].(map[string]any)
	return media["schema"]
}

// validate holds JSON against a schema of the document.
func (d *document) validate(schema any, text string) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	compiler := d.compiler
	location := "inline.json"
	if ref, ok := schema.(map[string]any)["$ref"].(string); ok {
		location = "openapi.json" + ref
	} else {
		compiler = jsonschema.NewCompiler()
		if err := compiler.AddResource(location, schema); err != nil {
			return err
		}
	}
	compiled, err := compiler.Compile(location)
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}

// checkAnswer wants an answer to be one that the document foresees, and what is documented of every answer.
func checkAnswer(t *testing.T, r *http.Request, a answer) {
	t.Helper()
	d := openAPI()
	what := fmt.Sprintf("%s %s: %d %s", r.Method, r.URL, a.status, a.body)
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: may be cached", what)
	}
	if a.status >= 400 {
		if err := d.validate(map[string]any{"$ref": "#/components/schemas/Error"}, a.body); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	operation := d.operation(r)
	if operation == nil || a.status == http.StatusMethodNotAllowed {
		if a.status < 400 {
			t.Errorf("%s: the document has no such operation", what)
		}
		return
	}
	responses := operation["responses"].(map[string]any)
	response := d.follow(responses[fmt.Sprint(a.status)])
	if response == nil {
		t.Errorf("%s: the document has no such answer", what)
		return
	}
	schema := d.schema(response)
	if schema == nil {
		if a.body != "" {
			t.Errorf("%s: has a body", what)
		}
		return
	}
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: header %v", what, a.header)
	}
	if err := d.validate(schema, a.body); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// TestOpenAPIHasEveryRoute, and nothing else.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	var want, got []string
	for _, r := range routes() {
		want = append(want, r.method+" "+r.path)
	}
	ids := map[string]bool{}
	for path, item := range openAPI().paths() {
		for method, operation := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			got = append(got, strings.ToUpper(method)+" "+path)
			id := operation.(map[string]any)["operationId"].(string)
			if ids[id] {
				t.Errorf("%s is there twice", id)
			}
			ids[id] = true
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the document has\n%q, the API\n%q", got, want)
	}
}

// TestOpenAPIFitsTheRoutes: changes are refused without their type and say so, parameters are those of the path, and what the
// document names is there and used.
func TestOpenAPIFitsTheRoutes(t *testing.T) {
	d := openAPI()
	for _, r := range routes() {
		item := d.paths()[r.path].(map[string]any)
		operation := item[strings.ToLower(r.method)].(map[string]any)
		parameters, _ := item["parameters"].([]any)
		own, _ := operation["parameters"].([]any)
		in := map[string][]string{}
		for _, p := range append(slices.Clone(parameters), own...) {
			p := d.follow(p)
			in[p["in"].(string)] = append(in[p["in"].(string)], p["name"].(string))
		}
		for _, name := range in["path"] {
			if !strings.Contains(r.path, "{"+name+"}") {
				t.Errorf("%s %s: no parameter %s", r.method, r.path, name)
			}
		}
		if len(in["path"]) != strings.Count(r.path, "{") {
			t.Errorf("%s %s: parameters %q", r.method, r.path, in["path"])
		}
		_, refused := operation["responses"].(map[string]any)["415"]
		_, body := operation["requestBody"]
		about, _ := operation["description"].(string)
		if change := r.change != ""; refused != change || body && !change || change && !body && !strings.Contains(about, "Content-Type: application/json") {
			t.Errorf("%s %s: the document has 415 %v, a body %v: %s", r.method, r.path, refused, body, about)
		}
	}
	text := string(description)
	for kind, all := range d.root["components"].(map[string]any) {
		for name := range all.(map[string]any) {
			if kind != "securitySchemes" && !strings.Contains(text, fmt.Sprintf(`"#/components/%s/%s"`, kind, name)) {
				t.Errorf("%s/%s is used by nothing", kind, name)
			}
		}
	}
}

func TestOpenAPIIsServedAsItIs(t *testing.T) {
	a := newService(t, nil).ask(http.MethodGet, "/api/v1/openapi.json", "")
	var served map[string]any
	if err := json.Unmarshal([]byte(a.body), &served); err != nil || a.status != 200 || a.body != string(description) {
		t.Errorf("%d, %v", a.status, err)
	}
	if version := served["openapi"]; version != "3.1.0" {
		t.Errorf("openapi: %v", version)
	}
	if !slices.Contains(slices.Collect(maps.Keys(served)), "components") {
		t.Error("components are missing")
	}
}

// TestOpenAPITakesAndRefusesTheSameBodies as the decoder does.
func TestOpenAPITakesAndRefusesTheSameBodies(t *testing.T) {
	for _, test := range changes() {
		err := openAPI().validate(map[string]any{"$ref": "#/components/schemas/PolicyChange"}, test.body)
		if (err == nil) != (test.want == "") && !test.finer {
			t.Errorf("%s: the schema says %v, the decoder %q", test.body, err, test.want)
		}
	}
}

// TestOpenAPIIsValid holds the document against the official schema of OpenAPI 3.1.
func TestOpenAPIIsValid(t *testing.T) {
	compressed, err := os.Open("testdata/openapi/3.1.json.gz")
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
	if err := c.AddResource("openapi-3.1.json", official); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("openapi-3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(description))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
	document.(map[string]any)["paths"].(map[string]any)["/api/v1/rooms"].(map[string]any)["get"].(map[string]any)["parameters"] = "many"
	if schema.Validate(document) == nil {
		t.Error("the schema takes parameters that are none: it checks nothing")
	}
}
