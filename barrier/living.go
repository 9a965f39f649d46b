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

// A Member is a span and who serves it.
type Member struct {
	ID           DispatcherID // "" while the span is absent
	Span         Span
	Replicating  bool   // its dispatcher counts
	CheckpointTs uint64 // the highest that was told of it, which may be long ago
}

// Spans lists all spans, in order.
func (b *Barrier) Spans() []Member {
	var list []Member
	b.spans.each(func(m *member) {
		list = append(list, Member{ID: m.id, Span: m.span, Replicating: m.replicating, CheckpointTs: m.checkpointTs})
	})
	return list
}

// Keys lists the events in flight, in order.
func (b *Barrier) Keys() []Key {
	keys := make([]Key, 0, len(b.crossings))
	for _, c := range b.crossings {
		keys = append(keys, c.event.Key)
	}
	return keys
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
