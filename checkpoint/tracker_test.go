package checkpoint

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A step is one line of a story: what is done, and the checkpoints after it.
type step struct {
	do   func(t *Tracker[string])
	want string // span=checkpoint of all spans in order of name, then the slowest
}

func TestTracker(t *testing.T) {
	type tracker = Tracker[string]
	add := func(id string, ts uint64) func(*tracker) { return func(t *tracker) { t.Add(id, ts) } }
	live := func(id string, ts uint64) func(*tracker) {
		return func(t *tracker) { t.Add(id, ts); t.Attach(id) }
	}
	remove := func(id string) func(*tracker) { return func(t *tracker) { t.Remove(id) } }
	sent := func(id string, seq, ts uint64) func(*tracker) { return func(t *tracker) { t.Sent(id, seq, ts) } }
	durable := func(id string, seq uint64) func(*tracker) { return func(t *tracker) { t.Durable(id, seq) } }
	resolved := func(ts uint64) func(*tracker) { return func(t *tracker) { t.Resolved(ts) } }
	detach := func(id string, ts uint64) func(*tracker) { return func(t *tracker) { t.Detach(id, ts) } }
	advance := func(id string, ts uint64) func(*tracker) { return func(t *tracker) { t.Advance(id, ts) } }
	attach := func(id string) func(*tracker) { return func(t *tracker) { t.Attach(id) } }
	hold := func(id string, ts uint64) func(*tracker) { return func(t *tracker) { t.Hold(id, ts) } }
	release := func(id string) func(*tracker) { return func(t *tracker) { t.Release(id) } }

	tests := []struct {
		name  string
		steps []step
	}{
		{"without spans the stream is the minimum", []step{
			{resolved(20), "min 20 by stream"},
			{resolved(15), "min 20 by stream"},
		}},
		{"idle spans follow the stream", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{live("b", 10), "a=10 b=10 min 10 by stream"},
			{resolved(30), "a=30 b=30 min 30 by stream"},
		}},
		{"a write holds its span until it is durable", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{live("b", 10), "a=10 b=10 min 10 by stream"},
			{sent("a", 1, 15), "a=10 b=10 min 10 by stream"},
			{sent("a", 2, 18), "a=10 b=10 min 10 by stream"},
			{resolved(20), "a=14 b=20 min 14 a by write"},
			{durable("a", 1), "a=17 b=20 min 17 a by write"},
			{durable("a", 2), "a=20 b=20 min 20 by stream"},
		}},
		{"durable is cumulative, and an old one changes nothing", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{sent("a", 1, 12), "a=10 min 10 by stream"},
			{sent("a", 2, 14), "a=10 min 10 by stream"},
			{sent("a", 3, 16), "a=10 min 10 by stream"},
			{resolved(20), "a=11 min 11 a by write"},
			{durable("a", 2), "a=15 min 15 a by write"},
			{durable("a", 1), "a=15 min 15 a by write"},
			{durable("a", 9), "a=20 min 20 by stream"},
		}},
		{"a new span counts from its start until it joins", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{resolved(50), "a=50 min 50 by stream"},
			{add("b", 20), "a=50 b=20 min 20 b by catch-up"},
			{advance("b", 40), "a=50 b=40 min 40 b by catch-up"},
			{advance("b", 30), "a=50 b=40 min 40 b by catch-up"},
			{attach("b"), "a=50 b=50 min 50 by stream"},
			{advance("b", 90), "a=50 b=50 min 50 by stream"},
		}},
		{"a span ahead of the stream waits for it", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{live("b", 30), "a=10 b=30 min 10 by stream"},
			{resolved(20), "a=20 b=30 min 20 by stream"},
			{remove("a"), "b=30 min 30 b by stream"},
			{resolved(40), "b=40 min 40 by stream"},
		}},
		{"a span ahead of the stream with a write", []step{
			{live("b", 30), "b=30 min 30 b by stream"},
			{sent("b", 1, 32), "b=30 min 30 b by stream"},
			{resolved(50), "b=31 min 31 b by write"},
			{durable("b", 1), "b=50 min 50 by stream"},
		}},
		{"a detached span moves by its own read", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{sent("a", 1, 15), "a=10 min 10 by stream"},
			{detach("a", 18), "a=14 min 14 a by write"},
			{resolved(30), "a=14 min 14 a by write"},
			{durable("a", 1), "a=18 min 18 a by catch-up"},
			{detach("a", 25), "a=18 min 18 a by catch-up"},
			{attach("a"), "a=30 min 30 by stream"},
		}},
		{"a barrier holds below it", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{live("b", 10), "a=10 b=10 min 10 by stream"},
			{hold("a", 19), "a=10 b=10 min 10 by stream"},
			{resolved(30), "a=19 b=30 min 19 a by barrier"},
			{release("a"), "a=30 b=30 min 30 by stream"},
		}},
		{"what would move a span back does not", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{resolved(30), "a=30 min 30 by stream"},
			{hold("a", 19), "a=30 min 30 by stream"},
			{detach("a", 5), "a=30 min 30 a by barrier"},
			{sent("a", 1, 7), "a=30 min 30 a by write"},
			{resolved(40), "a=30 min 30 a by write"},
		}},
		{"a removed span holds nothing back", []step{
			{live("a", 10), "a=10 min 10 by stream"},
			{add("b", 5), "a=10 b=5 min 5 b by catch-up"},
			{remove("b"), "a=10 min 10 by stream"},
			{sent("b", 1, 3), "a=10 min 10 by stream"},
			{hold("b", 1), "a=10 min 10 by stream"},
			{detach("b", 1), "a=10 min 10 by stream"},
			{durable("b", 1), "a=10 min 10 by stream"},
			{remove("b"), "a=10 min 10 by stream"},
			{add("a", 1), "a=10 min 10 by stream"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tracker := New[string](10)
			for i, s := range tt.steps {
				s.do(tracker)
				if got := describe(tracker); got != s.want {
					t.Fatalf("step %d: got %q, want %q", i, got, s.want)
				}
			}
		})
	}
}

func describe(t *Tracker[string]) string {
	var b strings.Builder
	for _, id := range []string{"a", "b"} {
		if ts, known := t.Span(id); known {
			fmt.Fprintf(&b, "%s=%d ", id, ts)
		}
	}
	lag := t.Slowest()
	fmt.Fprintf(&b, "min %d ", t.Min())
	if lag.ID != "" {
		b.WriteString(lag.ID + " ")
	}
	fmt.Fprintf(&b, "by %s", lag.Cause)
	return b.String()
}

func TestSentTellsOfRowsThatComeTooLate(t *testing.T) {
	tracker := New[string](10)
	tracker.Add("a", 10)
	tracker.Attach("a")
	if !tracker.Sent("a", 1, 11) {
		t.Error("refused a row right above the checkpoint")
	}
	tracker.Durable("a", 1)
	tracker.Resolved(20)
	if tracker.Sent("a", 2, 20) {
		t.Error("took a row that the stream had declared complete")
	}
}

func TestIdleSpansKeepNothing(t *testing.T) {
	const n = 1_000_000
	before := heapInUse()
	tracker := New[uint64](1)
	for id := range uint64(n) {
		tracker.Add(id, 1)
		tracker.Attach(id)
	}
	each := float64(heapInUse()-before) / n
	if tracker.Busy() != 0 || tracker.Len() != n {
		t.Fatalf("%d busy of %d", tracker.Busy(), tracker.Len())
	}
	if each > 64 {
		t.Errorf("%.0f bytes per idle span, want at most 64", each)
	}
	t.Logf("%.0f bytes per idle span", each)
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
