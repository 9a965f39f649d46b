package schedule

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/weir-cdc/weir/barrier"
)

const million = 1_000_000

// dispatchers makes names, which the barrier holds anyway.
func dispatchers(n int) []barrier.DispatcherID {
	ids := make([]barrier.DispatcherID, n)
	for i := range ids {
		ids[i] = barrier.DispatcherID(fmt.Sprintf("1.%d", i))
	}
	return ids
}

// allAbsent is the table trigger and n tables.
func allAbsent(n int) []barrier.Absent {
	absent := make([]barrier.Absent, n+1)
	for i := range absent {
		absent[i].Span = barrier.Whole(barrier.TableID(i))
	}
	return absent
}

// start has all tables served by three nodes, and tells how many steps it took.
func start(s *Scheduler, absent []barrier.Absent, ids []barrier.DispatcherID) (steps int) {
	for _, n := range []NodeID{"n1", "n2", "n3"} {
		s.NodeUp(n)
	}
	now := time.Unix(1_700_000_000, 0)
	for ; !s.Settled() || steps == 0; steps++ {
		ids = perform(s, s.Step(now, absent, nil), ids)
		absent, now = nil, now.Add(200*time.Millisecond)
	}
	return steps
}

// perform does at once all that is asked, and gives the names that are left.
func perform(s *Scheduler, actions []Action, ids []barrier.DispatcherID) []barrier.DispatcherID {
	for _, a := range actions {
		switch a := a.(type) {
		case Place:
			s.Placed(ids[0], a.Span, a.Node)
			s.Counted(ids[0])
			ids = ids[1:]
		case Remove:
			s.Gone(a.Dispatcher)
		}
	}
	return ids
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A million tables come to be served from nothing.
func BenchmarkStartOfAMillion(b *testing.B) {
	absent, ids := allAbsent(million), dispatchers(million+1)
	steps := 0
	for b.Loop() {
		steps = start(New(Options{}), absent, ids)
	}
	b.ReportMetric(float64(steps), "steps")
}

// What the Scheduler itself takes for each of a million spans.
func BenchmarkMemoryOfAMillion(b *testing.B) {
	absent, ids := allAbsent(million), dispatchers(million+1)
	for b.Loop() {
		before := heap()
		s := New(Options{})
		start(s, absent, ids)
		b.ReportMetric(float64(heap()-before)/million, "B/span")
		runtime.KeepAlive(s)
	}
}

// A step over a million idle spans when nothing has happened.
func BenchmarkStepWithNothingToDo(b *testing.B) {
	s := New(Options{})
	start(s, allAbsent(million), dispatchers(million+1))
	now := time.Unix(1_700_001_000, 0)
	for b.Loop() {
		now = now.Add(100 * time.Millisecond)
		if a := s.Step(now, nil, nil); len(a) > 0 {
			b.Fatal(a[0])
		}
	}
}

// A step when one of a million spans has got other traffic, and 10,000 have some.
func BenchmarkStepAfterTraffic(b *testing.B) {
	s := New(Options{})
	ids := dispatchers(million + 1)
	start(s, allAbsent(million), ids)
	for i := range 10_000 {
		s.Traffic(ids[i], 100_000)
	}
	now := time.Unix(1_700_001_000, 0)
	for i := 0; b.Loop(); i++ {
		now = now.Add(100 * time.Millisecond)
		s.Traffic(ids[i%10_000], uint64(100_000+i%1000))
		s.Step(now, nil, nil)
	}
}

// A node with a third of a million spans is lost, and the others take them.
func BenchmarkLossOfANode(b *testing.B) {
	absent, ids := allAbsent(million), dispatchers(2*million)
	for b.Loop() {
		b.StopTimer()
		s := New(Options{})
		start(s, absent, ids)
		b.StartTimer()
		s.NodeDown("n2")
		for _, id := range s.Dispatchers("n2") {
			s.Gone(id)
		}
		left := ids[million+1:]
		for now := time.Unix(1_700_001_000, 0); !s.Settled(); now = now.Add(200 * time.Millisecond) {
			left = perform(s, s.Step(now, nil, nil), left)
		}
	}
}

// A node with a third of a million spans drains.
func BenchmarkDrainOfANode(b *testing.B) {
	absent, ids := allAbsent(million), dispatchers(2*million)
	steps := 0
	for b.Loop() {
		b.StopTimer()
		s := New(Options{})
		start(s, absent, ids)
		b.StartTimer()
		s.NodeDraining("n2")
		left := ids[million+1:]
		steps = 0
		for now := time.Unix(1_700_001_000, 0); !s.Drained("n2"); now = now.Add(200 * time.Millisecond) {
			left = perform(s, s.Step(now, nil, nil), left)
			steps++
		}
	}
	b.ReportMetric(float64(steps), "steps")
}
