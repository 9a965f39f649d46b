package schedule

import (
	"github.com/weir-cdc/weir/barrier"
)

// An operator is what is under way on one piece, or on several of one table. Its methods are the facts that concern it.
type operator interface {
	String() string
	// expects tells that the operator has ordered the piece on the node.
	expects(p *piece, n *node) bool
	// ended: the piece has lost its dispatcher.
	ended(s *Scheduler, p *piece)
	// counted: the piece's dispatcher counts.
	counted(s *Scheduler, p *piece)
	// advance does, in a Step, what the facts since the last one allow. It is called after a wake.
	advance(s *Scheduler)
	// abandon ends the operator where it stands and gives back what it holds. Its pieces are served or absent.
	abandon(s *Scheduler)
}

// begin puts a piece under an operator.
func (s *Scheduler) begin(p *piece, op operator) {
	s.unawait(p)
	p.op = op
}

// free takes the operator from a piece, which is served then, or absent.
func (s *Scheduler) free(p *piece) {
	p.op = nil
	if p.id == "" {
		s.await(p, 0)
	}
	s.watch(p) // it may be as hot as before
}

// wake has an operator advance in the next Step.
func (s *Scheduler) wake(op operator) { s.ready = append(s.ready, op) }

// order asks for a dispatcher.
func (s *Scheduler) order(p *piece, n *node) {
	s.ordered = append(s.ordered, p)
	s.emit(Place{p.span(), n.id})
}

// stop asks for the orderly end of the piece's dispatcher.
func (s *Scheduler) stop(p *piece) { s.orderEnd(p.id, p.node) }

func (s *Scheduler) orderEnd(id barrier.DispatcherID, n *node) {
	if n.state != down {
		s.emit(Remove{id, n.id})
	}
	s.ends.push(end{id, s.now + ticks(s.options.Patience)})
}

// An end is an ordered removal that may have to be ordered again.
type end struct {
	id  barrier.DispatcherID
	due moment
}

// orderEndsAgain repeats what takes long.
func (s *Scheduler) orderEndsAgain() {
	for s.ends.len() > 0 && s.ends.first().due <= s.now {
		id := s.ends.pop().id
		if r := s.removing[id]; r != nil {
			s.orderEnd(id, r.node)
		} else if p := s.byID[id]; p != nil && p.op != nil {
			s.orderEnd(id, p.node)
		}
	}
}

// checkOrders takes back what was ordered in the last Step and not placed.
func (s *Scheduler) checkOrders() {
	for i, p := range s.ordered {
		if p.table != nil && p.id == "" && p.op != nil {
			p.op.abandon(s)
		}
		s.ordered[i] = nil
	}
	s.ordered = s.ordered[:0]
	if cap(s.ordered) > 1024 {
		s.ordered = nil
	}
}

func (s *Scheduler) emit(a Action) { s.actions = append(s.actions, a) }

// room tells that a node may have one more task.
func (s *Scheduler) room(n *node, busy bool) bool {
	return n.tasks < s.options.Tasks && (!busy || n.busyTasks < s.options.BusyTasks)
}

func (s *Scheduler) give(n *node, busy bool) {
	n.give(busy)
	s.forget(n)
}
