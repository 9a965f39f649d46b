package barrier

import "fmt"

// An Epoch counts the activations of a changefeed's maintainer; each is strictly higher than the one before.
type Epoch uint64

// Version is the version of the protocol that a sender speaks.
type Version uint32

const (
	// TypedDone is the version that introduced the action in a DONE. Only an older sender may leave it out.
	TypedDone Version = 2
	// CurrentVersion is what this build speaks.
	CurrentVersion = TypedDone
)

// Stage is what a Status reports.
type Stage uint8

// The stages of a Status.
const (
	// StageWaiting: all earlier rows are durable and the dispatcher waits at the event.
	StageWaiting Stage = iota + 1
	// StageWritten: the trigger has written a non-blocking DDL whose schedule the maintainer must apply.
	StageWritten
	// StageDone: an order has been carried out, or is already behind.
	StageDone
)

// String gives the stage as logs and transcripts say it.
func (s Stage) String() string { return [...]string{"none", "waiting", "written", "done"}[s] }

// Action is what an Order asks of a dispatcher.
type Action uint8

// The actions.
const (
	NoAction Action = iota // only in the DONE of a peer older than TypedDone
	Write                  // write the event downstream
	Pass                   // leave the event behind
)

// String gives "write" or "pass".
func (a Action) String() string { return [...]string{"untyped", "write", "pass"}[a] }

// Outcome tells how a DONE came about.
type Outcome uint8

// The outcomes of a DONE.
const (
	Executed    Outcome = iota // the dispatcher carried the order out
	AlreadyPast                // the event was behind it when the order came
)

// String gives "executed" or "already past".
func (o Outcome) String() string { return [...]string{"executed", "already past"}[o] }

// A Status goes from a dispatcher to the maintainer. WAITING and WRITTEN carry the whole event and are repeated until
// answered; DONE carries its key, the action that it completes and the outcome, and answers an Order.
type Status struct {
	From    DispatcherID
	Epoch   Epoch
	Version Version
	Stage   Stage
	Event   Event // of a DONE only the Key is set
	// Previous is, in a WRITTEN, the key of the trigger's schedule before this one; zero if this is its first.
	Previous Key
	Action   Action
	Outcome  Outcome
}

// String gives "t1: waiting ddl@42" or "t1: done ddl@42 write executed".
func (s Status) String() string {
	if s.Stage == StageDone {
		return fmt.Sprintf("%s: done %s %s %s", s.From, s.Event.Key, s.Action, s.Outcome)
	}
	return fmt.Sprintf("%s: %s %s", s.From, s.Stage, s.Event.Key)
}

// An Order tells one dispatcher how to cross an event. It goes from the maintainer to the dispatcher, is repeated until
// answered, and is answered by a DONE.
type Order struct {
	To     DispatcherID
	Epoch  Epoch
	Key    Key
	Action Action
}

// String gives "t1: write ddl@42".
func (o Order) String() string { return fmt.Sprintf("%s: %s %s", o.To, o.Action, o.Key) }

// Answer is what a Reply says.
type Answer uint8

// The answers to a WAITING or a WRITTEN.
const (
	// Ack: noted; do not repeat the report.
	Ack Answer = iota + 1
	// Ignored: the dispatcher is known but does not count yet; report again at the next tick.
	Ignored
)

// String gives "ack" or "ignored".
func (a Answer) String() string { return [...]string{"none", "ack", "ignored"}[a] }

// A Reply answers a WAITING or a WRITTEN. It goes from the maintainer to the dispatcher.
type Reply struct {
	To     DispatcherID
	Epoch  Epoch
	Key    Key
	Answer Answer
}

// String gives "t1: ack ddl@42".
func (r Reply) String() string { return fmt.Sprintf("%s: %s %s", r.To, r.Answer, r.Key) }

// SlotState is how far a dispatcher is with the event in its slot.
type SlotState uint8

// The states of a dispatcher's one block slot.
const (
	SlotIdle     SlotState = iota // no event
	SlotFlushing                  // the sink makes the earlier rows durable
	SlotWaiting                   // reported, waits for an order
	SlotWriting                   // the sink writes the event
	SlotWritten                   // written, waits to pass
)

// String gives the state as logs and transcripts say it.
func (s SlotState) String() string {
	return [...]string{"idle", "flushing", "waiting", "writing", "written"}[s]
}

// A Slot is the event that a dispatcher stands at and how far it is with it.
type Slot struct {
	State SlotState
	Event Event
}

// String gives "waiting ddl@42" or "idle".
func (s Slot) String() string {
	if s.State == SlotIdle {
		return s.State.String()
	}
	return fmt.Sprintf("%s %s", s.State, s.Event.Key)
}

// A Report is what a dispatcher knows of itself: its answer to a new maintainer, and its last words when it is removed.
type Report struct {
	ID           DispatcherID
	Span         Span
	Schema       string
	CheckpointTs uint64
	Passed       Position // Party.LastPassed
	Slot         Slot
}
