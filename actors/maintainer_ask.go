package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schedule"
	"github.com/weir-cdc/weir/schema"
)

// What a maintainer answers to those who ask about its spans, or order them elsewhere.

func (m *maintainer) onAsk(ctx actor.Context, msg *messages.Ask) {
	if m.phase != running {
		ctx.Respond(refusal(&api.Error{Code: api.WrongState, What: "changefeed " + m.Changefeed + " begins, or begins again", Where: "state", Fix: "try again in a few seconds"}))
		return
	}
	var answered any
	err := error(nil)
	switch msg.Kind {
	case askMove:
		err = m.askedToMove(msg.Body)
	case askSplit, askMerge:
		err = m.askedToCut(msg.Kind, msg.Body)
	case askSpans:
		answered, err = m.askedForSpans(msg.Body)
	case askBarriers:
		answered = m.askedForBarriers(time.Now())
	default:
		err = &api.Error{Code: api.InvalidRequest, What: "unknown question " + strconv.Quote(msg.Kind), Fix: "the nodes run different versions: bring them to one"}
	}
	if err != nil {
		ctx.Respond(refusal(asError(err)))
		return
	}
	ctx.Respond(answer(answered))
	m.place(ctx)
}

// asError gives what is wrong in the API's words.
func asError(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	code := api.Internal
	switch {
	case errors.Is(err, schedule.ErrNoTable):
		code = api.NoSuchTable
	case errors.Is(err, schedule.ErrNoNode):
		code = api.NoSuchNode
	case errors.Is(err, schedule.ErrNotSplittable):
		code = api.NotSplittable
	case errors.Is(err, schedule.ErrBusy):
		code = api.OperationInFlight
	case errors.Is(err, schedule.ErrBadCount):
		code = api.InvalidRequest
	}
	return &api.Error{Code: code, What: err.Error()}
}

// table finds a replicated table by its name.
func (m *maintainer) table(name api.Table) (barrier.TableID, error) {
	for id := range m.spans {
		if t, ok := m.definition(id); ok && t.Schema == name.Schema && t.Name == name.Name {
			return id, nil
		}
	}
	return 0, &api.Error{Code: api.NoSuchTable, What: fmt.Sprintf("changefeed %s follows no table %s", m.Changefeed, name), Where: "table", Fix: "weir changefeed spans " + m.Changefeed + " lists what it follows"}
}

func (m *maintainer) definition(id barrier.TableID) (*schema.Table, bool) {
	return m.Activation.Catalog.At(schema.TableID(id), math.MaxUint64)
}

func (m *maintainer) askedToMove(body []byte) error {
	var ask moveAsk
	if err := json.Unmarshal(body, &ask); err != nil {
		return err
	}
	id, err := m.table(ask.Table)
	if err != nil {
		return err
	}
	for _, g := range m.groups {
		if g.name == ask.Node {
			return m.plan.Move(id, schedule.NodeID(g.id))
		}
	}
	return &api.Error{Code: api.NoSuchNode, What: "no living node is named " + strconv.Quote(ask.Node), Where: "node", Fix: "weir nodes lists them"}
}

func (m *maintainer) askedToCut(kind string, body []byte) error {
	var ask splitAsk
	if err := json.Unmarshal(body, &ask); err != nil {
		return err
	}
	id, err := m.table(ask.Table)
	if err != nil {
		return err
	}
	if kind == askMerge {
		return m.plan.Merge(id)
	}
	return m.plan.Split(id, ask.Into)
}

// askedForSpans lists spans by table, then start.
func (m *maintainer) askedForSpans(body []byte) (*api.SpanPage, error) {
	var q api.SpanQuery
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	page := &api.SpanPage{Spans: []api.Span{}}
	for _, s := range m.barrier.Spans() {
		out := m.describeSpan(s)
		if q.Table != (api.Table{}) && out.Table != q.Table || q.Node != "" && out.Node != q.Node {
			continue
		}
		page.Total++
		switch at := spanMark(s.Span); {
		case at <= q.After:
		case len(page.Spans) < q.Limit:
			page.Spans = append(page.Spans, out)
			page.Next = at
		}
	}
	if len(page.Spans) > 0 && m.lastOf(page, q) {
		page.Next = ""
	}
	return page, nil
}

// lastOf tells that nothing follows the page.
func (m *maintainer) lastOf(page *api.SpanPage, q api.SpanQuery) bool {
	return len(page.Spans) < q.Limit || q.After == "" && len(page.Spans) == page.Total
}

// spanMark names a span so that names sort as spans do.
func spanMark(s barrier.Span) string { return fmt.Sprintf("%016x%016x", uint64(s.Table), s.Start) }

func (m *maintainer) describeSpan(s barrier.Member) api.Span {
	out := api.Span{
		Dispatcher: string(s.ID), TableID: int64(s.Span.Table), Start: fmt.Sprintf("%016x", s.Span.Start), State: "absent",
		CheckpointTs: api.CommitTs(max(s.CheckpointTs, m.checkpoint)),
	}
	out.CheckpointTime = wallTime(uint64(out.CheckpointTs))
	if s.Span.End != 0 {
		out.End = fmt.Sprintf("%016x", s.Span.End)
	}
	if t, ok := m.definition(s.Span.Table); ok {
		out.Table = api.Table{Schema: t.Schema, Name: t.Name}
	}
	if g := m.where[string(s.ID)]; g != nil {
		out.Node = g.name
		out.BytesPerSecond = float64(g.traffic[string(s.ID)])
		if out.State = "adding"; s.Replicating {
			out.State = "replicating"
		}
	}
	if doing := m.plan.Doing(s.Span); doing != "" {
		out.State = doing
	}
	return out
}

// mostMissing bounds the names of those whom a barrier waits for.
const mostMissing = 100

func (m *maintainer) askedForBarriers(now time.Time) []api.Barrier {
	list := []api.Barrier{}
	for _, b := range m.barrier.InFlight(mostMissing) {
		kind := "ddl"
		if b.Event.Key.Kind == barrier.Syncpoint {
			kind = "syncpoint"
		}
		since, ok := m.crossing[b.Event.Key]
		if !ok {
			since = now
		}
		out := api.Barrier{
			CommitTs: api.CommitTs(b.Event.Key.CommitTs), Kind: kind, Stage: strings.ToLower(b.Phase), Since: since.UTC(),
			Writer: string(b.Writer), Spans: b.Parties, Missing: []string{}, Text: b.String(),
		}
		for _, x := range b.Missing {
			out.Missing = append(out.Missing, fmt.Sprintf("%s (%s)", x.ID, x.Span))
		}
		list = append(list, out)
	}
	return list
}

// noteBarriers remembers since when each barrier is in flight.
func (m *maintainer) noteBarriers(now time.Time) {
	if m.barrier == nil || !m.barrier.Pending() {
		clear(m.crossing)
		return
	}
	living := m.barrier.Keys()
	for _, key := range living {
		if _, known := m.crossing[key]; !known {
			m.crossing[key] = now
		}
	}
	for key := range m.crossing {
		if !slices.Contains(living, key) {
			delete(m.crossing, key)
		}
	}
}
