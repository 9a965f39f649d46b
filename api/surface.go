package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/sirupsen/logrus"
)

// callTimeout bounds what a call may take; the client's own limit is longer.
const callTimeout = 30 * time.Second

// A surface is the routes of a server and the document that describes them. Both come from the same declarations, and requests
// are checked against the document's own schemas.
type surface struct {
	mux  *http.ServeMux
	doc  *huma.OpenAPI
	open map[string]bool // paths that need no certificate
	log  *logrus.Entry
}

// A route is one operation, as the document shows it.
type route struct {
	method, path string
	id, doc      string
	status       int  // of success; 0 is 200
	optional     bool // whether the body may be missing
	open         bool // whether it needs no certificate
	header       string
	query        []parameter
	errors       []Code // besides those that every route has
}

type parameter struct{ name, doc, kind string }

const (
	textParameter   = huma.TypeString
	numberParameter = huma.TypeInteger
)

func newSurface(c Control, v Version, log *logrus.Entry) *surface {
	s := &surface{mux: http.NewServeMux(), doc: newDocument(v), open: map[string]bool{}, log: log}
	s.addFeeds(c)
	s.addTables(c)
	s.addNodes(c)
	s.addHealth(c, v)
	s.addDocument()
	return s
}

// add puts a route into the mux and into the document. B is the body that it takes, R the result that it gives.
func add[B, R any](s *surface, r route, do func(context.Context, call, B) (R, error)) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	body := s.describe(r, reflect.TypeFor[B](), reflect.TypeFor[R]())
	s.open[r.path] = r.open
	s.mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithTimeout(req.Context(), callTimeout)
		defer cancel()
		var b B
		var result R
		err := r.checkQuery(req)
		if err == nil {
			err = s.readBody(w, req, r, body, &b)
		}
		if err == nil {
			result, err = do(ctx, call{req}, b)
		}
		if err != nil {
			s.refuse(w, req, err)
			return
		}
		if cf, ok := any(result).(Changefeed); ok {
			w.Header().Set("ETag", `"`+cf.Tag()+`"`)
		}
		s.answer(w, r.status, "application/json", result)
	})
}

// checkQuery refuses parameters that the route does not have, which would else be misspelt in vain.
func (r route) checkQuery(req *http.Request) error {
	names := make([]string, len(r.query))
	for i, p := range r.query {
		names[i] = p.name
	}
	for _, name := range slices.Sorted(maps.Keys(req.URL.Query())) {
		if !slices.Contains(names, name) {
			return &Error{Code: InvalidRequest, Where: "query." + name, What: "unknown parameter", Fix: known(name, names)}
		}
	}
	return nil
}

// addDocument serves the document, which is whole by then.
func (s *surface) addDocument() {
	s.describe(route{method: "GET", path: docPath, id: "openapi", doc: "This document", status: http.StatusOK},
		reflect.TypeFor[none](), reflect.TypeFor[map[string]any]())
	relaxAnswers(s.doc)
	text, err := json.Marshal(s.doc)
	if err != nil {
		panic("api: encode the OpenAPI document: " + err.Error()) // it is made of this package's types alone
	}
	s.mux.HandleFunc("GET "+docPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(text) //nolint:errcheck // the caller is gone
	})
}

// ServeHTTP answers every request, whatever happens, with JSON.
func (s *surface) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if reason := recover(); reason != nil {
			s.log.WithFields(logrus.Fields{"path": r.URL.Path, "stack": string(debug.Stack())}).Errorf("api: panic: %v", reason)
			s.refuse(w, r, Errorf(Internal, r.URL.Path, "the request broke down; the node's log says where"))
		}
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if _, pattern := s.mux.Handler(r); pattern != "" {
		s.mux.ServeHTTP(w, r) // again through the mux, which sets the path's values
		return
	}
	if methods := s.methods(r); len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		s.refuse(w, r, &Error{Code: MethodNotAllowed, Where: r.URL.Path, What: r.Method + " is not possible here",
			Fix: "use " + strings.Join(methods, " or ")})
		return
	}
	s.refuse(w, r, &Error{Code: NoSuchPath, Where: r.URL.Path, What: "there is no such path", Fix: "see " + docPath})
}

// methods lists those that the path of a request has.
func (s *surface) methods(r *http.Request) (methods []string) {
	for _, m := range []string{"DELETE", "GET", "PATCH", "POST"} {
		probe := *r
		probe.Method = m
		if _, pattern := s.mux.Handler(&probe); pattern != "" {
			methods = append(methods, m)
		}
	}
	return methods
}

func (s *surface) answer(w http.ResponseWriter, status int, contentType string, value any) {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		s.log.WithError(err).Debug("api: write an answer")
	}
}

func (s *surface) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err, r.URL.Path)
	if p.Status >= http.StatusInternalServerError {
		s.log.WithFields(logrus.Fields{"method": r.Method, "path": r.URL.Path, "code": p.Code}).WithError(err).Debug("api: no success")
	}
	if p.Code == Internal {
		s.log.WithFields(logrus.Fields{"method": r.Method, "path": r.URL.Path}).WithError(err).Warn("api: internal error")
	}
	if p.Code == NoCoordinator || p.Code == NotReady {
		w.Header().Set("Retry-After", "1")
	}
	s.answer(w, p.Status, "application/problem+json", p)
}

// known says which names there are, or which one was meant.
func known(name string, names []string) string {
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(names) == 0 {
		return "give none"
	}
	return "give " + strings.Join(names, ", ")
}
