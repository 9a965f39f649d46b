package sinks

import (
	"cmp"
	"fmt"

	"github.com/weir-cdc/weir/messages"
)

// A Position orders the chunks of a span.
type Position struct {
	CommitTs uint64 `json:"commit-ts"`
	Ordinal  uint32 `json:"ordinal"`
}

// PositionOf is the position of a chunk.
func PositionOf(c *messages.Chunk) Position {
	return Position{CommitTs: c.CommitTs, Ordinal: c.Ordinal}
}

// Compare orders positions as cmp.Compare does.
func (p Position) Compare(q Position) int {
	if c := cmp.Compare(p.CommitTs, q.CommitTs); c != 0 {
		return c
	}
	return cmp.Compare(p.Ordinal, q.Ordinal)
}

func (p Position) String() string { return fmt.Sprintf("%d.%d", p.CommitTs, p.Ordinal) }

// After gives the chunks that lie after p. Chunks are in order, so it is a tail of them.
func After(chunks []*messages.Chunk, p Position) []*messages.Chunk {
	for i, c := range chunks {
		if PositionOf(c).Compare(p) > 0 {
			return chunks[i:]
		}
	}
	return nil
}

// A SpanKey is a Span as a map key.
type SpanKey struct {
	Table      int64
	Start, End uint64
}

// SpanKeyOf is the key of a span; no span is the trigger's.
func SpanKeyOf(s *messages.Span) SpanKey {
	return SpanKey{Table: s.GetTableId(), Start: s.GetStart(), End: s.GetEnd()}
}

// Whole tells that the span is all of its table.
func (k SpanKey) Whole() bool { return k.Start == 0 && k.End == 0 }

// Contains tells whether a handle key's hash lies in the span.
func (k SpanKey) Contains(hash uint64) bool { return hash >= k.Start && hash <= k.last() }

// Covers tells whether all of other lies in the span.
func (k SpanKey) Covers(other SpanKey) bool {
	return k.Start <= other.Start && other.last() <= k.last()
}

// Overlaps tells whether the spans share a key.
func (k SpanKey) Overlaps(other SpanKey) bool {
	return k.Table == other.Table && k.Start <= other.last() && other.Start <= k.last()
}

// last is the greatest hash in the span: an end of 0 wraps around to it.
func (k SpanKey) last() uint64 { return k.End - 1 }
