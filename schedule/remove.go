package schedule

import (
	"fmt"

	"github.com/weir-cdc/weir/barrier"
)

// A remove waits for the end of a dispatcher that has no span any more. It belongs to no piece: nothing takes the place
// of what it ends.
type remove struct {
	id   barrier.DispatcherID
	node *node
}

// remove keeps in mind that a dispatcher must end, and orders it if nobody did within a while.
func (s *Scheduler) remove(id barrier.DispatcherID, n *node) {
	if n.state == down || s.removing[id] != nil {
		return
	}
	s.removing[id] = &remove{id, n}
	n.removals++
	s.ends.push(end{id, s.now + ticks(s.options.Patience)})
}

func (r *remove) String() string { return fmt.Sprintf("remove %s from %s", r.id, r.node.id) }

// end: the dispatcher is gone, or lost with its node.
func (r *remove) end(s *Scheduler, id barrier.DispatcherID) {
	delete(s.removing, id)
	r.node.removals--
	s.forget(r.node)
}
