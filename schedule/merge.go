package schedule

import (
	"fmt"

	"github.com/weir-cdc/weir/barrier"
)

// A merge joins neighbours into one span: cold ones, or, by command or because the table may not be split any more, all
// of a table.
type merge struct {
	halt
	table *table
	into  barrier.Span
}

func (s *Scheduler) startMerge(t *table, pieces []*piece) {
	into := barrier.Span{Table: t.id, Start: pieces[0].start, End: pieces[len(pieces)-1].end}
	op := &merge{table: t, into: into}
	op.halt = s.startHalt(op, pieces)
	op.advance(s)
}

func (op *merge) String() string { return fmt.Sprintf("merge into %s, %d left", op.into, op.left) }

func (op *merge) expects(*piece, *node) bool { return false }

func (op *merge) counted(*Scheduler, *piece) {}

func (op *merge) ended(s *Scheduler, _ *piece) {
	if op.halt.ended() {
		s.wake(op)
	}
}

func (op *merge) advance(s *Scheduler) {
	if !op.complete(op) {
		return
	}
	op.cut(s, []barrier.Span{op.into})
	if len(op.table.pieces) == 1 {
		op.table.kept = false
	}
}
