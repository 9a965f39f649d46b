package schedule

import (
	"cmp"
	"slices"
)

// A balance is how far the Scheduler is in evening out the loads. An imbalance is noted, and if it is still there after
// a while, spans move in waves, each when nothing else is under way, until the loads are well within the limit.
type balance struct {
	next   moment // to look again
	noted  bool
	moving bool
}

// rebalance starts a wave of moves if it is time for it.
func (s *Scheduler) rebalance() {
	b := &s.balance
	if len(s.open) < 2 || !s.Settled() || !b.moving && s.now < b.next {
		return
	}
	limit := s.allowance(b.moving)
	p, to := s.misplaced(limit)
	switch {
	case p == nil:
		*b = balance{next: s.now + ticks(s.options.Settle)}
	case !b.moving && !b.noted:
		b.noted, b.next = true, s.now+ticks(s.options.Settle)
	default:
		b.moving = true
		for ; p != nil; p, to = s.misplaced(limit) {
			s.startMove(p, to)
		}
	}
}

// allowance is how far the loads may be apart.
func (s *Scheduler) allowance(moving bool) uint64 {
	total := uint64(0)
	for _, n := range s.open {
		total += n.load
	}
	limit := uint64(s.options.Imbalance * float64(total/uint64(len(s.open))))
	if moving {
		limit /= 2
	}
	return limit
}

// misplaced finds a span whose move to the node with the least load narrows the gap to its own node, by the most that
// does not turn it round. nil: there is none, or no room.
func (s *Scheduler) misplaced(limit uint64) (*piece, *node) {
	byLoad := slices.SortedStableFunc(slices.Values(s.open), func(a, b *node) int { return cmp.Compare(a.load, b.load) })
	to := byLoad[0]
	for _, from := range slices.Backward(byLoad) {
		gap := from.load - to.load
		if gap <= limit {
			break
		}
		p := s.heaviest(from, gap/2)
		if p == nil {
			p = s.anyIdle(from, gap/2)
		}
		switch {
		case p == nil:
		case s.mayStartMove(p, to):
			return p, to
		default:
			return nil, nil // no room: the next wave goes on
		}
	}
	return nil, nil
}

// heaviest is the span with the most traffic that weighs no more than a limit.
func (s *Scheduler) heaviest(n *node, limit uint64) *piece {
	var best *piece
	for _, p := range n.busy {
		if s.load(p) <= limit && (best == nil || p.traffic > best.traffic) && s.movable(p) {
			best = p
		}
	}
	return best
}

func (s *Scheduler) anyIdle(n *node, limit uint64) *piece {
	if s.options.SpanWeight > limit {
		return nil
	}
	for _, p := range slices.Backward(n.idle) {
		if s.movable(p) {
			return p
		}
	}
	return nil
}

// movable tells that balance may move a span.
func (s *Scheduler) movable(p *piece) bool {
	return p.served() && !p.trigger() && s.pinOf(p.table) == nil && s.mayMove(p.id)
}
