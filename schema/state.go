package schema

import (
	"maps"
	"slices"
	"strings"
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

// compareSchemas orders schemas by name.
func compareSchemas(a, b SchemaState) int { return strings.Compare(a.Name, b.Name) }
