package barrier

import (
	"fmt"
	"slices"
)

// Absent lists the spans that have no dispatcher, in order. The shell creates one for each.
func (b *Barrier) Absent() []Absent {
	var absent []Absent
	b.spans.each(func(m *member) {
		if m.id != "" {
			return
		}
		a := Absent{Span: m.span}
		if m.table != nil {
			a.Schema = m.table.Schema
		}
		absent = append(absent, a)
	})
	return absent
}

// Schema gives the database that a table belongs to; "" for the table trigger's and for one that is not there.
func (b *Barrier) Schema(id TableID) string {
	if t := b.spans.tables[id]; t != nil {
		return t.Schema
	}
	return ""
}

// Create gives an absent span a dispatcher with a new id and tells where it starts. The dispatcher does not count before
// Replicating. It is an error if there is no such span or if it has a dispatcher.
func (b *Barrier) Create(span Span, id DispatcherID) (Start, error) {
	m := b.spans.member(span)
	switch {
	case m == nil:
		return Start{}, fmt.Errorf("create dispatcher %s: no span %s", id, span)
	case m.id != "":
		return Start{}, fmt.Errorf("create dispatcher %s: span %s belongs to %s", id, span, m.id)
	case id == "" || b.spans.byID[id] != nil:
		return Start{}, fmt.Errorf("create dispatcher for span %s: the id %q is not new", span, id)
	}
	b.spans.place(m, id)
	return m.start(), nil
}

// Replicating lets a dispatcher count: a heartbeat has named it, so that its own checkpoint holds the changefeed's.
func (b *Barrier) Replicating(id DispatcherID) {
	if m := b.spans.byID[id]; m != nil && !m.replicating {
		b.spans.count(m)
	}
}

// Removed tells that a dispatcher is no more: moved, split or merged away, restarted, or lost with its node. The answer
// to an orderly removal carries the dispatcher's last Report; of one that was lost it is the zero Report.
func (b *Barrier) Removed(id DispatcherID, last Report) []Effect {
	m := b.spans.byID[id]
	if m == nil {
		return nil
	}
	if !b.broken.keep(identities) {
		if b.former == nil {
			b.former = map[DispatcherID]*member{}
		}
		b.former[id] = m
	}
	b.update(m, func() {
		b.spans.vacate(m)
		b.inherit(m, last)
		b.advanceAbsent(m)
	})
	b.dropReporters()
	if last.Slot.State == SlotWritten {
		if c := b.inFlight(last.Slot.Event.Key); c != nil && c.phase <= writing {
			b.enter(c, scheduling)
		}
	}
	return b.settle()
}

// inherit takes over what a dispatcher left.
func (b *Barrier) inherit(m *member, last Report) {
	m.checkpointTs = max(m.checkpointTs, last.CheckpointTs)
	m.reach(b.proof(last.CheckpointTs, last.Passed))
	if last.Slot.State >= SlotWaiting && last.Slot.Event.Blocks {
		m.reach(b.before(last.Slot.Event.Key))
	}
}

// Reshape cuts absent spans of one table anew: it splits one or merges several. The new spans cover the same keys and
// start from the lowest position of the old ones; what that replays the sink holds already and drops.
func (b *Barrier) Reshape(old, new []Span) error {
	members, err := b.vacant(old)
	if err != nil {
		return err
	}
	if err := sameKeys(old, new); err != nil {
		return err
	}
	t, start := members[0].table, members[0].start()
	for _, m := range members {
		start.Position = earlier(start.Position, m.position)
		start.CheckpointTs = min(start.CheckpointTs, m.start().CheckpointTs)
		b.spans.dropMember(m)
	}
	kept := t.members[:0]
	for _, m := range t.members {
		if !slices.Contains(old, m.span) {
			kept = append(kept, m)
		}
	}
	t.members = kept
	for _, span := range new {
		b.spans.addSpan(t, span, start)
	}
	b.recount()
	b.placeAbsent()
	return nil
}

// vacant finds the members of spans that have no dispatcher.
func (b *Barrier) vacant(spans []Span) ([]*member, error) {
	var members []*member
	for _, span := range spans {
		m := b.spans.member(span)
		switch {
		case m == nil || m.table == nil:
			return nil, fmt.Errorf("reshape: no span %s", span)
		case m.id != "":
			return nil, fmt.Errorf("reshape: span %s still belongs to %s", span, m.id)
		}
		members = append(members, m)
	}
	if len(members) == 0 {
		return nil, fmt.Errorf("reshape: no span given")
	}
	return members, nil
}

// MayMove tells that a dispatcher may be removed, moved, split or merged: it is known, and it is not the writer between
// WRITE and its DONE. The dispatcher itself has the last word: see Party.MayStop.
func (b *Barrier) MayMove(id DispatcherID) bool {
	if b.spans.byID[id] == nil {
		return false
	}
	for _, c := range b.crossings {
		if c.phase == writing && c.writer == id && b.broken.keep(writerStays) {
			return false
		}
	}
	return true
}

// CheckpointCeiling is the highest checkpoint-ts that the changefeed may have, beside the checkpoints of its replicating
// dispatchers: one below every event in flight, and no further than the start of a span that does not replicate yet.
func (b *Barrier) CheckpointCeiling() uint64 {
	ceiling := NoCeiling
	for _, c := range b.crossings {
		ceiling = min(ceiling, c.event.Key.CommitTs-1)
	}
	for m := range b.spans.unplaced {
		ceiling = min(ceiling, m.start().CheckpointTs)
	}
	return ceiling
}

// dropReporters forgets every reporter, where a test breaks the rule that the living are kept.
func (b *Barrier) dropReporters() {
	if b.broken.keep(keepReporters) {
		return
	}
	b.spans.each(func(m *member) { b.update(m, func() { m.waits = Key{} }) })
}

// sameKeys tells that two lists of spans of one table cover the same keys, each without overlaps.
func sameKeys(old, new []Span) error {
	a, err := union(old)
	if err != nil {
		return err
	}
	b, err := union(new)
	if err != nil {
		return err
	}
	if a != b {
		return fmt.Errorf("reshape: %s is not %s", b, a)
	}
	return nil
}
