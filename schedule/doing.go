package schedule

import "github.com/weir-cdc/weir/barrier"

// Doing says what is under way on a span: adding, moving, splitting or merging; "" if nothing is, or there is no such span.
func (s *Scheduler) Doing(span barrier.Span) string {
	t := s.tables[span.Table]
	if t == nil {
		return ""
	}
	for _, p := range t.pieces {
		if p.span() != span {
			continue
		}
		switch p.op.(type) {
		case *add:
			return "adding"
		case *move:
			return "moving"
		case *split:
			return "splitting"
		case *merge:
			return "merging"
		}
	}
	return ""
}
