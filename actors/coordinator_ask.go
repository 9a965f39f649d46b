package actors

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/messages"
)

// What a coordinator answers to those who ask the cluster something.

// The kinds of an Ask. Those about spans are answered by the changefeed's maintainer.
const (
	askChangefeeds = "changefeeds"
	askNodes       = "nodes"
	askMove        = "move"
	askSplit       = "split"
	askMerge       = "merge"
	askSpans       = "spans"
	askBarriers    = "barriers"
)

func (c *coordinator) onAsk(ctx actor.Context, msg *messages.Ask) {
	if c.term == 0 || !c.counted {
		ctx.Respond(refusal(&api.Error{Code: api.NoCoordinator, What: "the coordinator is not ready", Fix: "try again in a few seconds"}))
		return
	}
	switch msg.Kind {
	case askChangefeeds:
		feeds := []api.Changefeed{}
		for _, name := range slices.Sorted(maps.Keys(c.feeds)) {
			if msg.Changefeed == "" || msg.Changefeed == name {
				feeds = append(feeds, c.describe(c.feeds[name]))
			}
		}
		ctx.Respond(answer(feeds))
	case askNodes:
		ctx.Respond(answer(c.describeNodes()))
	default:
		f := c.feeds[msg.Changefeed]
		switch {
		case f == nil:
			ctx.Respond(refusal(noChangefeed(msg.Changefeed)))
		case !f.runs() || f.owner == "" || c.giving[msg.Changefeed]:
			ctx.Respond(refusal(&api.Error{
				Code: api.WrongState, What: "changefeed " + msg.Changefeed + " does not run", Where: "changefeed", Fix: "resume it, or wait until it is placed",
			}))
		default:
			ctx.RequestWithCustomSender(c.At(f.owner, nodeName+"/"+msg.Changefeed+"/maintainer"), msg, ctx.Sender())
		}
	}
}

func noChangefeed(name string) *api.Error {
	return &api.Error{Code: api.NoSuchChangefeed, What: "there is no changefeed " + strconv.Quote(name), Where: "name", Fix: "weir changefeed list shows all"}
}

// answer gives the JSON of a value.
func answer(value any) *messages.Answer {
	body, err := json.Marshal(value)
	if err != nil {
		return refusal(&api.Error{Code: api.Internal, What: "encode the answer: " + err.Error()})
	}
	return &messages.Answer{Body: body}
}

func refusal(e *api.Error) *messages.Answer {
	return &messages.Answer{Code: string(e.Code), What: e.What, Where: e.Where, Fix: e.Fix}
}

// describe shows a changefeed: its record, and what its maintainer told last.
func (c *coordinator) describe(f *feedView) api.Changefeed {
	out := describeRecord(&f.record)
	out.Owner = c.nameOf(f.owner)
	if !f.runs() {
		out.Owner = ""
	}
	s := f.status
	if s == nil {
		return out
	}
	if f.runs() && s.State == messages.FeedState_FEED_STARTING {
		out.State = api.Starting
	}
	out.Epoch, out.LagMs, out.Position = s.Epoch, s.LagMs, s.SourcePosition
	out.CheckpointTs, out.CheckpointTime = api.CommitTs(s.Checkpoint), wallTime(s.Checkpoint)
	out.ResolvedTs, out.ResolvedTime = api.CommitTs(s.Resolved), wallTime(s.Resolved)
	if out.RetryAt = nil; s.RetryMs > 0 && f.runs() {
		at := time.UnixMilli(s.RetryMs).UTC()
		out.RetryAt = &at
	}
	if s.ContactMs > 0 {
		at := time.UnixMilli(s.ContactMs).UTC()
		out.ContactTime = &at
	}
	out.Rows, out.Bytes, out.RelayBytes, out.Spans = s.Rows, s.Bytes, s.RelayBytes, int(s.Spans)
	if f.runs() {
		out.RowsPerSecond, out.BytesPerSecond = f.rates.rowRate, f.rates.byteRate
		out.Slowest, out.Barrier = s.Slowest, s.Barrier
	}
	return out
}

// describeRecord shows what the store has of a changefeed.
func describeRecord(r *cluster.Changefeed) api.Changefeed {
	out := api.Changefeed{
		Name: r.Name, UUID: r.UUID, Created: r.Created, From: r.Source, To: r.Sink, State: api.State(r.State), Reason: r.Reason,
		Errors: []api.FeedError{},
	}
	_ = json.Unmarshal(r.Config, &out.Config) // of another version: what it does not know is not shown
	if !r.RetryAt.IsZero() {
		at := r.RetryAt
		out.RetryAt = &at
	}
	for _, e := range slices.Backward(r.Errors) {
		out.Errors = append(out.Errors, api.FeedError{At: e.Last, Text: e.Message})
	}
	return out
}

// wallTime is the wall time of a commit-ts.
func wallTime(ts uint64) *time.Time {
	if ts == 0 {
		return nil
	}
	at := time.UnixMilli(int64(ts >> 18)).UTC()
	return &at
}

func (c *coordinator) describeNodes() []api.Node {
	nodes := []api.Node{}
	for _, n := range c.nodes {
		out := api.Node{
			Name: n.Name, Incarnation: n.Incarnation, State: api.NodeUp, Coordinator: n.Incarnation == c.Member.ID(),
			Address: n.Address, APIAddress: n.APIAddress, Labels: n.Labels, Version: n.Version, Protocol: int(n.ProtocolMax),
			Started: n.Started,
		}
		if out.Labels == nil {
			out.Labels = map[string]string{}
		}
		for _, f := range c.feeds {
			if !f.runs() {
				continue
			}
			if f.owner == n.Incarnation {
				out.Maintainers++
			}
			for _, at := range f.status.GetNodes() {
				if at.Node == n.Incarnation {
					out.Spans += int(at.Spans)
					out.RowsPerSecond, out.BytesPerSecond = out.RowsPerSecond+at.RowsPerSecond, out.BytesPerSecond+at.BytesPerSecond
				}
			}
		}
		if n.Draining {
			out.State = api.NodeDraining
			if c.views[n.Incarnation] != nil && c.empty(n.Incarnation) {
				out.State = api.NodeDrained
			}
		}
		nodes = append(nodes, out)
	}
	slices.SortFunc(nodes, func(a, b api.Node) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return nodes
}
