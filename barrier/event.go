package barrier

import (
	"fmt"
	"slices"
)

// Influence is which dispatchers an event concerns.
type Influence uint8

// The influences. A NORMAL event concerns the listed tables, a DATABASE event one schema's, an ALL event every table.
const (
	Normal Influence = iota
	Database
	All
)

// String gives "normal", "database" or "all".
func (i Influence) String() string { return [...]string{"normal", "database", "all"}[i] }

// A Table is a table's identity and the schema that it belongs to.
type Table struct {
	ID     TableID
	Schema string
	// Since is where the table came to be, if that is known: Bootstrap.Finish starts an absent span no earlier.
	Since Position
}

// A Move takes a table to another schema, as a rename across databases does.
type Move struct {
	ID     TableID
	Schema string
}

// An Event is a DDL or a syncpoint as the feeder puts it into the stream of every party, the same for all of them.
type Event struct {
	Key       Key
	Influence Influence
	Tables    []TableID // of a Normal event
	Schema    string    // of a Database event
	// Trigger tells that a Normal event concerns the table trigger too: it adds, drops or renames tables, or it
	// concerns the trigger alone. For Database and All the trigger is always a party.
	Trigger bool
	// Blocks tells that more than one dispatcher must meet at the event. A non-blocking DDL is written by the one
	// dispatcher that it reaches.
	Blocks bool
	Drops  []TableID
	Adds   []Table
	Moves  []Move
}

// NeedsTrigger tells that the table trigger is a party, and therefore the writer.
func (e *Event) NeedsTrigger() bool {
	return e.Influence != Normal || e.Trigger || e.HasSchedule()
}

// HasSchedule tells that the event drops, adds or moves tables.
func (e *Event) HasSchedule() bool { return len(e.Drops)+len(e.Adds)+len(e.Moves) > 0 }

// Concerns tells that the spans of a table are parties to the event.
func (e *Event) Concerns(t Table) bool {
	switch e.Influence {
	case All:
		return true
	case Database:
		return t.Schema == e.Schema
	}
	return slices.Contains(e.Tables, t.ID)
}

// String gives the key and the influence.
func (e *Event) String() string {
	switch e.Influence {
	case Database:
		return fmt.Sprintf("%s database %s", e.Key, e.Schema)
	case Normal:
		return fmt.Sprintf("%s normal %v", e.Key, e.Tables)
	}
	return fmt.Sprintf("%s all", e.Key)
}
