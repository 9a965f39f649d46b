package schedule

import (
	"runtime"
	"testing"
	"time"

	"github.com/weir-cdc/weir/barrier"
)

// TestSpansAreSmall: a million spans must fit beside all else that a maintainer keeps.
func TestSpansAreSmall(t *testing.T) {
	const spans = 100_000
	ids := dispatchers(spans + 1)
	absent := allAbsent(spans)
	before := heap()
	s := New(Options{})
	start(s, absent, ids)
	if size := float64(heap()-before) / spans; size > 300 {
		t.Errorf("%.0f bytes for each span", size)
	}
	runtime.KeepAlive(s)
}

// TestNothingToDoCostsNothing: a step over idle spans allocates no more than its own frame, however many there are.
func TestNothingToDoCostsNothing(t *testing.T) {
	const spans = 20_000
	s := New(Options{})
	start(s, allAbsent(spans), dispatchers(spans+1))
	now := time.Unix(1_700_001_000, 0)
	may := func(barrier.DispatcherID) bool {
		t.Error("a span is looked at")
		return true
	}
	allocs := testing.AllocsPerRun(100, func() {
		now = now.Add(100 * time.Millisecond)
		s.Step(now, nil, may)
	})
	if allocs > 4 {
		t.Errorf("%v allocations in a step with nothing to do", allocs)
	}
}
