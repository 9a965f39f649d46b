package schedule

import (
	"cmp"
	"slices"

	"github.com/weir-cdc/weir/barrier"
)

// A table has its spans, in order, and what was ordered for them.
type table struct {
	id      barrier.TableID
	pieces  []*piece
	command *command // that is not carried out yet
	pin     *node    // where a command has put it; balance leaves it there
	whole   bool     // it may not be split
	kept    bool     // its spans are not merged without a command
	cooling bool     // it is listed in Scheduler.cooling
}

// A piece is one span. There may be a million: it is kept small.
type piece struct {
	table      *table // nil when the piece is no more
	start, end uint64
	id         barrier.DispatcherID // "" while the span is absent
	node       *node                // where the dispatcher lives
	charged    *node                // whose load it counts in
	op         operator             // under way, or nil
	traffic    uint64               // bytes per second
	place      int32                // in the node's list
	since      moment               // when its warmth changed
	failedAt   moment
	failures   uint8 // in short succession, so that the next start rests
	waiting    bool  // it is absent, and has no operator
	listed     bool  // it is listed in Scheduler.hot
}

func (p *piece) span() barrier.Span {
	return barrier.Span{Table: p.table.id, Start: p.start, End: p.end}
}

func (p *piece) busy() bool { return p.traffic > 0 }

// served tells that a dispatcher of the span counts, and that nothing is under way on it.
func (p *piece) served() bool { return p.id != "" && p.op == nil }

// width is how many keys there are in the span; 0 is all of them.
func (p *piece) width() uint64 { return p.end - p.start }

func (p *piece) trigger() bool { return p.table.id == barrier.TriggerSpan.Table }

// warmth is what a span's traffic says.
type warmth uint8

const (
	cold warmth = iota // may merge with a cold neighbour
	warm               // is as it should be
	hot                // is to be split
)

func (s *Scheduler) warmth(p *piece) warmth {
	switch {
	case p.traffic > s.options.SplitAbove:
		return hot
	case p.traffic <= s.options.MergeBelow/2:
		return cold
	}
	return warm
}

// charge puts the span's load on a node, or on none.
func (s *Scheduler) charge(p *piece, n *node) {
	if p.charged != nil {
		p.charged.load -= s.load(p)
		p.charged.traffic -= p.traffic
	}
	p.charged = n
	if n != nil {
		n.load += s.load(p)
		n.traffic += p.traffic
	}
}

func (s *Scheduler) load(p *piece) uint64 { return p.traffic + s.options.SpanWeight }

// setTraffic keeps lists and loads as the traffic says.
func (s *Scheduler) setTraffic(p *piece, traffic uint64) {
	if p.traffic == traffic {
		return
	}
	was, charged, house := s.warmth(p), p.charged, p.node
	s.charge(p, nil)
	rehouse := house != nil && p.busy() != (traffic > 0)
	if rehouse {
		house.unhouse(p)
	}
	p.traffic = traffic
	if rehouse {
		house.house(p)
	}
	s.charge(p, charged)
	if s.warmth(p) != was {
		p.since = s.now
		s.watch(p)
	}
}

// watch lists what may have to be split or merged after a while.
func (s *Scheduler) watch(p *piece) {
	switch s.warmth(p) {
	case hot:
		if !p.listed {
			p.listed = true
			s.hot = append(s.hot, p)
		}
	case cold:
		if t := p.table; !t.cooling && !t.kept && len(t.pieces) > 1 {
			t.cooling = true
			s.cooling = append(s.cooling, t)
		}
	}
}

// table finds a table, or makes its record.
func (s *Scheduler) table(id barrier.TableID) *table {
	t := s.tables[id]
	if t == nil {
		t = &table{id: id}
		s.tables[id] = t
	}
	return t
}

// search is where a piece that starts at a key stands in its table, or would stand.
func (t *table) search(start uint64) (int, bool) {
	if len(t.pieces) == 1 && t.pieces[0].start == start {
		return 0, true
	}
	return slices.BinarySearchFunc(t.pieces, start, func(p *piece, start uint64) int { return cmp.Compare(p.start, start) })
}

// piece finds a span as it is cut now, or nil.
func (s *Scheduler) piece(span barrier.Span) *piece {
	t := s.tables[span.Table]
	if t == nil {
		return nil
	}
	if i, found := t.search(span.Start); found && t.pieces[i].end == span.End {
		return t.pieces[i]
	}
	return nil
}

// adopt makes a span known as the maintainer says that it is cut. What it overlaps was cut otherwise and is dropped.
func (s *Scheduler) adopt(span barrier.Span) *piece {
	if p := s.piece(span); p != nil {
		return p
	}
	t := s.table(span.Table)
	for _, p := range slices.Clone(t.pieces) {
		if p.span().Intersects(span) {
			s.leave(p)
		}
	}
	p := s.add(t, span.Start, span.End)
	if len(t.pieces) > 1 {
		t.kept = true // who cut it, and why, is not known
		s.oblige(t)
	}
	return p
}

// add makes an absent piece.
func (s *Scheduler) add(t *table, start, end uint64) *piece {
	p := &piece{table: t, start: start, end: end, since: s.now}
	i, _ := t.search(start)
	if t.pieces == nil {
		t.pieces = make([]*piece, 0, 1)
	}
	t.pieces = slices.Insert(t.pieces, i, p)
	s.spans++
	s.await(p, 0)
	return p
}

// leave forgets a piece. A dispatcher that it still has, must end.
func (s *Scheduler) leave(p *piece) {
	if p.op != nil {
		p.op.abandon(s)
	}
	s.unawait(p)
	if p.id != "" {
		s.remove(p.id, p.span(), p.node)
	}
	s.vacate(p)
	s.charge(p, nil)
	t := p.table
	if i, found := t.search(p.start); found {
		t.pieces = slices.Delete(t.pieces, i, i+1)
	}
	p.table = nil
	s.spans--
}

// occupy gives a piece its dispatcher.
func (s *Scheduler) occupy(p *piece, id barrier.DispatcherID, n *node) {
	p.id = id
	s.byID[id] = p
	n.house(p)
	s.charge(p, n)
}

// vacate takes the dispatcher from a piece.
func (s *Scheduler) vacate(p *piece) {
	if p.id == "" {
		return
	}
	delete(s.byID, p.id)
	p.id = ""
	n := p.node
	n.unhouse(p)
	s.forget(n)
}
