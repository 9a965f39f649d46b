package checkpoint

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A model keeps everything about every span and computes all of it each time.
type model struct {
	resolved uint64
	spans    map[int]*modelSpan
}

type modelSpan struct {
	writes   []write
	detached bool
	position uint64 // of the own read, the last one if attached
	ceiling  uint64
	told     uint64 // checkpoint: never moves back
	next     uint64 // seq of the next write
}

func (m *model) settle() {
	for _, s := range m.spans {
		base := max(m.resolved, s.position) // an attached span may have read ahead of the stream
		if s.detached {
			base = s.position
		}
		oldest := uint64(none)
		for _, w := range s.writes {
			oldest = min(oldest, w.firstTs-1)
		}
		s.told = max(s.told, min(base, oldest, s.ceiling))
	}
}

func (m *model) min() uint64 {
	if len(m.spans) == 0 {
		return m.resolved
	}
	least := uint64(none)
	for _, s := range m.spans {
		least = min(least, s.told)
	}
	return least
}

// TestTrackerAgreesWithTheModel also checks what the package promises: no span moves back, the minimum only when a
// span is added below it, and a span without cause of its own has no record.
func TestTrackerAgreesWithTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{resolved: 10, spans: map[int]*modelSpan{}}
		tracker := New[int](10)
		last := tracker.Min()
		id := rapid.IntRange(0, 5)
		ts := func(t *rapid.T) uint64 { return rapid.Uint64Range(1, m.resolved+20).Draw(t, "ts") }
		onSpan := func(do func(t *rapid.T, id int, s *modelSpan)) func(*rapid.T) {
			return func(t *rapid.T) {
				i := id.Draw(t, "id")
				s := m.spans[i]
				if s == nil {
					s = &modelSpan{} // the tracker must ignore what the model throws away
				}
				do(t, i, s)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				i, start := id.Draw(t, "id"), ts(t)
				if m.spans[i] == nil {
					m.spans[i] = &modelSpan{detached: true, position: start, told: start, ceiling: none, next: 1}
					last = min(last, start)
				}
				tracker.Add(i, start)
			},
			"remove": func(t *rapid.T) {
				i := id.Draw(t, "id")
				delete(m.spans, i)
				tracker.Remove(i)
				if len(m.spans) == 0 {
					last = 0
				}
			},
			"sent": onSpan(func(t *rapid.T, i int, s *modelSpan) {
				first := ts(t)
				if n := len(s.writes); n > 0 {
					first = max(first, s.writes[n-1].firstTs)
				}
				s.writes = append(s.writes, write{s.next, first})
				tracker.Sent(i, s.next, first)
				s.next++
			}),
			"durable": onSpan(func(t *rapid.T, i int, s *modelSpan) {
				seq := rapid.Uint64Range(0, s.next).Draw(t, "seq")
				s.writes = slices.DeleteFunc(s.writes, func(w write) bool { return w.seq <= seq })
				tracker.Durable(i, seq)
			}),
			"resolved": func(t *rapid.T) {
				to := ts(t)
				m.resolved = max(m.resolved, to)
				tracker.Resolved(to)
			},
			"detach": onSpan(func(t *rapid.T, i int, s *modelSpan) {
				at := ts(t)
				if !s.detached {
					s.detached, s.position = true, at
				}
				tracker.Detach(i, at)
			}),
			"advance": onSpan(func(t *rapid.T, i int, s *modelSpan) {
				to := ts(t)
				if s.detached {
					s.position = max(s.position, to)
				}
				tracker.Advance(i, to)
			}),
			"attach": onSpan(func(_ *rapid.T, i int, s *modelSpan) {
				s.detached = false
				tracker.Attach(i)
			}),
			"hold": onSpan(func(t *rapid.T, i int, s *modelSpan) {
				at := ts(t)
				s.ceiling = at
				tracker.Hold(i, at)
			}),
			"release": onSpan(func(_ *rapid.T, i int, s *modelSpan) {
				s.ceiling = none
				tracker.Release(i)
			}),
			"": func(t *rapid.T) {
				m.settle()
				for _, i := range slices.Sorted(maps.Keys(m.spans)) {
					if got, known := tracker.Span(i); !known || got != m.spans[i].told {
						t.Fatalf("span %d: got %d, %v, want %d", i, got, known, m.spans[i].told)
					}
				}
				if got, want := tracker.Min(), m.min(); got != want {
					t.Fatalf("min: got %d, want %d", got, want)
				}
				if tracker.Min() < last {
					t.Fatalf("min went back from %d to %d", last, tracker.Min())
				}
				last = tracker.Min()
				if lag := tracker.Slowest(); lag.Cause != Stream && m.spans[lag.ID] == nil {
					t.Fatalf("the slowest span %d does not exist", lag.ID)
				}
				if tracker.Len() != len(m.spans) || tracker.Busy() > len(m.spans) {
					t.Fatalf("%d spans, %d busy, want %d", tracker.Len(), tracker.Busy(), len(m.spans))
				}
				checkRecords(t, tracker)
			},
		})
	})
}

func checkRecords(t *rapid.T, tracker *Tracker[int]) {
	following := 0
	for id, r := range tracker.spans {
		if r == nil || r.follows() {
			following++
		}
		if r == nil {
			continue
		}
		if r.id != id || tracker.behind[r.place] != r || r.key != r.limit() || r.idle() {
			t.Fatalf("record of span %d: %+v", id, *r)
		}
		if parent := (r.place - 1) / 2; tracker.behind[parent].key > r.key {
			t.Fatalf("heap out of order at %d", r.place)
		}
	}
	if following != tracker.followers {
		t.Fatalf("%d followers, counted %d", following, tracker.followers)
	}
}
