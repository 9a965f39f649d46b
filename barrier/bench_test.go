package barrier

import (
	"fmt"
	"testing"
)

// BenchmarkSyncpoint crosses a syncpoint with many spans: a report, an ACK, an order and an answer for each.
func BenchmarkSyncpoint(b *testing.B) {
	for _, spans := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(spans), func(b *testing.B) { crossSyncpoints(b, spans) })
	}
}

func crossSyncpoints(b *testing.B, spans int) {
	var tables []Table
	for i := range spans {
		tables = append(tables, Table{ID: TableID(i + 1), Schema: "s"})
	}
	m, _ := NewBootstrap(1, 1, nil).Finish(tables)
	ids := []DispatcherID{}
	for i, a := range m.Absent() {
		id := DispatcherID(fmt.Sprintf("1.%d", i))
		if _, err := m.Create(a.Span, id); err != nil {
			b.Fatal(err)
		}
		m.Replicating(id)
		ids = append(ids, id)
	}
	ts := uint64(10)
	b.ResetTimer()
	for b.Loop() {
		e := Event{Key: Key{ts, Syncpoint}, Influence: All, Blocks: true}
		for _, id := range ids {
			m.Status(Status{From: id, Epoch: 1, Version: CurrentVersion, Stage: StageWaiting, Event: e})
		}
		done := Status{Epoch: 1, Version: CurrentVersion, Stage: StageDone, Event: Event{Key: e.Key}, Action: Write}
		done.From = ids[0]
		m.Status(done)
		done.Action = Pass
		for _, id := range ids {
			done.From = id
			m.Status(done)
		}
		if m.Pending() {
			b.Fatal("the syncpoint is not crossed")
		}
		ts++
	}
}
