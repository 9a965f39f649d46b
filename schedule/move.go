package schedule

import "fmt"

type movePhase uint8

const (
	leaving  movePhase = iota // the dispatcher at the old node is ending
	homeless                  // it is gone; the next Step orders another
	arriving                  // that is ordered, or starting
)

// A move takes a span from one node to another. If the other is lost before the order, the span is absent and is added
// where there is room.
type move struct {
	piece    *piece
	from, to *node // from is nil when it is left
	busy     bool
	phase    movePhase
}

// startMove orders the end at the old node. There must be room at both.
func (s *Scheduler) startMove(p *piece, to *node) {
	m := &move{piece: p, from: p.node, to: to, busy: p.busy()}
	m.from.take(m.busy)
	m.to.take(m.busy)
	s.begin(p, m)
	s.running++
	s.charge(p, to)
	s.stop(p)
}

func (m *move) String() string {
	return fmt.Sprintf("move %s to %s, %s", m.piece.span(), m.to.id, [...]string{"leaving", "homeless", "arriving"}[m.phase])
}

func (m *move) expects(_ *piece, n *node) bool { return m.phase == arriving && n == m.to }

func (m *move) ended(s *Scheduler, p *piece) {
	if m.phase == arriving {
		m.release(s)
		p.op = nil
		s.fail(p, m.to)
		return
	}
	m.phase = homeless
	m.left(s)
	s.wake(m)
}

func (m *move) advance(s *Scheduler) {
	switch {
	case m.piece.op != operator(m) || m.phase != homeless:
	case m.to.state != up, s.strayed(m.piece):
		m.abandon(s)
	default:
		m.phase = arriving
		s.order(m.piece, m.to)
	}
}

func (m *move) counted(s *Scheduler, p *piece) {
	if m.phase == arriving {
		m.release(s)
		p.op = nil
	}
}

func (m *move) abandon(s *Scheduler) {
	m.release(s)
	s.free(m.piece)
	if m.piece.id != "" {
		s.charge(m.piece, m.piece.node)
	}
}

// left gives back the old node's share.
func (m *move) left(s *Scheduler) {
	if m.from != nil {
		s.give(m.from, m.busy)
		m.from = nil
	}
}

func (m *move) release(s *Scheduler) {
	s.running--
	m.left(s)
	s.give(m.to, m.busy)
}
