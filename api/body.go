package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/weir-cdc/weir/config"
)

// bodyLimit is far above every body there is.
const bodyLimit = 1 << 20

// A name in another case is another name.
func init() { huma.ValidateStrictCasing = true }

// readBody checks a body against its schema and reads it. A nil schema is that of a route which takes none.
func (s *surface) readBody(w http.ResponseWriter, req *http.Request, r route, schema *huma.Schema, into any) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, req.Body, bodyLimit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &Error{Code: BodyTooLarge, Where: "body", What: fmt.Sprintf("it is larger than %d bytes", bodyLimit), Fix: "send less"}
	case err != nil:
		return Errorf(InvalidRequest, "body", "it could not be read to its end: %v", err)
	case len(text) == 0 && (schema == nil || r.optional):
		return nil
	case schema == nil:
		return &Error{Code: InvalidRequest, Where: "body", What: "this request takes none", Fix: "leave it out"}
	}
	if err := checkContentType(req); err != nil {
		return err
	}
	if err := s.checkBody(text, schema); err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil { // the schema let pass what the type does not hold, as a number of many digits
		return Errorf(InvalidRequest, bodyField(err), "its value cannot be used")
	}
	return nil
}

func bodyField(err error) string {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) && t.Field != "" {
		return "body." + t.Field
	}
	return "body"
}

// checkContentType demands JSON by name: a page of another origin cannot send that unasked.
func checkContentType(req *http.Request) error {
	got, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err == nil && (got == "application/json" || got == "application/merge-patch+json" && req.Method == http.MethodPatch) {
		return nil
	}
	return &Error{Code: NotJSON, Where: "Content-Type", What: "the body is not declared as JSON", Fix: "send the header Content-Type: application/json"}
}

// checkBody tells all that is wrong with a body. It repeats nothing of it, which may hold a password.
func (s *surface) checkBody(text []byte, schema *huma.Schema) error {
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&value); err != nil || d.More() {
		return &Error{Code: InvalidRequest, Where: "body", What: fmt.Sprintf("it is no JSON, from byte %d on", d.InputOffset()), Fix: "send one JSON object"}
	}
	registry := s.doc.Components.Schemas
	var found huma.ValidateResult
	huma.Validate(registry, schema, huma.NewPathBuffer([]byte("body"), 4), huma.ModeWriteToServer, value, &found)
	if len(found.Errors) == 0 {
		return nil
	}
	details := make([]Detail, 0, len(found.Errors))
	for _, err := range found.Errors {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			details = append(details, s.detail(d, schema))
		}
	}
	slices.SortFunc(details, func(a, b Detail) int { return strings.Compare(a.Where+a.What, b.Where+b.What) })
	first := details[0]
	return &Error{Code: InvalidRequest, Where: first.Where, What: first.What, Fix: first.Fix, Also: details[1:]}
}

func (s *surface) detail(d *huma.ErrorDetail, schema *huma.Schema) Detail {
	if d.Message != validation.MsgUnexpectedProperty {
		return Detail{Where: d.Location, What: d.Message}
	}
	at := strings.LastIndexByte(d.Location, '.')
	names := s.properties(d.Location[:max(at, 0)], schema)
	return Detail{Where: d.Location, What: "unknown field", Fix: known(d.Location[at+1:], names)}
}

// properties lists those of the object at a place like body.config.
func (s *surface) properties(place string, schema *huma.Schema) []string {
	steps := strings.Split(place, ".")[1:]
	for {
		for schema != nil && schema.Ref != "" {
			schema = s.doc.Components.Schemas.SchemaFromRef(schema.Ref)
		}
		if schema == nil {
			return nil
		}
		if len(steps) == 0 {
			return slices.Sorted(maps.Keys(schema.Properties))
		}
		schema, steps = schema.Properties[steps[0]], steps[1:]
	}
}

func nearest(name string, names []string) string { return config.Nearest(name, names) }
