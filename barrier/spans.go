package barrier

import (
	"cmp"
	"fmt"
	"slices"
)

// A Start is where a dispatcher begins: it skips the rows at or below Position.Ts and the events behind Position, and its
// checkpoint begins at CheckpointTs.
type Start struct {
	Position     Position
	CheckpointTs uint64
}

// String gives "after ddl@42, checkpoint 41".
func (s Start) String() string { return fmt.Sprintf("%s, checkpoint %d", s.Position, s.CheckpointTs) }

// Absent is a span that has no dispatcher and needs one.
type Absent struct {
	Span   Span
	Schema string
}

// A member is one live or absent span. It outlives the dispatchers that serve it: what they proved stays true.
type member struct {
	table        *table // nil for the table trigger
	span         Span
	id           DispatcherID // "" while the span is absent
	replicating  bool         // the dispatcher counts
	waits        Key          // the event at which the dispatcher has reported, or none
	position     Position     // every event up to here is behind the span
	checkpointTs uint64       // the highest that its dispatchers told
}

// start is where the next dispatcher of the span would begin.
func (m *member) start() Start {
	return Start{m.position, max(m.checkpointTs, m.position.CheckpointTs())}
}

// reach moves the member's position forward. An event that is behind is waited for no more.
func (m *member) reach(p Position) {
	m.position = later(m.position, p)
	if m.position.Passed(m.waits) {
		m.waits = Key{}
	}
}

type table struct {
	Table
	members []*member // sorted by span; together they cover the key space
}

// spans is every span of the changefeed: the maintainer's map of who serves what.
type spans struct {
	tables  map[TableID]*table
	order   []*table // by id, so that effects come in one order
	byID    map[DispatcherID]*member
	trigger *member
	// unplaced holds the members that do not replicate: they hold the checkpoint.
	unplaced map[*member]struct{}
}

func newSpans() spans {
	return spans{
		tables:   map[TableID]*table{},
		byID:     map[DispatcherID]*member{},
		unplaced: map[*member]struct{}{},
	}
}

// addTable makes a table without members.
func (s *spans) addTable(t Table) *table {
	added := &table{Table: t}
	s.tables[t.ID] = added
	i, _ := s.rank(t.ID)
	s.order = slices.Insert(s.order, i, added)
	return added
}

// rank is where a table stands, or would stand, in the order.
func (s *spans) rank(id TableID) (int, bool) {
	return slices.BinarySearchFunc(s.order, id, func(t *table, id TableID) int { return cmp.Compare(t.ID, id) })
}

// addSpan makes an absent member of a table; nil makes the table trigger.
func (s *spans) addSpan(t *table, span Span, start Start) *member {
	m := &member{table: t, span: span, position: start.Position, checkpointTs: start.CheckpointTs}
	s.unplaced[m] = struct{}{}
	if t == nil {
		s.trigger = m
		return m
	}
	i, _ := slices.BinarySearchFunc(t.members, span, func(m *member, span Span) int { return m.span.Compare(span) })
	t.members = slices.Insert(t.members, i, m)
	return m
}

// dropTable forgets a table, its members and their dispatchers.
func (s *spans) dropTable(id TableID) {
	t := s.tables[id]
	if t == nil {
		return
	}
	for _, m := range t.members {
		s.dropMember(m)
	}
	delete(s.tables, id)
	if i, found := s.rank(id); found {
		s.order = slices.Delete(s.order, i, i+1)
	}
}

func (s *spans) dropMember(m *member) {
	delete(s.byID, m.id)
	delete(s.unplaced, m)
}

// place gives an absent member its dispatcher, which does not count yet.
func (s *spans) place(m *member, id DispatcherID) {
	m.id = id
	s.byID[id] = m
}

// count lets a member's dispatcher count.
func (s *spans) count(m *member) {
	m.replicating = true
	delete(s.unplaced, m)
}

// vacate takes the dispatcher from a member.
func (s *spans) vacate(m *member) {
	delete(s.byID, m.id)
	m.id, m.replicating, m.waits = "", false, Key{}
	s.unplaced[m] = struct{}{}
}

// member finds the span, exactly as it is cut now.
func (s *spans) member(span Span) *member {
	if span == TriggerSpan {
		return s.trigger
	}
	t := s.tables[span.Table]
	if t == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(t.members, span, func(m *member, span Span) int { return m.span.Compare(span) })
	if !found {
		return nil
	}
	return t.members[i]
}

// each visits the trigger and then every member in the order of their spans.
func (s *spans) each(visit func(*member)) {
	visit(s.trigger)
	for _, t := range s.order {
		for _, m := range t.members {
			visit(m)
		}
	}
}

// parties visits the members that an event concerns.
func (s *spans) parties(e *Event, visit func(*member)) {
	if e.Influence != Normal {
		s.each(func(m *member) {
			if m.party(e) {
				visit(m)
			}
		})
		return
	}
	if e.NeedsTrigger() {
		visit(s.trigger)
	}
	for _, id := range e.Tables {
		if t := s.tables[id]; t != nil {
			for _, m := range t.members {
				visit(m)
			}
		}
	}
}

// known tells that every table that a Normal event lists is there.
func (s *spans) known(e *Event) bool {
	for _, id := range e.Tables {
		if s.tables[id] == nil {
			return false
		}
	}
	return true
}

// party tells that the event concerns the member.
func (m *member) party(e *Event) bool {
	if m.table == nil {
		return e.NeedsTrigger()
	}
	return e.Concerns(m.table.Table)
}
