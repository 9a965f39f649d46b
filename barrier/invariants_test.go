package barrier

import "slices"

func (w *world) checkStatus(n *node, s Status) {
	if s.Stage == StageWaiting && n.accepted != 0 {
		w.fail("I3: %s waits at %s with rows that are not durable", n.span, s.Event.Key)
	}
	if s.Stage != StageWaiting && w.record[w.sc.index(s.Event.Key)] < 2 {
		w.fail("I4: %s says %s before the write of %s", n.span, s.Stage, s.Event.Key)
	}
}

func (w *world) checkOrder(o Order) {
	i := w.sc.index(o.Key)
	e := &w.sc.events[i]
	if o.Action == Pass {
		if w.record[i] < 2 {
			w.fail("I4: %s is ordered before the write", o)
		}
		if e.HasSchedule() && !w.maintainer.mark.Passed(e.Key) {
			w.fail("I11: %s is ordered before the schedule", o)
		}
		return
	}
	w.maintainer.spans.parties(e, func(m *member) {
		if m.waits == e.Key && !m.replicating {
			w.fail("I15: %s counts %s, which does not replicate", o, m.span)
		}
	})
	for _, n := range w.nodes {
		if w.maintainer.spans.byID[n.party.ID()] == nil || !w.sc.concerns(e, n.span) {
			continue
		}
		at := n.party.slot != nil && n.party.slot.Event.Key == e.Key && n.party.slot.State >= SlotWaiting
		if !at && n.party.crossed.Compare(e.Key.Before()) < 0 {
			w.fail("I2: %s is ordered while %s has not reached %s", o, n.span, e.Key)
		}
	}
}

func (w *world) checkSchedule(s Schedule) {
	i := w.sc.index(s.Key)
	if w.record[i] < 2 {
		w.fail("I11: %s before the write", s)
	}
	if w.scheduled[i] {
		w.fail("I11: %s twice", s)
	}
	for j := i + 1; j < len(w.sc.events); j++ {
		if w.scheduled[j] {
			w.fail("I11: %s after the schedule of %s", s, w.sc.events[j].Key)
		}
	}
	w.scheduled[i] = true
}

func (w *world) checkCreate(span Span, start Start) {
	for _, n := range w.nodes {
		if n.span.Intersects(span) {
			w.fail("two live dispatchers for %s", span)
		}
	}
	for i, e := range w.sc.events {
		if w.scheduled[i] && slices.Contains(e.Drops, span.Table) {
			w.fail("I11: %s is created after %s dropped it", span, e.Key)
		}
		for _, t := range e.Adds {
			if t.ID == span.Table && start.Position.Compare(e.Key.After()) < 0 {
				w.fail("I12: %s starts %s, before its creation at %s", span, start, e.Key)
			}
		}
	}
}

// checkStored checks a checkpoint at the moment at which it is stored.
func (w *world) checkStored() {
	for i, r := range w.sc.rows {
		if r.ts <= w.stored && w.durable&(1<<i) == 0 {
			w.fail("I13: the checkpoint is %d, and the row at %d is not durable", w.stored, r.ts)
		}
	}
	for i := range w.sc.events {
		e := &w.sc.events[i]
		if e.Key.CommitTs > w.stored {
			continue
		}
		if w.record[i] < 2 {
			w.fail("I13: the checkpoint is %d, and %s is not written", w.stored, e.Key)
		}
		if e.HasSchedule() && !w.maintainer.mark.Passed(e.Key) {
			w.fail("I13: the checkpoint is %d, and the schedule of %s is not applied", w.stored, e.Key)
		}
	}
	for _, n := range w.nodes {
		if w.maintainer.spans.byID[n.party.ID()] != nil && w.checkpoint(n) < w.stored {
			w.fail("I13: the checkpoint is %d, and that of %s is %d", w.stored, n.span, w.checkpoint(n))
		}
	}
}

// done tells that everything has been crossed and every map, queue and hold is empty.
func (w *world) done() bool {
	if w.maintainer == nil || len(w.maintainer.crossings) > 0 || len(w.net) > 0 || len(w.dead) > 0 || len(w.sources) > 0 {
		return false
	}
	for _, n := range w.nodes {
		m := w.maintainer.spans.byID[n.party.ID()]
		if m == nil || !m.replicating || n.party.Blocked() || n.party.Pending() || n.accepted != 0 || n.stopping ||
			w.next(n) < len(w.sc.items) {
			return false
		}
	}
	return true
}

// checkDone checks that nothing was lost on the way, and that nothing is resent any more.
func (w *world) checkDone() {
	if w.durable != 1<<len(w.sc.rows)-1 {
		w.fail("I19: all is quiet, and rows are missing: %b of %d", w.durable, len(w.sc.rows))
	}
	for i, e := range w.sc.events {
		if w.record[i] < 2 {
			w.fail("I1: all is quiet, and %s is not written", e.Key)
		}
	}
	for _, m := range w.maintainer.spans.byID {
		if !m.waits.IsZero() && w.broken.keep(typedDone) {
			w.fail("I23: %s still counts as waiting at %s", m.id, m.waits)
		}
	}
	want := w.sc.tablesAt(At(1 << 60))
	if got := len(w.maintainer.spans.order); got != len(want) {
		w.fail("I11: all is quiet with %d tables instead of %d", got, len(want))
	}
}
