package actors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
)

// What a group tells its maintainer, and how often.

func (g *group) onBeat(ctx actor.Context) {
	g.quiet++
	if g.quiet >= quietBeats || len(g.counted) > 0 || g.tracker.Min() != g.last.Checkpoint || g.resolved != g.last.Resolved {
		g.beat(ctx)
	}
}

// report hands on what the dispatchers say. The maintainer ignores those that no heartbeat has named, and a report that is
// ignored comes again only after a while: so they are named first.
func (g *group) report(ctx actor.Context) {
	if len(g.counted) > 0 {
		g.beat(ctx)
	}
	g.tell(ctx, spoken(&messages.BlockStatuses{
		Epoch: g.epoch, Version: newestVersion, Statuses: g.statuses,
	}))
	g.statuses = nil
}

// beat tells the maintainer how far the group is.
func (g *group) beat(ctx actor.Context) {
	h := &messages.Heartbeat{
		Epoch: g.epoch, Incarnation: g.Incarnation, Checkpoint: g.tracker.Min(), Counted: g.counted, Rows: g.rows,
		Bytes: g.bytes, Resolved: g.resolved, Error: g.state.Kind, Reason: strings.ToValidUTF8(g.state.Reason, "?"), Slowest: g.slowest(),
	}
	for _, id := range slices.Sorted(maps.Keys(g.standing)) {
		ts, _ := g.tracker.Span(id)
		h.Passages = append(h.Passages, &messages.Passage{Dispatcher: id, Checkpoint: ts})
	}
	if g.Permit != nil {
		h.Sent = g.Permit.now()
	}
	if now := time.Now(); now.Sub(g.measured) >= trafficPeriod {
		h.Traffic = g.measure(now)
	}
	g.tell(ctx, h)
	g.counted, g.quiet = nil, 0
	g.last.Checkpoint, g.last.Resolved = h.Checkpoint, h.Resolved
}

// slowest says which span holds the checkpoint back, and why.
func (g *group) slowest() string {
	lag := g.tracker.Slowest()
	m := g.members[lag.ID]
	if m == nil {
		return ""
	}
	return fmt.Sprintf("span %s: %s", m.span, lag.Cause)
}

// trafficPeriod is over how long the traffic of a span is measured.
const trafficPeriod = 2 * time.Second

// measure gives the traffic of the spans that had some.
func (g *group) measure(now time.Time) []*messages.Traffic {
	seconds := now.Sub(g.measured).Seconds()
	list := make([]*messages.Traffic, 0, len(g.traffic))
	for _, id := range slices.Sorted(maps.Keys(g.traffic)) {
		list = append(list, &messages.Traffic{Dispatcher: id, BytesPerSecond: uint64(float64(g.traffic[id]) / seconds)})
	}
	g.measured = now
	for id, bytes := range g.traffic {
		if g.traffic[id] = 0; bytes == 0 {
			delete(g.traffic, id) // it was told that there is none any more
		}
	}
	return list
}
