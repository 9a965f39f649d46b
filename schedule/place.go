package schedule

import (
	"time"

	"github.com/weir-cdc/weir/barrier"
)

// A span whose dispatcher ends by itself is placed again at once, and if that goes on after rests of 1, 2, 4 ... 64 s. A
// time of calm forgets it.
const (
	rests = 8
	calm  = 2 * time.Minute
)

// An absence is a span to add, not before a moment.
type absence struct {
	piece *piece
	due   moment
}

func rest(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return time.Second << (failures - 1)
}

// await has an absent piece added.
func (s *Scheduler) await(p *piece, failures int) {
	if !p.waiting {
		p.waiting = true
		s.missing++
	}
	s.charge(p, nil)
	due := s.now + ticks(rest(failures))
	if p.trigger() {
		s.triggerDue = due
		return
	}
	s.absent[failures].push(absence{p, due})
}

// unawait: something else is done about the piece. What the queue holds of it is passed over.
func (s *Scheduler) unawait(p *piece) {
	if p.waiting {
		p.waiting = false
		s.missing--
	}
}

// fail has a piece added whose dispatcher has ended by itself, on a node that may be to blame.
func (s *Scheduler) fail(p *piece, n *node) {
	if n.state == down {
		s.await(p, 0)
		return
	}
	if s.now-p.failedAt > ticks(calm) {
		p.failures = 0
	}
	s.await(p, int(p.failures))
	p.failures = min(p.failures+1, rests-1)
	p.failedAt = s.now
}

// learn notes the spans that the barrier says are absent. Most are known to be.
func (s *Scheduler) learn(absent []barrier.Absent) {
	for _, a := range absent {
		p := s.adopt(a.Span)
		if p.id != "" {
			s.Gone(p.id)
		}
	}
}

// place orders the absent spans that have rested, the table trigger first.
func (s *Scheduler) place() {
	if s.missing == 0 {
		return
	}
	nodes := s.open
	if len(nodes) == 0 {
		nodes = s.leaving // rather there than nowhere
	}
	if len(nodes) == 0 {
		return
	}
	for i := 1; i < rests; i++ {
		for q := &s.absent[i]; q.len() > 0 && q.first().due <= s.now; {
			s.absent[0].push(q.pop())
		}
	}
	if p := s.piece(barrier.TriggerSpan); p != nil && p.waiting && s.triggerDue <= s.now && !s.strayed(p) {
		s.startAdd(p, s.homeAmong(nodes))
	}
	s.placeQueued(nodes)
}

// placeQueued orders as many of the absent spans as the nodes may start.
func (s *Scheduler) placeQueued(nodes []*node) {
	q := &s.absent[0]
	for left := q.len(); left > 0; left-- {
		p := q.first().piece
		switch {
		case !p.waiting:
			q.pop()
		case p.table.command.halts(), s.strayed(p):
			q.push(q.pop()) // it is cut anew before it is served, or its keys are not free
		default:
			to := s.choose(p, nodes)
			switch {
			case to != nil:
				s.startAdd(q.pop().piece, to)
			case p.table.pin != nil:
				q.push(q.pop()) // others need not wait for its node
			default:
				return
			}
		}
	}
}

// choose finds the node for a piece: the one that a command named, else the one with the least load of those that may
// start one more. nil: there is none now.
func (s *Scheduler) choose(p *piece, nodes []*node) *node {
	if pin := s.pinOf(p.table); pin != nil {
		nodes = []*node{pin}
	}
	var best *node
	for _, n := range nodes {
		if n.starting < s.options.Starting && (best == nil || n.load < best.load) {
			best = n
		}
	}
	return best
}

// pinOf is the node where a command has put a table, while that is up.
func (s *Scheduler) pinOf(t *table) *node {
	if t.pin != nil && t.pin.state != up {
		t.pin = nil
	}
	return t.pin
}

// homeAmong is the table trigger's place.
func (s *Scheduler) homeAmong(nodes []*node) *node {
	best := nodes[0]
	for _, n := range nodes {
		if n.id == s.home {
			return n
		}
		if n.load < best.load {
			best = n
		}
	}
	return best
}
