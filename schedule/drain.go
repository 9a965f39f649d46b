package schedule

import "github.com/weir-cdc/weir/barrier"

// drain moves spans off the nodes that are draining, as many at a time as the limits allow.
func (s *Scheduler) drain() {
	if len(s.open) == 0 {
		return
	}
	for _, n := range s.leaving {
		for _, list := range [][]*piece{n.busy, n.idle} {
			s.drainList(n, list)
		}
	}
}

func (s *Scheduler) drainList(n *node, list []*piece) {
	for _, p := range list {
		if !s.room(n, p.busy()) {
			return
		}
		if !p.served() || p.table.command.halts() {
			continue
		}
		to := s.refuge(p)
		if to == nil {
			return
		}
		if s.mayStartMove(p, to) {
			s.startMove(p, to)
		}
	}
}

// refuge is the node that takes a span: with the least load of those that have room.
func (s *Scheduler) refuge(p *piece) *node {
	if p.trigger() {
		return s.homeAmong(s.open)
	}
	if pin := s.pinOf(p.table); pin != nil {
		return pin
	}
	var best *node
	for _, n := range s.open {
		if s.room(n, p.busy()) && (best == nil || n.load < best.load) {
			best = n
		}
	}
	return best
}

// goHome moves the table trigger home, when it was placed elsewhere because home was draining or another's.
func (s *Scheduler) goHome() {
	home := s.nodes[s.home]
	if home == nil || home.state != up {
		return
	}
	if p := s.piece(barrier.TriggerSpan); p != nil && p.served() && s.mayStartMove(p, home) {
		s.startMove(p, home)
	}
}
