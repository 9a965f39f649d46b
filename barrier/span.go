package barrier

import (
	"cmp"
	"fmt"
	"slices"
)

// A DispatcherID names one life of a dispatcher: each creation and each actor restart takes a new one.
type DispatcherID string

// A TableID names one incarnation of a table; 0 is the table trigger's.
type TableID int64

// A Span is the key range [Start, End) of one table; End 0 is the end of the key space.
type Span struct {
	Table      TableID
	Start, End uint64
}

// TriggerSpan is the span of the table trigger, which holds no rows.
var TriggerSpan = Span{}

// Whole is the span of a table that is not split.
func Whole(t TableID) Span { return Span{Table: t} }

// Intersects tells that some key belongs to both spans.
func (s Span) Intersects(o Span) bool {
	return s.Table == o.Table && (o.End == 0 || s.Start < o.End) && (s.End == 0 || o.Start < s.End)
}

// Covers tells that every key of o belongs to s.
func (s Span) Covers(o Span) bool {
	return s.Table == o.Table && s.Start <= o.Start && (s.End == 0 || (o.End != 0 && o.End <= s.End))
}

// Compare orders spans by table, then start, then end, the end of the key space last.
func (s Span) Compare(o Span) int {
	return cmp.Or(cmp.Compare(s.Table, o.Table), cmp.Compare(s.Start, o.Start), cmp.Compare(s.End-1, o.End-1))
}

// String gives "5[0,100)", "5" for a whole table and "trigger" for the table trigger.
func (s Span) String() string {
	switch {
	case s == TriggerSpan:
		return "trigger"
	case s.Start == 0 && s.End == 0:
		return fmt.Sprint(int64(s.Table))
	case s.End == 0:
		return fmt.Sprintf("%d[%d,)", int64(s.Table), s.Start)
	}
	return fmt.Sprintf("%d[%d,%d)", int64(s.Table), s.Start, s.End)
}

// gaps gives the parts of whole that spans, sorted and disjoint, leave open.
func gaps(whole Span, spans []Span) []Span {
	var open []Span
	next := whole.Start
	for _, s := range spans {
		if next < s.Start {
			open = append(open, Span{whole.Table, next, s.Start})
		}
		if s.End == 0 {
			return open
		}
		next = s.End
	}
	if whole.End == 0 || next < whole.End {
		open = append(open, Span{whole.Table, next, whole.End})
	}
	return open
}

// union joins adjacent spans of one table into one.
func union(spans []Span) (Span, error) {
	sorted := slices.SortedFunc(slices.Values(spans), Span.Compare)
	if len(sorted) == 0 {
		return Span{}, fmt.Errorf("join spans: none given")
	}
	joined := sorted[0]
	for _, s := range sorted[1:] {
		if s.Table != joined.Table || joined.End == 0 || s.Start != joined.End {
			return Span{}, fmt.Errorf("join spans: %s does not follow %s", s, joined)
		}
		joined.End = s.End
	}
	return joined, nil
}
