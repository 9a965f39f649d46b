package schedule

import (
	"math/bits"
	"slices"

	"github.com/weir-cdc/weir/barrier"
)

// A halt ends the dispatchers of several pieces of one table, so that their spans can be cut anew. It is the first half
// of a split and of a merge. The pieces stay absent until all are.
type halt struct {
	pieces []*piece
	nodes  []*node // that have the task, each once
	busy   bool
	left   int // dispatchers that are not gone
}

// mayHalt tells that every piece may be stopped now, and that its node has room for the task.
func (s *Scheduler) mayHalt(pieces []*piece) bool {
	busy := slices.ContainsFunc(pieces, (*piece).busy)
	for _, p := range pieces {
		if p.op != nil || p.id != "" && (p.node.state == down || !s.room(p.node, busy) || !s.mayMove(p.id)) {
			return false
		}
	}
	return true
}

// startHalt orders the ends. If there is none to wait for, the operator goes on in the same Step.
func (s *Scheduler) startHalt(op operator, pieces []*piece) halt {
	h := halt{pieces: slices.Clone(pieces), busy: slices.ContainsFunc(pieces, (*piece).busy)}
	s.running++
	for _, p := range pieces {
		s.begin(p, op)
		if p.id == "" {
			continue
		}
		h.left++
		if !slices.Contains(h.nodes, p.node) {
			h.nodes = append(h.nodes, p.node)
			p.node.take(h.busy)
		}
		s.stop(p)
	}
	return h
}

// ended tells that all are.
func (h *halt) ended() bool {
	h.left--
	return h.left == 0
}

// complete tells that the operator still has its pieces, and that all of them are absent.
func (h *halt) complete(op operator) bool { return h.left == 0 && h.pieces[0].op == op }

func (h *halt) release(s *Scheduler) {
	s.running--
	for _, n := range h.nodes {
		s.give(n, h.busy)
	}
}

func (h *halt) abandon(s *Scheduler) {
	h.release(s)
	for _, p := range h.pieces {
		s.free(p)
	}
}

// cut replaces the halted pieces by others that cover the same keys. Their traffic is a guess until it is told.
func (h *halt) cut(s *Scheduler, spans []barrier.Span) {
	h.release(s)
	t, traffic := h.pieces[0].table, uint64(0)
	reshape := Reshape{New: spans}
	for _, p := range h.pieces {
		reshape.Old = append(reshape.Old, p.span())
		traffic += p.traffic
		p.op = nil
		s.leave(p)
	}
	s.emit(reshape)
	for _, span := range spans {
		s.setTraffic(s.add(t, span.Start, span.End), traffic/uint64(len(spans)))
	}
}

// parts cuts the whole key space of a table into n spans of one size.
func parts(t barrier.TableID, n int) []barrier.Span {
	spans := make([]barrier.Span, n)
	for i := range spans {
		spans[i].Table = t
		spans[i].Start, _ = bits.Div64(uint64(i), 0, uint64(n))
		if i > 0 {
			spans[i-1].End = spans[i].Start
		}
	}
	return spans
}

// halves cuts a span in the middle.
func halves(s barrier.Span) []barrier.Span {
	half := (s.End - s.Start) / 2
	if s.End == s.Start {
		half = 1 << 63
	}
	low, high := s, s
	low.End = s.Start + half
	high.Start = low.End
	return []barrier.Span{low, high}
}
