package barrier

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// TickPeriod is how often the shell calls Tick on a Party or a Barrier while it is Pending.
const TickPeriod = 500 * time.Millisecond

// NoCeiling is the ceiling of what holds no checkpoint back.
const NoCeiling uint64 = math.MaxUint64

// Kind tells the two kinds of block events apart. At one commit-ts the DDL comes before the syncpoint.
type Kind uint8

// The kinds, in the order in which they happen at one commit-ts.
const (
	DDL       Kind = 1
	Syncpoint Kind = 2
)

// String gives "ddl" or "syncpoint".
func (k Kind) String() string {
	switch k {
	case DDL:
		return "ddl"
	case Syncpoint:
		return "syncpoint"
	}
	return "none"
}

// A Key names one event. Keys are totally ordered; the zero Key names no event.
type Key struct {
	CommitTs uint64
	Kind     Kind
}

// Compare orders keys by commit-ts, then DDL before syncpoint.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.CommitTs, o.CommitTs), cmp.Compare(k.Kind, o.Kind))
}

// IsZero tells that the key names no event.
func (k Key) IsZero() bool { return k == Key{} }

// Before is the position of a span that has everything before the event behind it, and the event still ahead.
func (k Key) Before() Position { return Position{k.CommitTs, Reach(k.Kind) - 1} }

// After is the position of a span that has just passed the event.
func (k Key) After() Position { return Position{k.CommitTs, Reach(k.Kind)} }

// String gives "ddl@42".
func (k Key) String() string {
	if k.IsZero() {
		return "none"
	}
	return fmt.Sprintf("%s@%d", k.Kind, k.CommitTs)
}

// Reach tells how far a Position goes into its commit-ts.
type Reach uint8

// The reaches of a position, in order.
const (
	BeforeDDL      Reach = 0
	AfterDDL       Reach = 1
	AfterSyncpoint Reach = 2
)

// A Position is a place in the commit order: a commit-ts and how many of its events lie behind. A span that starts at a
// position skips the rows at or below its Ts and the events whose After is at or below it; it meets all the others.
type Position struct {
	Ts    uint64
	Reach Reach
}

// At is the position of a span whose checkpoint is ts: all rows and all events up to and at ts are behind it.
func At(ts uint64) Position { return Position{ts, AfterSyncpoint} }

// Compare orders positions.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Ts, o.Ts), cmp.Compare(p.Reach, o.Reach))
}

// Passed tells that the event lies behind the position.
func (p Position) Passed(k Key) bool { return k.After().Compare(p) <= 0 }

// CheckpointTs is the highest checkpoint-ts that the position alone allows: Ts once every event at it is behind.
func (p Position) CheckpointTs() uint64 {
	if p.Reach == AfterSyncpoint || p.Ts == 0 {
		return p.Ts
	}
	return p.Ts - 1
}

// SchemaTs is the commit-ts up to which the DDL lies behind the position: as of it the schema history is read.
func (p Position) SchemaTs() uint64 {
	if p.Reach == BeforeDDL && p.Ts > 0 {
		return p.Ts - 1
	}
	return p.Ts
}

// String gives "before ddl@42", "after ddl@42" or "after syncpoint@42".
func (p Position) String() string {
	switch p.Reach {
	case BeforeDDL:
		return fmt.Sprintf("before ddl@%d", p.Ts)
	case AfterDDL:
		return fmt.Sprintf("after ddl@%d", p.Ts)
	}
	return fmt.Sprintf("after syncpoint@%d", p.Ts)
}

func later(a, b Position) Position {
	if a.Compare(b) >= 0 {
		return a
	}
	return b
}

func earlier(a, b Position) Position {
	if a.Compare(b) <= 0 {
		return a
	}
	return b
}
