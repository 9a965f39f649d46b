package barrier

import "fmt"

// An Effect is something that the shell must do for a Party or a Barrier: one of the types below. Effects are performed in the
// order in which they are returned.
type Effect interface {
	fmt.Stringer
	effect()
}

// The effects of a Party. A Status is one too: send it to the maintainer.
type (
	// Flush asks the sink to make every earlier row of this dispatcher durable. Answer with Party.Flushed.
	Flush struct{ Key Key }
	// Execute asks the sink to write the event, conditional on the sink's own record of its key. Answer with
	// Party.Executed.
	Execute struct{ Event Event }
	// Crossed tells the feeder that it may send what comes after the event. It is cumulative.
	Crossed struct{ Key Key }
)

// The effects of a Barrier. An Order and a Reply are effects too: send them to the dispatcher.
type (
	// Schedule drops, adds and moves tables. It comes before the replies and orders that depend on it. The Barrier
	// has changed its own spans already: the shell ends the dispatchers of Drops and creates those of Adds (Absent).
	Schedule struct {
		Key   Key
		Drops []TableID
		Adds  []Table
		Moves []Move
	}
	// Remove asks to end a dispatcher that a bootstrap found but that has no place any more.
	Remove struct {
		ID   DispatcherID
		Span Span
	}
	// Completed tells that every party has passed the event and that the Barrier has forgotten it.
	Completed struct{ Key Key }
	// ProtocolError tells of a status that no peer of its version may send. It changed nothing: log and count it.
	ProtocolError struct {
		Status Status
		Reason string
	}
)

func (Status) effect()        {}
func (Flush) effect()         {}
func (Execute) effect()       {}
func (Crossed) effect()       {}
func (Order) effect()         {}
func (Reply) effect()         {}
func (Schedule) effect()      {}
func (Remove) effect()        {}
func (Completed) effect()     {}
func (ProtocolError) effect() {}

// String gives "flush before ddl@42".
func (f Flush) String() string { return fmt.Sprintf("flush before %s", f.Key) }

// String gives "execute ddl@42".
func (e Execute) String() string { return fmt.Sprintf("execute %s", e.Event.Key) }

// String gives "crossed ddl@42".
func (c Crossed) String() string { return fmt.Sprintf("crossed %s", c.Key) }

// String gives "schedule ddl@42: drop 1, add 2".
func (s Schedule) String() string {
	text := fmt.Sprintf("schedule %s:", s.Key)
	for _, t := range s.Drops {
		text += fmt.Sprintf(" drop %d", t)
	}
	for _, t := range s.Adds {
		text += fmt.Sprintf(" add %d", t.ID)
	}
	for _, m := range s.Moves {
		text += fmt.Sprintf(" move %d to %s", m.ID, m.Schema)
	}
	return text
}

// String gives "remove t1".
func (r Remove) String() string { return fmt.Sprintf("remove %s", r.ID) }

// String gives "completed ddl@42".
func (c Completed) String() string { return fmt.Sprintf("completed %s", c.Key) }

// String gives the status and what is wrong with it.
func (p ProtocolError) String() string {
	return fmt.Sprintf("protocol error: %s: %s", p.Status, p.Reason)
}
