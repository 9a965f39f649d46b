package schedule

import "math"

// splitHot halves the spans that have been hot for long enough.
func (s *Scheduler) splitHot() {
	left := s.hot[:0]
	for _, p := range s.hot {
		if p.table == nil || s.warmth(p) != hot {
			p.listed = false
			continue
		}
		if s.maySplit(p) {
			p.listed = false
			s.startSplit(p.table, []*piece{p}, halves(p.span()), false)
			continue
		}
		left = append(left, p)
	}
	clear(s.hot[len(left):])
	s.hot = left
}

func (s *Scheduler) maySplit(p *piece) bool {
	return p.served() && s.now-p.since >= ticks(s.options.Sustain) && !p.table.whole && p.table.command == nil &&
		p.node.state == up && s.wide(p) && s.mayHalt([]*piece{p})
}

// wide tells that halving may help: below a part of the key space it is a few keys that have the traffic.
func (s *Scheduler) wide(p *piece) bool {
	return s.options.SplitSpans > 1 && p.width()-1 > math.MaxUint64/uint64(s.options.SplitSpans)
}

// coolPeriod is how often the split tables with cold neighbours are looked through.
const coolPeriod = 10 // ticks

// mergeCold merges neighbours that have been cold for long enough.
func (s *Scheduler) mergeCold() {
	if len(s.cooling) == 0 || s.now-s.cooled < coolPeriod {
		return
	}
	s.cooled = s.now
	left := s.cooling[:0]
	for _, t := range s.cooling {
		if s.cool(t) {
			left = append(left, t)
		} else {
			t.cooling = false
		}
	}
	clear(s.cooling[len(left):])
	s.cooling = left
}

// cool starts the merge of a table's first run of neighbours that may, and tells that the table has cold neighbours.
func (s *Scheduler) cool(t *table) bool {
	if t.kept || s.tables[t.id] != t {
		return false
	}
	neighbours := false
	for i := 0; i < len(t.pieces); {
		run, traffic := i, uint64(0)
		ripe := true
		for ; run < len(t.pieces); run++ {
			p := t.pieces[run]
			if s.warmth(p) != cold || traffic+p.traffic > s.options.MergeBelow || run > i && t.pieces[run-1].end != p.start {
				break
			}
			traffic += p.traffic
			ripe = ripe && p.served() && s.now-p.since >= ticks(s.options.Quiet)
		}
		if run-i > 1 {
			neighbours = true
			if ripe && t.command == nil && !t.halted() && s.mayHalt(t.pieces[i:run]) {
				s.startMerge(t, t.pieces[i:run])
				return true
			}
		}
		i = max(run, i+1)
	}
	return neighbours
}
