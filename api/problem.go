package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A Code says what kind of error it is. Codes are stable: programs may compare them.
type Code string

// The codes, with the HTTP status of each.
const (
	InvalidRequest     Code = "invalid-request"     // 400: the request cannot be understood
	InvalidSetting     Code = "invalid-setting"     // 400: a setting's value cannot be used
	CertificateMissing Code = "certificate-missing" // 401: the caller shows no certificate
	CrossOrigin        Code = "cross-origin"        // 403: a web page of another origin asks
	NoSuchPath         Code = "no-such-path"        // 404
	NoSuchChangefeed   Code = "no-such-changefeed"  // 404
	NoSuchTable        Code = "no-such-table"       // 404: the changefeed follows no such table
	NoSuchNode         Code = "no-such-node"        // 404: no living node has the name
	NoSuchCheckpoint   Code = "no-such-checkpoint"  // 404: it is not among those that are kept
	MethodNotAllowed   Code = "method-not-allowed"  // 405
	ChangefeedExists   Code = "changefeed-exists"   // 409: the name is taken
	WrongState         Code = "wrong-state"         // 409: not in the changefeed's, or the node's, state
	OperationInFlight  Code = "operation-in-flight" // 409: another one works on the same table
	NotSplittable      Code = "not-splittable"      // 409: the table has no key to split by, or the sink takes no split tables
	Stale              Code = "stale"               // 412: the definition is no longer the one that If-Match names
	BodyTooLarge       Code = "body-too-large"      // 413
	NotJSON            Code = "not-json"            // 415: the body's Content-Type is another
	WrongHost          Code = "wrong-host"          // 421: the Host header names no loopback address
	Internal           Code = "internal"            // 500
	NoCoordinator      Code = "no-coordinator"      // 503: none is elected, or it does not answer; try again
	NotReady           Code = "not-ready"           // 503: the node starts or ends; try again, or another node
	ServerUnreachable  Code = "server-unreachable"  // 503: given by the client, when no server answers
	Timeout            Code = "timeout"             // 504: not answered in time; it may happen yet
)

var statuses = map[Code]int{
	InvalidRequest:     http.StatusBadRequest,
	InvalidSetting:     http.StatusBadRequest,
	CertificateMissing: http.StatusUnauthorized,
	CrossOrigin:        http.StatusForbidden,
	NoSuchPath:         http.StatusNotFound,
	NoSuchChangefeed:   http.StatusNotFound,
	NoSuchTable:        http.StatusNotFound,
	NoSuchNode:         http.StatusNotFound,
	NoSuchCheckpoint:   http.StatusNotFound,
	MethodNotAllowed:   http.StatusMethodNotAllowed,
	ChangefeedExists:   http.StatusConflict,
	WrongState:         http.StatusConflict,
	OperationInFlight:  http.StatusConflict,
	NotSplittable:      http.StatusConflict,
	Stale:              http.StatusPreconditionFailed,
	BodyTooLarge:       http.StatusRequestEntityTooLarge,
	NotJSON:            http.StatusUnsupportedMediaType,
	WrongHost:          http.StatusMisdirectedRequest,
	Internal:           http.StatusInternalServerError,
	NoCoordinator:      http.StatusServiceUnavailable,
	NotReady:           http.StatusServiceUnavailable,
	ServerUnreachable:  http.StatusServiceUnavailable,
	Timeout:            http.StatusGatewayTimeout,
}

// Codes lists all codes, sorted.
func Codes() []Code {
	codes := make([]Code, 0, len(statuses))
	for c := range statuses {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	return codes
}

// Status gives the HTTP status of a code; that of one that a newer server made up is 500.
func (c Code) Status() int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// An Error is what went wrong, where, and how to mend it. It holds no credentials.
type Error struct {
	Code  Code
	What  string
	Where string   // the setting, changefeed, table or node that it is about; may be ""
	Fix   string   // may be ""
	Also  []Detail // what else is wrong with the request
}

func (e *Error) Error() string {
	parts := []string{e.Where, e.What, e.Fix}
	text := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
	for _, d := range e.Also {
		text += "\n" + d.text()
	}
	return text
}

// Is makes errors.Is compare codes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// CodeOf gives the code of an error; Internal if it has none.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	return Internal
}

// A Detail is one of several things that are wrong with a request.
type Detail struct {
	Where string `json:"where" doc:"what it is about, for example body.config.memory"`
	What  string `json:"what" doc:"what is wrong"`
	Fix   string `json:"fix,omitempty" doc:"how to mend it"`
}

func (d Detail) text() string {
	e := Error{Where: d.Where, What: d.What, Fix: d.Fix}
	return e.Error()
}

// A Problem is an Error on the wire, as RFC 9457 has it.
type Problem struct {
	Type     string   `json:"type" format:"uri" doc:"urn:weir:problem: and the code"`
	Title    string   `json:"title" doc:"the HTTP status in words"`
	Status   int      `json:"status" doc:"the HTTP status"`
	Detail   string   `json:"detail" doc:"where, what and fix in one text"`
	Instance string   `json:"instance,omitempty" doc:"the path that was asked"`
	Code     Code     `json:"code" doc:"the kind of error; stable"`
	What     string   `json:"what" doc:"what is wrong"`
	Where    string   `json:"where,omitempty" doc:"the setting, changefeed, table or node that it is about"`
	Fix      string   `json:"fix,omitempty" doc:"how to mend it"`
	Errors   []Detail `json:"errors,omitempty" doc:"what else is wrong with the request"`
}

const typePrefix = "urn:weir:problem:"

func problemOf(err error, path string) Problem {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: CodeOf(err), What: err.Error()}
		if e.Code == Timeout {
			e.What, e.Fix = "no answer in time", "look whether it has happened, and try again"
		}
	}
	return Problem{
		Type: typePrefix + string(e.Code), Title: http.StatusText(e.Code.Status()), Status: e.Code.Status(),
		Detail: e.Error(), Instance: path, Code: e.Code, What: e.What, Where: e.Where, Fix: e.Fix, Errors: e.Also,
	}
}

func (p Problem) err() *Error {
	return &Error{Code: p.Code, What: p.What, Where: p.Where, Fix: p.Fix, Also: p.Errors}
}

// Errorf makes an Error without a fix.
func Errorf(code Code, where, format string, args ...any) *Error {
	return &Error{Code: code, Where: where, What: fmt.Sprintf(format, args...)}
}
