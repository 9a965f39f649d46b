package session

import (
	"fmt"
	"time"
)

// An Event is what a session tells its owner. Events come in the order in which they happened: messages only between
// Up and Down.
type Event interface{ event() }

// Up begins a session.
type Up struct {
	Number  uint64 // this end's
	Version uint32
	Started time.Time // when the peer's process began
}

// Down ends it.
type Down struct {
	Number uint64
	Reason Reason
}

// Arrived is a message of the peer.
type Arrived struct{ Message Message }

// Refused tells, once, that the ends speak no common version.
type Refused struct{ Ours, Theirs Range }

func (Up) event()      {}
func (Down) event()    {}
func (Arrived) event() {}
func (Refused) event() {}

func (r Refused) Error() string {
	return fmt.Sprintf("no common protocol version: this node speaks %s, the peer %s; "+
		"upgrade the older node, one release at a time", r.Ours, r.Theirs)
}

// A Reason says why a session ended.
type Reason uint8

const (
	Silent     Reason = iota + 1 // nothing was heard for Config.Silence
	Anew                         // the peer ended it
	Gone                         // another incarnation has the peer's address
	Left                         // the peer is no member any longer, or this node leaves
	Backlog                      // more was waiting for the peer than memory allows
	Violation                    // the peer sent what the protocol forbids
	Failed                       // this end lost its state
	Unsendable                   // a message could not be given a form that travels
)

func (r Reason) String() string {
	switch r {
	case Silent:
		return "the peer is silent"
	case Anew:
		return "the peer ended the session"
	case Gone:
		return "the peer's process is gone"
	case Left:
		return "the peer left"
	case Backlog:
		return "too much waits for the peer"
	case Violation:
		return "the peer broke the protocol"
	case Failed:
		return "the link failed"
	case Unsendable:
		return "a message can not be sent"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}
