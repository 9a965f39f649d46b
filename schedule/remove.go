package schedule

import (
	"fmt"
	"slices"

	"github.com/weir-cdc/weir/barrier"
)

// A remove waits for the end of a dispatcher that has no place any more. It belongs to no piece: nothing takes the place
// of what it ends. But until then no span is placed that has keys of its.
type remove struct {
	id   barrier.DispatcherID
	span barrier.Span
	node *node
}

// Ending tells of a dispatcher that lives and has no place: one that a new maintainer has found, and whose end the
// barrier has ordered. It is Gone some time.
func (s *Scheduler) Ending(id barrier.DispatcherID, span barrier.Span, at NodeID) {
	if s.byID[id] == nil {
		s.remove(id, span, s.meet(at))
	}
}

// remove keeps in mind that a dispatcher must end, and orders it if nobody did within a while.
func (s *Scheduler) remove(id barrier.DispatcherID, span barrier.Span, n *node) {
	if s.removing[id] != nil {
		return
	}
	r := &remove{id, span, n}
	s.removing[id] = r
	s.strays[span.Table] = append(s.strays[span.Table], r)
	n.removals++
	s.ends.push(end{id, s.now + ticks(s.options.Patience)})
}

func (r *remove) String() string { return fmt.Sprintf("remove %s from %s", r.id, r.node.id) }

// end: the dispatcher is gone.
func (r *remove) end(s *Scheduler) {
	delete(s.removing, r.id)
	table := r.span.Table
	s.strays[table] = slices.DeleteFunc(s.strays[table], func(o *remove) bool { return o == r })
	if len(s.strays[table]) == 0 {
		delete(s.strays, table)
	}
	r.node.removals--
	s.forget(r.node)
}

// strayed tells that a dispatcher without a place still has keys of a span.
func (s *Scheduler) strayed(p *piece) bool {
	if len(s.strays) == 0 {
		return false
	}
	span := p.span()
	return slices.ContainsFunc(s.strays[p.table.id], func(r *remove) bool { return r.span.Intersects(span) })
}
