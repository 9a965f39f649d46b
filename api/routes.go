package api

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
)

// What a route without a body takes, and what a route without an answer gives.
type none struct{}

// The answers that are no single thing of the cluster.
type (
	// ChangefeedList is all changefeeds.
	ChangefeedList struct {
		Changefeeds []Changefeed `json:"changefeeds" doc:"all changefeeds, by name"`
	}
	// NodeList is all living nodes.
	NodeList struct {
		Nodes []Node `json:"nodes" doc:"the living nodes, by name"`
	}
	// BarrierList is the barriers in flight.
	BarrierList struct {
		Barriers []Barrier `json:"barriers" doc:"the barriers in flight, the oldest first"`
	}
	// Accepted says what was begun.
	Accepted struct {
		Changefeed string `json:"changefeed" doc:"the changefeed"`
		Table      Table  `json:"table" doc:"the table"`
		Operation  string `json:"operation" enum:"move,split,merge" doc:"what was begun"`
	}
	// Alive says that the process answers.
	Alive struct {
		Alive bool `json:"alive" doc:"true"`
	}
)

// The bodies of the operations on a table.
type (
	// MoveOptions say where a table goes.
	MoveOptions struct {
		To string `json:"to" minLength:"1" doc:"name of the node"`
	}
	// SplitOptions say how a table is split.
	SplitOptions struct {
		Into int `json:"into" minimum:"2" maximum:"1024" doc:"how many spans it becomes"`
	}
)

const (
	feedsPath  = "/api/v1/changefeeds"
	feedPath   = feedsPath + "/{name}"
	tablePath  = feedPath + "/tables/{table}"
	nodesPath  = "/api/v1/nodes"
	drainPath  = nodesPath + "/{node}/drain"
	healthPath = "/healthz"
	readyPath  = "/readyz"
	docPath    = "/api/v1/openapi.json"
)

// unavailable are the errors of every route that needs the coordinator.
var unavailable = []Code{NoCoordinator, NotReady, Timeout}

func with(codes ...Code) []Code { return append(codes, unavailable...) }

func (s *surface) addFeeds(c FeedControl) {
	add(s, route{method: "GET", path: feedsPath, id: "list-changefeeds", doc: "List the changefeeds", errors: unavailable},
		func(ctx context.Context, _ call, _ none) (ChangefeedList, error) {
			all, err := c.Changefeeds(ctx)
			return ChangefeedList{noNil(all)}, err
		})
	add(s, route{method: "POST", path: feedsPath, id: "create-changefeed", status: http.StatusCreated,
		doc: "Create a changefeed, which then starts", errors: with(InvalidSetting, ChangefeedExists)},
		func(ctx context.Context, _ call, spec Spec) (Changefeed, error) {
			if _, err := spec.Settings(); err != nil {
				return Changefeed{}, err
			}
			return c.Create(ctx, spec)
		})
	add(s, route{method: "GET", path: feedPath, id: "show-changefeed", doc: "Show a changefeed",
		errors: with(NoSuchChangefeed)},
		func(ctx context.Context, r call, _ none) (Changefeed, error) { return c.Changefeed(ctx, r.name()) })
	add(s, route{method: "PATCH", path: feedPath, id: "update-changefeed",
		doc:    "Change the definition of a changefeed that does not run",
		header: "If-Match", errors: with(InvalidSetting, NoSuchChangefeed, WrongState, Stale)},
		func(ctx context.Context, r call, p Patch) (Changefeed, error) {
			if err := p.check(); err != nil {
				return Changefeed{}, err
			}
			p.IfMatch = r.ifMatch()
			return c.Update(ctx, r.name(), p)
		})
	add(s, route{method: "DELETE", path: feedPath, id: "remove-changefeed", status: http.StatusNoContent,
		doc: "Forget a changefeed with its checkpoint; what is downstream stays", errors: with(NoSuchChangefeed)},
		func(ctx context.Context, r call, _ none) (none, error) { return none{}, c.Remove(ctx, r.name()) })
	add(s, route{method: "POST", path: feedPath + "/pause", id: "pause-changefeed",
		doc: "Stop a changefeed in order", errors: with(NoSuchChangefeed, WrongState)},
		func(ctx context.Context, r call, _ none) (Changefeed, error) { return c.Pause(ctx, r.name()) })
	add(s, route{method: "POST", path: feedPath + "/resume", id: "resume-changefeed", optional: true,
		doc:    "Let a changefeed go on that is stopped, failed or finished",
		errors: with(NoSuchChangefeed, WrongState, NoSuchCheckpoint)},
		func(ctx context.Context, r call, o ResumeOptions) (Changefeed, error) {
			return c.Resume(ctx, r.name(), o)
		})
}

func (s *surface) addTables(c TableControl) {
	table := func(path, doc string, codes ...Code) route {
		return route{method: "POST", path: tablePath + "/" + path, id: path + "-table", status: http.StatusAccepted, doc: doc,
			errors: with(append(codes, NoSuchChangefeed, NoSuchTable, WrongState, OperationInFlight)...)}
	}
	add(s, table("move", "Move all spans of a table to a node", NoSuchNode),
		func(ctx context.Context, r call, o MoveOptions) (Accepted, error) {
			return r.accept("move", func(t Table) error { return c.Move(ctx, r.name(), t, o.To) })
		})
	add(s, table("split", "Split a table into spans", NotSplittable),
		func(ctx context.Context, r call, o SplitOptions) (Accepted, error) {
			return r.accept("split", func(t Table) error { return c.Split(ctx, r.name(), t, o.Into) })
		})
	add(s, table("merge", "Merge the spans of a table into one"),
		func(ctx context.Context, r call, _ none) (Accepted, error) {
			return r.accept("merge", func(t Table) error { return c.Merge(ctx, r.name(), t) })
		})
	add(s, route{method: "GET", path: feedPath + "/spans", id: "list-spans", doc: "List spans, a page at a time",
		query: []parameter{
			{"table", "of this table only, as schema.table", textParameter},
			{"node", "on this node only", textParameter},
			{"limit", fmt.Sprintf("how many, 1 to %d; default %d", MostSpans, DefaultSpans), numberParameter},
			{"after", "the next of the page before", textParameter},
		}, errors: with(NoSuchChangefeed)},
		func(ctx context.Context, r call, _ none) (SpanPage, error) {
			q, err := r.spanQuery()
			if err != nil {
				return SpanPage{}, err
			}
			page, err := c.Spans(ctx, r.name(), q)
			page.Spans = noNil(page.Spans)
			return page, err
		})
	add(s, route{method: "GET", path: feedPath + "/barriers", id: "list-barriers", doc: "List the barriers in flight",
		errors: with(NoSuchChangefeed)},
		func(ctx context.Context, r call, _ none) (BarrierList, error) {
			all, err := c.Barriers(ctx, r.name())
			return BarrierList{noNil(all)}, err
		})
}

func (s *surface) addNodes(c NodeControl) {
	add(s, route{method: "GET", path: nodesPath, id: "list-nodes", doc: "List the living nodes", errors: unavailable},
		func(ctx context.Context, _ call, _ none) (NodeList, error) {
			all, err := c.Nodes(ctx)
			return NodeList{noNil(all)}, err
		})
	add(s, route{method: "POST", path: drainPath, id: "drain-node", status: http.StatusAccepted,
		doc: "Take everything off a node, which then ends", errors: with(NoSuchNode, WrongState)},
		func(ctx context.Context, r call, _ none) (Node, error) {
			return c.Drain(ctx, r.PathValue("node"), false)
		})
	add(s, route{method: "DELETE", path: drainPath, id: "undo-drain-node",
		doc: "End a drain: the node takes part again", errors: with(NoSuchNode, WrongState)},
		func(ctx context.Context, r call, _ none) (Node, error) {
			return c.Drain(ctx, r.PathValue("node"), true)
		})
}

func (s *surface) addHealth(c NodeControl, v Version) {
	v.Go = runtime.Version()
	add(s, route{method: "GET", path: "/api/v1/version", id: "version", doc: "Tell the version"},
		func(context.Context, call, none) (Version, error) { return v, nil })
	add(s, route{method: "GET", path: healthPath, id: "health", open: true, doc: "Tell that the process is alive"},
		func(context.Context, call, none) (Alive, error) { return Alive{true}, nil })
	add(s, route{method: "GET", path: readyPath, id: "ready", open: true, doc: "Tell whether the node can answer for the cluster",
		errors: []Code{NotReady}},
		func(ctx context.Context, _ call, _ none) (Health, error) {
			h := c.Health(ctx)
			h.Reasons = noNil(h.Reasons)
			if h.Ready {
				return h, nil
			}
			e := Errorf(NotReady, "node "+h.Node, "not ready")
			for _, reason := range h.Reasons {
				e.Also = append(e.Also, Detail{Where: e.Where, What: reason})
			}
			return h, e
		})
}

// A call is a request with the readers of what its path and its query hold.
type call struct{ *http.Request }

func (r call) name() string { return r.PathValue("name") }

// ifMatch gives the tag of the If-Match header, "" for none or any.
func (r call) ifMatch() string {
	tag := r.Header.Get("If-Match")
	if unquoted, err := strconv.Unquote(tag); err == nil {
		return unquoted
	}
	if tag == "*" {
		return ""
	}
	return tag
}

func (r call) accept(operation string, do func(Table) error) (Accepted, error) {
	t, err := ParseTable(r.PathValue("table"))
	if err == nil {
		err = do(t)
	}
	return Accepted{Changefeed: r.name(), Table: t, Operation: operation}, err
}

func (r call) spanQuery() (q SpanQuery, err error) {
	values := r.URL.Query()
	q = SpanQuery{Node: values.Get("node"), Limit: DefaultSpans, After: values.Get("after")}
	if text := values.Get("table"); text != "" {
		if q.Table, err = ParseTable(text); err != nil {
			return q, err
		}
	}
	if text := values.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > MostSpans {
			return q, &Error{Code: InvalidRequest, Where: "query.limit", What: fmt.Sprintf("%q is out of range", text),
				Fix: fmt.Sprintf("give a number from 1 to %d", MostSpans)}
		}
	}
	return q, nil
}

// noNil makes an empty list of none, so that JSON shows [] and not null.
func noNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
