package api

import (
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// everyRoute are the errors that any request may meet before its route is asked.
var everyRoute = []Code{InvalidRequest, CertificateMissing, CrossOrigin, WrongHost, Internal}

func newDocument(v Version) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "Weir", Version: v.Version,
			Description: "Changefeeds and nodes of a Weir cluster. Every node answers, and asks the coordinator. " +
				"Errors are problems as in RFC 9457; their code is stable."},
		Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		Tags:       []*huma.Tag{{Name: "changefeeds"}, {Name: "tables"}, {Name: "nodes"}, {Name: "server"}},
	}
}

// describe puts a route into the document, and gives the schema of its body, nil if it takes none.
func (s *surface) describe(r route, body, result reflect.Type) *huma.Schema {
	op := &huma.Operation{Method: r.method, Path: r.path, OperationID: r.id, Summary: r.doc, Tags: []string{r.tag()},
		Responses: map[string]*huma.Response{}}
	for _, name := range pathNames(r.path) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true,
			Description: pathDocs[name], Schema: &huma.Schema{Type: huma.TypeString}})
	}
	for _, p := range r.query {
		op.Parameters = append(op.Parameters, &huma.Param{Name: p.name, In: "query", Description: p.doc, Schema: &huma.Schema{Type: p.kind}})
	}
	if r.header != "" {
		op.Parameters = append(op.Parameters, &huma.Param{Name: r.header, In: "header",
			Description: "the ETag that the definition must have", Schema: &huma.Schema{Type: huma.TypeString}})
	}
	schemas := s.doc.Components.Schemas
	var schema *huma.Schema
	codes := slices.Concat(everyRoute, r.errors)
	if body != reflect.TypeFor[none]() {
		schema = schemas.Schema(body, true, "")
		op.RequestBody = &huma.RequestBody{Required: !r.optional, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
		codes = append(codes, BodyTooLarge, NotJSON)
	}
	op.Responses[strconv.Itoa(r.status)] = s.success(r, result)
	s.describeErrors(op, codes)
	s.doc.AddOperation(op)
	return schema
}

func (s *surface) success(r route, result reflect.Type) *huma.Response {
	response := &huma.Response{Description: http.StatusText(r.status)}
	if r.status == http.StatusNoContent {
		return response
	}
	response.Content = map[string]*huma.MediaType{
		"application/json": {Schema: s.doc.Components.Schemas.Schema(result, true, r.id)},
	}
	if result == reflect.TypeFor[Changefeed]() {
		response.Headers = map[string]*huma.Param{
			"ETag": {Description: "names the definition as it stands", Schema: &huma.Schema{Type: huma.TypeString}},
		}
	}
	return response
}

func (s *surface) describeErrors(op *huma.Operation, codes []Code) {
	problem := s.doc.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	byStatus := map[int][]string{}
	for _, c := range codes {
		byStatus[c.Status()] = append(byStatus[c.Status()], string(c))
	}
	for status, names := range byStatus {
		slices.Sort(names)
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status) + ": " + strings.Join(slices.Compact(names), ", "),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}
	}
}

func (r route) tag() string {
	switch {
	case strings.Contains(r.path, "/tables/"), strings.HasSuffix(r.path, "/spans"), strings.HasSuffix(r.path, "/barriers"):
		return "tables"
	case strings.HasPrefix(r.path, feedsPath):
		return "changefeeds"
	case strings.HasPrefix(r.path, nodesPath):
		return "nodes"
	}
	return "server"
}

var pathDocs = map[string]string{
	"name":  "the changefeed's name",
	"table": "schema.table, percent-encoded; a name that holds a dot in backquotes",
	"node":  "the node's name",
}

var pathName = regexp.MustCompile(`\{(\w+)\}`)

func pathNames(path string) (names []string) {
	for _, m := range pathName.FindAllStringSubmatch(path, -1) {
		names = append(names, m[1])
	}
	return names
}

// relaxAnswers lets what is answered hold more than this version knows, so that a client outlives an upgrade. What is asked
// stays strict.
func relaxAnswers(doc *huma.OpenAPI) {
	strict := map[*huma.Schema]bool{}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Post, item.Patch} {
			if op != nil && op.RequestBody != nil {
				keepStrict(doc.Components.Schemas, op.RequestBody.Content["application/json"].Schema, strict)
			}
		}
	}
	for _, schema := range doc.Components.Schemas.Map() {
		if !strict[schema] {
			schema.AdditionalProperties = true
		}
	}
}

func keepStrict(registry huma.Registry, schema *huma.Schema, strict map[*huma.Schema]bool) {
	for schema.Ref != "" {
		schema = registry.SchemaFromRef(schema.Ref)
	}
	strict[schema] = true
	for _, p := range schema.Properties {
		keepStrict(registry, p, strict)
	}
}

// Schema names the codes in the document. They are no enumeration there: a newer server may know more.
func (Code) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, c := range Codes() {
		if c != ServerUnreachable {
			s.Examples = append(s.Examples, string(c))
		}
	}
	return s
}
