package schema

import (
	"maps"
	"slices"
)

// A State is all that a Tracker holds, in an order that does not depend on how it came to be: equal Trackers have equal
// States, and their JSON has equal bytes.
type State struct {
	Server  Server        `json:"server"`
	Next    TableID       `json:"next"` // the last table id given
	Schemas []SchemaState `json:"schemas"`
	Tables  []*Table      `json:"tables"` // ordered by name
}

// A SchemaState is a schema with the defaults of its new tables.
type SchemaState struct {
	Name      string `json:"name"`
	Charset   string `json:"charset"`
	Collation string `json:"collation"`
}

// Snapshot gives the Tracker's state.
func (k *Tracker) Snapshot() State {
	s := State{Server: k.server, Next: k.next}
	for _, name := range slices.Sorted(maps.Keys(k.schemas)) {
		cs := k.schemas[name]
		s.Schemas = append(s.Schemas, SchemaState{name, cs.charset, cs.collation})
	}
	s.Tables = slices.SortedFunc(maps.Values(k.tables), func(a, b *Table) int { return compareRefs(a.Ref(), b.Ref()) })
	return s
}

// RestoreTracker makes a Tracker of a State.
func RestoreTracker(s State, selects Selection) *Tracker {
	k := NewTracker(s.Server, selects)
	k.next = s.Next
	for _, c := range s.Schemas {
		k.schemas[c.Name] = text{c.Charset, c.Collation}
	}
	for _, t := range s.Tables {
		k.tables[k.key(t.Ref())] = t
	}
	return k
}

// touched are the names that have changed since the history last took note.
type touched struct {
	tables  map[Ref]bool
	schemas map[string]bool
}

// touch notes a change of a table, or of a schema if ref has no table's name.
func (k *Tracker) touch(ref Ref) {
	if k.touched.tables == nil {
		k.touched = touched{map[Ref]bool{}, map[string]bool{}}
	}
	if ref.Name == "" {
		k.touched.schemas[ref.Schema] = true
		return
	}
	k.touched.tables[ref] = true
}

func (k *Tracker) settle() { k.touched = touched{} }

// changed gives what has changed since settle.
func (k *Tracker) changed() (s step, changed bool) {
	s.Next = k.next
	for _, r := range slices.SortedFunc(maps.Keys(k.touched.tables), compareRefs) {
		if t := k.tables[r]; t != nil {
			s.Tables = append(s.Tables, t)
		} else {
			s.Gone = append(s.Gone, r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(k.touched.schemas)) {
		if cs, ok := k.schemas[name]; ok {
			s.Schemas = append(s.Schemas, SchemaState{name, cs.charset, cs.collation})
		} else {
			s.Dropped = append(s.Dropped, name)
		}
	}
	return s, len(k.touched.tables)+len(k.touched.schemas) > 0
}

// step applies what changed gave.
func (k *Tracker) step(s step) {
	k.next = s.Next
	for _, r := range s.Gone {
		delete(k.tables, r)
	}
	for _, t := range s.Tables {
		k.tables[k.key(t.Ref())] = t
	}
	for _, name := range s.Dropped {
		delete(k.schemas, name)
	}
	for _, c := range s.Schemas {
		k.schemas[c.Name] = text{c.Charset, c.Collation}
	}
}
