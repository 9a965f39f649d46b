package schedule

import (
	"errors"
	"fmt"

	"github.com/weir-cdc/weir/barrier"
)

// Why a command is refused.
var (
	ErrNoTable       = errors.New("no such table")
	ErrNoNode        = errors.New("node takes no spans")
	ErrNotSplittable = errors.New("not splittable")
	ErrBusy          = errors.New("busy")
	ErrBadCount      = errors.New("bad number of spans")
)

// maxParts is how many spans a command may make of a table.
const maxParts = 1024

// Move puts all spans of a table on one node. Balance leaves them there, until the node drains or is lost.
func (s *Scheduler) Move(id barrier.TableID, to NodeID) error {
	t, err := s.addressed("move", id)
	if err != nil {
		return err
	}
	n := s.nodes[to]
	switch {
	case n == nil || n.state == down:
		return fmt.Errorf("move table %d to %s: %w: no such node is up", id, to, ErrNoNode)
	case n.state == draining:
		return fmt.Errorf("move table %d to %s: %w: it is draining", id, to, ErrNoNode)
	}
	t.pin = n
	s.command(t, &command{verb: moveTable, to: n})
	return nil
}

// Split cuts a table into n spans of one size, however it is cut now. They are not merged without a command.
func (s *Scheduler) Split(id barrier.TableID, n int) error {
	t, err := s.addressed("split", id)
	switch {
	case err != nil:
		return err
	case t.whole:
		return fmt.Errorf("split table %d: %w: its rows have no key that tells where they belong", id, ErrNotSplittable)
	case n < 2 || n > maxParts:
		return fmt.Errorf("split table %d into %d: %w: give 2 to %d", id, n, ErrBadCount, maxParts)
	}
	s.command(t, &command{verb: splitTable, into: n})
	return nil
}

// Merge makes one span of a table.
func (s *Scheduler) Merge(id barrier.TableID) error {
	t, err := s.addressed("merge", id)
	switch {
	case err != nil:
		return err
	case len(t.pieces) == 1:
		return fmt.Errorf("merge table %d: %w: it has one span", id, ErrBadCount)
	}
	s.command(t, &command{verb: mergeTable})
	return nil
}

// addressed finds the table of a command, unless something is under way on it. A span that is only being placed is none
// of that: the command waits for it.
func (s *Scheduler) addressed(verb string, id barrier.TableID) (*table, error) {
	t := s.tables[id]
	if id == barrier.TriggerSpan.Table || t == nil || len(t.pieces) == 0 {
		return nil, fmt.Errorf("%s table %d: %w", verb, id, ErrNoTable)
	}
	if t.command != nil {
		return nil, fmt.Errorf("%s table %d: %w: a command is under way: %s", verb, id, ErrBusy, t.command)
	}
	for _, p := range t.pieces {
		if _, placing := p.op.(*add); p.op != nil && !placing {
			return nil, fmt.Errorf("%s table %d: %w: an operation is under way: %s", verb, id, ErrBusy, p.op)
		}
	}
	return t, nil
}

type verb uint8

const (
	moveTable verb = iota
	splitTable
	mergeTable
)

// A command waits until its operators may begin, and ends with them. Spans that they leave absent are added as any are.
type command struct {
	verb  verb
	to    *node // of a move
	into  int   // of a split
	begun bool  // a split or merge has its operator
}

func (c *command) String() string {
	switch c.verb {
	case moveTable:
		return fmt.Sprintf("move to %s", c.to.id)
	case splitTable:
		return fmt.Sprintf("split into %d", c.into)
	}
	return "merge"
}

// halts tells that the table's spans are about to be cut, so that an absent one is not placed before.
func (c *command) halts() bool { return c != nil && c.verb != moveTable && !c.begun }

func (s *Scheduler) command(t *table, c *command) {
	if t.command == nil {
		s.commanded = append(s.commanded, t)
	}
	t.command = c
}

// obey begins and ends commands, in the order given.
func (s *Scheduler) obey() {
	left := s.commanded[:0]
	for _, t := range s.commanded {
		switch {
		case t.command == nil: // the table was dropped
		case s.obeyed(t, t.command):
			t.command = nil
		default:
			left = append(left, t)
		}
	}
	clear(s.commanded[len(left):])
	s.commanded = left
}

// obeyed does what may be done now, and tells that nothing is left to do.
func (s *Scheduler) obeyed(t *table, c *command) bool {
	if c.verb == moveTable {
		return s.pinOf(t) != c.to || s.moveAll(t, c.to)
	}
	if c.begun {
		return !t.halted()
	}
	switch {
	case c.verb == splitTable && t.whole, c.verb == mergeTable && len(t.pieces) == 1:
		return true
	case !t.covered() || !s.mayHalt(t.pieces):
		return false
	}
	c.begun = true
	if c.verb == splitTable {
		s.startSplit(t, t.pieces, parts(t.id, c.into), true)
	} else {
		s.startMerge(t, t.pieces)
	}
	return !t.halted()
}

// moveAll starts as many moves of a table's spans as the nodes have room for, and tells that all are there, or absent
// and bound for there.
func (s *Scheduler) moveAll(t *table, to *node) bool {
	done := true
	for _, p := range t.pieces {
		switch {
		case p.op != nil:
			done = false
		case p.id == "" || p.node == to:
		default:
			done = false
			if s.mayStartMove(p, to) {
				s.startMove(p, to)
			}
		}
	}
	return done
}

// mayStartMove tells that a span that is served may leave now, and that both nodes have room for the task.
func (s *Scheduler) mayStartMove(p *piece, to *node) bool {
	return p.served() && p.node != to && p.node.state != down &&
		s.room(p.node, p.busy()) && s.room(to, p.busy()) && s.mayMove(p.id)
}

// halted tells that an operator is cutting spans of the table.
func (t *table) halted() bool {
	for _, p := range t.pieces {
		switch p.op.(type) {
		case *split, *merge:
			return true
		}
	}
	return false
}

// covered tells that the whole key space is known.
func (t *table) covered() bool {
	next := uint64(0)
	for i, p := range t.pieces {
		if p.start != next || i > 0 && p.start == 0 {
			return false
		}
		next = p.end
	}
	return len(t.pieces) > 0 && next == 0
}
