package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The document is one of OpenAPI 3.1: what the standard demands of each object that is in it holds.
func TestTheDocumentIsOpenAPI(t *testing.T) {
	doc := decode[map[string]any](t, newRig(t).do("GET", docPath, ""))
	if doc["openapi"] != "3.1.0" {
		t.Errorf("got openapi %v", doc["openapi"])
	}
	info := doc["info"].(map[string]any)
	if info["title"] != "Weir" || info["version"] != "v1" {
		t.Errorf("got info %v", info)
	}
	ids := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		if !strings.HasPrefix(path, "/") {
			t.Errorf("path %s does not begin with a slash", path)
		}
		for method, op := range item.(map[string]any) {
			checkOperation(t, method+" "+path, path, op.(map[string]any), ids)
		}
	}
	if len(ids) < 19 {
		t.Errorf("got %d operations", len(ids))
	}
	walk(doc, "#", func(at string, object map[string]any) {
		if ref, ok := object["$ref"].(string); ok && resolve(doc, ref) == nil {
			t.Errorf("%s: $ref %s leads nowhere", at, ref)
		}
		if kind, ok := object["type"]; ok && strings.Contains(at, "chema") && !strings.HasSuffix(at, "/properties") {
			checkType(t, at, kind)
		}
		if _, ok := object["nullable"]; ok {
			t.Errorf("%s: nullable is of OpenAPI 3.0", at)
		}
	})
}

func checkOperation(t *testing.T, at, path string, op map[string]any, ids map[string]bool) {
	t.Helper()
	id, _ := op["operationId"].(string)
	if id == "" || ids[id] || op["summary"] == "" {
		t.Errorf("%s: operationId %q is missing or not unique, or there is no summary", at, id)
	}
	ids[id] = true
	var inPath []string
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		p := p.(map[string]any)
		if p["name"] == "" || !slices.Contains([]any{"path", "query", "header"}, p["in"]) || p["schema"] == nil || p["description"] == "" {
			t.Errorf("%s: parameter %v", at, p)
		}
		if p["in"] == "path" {
			if p["required"] != true {
				t.Errorf("%s: path parameter %v is not required", at, p["name"])
			}
			inPath = append(inPath, fmt.Sprintf("{%s}", p["name"]))
		}
	}
	if strings.Count(path, "{") != len(inPath) || slices.ContainsFunc(inPath, func(p string) bool { return !strings.Contains(path, p) }) {
		t.Errorf("%s: path parameters %v", at, inPath)
	}
	if body, ok := op["requestBody"].(map[string]any); ok {
		if content, _ := body["content"].(map[string]any); content["application/json"] == nil {
			t.Errorf("%s: body %v", at, body)
		}
	}
	responses, _ := op["responses"].(map[string]any)
	success := 0
	for status, r := range responses {
		r := r.(map[string]any)
		if r["description"] == "" {
			t.Errorf("%s: response %s has no description", at, status)
		}
		content, _ := r["content"].(map[string]any)
		switch {
		case len(status) == 3 && status[0] == '2':
			success++
			if (content["application/json"] == nil) != (status == "204") {
				t.Errorf("%s: response %s has content %v", at, status, content)
			}
		case content["application/problem+json"] == nil:
			t.Errorf("%s: response %s is no problem", at, status)
		}
	}
	if success != 1 {
		t.Errorf("%s: got %d responses of success", at, success)
	}
}

func checkType(t *testing.T, at string, kind any) {
	t.Helper()
	known := []any{"string", "integer", "number", "boolean", "object", "array", "null"}
	list, ok := kind.([]any)
	if !ok {
		list = []any{kind}
	}
	for _, k := range list {
		if !slices.Contains(known, k) {
			t.Errorf("%s: type %v is none of JSON Schema", at, k)
		}
	}
}

// walk visits each object below a value.
func walk(value any, at string, visit func(at string, object map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		visit(at, value)
		for k, v := range value {
			walk(v, at+"/"+k, visit)
		}
	case []any:
		for i, v := range value {
			walk(v, fmt.Sprintf("%s/%d", at, i), visit)
		}
	}
}

func resolve(doc map[string]any, ref string) any {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	var at any = doc
	for _, step := range strings.Split(path, "/") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[step]
	}
	return at
}

// Every type of the API says of each of its fields what it is.
func TestEveryFieldIsDescribed(t *testing.T) {
	schemas := newRig(t).surface.doc.Components.Schemas.Map()
	for name, s := range schemas {
		for field, p := range s.Properties {
			if p.Description == "" && p.Ref == "" {
				t.Errorf("%s.%s has no description", name, field)
			}
		}
	}
	for _, name := range []string{"Spec", "Patch", "ConfigPatch", "ResumeOptions", "MoveOptions", "SplitOptions"} {
		if s := schemas[name]; s == nil || s.AdditionalProperties != false {
			t.Errorf("%s lets unknown fields pass", name)
		}
	}
	for _, name := range []string{"Changefeed", "Node", "Problem", "Config"} {
		if s := schemas[name]; s == nil || s.AdditionalProperties != true {
			t.Errorf("%s would break clients when it grows", name)
		}
	}
}

// A setting that a changefeed has is in the API, under its name.
func TestEverySettingOfAChangefeed(t *testing.T) {
	text, err := json.Marshal(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Spec{Name: "x", From: "workload://bank", To: "blackhole://"}.Settings()
	if err != nil {
		t.Fatal(err)
	}
	ofTheNode := []string{"from", "from-file", "to", "to-file", "changefeed", "data-dir", "relay-size", "log-level", "log-format", "log-file"}
	for _, setting := range s.Settings() {
		name := strings.ReplaceAll(setting.Name, "-", "_")
		if slices.Contains(ofTheNode, setting.Name) == strings.Contains(string(text), `"`+name+`":`) {
			t.Errorf("setting %s: it belongs either to the node or into Config", setting.Name)
		}
	}
}

// What a changefeed's settings give as Config gives the same settings again.
func TestConfigRoundTrip(t *testing.T) {
	rules, size, yes, gap, id := []string{"shop.*", "!shop.tmp_*"}, "96MiB", true, "1m30s", uint32(9)
	spec := Spec{Name: "x", From: "workload://bank", To: "blackhole://", Config: ConfigPatch{
		Tables: &rules, CaseSensitive: &yes, Memory: &size, SyncpointInterval: &gap, GiveUpAfter: &gap, ServerID: &id,
		StartAt: &gap, StopAt: &gap, TimeZone: new("Asia/Tokyo"),
	}}
	first, err := spec.Settings()
	if err != nil {
		t.Fatal(err)
	}
	second, err := ConfigOf(first).Settings("x", "workload://bank", "blackhole://")
	if err != nil || fmt.Sprintf("%+v", *first) != fmt.Sprintf("%+v", *second) {
		t.Errorf("got %+v, then %+v, %v", first, second, err)
	}
	if c := ConfigOf(first); c.Memory != size || c.SyncpointInterval != gap || c.ServerID != id || len(c.Tables) != 2 || c.TimeZone != "Asia/Tokyo" {
		t.Errorf("got %+v", c)
	}
}
