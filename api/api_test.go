package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/sirupsen/logrus"
)

func quiet() *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}

// A rig is a surface over a memory, asked without a network.
type rig struct {
	*testing.T
	m       *memory
	surface *surface
	handler http.Handler
}

func newRig(t *testing.T) *rig {
	m := newMemory()
	s := newSurface(m, Version{Version: "v1", Commit: "c"}, quiet())
	r := &rig{t, m, s, newGuard(s, TLSFiles{})}
	if _, err := m.Create(context.Background(), Spec{Name: "shop", From: "mysql://root:hunter2@h/", To: "file:///o"}); err != nil {
		t.Fatal(err)
	}
	return r
}

// do asks, and holds the answer against the document.
func (r *rig) do(method, path, body string, edits ...func(*http.Request)) *httptest.ResponseRecorder {
	r.Helper()
	req := httptest.NewRequest(method, "http://127.0.0.1:8300"+path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, edit := range edits {
		edit(req)
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	r.checkAnswer(w)
	return w
}

func (r *rig) checkAnswer(w *httptest.ResponseRecorder) {
	r.Helper()
	if strings.Contains(w.Body.String(), "hunter2") {
		r.Errorf("the answer holds the password: %s", w.Body)
	}
	if w.Code < 400 {
		return
	}
	var value any
	if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil {
		r.Errorf("status %d: %v in %s", w.Code, err, w.Body)
		return
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		r.Errorf("status %d has content type %q", w.Code, got)
	}
	r.fits("#/components/schemas/Problem", value)
}

// fits checks a value against a schema of the document.
func (r *rig) fits(ref string, value any) {
	r.Helper()
	var found huma.ValidateResult
	huma.Validate(r.surface.doc.Components.Schemas, &huma.Schema{Ref: ref}, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, &found)
	for _, err := range found.Errors {
		r.Errorf("%s: %v", ref, err)
	}
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

// Every route answers as the document says, and every route of the document is asked.
func TestEveryRoute(t *testing.T) {
	r := newRig(t)
	stopped := func() {
		if _, err := r.m.Pause(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		id, method, path, body string
		status                 int
		schema, want           string
		before                 func()
	}{
		{"list-changefeeds", "GET", "/api/v1/changefeeds", "", 200, "ChangefeedList", `"name":"shop"`, nil},
		{"create-changefeed", "POST", "/api/v1/changefeeds", `{"name":"two","from":"workload://bank","to":"blackhole://","config":{"memory":"128MiB"}}`, 201, "Changefeed", `"memory":"128MiB"`, nil},
		{"show-changefeed", "GET", "/api/v1/changefeeds/shop", "", 200, "Changefeed", `"checkpoint_ts":"445644800000000000"`, nil},
		{"update-changefeed", "PATCH", "/api/v1/changefeeds/shop", `{"config":{"tables":["shop.*"]}}`, 200, "Changefeed", `"tables":["shop.*"]`, stopped},
		{"resume-changefeed", "POST", "/api/v1/changefeeds/shop/resume", "", 200, "Changefeed", `"state":"normal"`, nil},
		{"resume-changefeed", "POST", "/api/v1/changefeeds/shop/resume", `{"from_checkpoint":"445644799999999999"}`, 200, "Changefeed", `"state":"normal"`, stopped},
		{"resume-changefeed", "POST", "/api/v1/changefeeds/shop/resume", `{"from_checkpoint":445644799999999999}`, 200, "Changefeed", `"state":"normal"`, stopped},
		{"pause-changefeed", "POST", "/api/v1/changefeeds/shop/pause", "", 200, "Changefeed", `"state":"stopped"`, nil},
		{"move-table", "POST", "/api/v1/changefeeds/shop/tables/shop.orders/move", `{"to":"n2"}`, 202, "Accepted", `"operation":"move"`, nil},
		{"split-table", "POST", "/api/v1/changefeeds/shop/tables/%60a.b%60.c%2Fd/split", `{"into":4}`, 202, "Accepted", "\"table\":\"`a.b`.c/d\"", nil},
		{"list-spans", "GET", "/api/v1/changefeeds/shop/spans?table=%60a.b%60.c%2Fd&limit=3", "", 200, "SpanPage", `"total":4,"next":`, nil},
		{"list-spans", "GET", "/api/v1/changefeeds/shop/spans?node=n2", "", 200, "SpanPage", `"total":1`, nil},
		{"list-spans", "GET", "/api/v1/changefeeds/shop/spans?node=none", "", 200, "SpanPage", `"spans":[]`, nil},
		{"merge-table", "POST", "/api/v1/changefeeds/shop/tables/%60a.b%60.c%2Fd/merge", "", 202, "Accepted", `"operation":"merge"`, nil},
		{"list-barriers", "GET", "/api/v1/changefeeds/shop/barriers", "", 200, "BarrierList", `"barriers":[]`, nil},
		{"list-nodes", "GET", "/api/v1/nodes", "", 200, "NodeList", `"zone":"a"`, nil},
		{"drain-node", "POST", "/api/v1/nodes/n2/drain", "", 202, "Node", `"state":"draining"`, nil},
		{"undo-drain-node", "DELETE", "/api/v1/nodes/n2/drain", "", 200, "Node", `"state":"up"`, nil},
		{"remove-changefeed", "DELETE", "/api/v1/changefeeds/two", "", 204, "", "", nil},
		{"version", "GET", "/api/v1/version", "", 200, "Version", `"version":"v1","commit":"c","go":"go1`, nil},
		{"openapi", "GET", "/api/v1/openapi.json", "", 200, "", `"openapi":"3.1.0"`, nil},
		{"health", "GET", "/healthz", "", 200, "Alive", `{"alive":true}`, nil},
		{"ready", "GET", "/readyz", "", 200, "Health", `"ready":true`, nil},
	}
	asked := map[string]bool{}
	for _, c := range cases {
		asked[c.id] = true
		if c.before != nil {
			c.before()
		}
		w := r.do(c.method, c.path, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %d, %s, want %d, %s", c.id, w.Code, w.Body, c.status, c.want)
		}
		if c.schema != "" {
			r.fits("#/components/schemas/"+c.schema, decode[any](t, w))
		}
	}
	for path, item := range r.surface.doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op != nil && !asked[op.OperationID] {
				t.Errorf("%s of %s is not in this test", op.OperationID, path)
			}
		}
	}
	if ts := r.m.resumed.FromCheckpoint; ts == nil || *ts != 445644799999999999 {
		t.Errorf("resumed from %v: a commit-ts lost digits", ts)
	}
	if got := r.m.tables[Table{"shop", "orders"}]; len(got) != 1 || got[0] != "n2" {
		t.Errorf("the moved table is on %v", got)
	}
}

// Whatever a Control answers, the code, the status, and the parts of the error arrive.
func TestEveryCodeOfAControl(t *testing.T) {
	r := newRig(t)
	for _, code := range Codes() {
		r.m.fails = &Error{Code: code, What: "w", Where: "e", Fix: "f", Also: []Detail{{"a", "b", "c"}}}
		w := r.do("GET", "/api/v1/changefeeds/shop", "")
		p := decode[Problem](t, w)
		if w.Code != code.Status() || p.Status != w.Code || p.Code != code || p.What != "w" || p.Where != "e" || p.Fix != "f" ||
			p.Type != "urn:weir:problem:"+string(code) || p.Title == "" || p.Detail != "e: w: f\na: b: c" || p.Instance != "/api/v1/changefeeds/shop" {
			t.Errorf("%s: got %d, %+v", code, w.Code, p)
		}
	}
	for err, want := range map[error]Code{errors.New("disk full"): Internal, context.DeadlineExceeded: Timeout} {
		r.m.fails = err
		if p := decode[Problem](t, r.do("GET", "/api/v1/nodes", "")); p.Code != want || p.What == "" {
			t.Errorf("%v: got %+v, want %s", err, p, want)
		}
	}
	r.m.fails, r.m.panics = nil, true
	if p := decode[Problem](t, r.do("GET", "/api/v1/nodes", "")); p.Code != Internal || strings.Contains(p.Detail, "boom") {
		t.Errorf("a panic: got %+v", p)
	}
}

func TestRefusals(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	const feeds = "/api/v1/changefeeds"
	spec := func(more string) string {
		return `{"name":"x","from":"mysql://root:hunter2@h/","to":"file:///o"` + more + `}`
	}
	cases := []struct {
		name, method, path, body string
		edit                     func(*http.Request)
		code                     Code
		want                     string
	}{
		{"no such path", "GET", "/api/v2/changefeeds", "", nil, NoSuchPath, "openapi.json"},
		{"the root", "GET", "/", "", nil, NoSuchPath, ""},
		{"another method", "PUT", feeds, "", nil, MethodNotAllowed, "use GET or POST"},
		{"no such changefeed", "GET", feeds + "/none", "", nil, NoSuchChangefeed, "changefeed none"},
		{"no such table", "POST", feeds + "/shop/tables/shop.none/merge", "", nil, NoSuchTable, "shop.none"},
		{"no table", "POST", feeds + "/shop/tables/orders/merge", "", nil, InvalidRequest, "schema.table"},
		{"no such node", "POST", "/api/v1/nodes/n9/drain", "", nil, NoSuchNode, "n9"},
		{"a name that is taken", "POST", feeds, `{"name":"shop","from":"workload://bank","to":"blackhole://"}`, nil, ChangefeedExists, "shop"},
		{"a changefeed that runs", "POST", feeds + "/shop/resume", "", nil, WrongState, "normal"},
		{"no JSON", "POST", feeds, "{", nil, InvalidRequest, "it is no JSON"},
		{"two values", "POST", feeds, spec("") + "{}", nil, InvalidRequest, "it is no JSON"},
		{"a list", "POST", feeds, "[]", nil, InvalidRequest, "expected object"},
		{"no body", "POST", feeds, "", nil, NotJSON, "Content-Type"},
		{"an empty body", "POST", feeds, "", header("Content-Type", "application/json"), InvalidRequest, "no JSON"},
		{"a body too many", "POST", feeds + "/shop/pause", "{}", nil, InvalidRequest, "takes none"},
		{"a form", "POST", feeds, "name=x", header("Content-Type", "application/x-www-form-urlencoded"), NotJSON, "Content-Type: application/json"},
		{"a large body", "POST", feeds, spec(`,"config":{"start_at":"` + strings.Repeat("x", bodyLimit) + `"}`), nil, BodyTooLarge, "1048576"},
		{"an unknown field", "POST", feeds, spec(`,"sink":1`), nil, InvalidRequest, "body.sink: unknown field: give config, from, name, to"},
		{"a misspelt field", "POST", feeds, spec(`,"config":{"tabels":["a.*"]}`), nil, InvalidRequest, `body.config.tabels: unknown field: did you mean \"tables\"?`},
		{"a field as the flag has it", "POST", feeds, spec(`,"config":{"time-zone":"UTC"}`), nil, InvalidRequest, `did you mean \"time_zone\"?`},
		{"another case", "POST", feeds, spec(`,"Config":{}`), nil, InvalidRequest, `did you mean \"config\"?`},
		{"a missing field", "POST", feeds, `{"name":"x","to":"file:///o"}`, nil, InvalidRequest, "from"},
		{"another type", "POST", feeds, spec(`,"config":{"tables":"a.*"}`), nil, InvalidRequest, "body.config.tables: expected array"},
		{"an empty list", "POST", feeds, spec(`,"config":{"tables":[]}`), nil, InvalidRequest, "body.config.tables"},
		{"a large number", "POST", feeds, spec(`,"config":{"server_id":4294967296}`), nil, InvalidRequest, "body.config.server_id"},
		{"a bad name", "POST", feeds, `{"name":"a/b","from":"x://y","to":"x://y"}`, nil, InvalidRequest, "body.name"},
		{"a bad size", "POST", feeds, spec(`,"config":{"memory":"much"}`), nil, InvalidSetting, `body.config.memory: \"much\" is no size`},
		{"two bad settings", "POST", feeds, spec(`,"config":{"memory":"1MiB","time_zone":"Moon/Base"}`), nil, InvalidSetting, `body.config.time_zone`},
		{"a bad rule", "POST", feeds, spec(`,"config":{"tables":["shop"]}`), nil, InvalidSetting, `"where":"body.config.tables"`},
		{"no URI", "POST", feeds, `{"name":"x","from":"mysql://root:hunter2%@h/","to":"file:///o"}`, nil, InvalidSetting, "body.from: is no URI"},
		{"a bad patch", "PATCH", feeds + "/shop", `{"config":{"syncpoint_interval":"5"}}`, nil, InvalidSetting, "no duration"},
		{"one span", "POST", feeds + "/shop/tables/shop.orders/split", `{"into":1}`, nil, InvalidRequest, "body.into"},
		{"a commit-ts that is none", "POST", feeds + "/shop/resume", `{"from_checkpoint":"yesterday"}`, nil, InvalidRequest, "from_checkpoint"},
		{"a parameter of no kind", "GET", feeds + "/shop/spans?tabel=a.b", "", nil, InvalidRequest, `did you mean \"table\"?`},
		{"a parameter too many", "GET", feeds + "?x=1", "", nil, InvalidRequest, "query.x"},
		{"a limit out of range", "GET", feeds + "/shop/spans?limit=0", "", nil, InvalidRequest, "query.limit"},
		{"another origin", "POST", feeds + "/shop/pause", "", header("Sec-Fetch-Site", "cross-site"), CrossOrigin, "Origin"},
		{"another host", "GET", feeds, "", host("rebound.example:8300"), WrongHost, "Host"},
		{"a stale patch", "PATCH", feeds + "/still", `{"config":{"memory":"256MiB"}}`, header("If-Match", `"00"`), Stale, "changed"},
	}
	r := newRig(t)
	if _, err := r.m.Create(t.Context(), Spec{Name: "still", From: "workload://bank", To: "blackhole://"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.m.Pause(t.Context(), "still"); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.edit == nil {
				c.edit = func(*http.Request) {}
			}
			w := r.do(c.method, c.path, c.body, c.edit)
			p := decode[Problem](t, w)
			if p.Code != c.code || w.Code != c.code.Status() || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("got %d, %s, want %s and %q", w.Code, w.Body, c.code, c.want)
			}
		})
	}
	if w := r.do("PUT", feeds, ""); w.Header().Get("Allow") != "GET, POST" {
		t.Errorf("got Allow: %q", w.Header().Get("Allow"))
	}
	for _, h := range []string{"localhost:8300", "[::1]:8300", "127.0.0.2", "[::1]"} {
		if w := r.do("GET", feeds, "", host(h)); w.Code != 200 {
			t.Errorf("Host %s: got %d", h, w.Code)
		}
	}
}

func TestIfMatch(t *testing.T) {
	r := newRig(t)
	if _, err := r.m.Pause(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	tag := r.do("GET", "/api/v1/changefeeds/shop", "").Header().Get("ETag")
	match := func(req *http.Request) { req.Header.Set("If-Match", tag) }
	first := r.do("PATCH", "/api/v1/changefeeds/shop", `{"config":{"memory":"256MiB"}}`, match)
	second := r.do("PATCH", "/api/v1/changefeeds/shop", `{"config":{"memory":"512MiB"}}`, match)
	if len(tag) < 10 || first.Code != 200 || first.Header().Get("ETag") == tag || second.Code != 412 {
		t.Errorf("tag %s: got %d and %d, want 200 with another tag and 412", tag, first.Code, second.Code)
	}
}

func TestNotReady(t *testing.T) {
	r := newRig(t)
	r.m.fails = Errorf(NoCoordinator, "", "none is elected")
	if w := r.do("GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("healthz: got %d, want 200", w.Code)
	}
	w := r.do("GET", "/readyz", "")
	if w.Code != 503 || !strings.Contains(w.Body.String(), "no coordinator is elected") || w.Header().Get("Retry-After") == "" {
		t.Errorf("readyz: got %d, %s", w.Code, w.Body)
	}
}

func TestTables(t *testing.T) {
	for text, want := range map[string]Table{
		"a.b": {"a", "b"}, "`a.b`.c": {"a.b", "c"}, "`a`.`b``c`": {"a", "b`c"}, "shop.Größe": {"shop", "Größe"},
	} {
		got, err := ParseTable(text)
		again, err2 := ParseTable(got.String())
		if err != nil || err2 != nil || got != want || again != want {
			t.Errorf("%s: got %+v, %v, %+v, %v", text, got, err, again, err2)
		}
	}
	for _, text := range []string{"", "a", "a.", ".b", "a.b.c", "`a.b", "a.b`c", "``.b", "a b"} {
		if got, err := ParseTable(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

func FuzzTables(f *testing.F) {
	f.Add("a", "b")
	f.Add("a.b", "`")
	f.Fuzz(func(t *testing.T, schema, name string) {
		if schema == "" || name == "" {
			return
		}
		if got, err := ParseTable(Table{schema, name}.String()); err != nil || got != (Table{schema, name}) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestBodiesRepeatNothing(t *testing.T) {
	r := newRig(t)
	for _, body := range []string{
		`{"name":"x","from":{"uri":"mysql://root:hunter2@h/"},"to":"file:///o"}`,
		`{"name":"x","from":"mysql://root:hunter2@h/" "to"`,
		`"mysql://root:hunter2@h/"`,
		`{"name":"mysql://root:hunter2@h/","from":"mysql://root:hunter2%@h/","to":"file:///o"}`,
		`{"name":"x","from":"mysql://h/","to":"file:///o","config":{"memory":"1KiB","time_zone":"x"}}`,
	} {
		if w := r.do("POST", "/api/v1/changefeeds", body); w.Code != 400 || bytes.Contains(w.Body.Bytes(), []byte("hunter2")) {
			t.Errorf("%s: got %d, %s", body, w.Code, w.Body)
		}
	}
}
