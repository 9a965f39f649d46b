package checkpoint

import "testing"

func million() *Tracker[uint64] {
	t := New[uint64](1)
	for id := range uint64(1_000_000) {
		t.Add(id, 1)
		t.Attach(id)
	}
	return t
}

// The stream moves on over a million idle spans.
func BenchmarkResolvedOverIdleSpans(b *testing.B) {
	t := million()
	ts := uint64(1)
	for b.Loop() {
		ts++
		t.Resolved(ts)
		if t.Min() != ts {
			b.Fatal(t.Min())
		}
	}
}

// One of a million spans writes and is flushed; 10,000 others have writes under way.
func BenchmarkWriteAmongBusySpans(b *testing.B) {
	t := million()
	for id := range uint64(10_000) {
		t.Sent(id, 1, 10+id)
	}
	ts, seq := uint64(20_000), uint64(1)
	for b.Loop() {
		ts++
		seq++
		id := 10_000 + seq*7919%900_000
		t.Sent(id, seq, ts)
		t.Durable(id, seq)
		t.Min()
	}
}

// A barrier holds and releases a million spans.
func BenchmarkBarrierOverAllSpans(b *testing.B) {
	t := million()
	ts := uint64(1)
	for b.Loop() {
		ts += 10
		for id := range uint64(1_000_000) {
			t.Hold(id, ts-1)
		}
		t.Resolved(ts)
		for id := range uint64(1_000_000) {
			t.Release(id)
		}
		if t.Min() != ts {
			b.Fatal(t.Min())
		}
	}
}
