package barrier

import (
	"cmp"
	"fmt"
	"slices"
)

// A Bootstrap makes the Barrier of a new maintainer. The state of a barrier is never stored: every node is asked for its
// dispatchers, and nothing is done, nor the checkpoint moved, before every one has answered or has lost its lease.
type Bootstrap struct {
	epoch        Epoch
	checkpointTs uint64
	missing      map[string]bool
	reports      map[string][]Report
	broken       rules
}

// NewBootstrap begins a bootstrap in a new epoch, from the stored checkpoint-ts, and asks the nodes that hold a lease.
// With no node, as at the first start of a changefeed, it is Ready at once.
func NewBootstrap(epoch Epoch, checkpointTs uint64, nodes []string) *Bootstrap {
	s := &Bootstrap{epoch: epoch, checkpointTs: checkpointTs, missing: map[string]bool{}, reports: map[string][]Report{}}
	for _, n := range nodes {
		s.missing[n] = true
	}
	return s
}

// Answered takes a node's answer to this epoch: its dispatchers. A repeated answer replaces the one before: until Finish
// nothing was decided.
func (s *Bootstrap) Answered(node string, reports []Report) {
	if _, known := s.reports[node]; !known && !s.missing[node] {
		return
	}
	delete(s.missing, node)
	s.reports[node] = reports
}

// Lost tells that a node's lease has ended: it writes no more, and its dispatchers are gone.
func (s *Bootstrap) Lost(node string) {
	delete(s.missing, node)
	delete(s.reports, node)
}

// Missing lists the nodes that are still to answer, in order.
func (s *Bootstrap) Missing() []string {
	var nodes []string
	for n := range s.missing {
		nodes = append(nodes, n)
	}
	slices.Sort(nodes)
	return nodes
}

// Ready tells that every node has answered or is lost.
func (s *Bootstrap) Ready() bool {
	return len(s.missing) == 0 || len(s.reports) > 0 && !s.broken.keep(askAllNodes)
}

// TriggerPosition is the position at which the schema history is read for the tables that Finish wants: the table
// trigger's last passed position, or the stored checkpoint if there is no trigger. Read it as of its SchemaTs: the DDL at
// the position's own ts may be ahead, and a table that it drops still has rows to come.
func (s *Bootstrap) TriggerPosition() Position {
	for _, r := range s.sorted() {
		if r.Span == TriggerSpan {
			return r.Passed
		}
	}
	return At(s.checkpointTs)
}

// Finish makes the Barrier out of the answers and of the tables that existed at TriggerPosition. Live spans of tables that
// are not among them were added since, by a DDL that the trigger will report, and stay; or they are left over from a
// drop, and must go. It panics if not Ready.
func (s *Bootstrap) Finish(tables []Table) (*Barrier, []Effect) {
	if !s.Ready() {
		panic(fmt.Sprintf("barrier: finish a bootstrap that waits for %v", s.Missing()))
	}
	b := &Barrier{epoch: s.epoch, spans: newSpans(), broken: s.broken}
	start := Start{At(s.checkpointTs), s.checkpointTs}
	b.spans.addSpan(nil, TriggerSpan, start)
	for _, t := range tables {
		b.spans.addTable(t)
	}
	reports := s.sorted()
	effects := b.adopt(reports)
	for _, t := range b.spans.order {
		for _, open := range gaps(Whole(t.ID), t.spans()) {
			b.spans.addSpan(t, open, Start{later(start.Position, t.Since), start.CheckpointTs})
		}
	}
	b.mark = b.spans.trigger.position
	b.rebuild(reports)
	return b, append(effects, b.settle()...)
}

// sorted gives the reports by span; of two for the same keys the one that is further comes first.
func (s *Bootstrap) sorted() []Report {
	var all []Report
	for _, reports := range s.reports {
		all = append(all, reports...)
	}
	slices.SortFunc(all, func(a, b Report) int {
		return cmp.Or(a.Span.Compare(b.Span), b.Passed.Compare(a.Passed), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// adopt makes a member of every dispatcher that has a place.
func (b *Barrier) adopt(reports []Report) []Effect {
	var effects []Effect
	for _, r := range reports {
		m := b.spans.trigger
		if r.Span != TriggerSpan {
			m = b.room(r)
		}
		if m == nil || m.id != "" {
			effects = append(effects, Remove{r.ID, r.Span})
			continue
		}
		b.spans.place(m, r.ID)
		b.spans.count(m)
		m.position = b.proof(r.CheckpointTs, r.Passed)
		m.checkpointTs = r.CheckpointTs
	}
	return effects
}

// room makes the member for a reported dispatcher, or gives nil if its table was dropped or its keys are taken. The
// table trigger's report, if there is one, comes first.
func (b *Barrier) room(r Report) *member {
	t := b.spans.tables[r.Span.Table]
	if t == nil {
		if r.Passed.Compare(b.spans.trigger.position) <= 0 {
			return nil
		}
		t = b.spans.addTable(Table{ID: r.Span.Table, Schema: r.Schema})
	}
	for _, m := range t.members {
		if m.span.Intersects(r.Span) {
			return nil
		}
	}
	return b.spans.addSpan(t, r.Span, Start{})
}

// rebuild makes the events in flight out of the slots.
func (b *Barrier) rebuild(reports []Report) {
	for _, r := range reports {
		m := b.spans.byID[r.ID]
		if m == nil || r.Slot.State < SlotWaiting || !r.Slot.Event.Blocks {
			continue
		}
		key := r.Slot.Event.Key
		c := b.crossing(r.Slot.Event)
		b.update(m, func() {
			m.waits = key
			m.reach(b.before(key))
		})
		c.last = m.id
		switch {
		case r.Slot.State == SlotWritten:
			c.writer = m.id
			b.enter(c, scheduling)
		case r.Slot.State == SlotWriting && c.phase == collecting:
			c.writer = m.id
			c.resend.start(orderWait)
			b.enter(c, writing)
		}
	}
	b.placeAbsent()
}

func (t *table) spans() []Span {
	var spans []Span
	for _, m := range t.members {
		spans = append(spans, m.span)
	}
	return spans
}
