package schedule

import (
	"fmt"

	"github.com/weir-cdc/weir/barrier"
)

// A split cuts a hot span into halves, or, by command, all spans of a table into parts of one size.
type split struct {
	halt
	table *table
	into  []barrier.Span
	keep  bool // by command: the spans are not merged without one
}

func (s *Scheduler) startSplit(t *table, pieces []*piece, into []barrier.Span, keep bool) {
	op := &split{table: t, into: into, keep: keep}
	op.halt = s.startHalt(op, pieces)
	op.advance(s)
}

func (op *split) String() string {
	return fmt.Sprintf("split table %d into %s, %d left", op.table.id, list(op.into), op.left)
}

func (op *split) expects(*piece, *node) bool { return false }

func (op *split) counted(*Scheduler, *piece) {}

func (op *split) ended(s *Scheduler, _ *piece) {
	if op.halt.ended() {
		s.wake(op)
	}
}

// advance cuts, unless meanwhile the table may not be split: then its spans stay as they are.
func (op *split) advance(s *Scheduler) {
	switch {
	case !op.complete(op):
	case op.table.whole:
		op.abandon(s)
	default:
		op.table.kept = op.table.kept || op.keep
		op.cut(s, op.into)
	}
}
