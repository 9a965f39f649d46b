package link

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/cluster/link/session"
)

// Peer: link -> Options.OnPeer, on the same node. How a peer is to be reached now; in the order in which it happened.
type Peer struct {
	Incarnation string
	State       State
	Session     uint64         // of Up and Down: this node's number of it; higher with each
	Version     uint32         // of Up: the highest protocol version that both speak
	Started     time.Time      // of Up: when the peer's process began, by its clock
	Reason      session.Reason // of Down
	Err         error          // of Refused
}

// Concerns tells that an actor is on the peer's node.
func (p *Peer) Concerns(pid *actor.PID) bool { return pid.GetAddress() == scheme+p.Incarnation }

// State is what became of a peer.
type State uint8

const (
	Up      State = iota + 1 // a session began: what is sent from here on arrives, in order, until Down
	Down                     // it ended: what was under way may be lost; another may begin at any time
	Refused                  // there will be none: no protocol version is common
)

func (p *Peer) String() string {
	switch p.State {
	case Up:
		return fmt.Sprintf("%s: up, session %d, version %d", p.Incarnation, p.Session, p.Version)
	case Down:
		return fmt.Sprintf("%s: down, session %d, %s", p.Incarnation, p.Session, p.Reason)
	case Refused:
		return fmt.Sprintf("%s: refused, %v", p.Incarnation, p.Err)
	}
	return p.Incarnation
}
