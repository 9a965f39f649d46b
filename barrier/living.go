package barrier

import "fmt"

// A Living is a span that has a dispatcher.
type Living struct {
	ID     DispatcherID
	Span   Span
	Schema string // of its table
	Start  Start  // where the stream to it goes on, if whoever fed it is new
}

// Living lists the spans that have a dispatcher, in order: after a Bootstrap these are the ones found alive.
func (b *Barrier) Living() []Living {
	var living []Living
	b.spans.each(func(m *member) {
		if m.id == "" {
			return
		}
		l := Living{ID: m.id, Span: m.span, Start: m.start()}
		if m.table != nil {
			l.Schema = m.table.Schema
		}
		living = append(living, l)
	})
	return living
}

// String gives "ddl@42 collecting, waits for t1 (5) and 3 more".
func (f InFlight) String() string {
	text := fmt.Sprintf("%s %s", f.Event.Key, f.Phase)
	if f.Writer != "" {
		text += fmt.Sprintf(", writer %s", f.Writer)
	}
	for i, m := range f.Missing {
		if i == 0 {
			text += ", waits for "
		} else {
			text += ", "
		}
		text += m.String()
	}
	if more := f.MissingTotal - len(f.Missing); more > 0 && len(f.Missing) > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
