package storage

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/sinks"
)

// routes are the spans that have written, by table. Spans that work overlap nowhere: a new span (after a split, a
// merge) waits until the ones it overlaps are durable and forgotten, for it reads from their records what they hold.
type routes map[int64][]*route

// A route is one span's way to its lane.
type route struct {
	span     sinks.SpanKey
	retiring bool    // its rows are being made durable, then it goes
	after    *gate   // nil, or what it waits for
	waiters  []*gate // that wait until it is retired
	held     []any   // items that came while it waits or is being retired, in order
}

// A gate waits for routes to be retired; then it lets a DDL or a route go on.
type gate struct {
	left    int
	execute *executeItem
	route   *route
}

func (r *route) waits() bool { return r.retiring || r.after != nil && r.after.left > 0 }

func (rs routes) find(span sinks.SpanKey) *route {
	for _, r := range rs[span.Table] {
		if r.span == span {
			return r
		}
	}
	return nil
}

func (rs routes) remove(r *route) {
	left := slices.DeleteFunc(rs[r.span.Table], func(other *route) bool { return other == r })
	if len(left) == 0 {
		delete(rs, r.span.Table)
	} else {
		rs[r.span.Table] = left
	}
}

// route sends an item of a span on its way: to its lane, or to wait.
func (s *sink) route(ctx actor.Context, span sinks.SpanKey, item any) {
	r := s.routes.find(span)
	if r == nil {
		r = s.newRoute(ctx, span)
	}
	if r.waits() {
		r.held = append(r.held, item)
		return
	}
	s.put(ctx, s.laneOf(span), item)
}

func (s *sink) newRoute(ctx actor.Context, span sinks.SpanKey) *route {
	r := &route{span: span}
	r.after = &gate{route: r}
	for _, other := range s.routes[span.Table] {
		if other.span.Overlaps(span) {
			s.retire(ctx, other, r.after)
		}
	}
	s.routes[span.Table] = append(s.routes[span.Table], r)
	return r
}

// retire makes a gate wait until a route is retired. One that waits itself has its turn first.
func (s *sink) retire(ctx actor.Context, r *route, g *gate) {
	g.left++
	r.waiters = append(r.waiters, g)
	if !r.waits() {
		s.beginRetiring(ctx, r)
	}
}

func (s *sink) beginRetiring(ctx actor.Context, r *route) {
	r.retiring = true
	s.put(ctx, s.laneOf(r.span), &retireItem{r.span})
}

// retired ends a route and lets those go on that waited for it. What came for it meanwhile is routed anew, behind them.
func (s *sink) retired(ctx actor.Context, span sinks.SpanKey) {
	r := s.routes.find(span)
	if r == nil {
		return
	}
	s.routes.remove(r)
	for _, g := range r.waiters {
		g.left--
		switch {
		case g.left > 0:
		case g.execute != nil:
			s.put(ctx, s.ledger(), g.execute)
		default:
			s.begin(ctx, g.route)
		}
	}
	for _, item := range r.held {
		s.route(ctx, span, item)
	}
}

// begin sends what a route has held to its lane, and then lets those have the keys that wait for it.
func (s *sink) begin(ctx actor.Context, r *route) {
	held := r.held
	r.held = nil
	for _, item := range held {
		s.put(ctx, s.laneOf(r.span), item)
	}
	if len(r.waiters) > 0 {
		s.beginRetiring(ctx, r)
	}
}
