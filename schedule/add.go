package schedule

import "fmt"

// An add serves an absent span. The piece's id is "" while it is ordered, and set while it is starting.
type add struct {
	piece *piece
	to    *node
}

// startAdd orders an absent piece on a node.
func (s *Scheduler) startAdd(p *piece, to *node) {
	s.adding(p, to)
	s.charge(p, to)
	s.order(p, to)
}

func (s *Scheduler) adding(p *piece, to *node) {
	s.begin(p, &add{p, to})
	s.running++
	to.starting++
}

func (a *add) String() string { return fmt.Sprintf("add %s on %s", a.piece.span(), a.to.id) }

func (a *add) expects(_ *piece, n *node) bool { return n == a.to }

func (a *add) advance(*Scheduler) {}

// ended: the dispatcher did not come to count. Its span is absent again, and rests if this goes on.
func (a *add) ended(s *Scheduler, p *piece) {
	a.release(s)
	p.op = nil
	s.fail(p, a.to)
}

func (a *add) counted(s *Scheduler, p *piece) {
	a.release(s)
	p.op = nil
}

func (a *add) abandon(s *Scheduler) {
	a.release(s)
	s.free(a.piece)
}

func (a *add) release(s *Scheduler) {
	s.running--
	a.to.starting--
	s.forget(a.to)
}
