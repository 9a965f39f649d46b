package sinktest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

// A Harness is one fresh downstream.
type Harness struct {
	// Open makes a sink on the downstream; each call another one on the same.
	Open func(env sinks.Env) *actor.Props
	// Rows reads the rows that the downstream holds, those of one table in the order they were written. Nil if it
	// cannot be read, as with the next two.
	Rows func(t testing.TB) []Row
	// Statements reads the commit-ts of the DDL that the downstream holds, in ascending order.
	Statements func(t testing.TB) []uint64
	// Syncpoints reads the source positions of the syncpoints, by commit-ts.
	Syncpoints func(t testing.TB) map[uint64]string
	// Break makes the downstream fail, in a way that time mends, and returns what mends it. Nil if it cannot fail.
	Break func(t testing.TB) (mend func())
	// Shared tells that several sinks may be open at once on the downstream, if Env.Shared is set.
	Shared bool
}

// Run plays the whole conversation; fresh gives each part a downstream of its own.
func Run(t *testing.T, fresh func(t *testing.T) Harness) {
	parts := []struct {
		name string
		play func(*stage)
	}{
		{"acknowledges cumulatively and flushes", (*stage).acknowledges},
		{"answers repeats and does them once", (*stage).repeats},
		{"tells what it does not hold", (*stage).lost},
		{"flushes a dispatcher that never wrote", (*stage).idle},
		{"drops a replay", (*stage).replay},
		{"drops a replay after a restart", (*stage).restart},
		{"goes on after a restart in mid-stream", (*stage).midStream},
		{"goes on after a restart in place", (*stage).inPlace},
		{"survives a crash of its writer", (*stage).crash},
		{"executes a DDL once", (*stage).execute},
		{"drops rows of a version that is over", (*stage).superseded},
		{"keeps the first syncpoint", (*stage).syncpoint},
		{"splits and merges spans", (*stage).splits},
		{"forgets", (*stage).forgets},
		{"serves many dispatchers", (*stage).many},
		{"announces its starts", (*stage).starts},
		{"retries and recovers", (*stage).recovers},
		{"fails for good on a broken row", (*stage).brokenRow},
		{"writes nothing while that is not permitted", (*stage).withheld},
		{"is fenced by a later dispatcher elsewhere", (*stage).takenOver},
		{"splits, merges and moves spans between two", (*stage).handsOver},
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			h := fresh(t)
			part.play(&stage{T: t, Harness: h, World: NewWorld(t, h.Open)})
		})
	}
}

// A stage is one part's downstream and world.
type stage struct {
	*testing.T
	Harness
	*World
}

// reopen stops the sink and starts another on the same downstream.
func (s *stage) reopen() {
	s.Stop()
	s.Start(s.Open)
}

func (s *stage) wantRows(want ...[]Row) {
	s.Helper()
	if s.Rows == nil {
		return
	}
	if got, want := s.Rows(s.T), slices.Concat(want...); !slices.Equal(got, want) {
		s.Fatalf("the downstream holds %d rows, want %d:\n%v\nwant\n%v", len(got), len(want), got, want)
	}
}

// wantSet is wantRows where the order over spans is open.
func (s *stage) wantSet(want ...[]Row) {
	s.Helper()
	if s.Rows == nil {
		return
	}
	got, all := s.Rows(s.T), slices.Concat(want...)
	order := func(a, b Row) int { return slices.Compare(a.key(), b.key()) }
	slices.SortFunc(got, order)
	slices.SortFunc(all, order)
	if slices.Equal(got, all) {
		return
	}
	count := map[Row]int{}
	for _, r := range all {
		count[r]++
	}
	for _, r := range got {
		count[r]--
	}
	var lines []string
	for r, n := range count {
		if n != 0 {
			lines = append(lines, fmt.Sprintf("%v: %+d", r, -n))
		}
	}
	slices.Sort(lines)
	s.Fatalf("the downstream holds %d rows, want %d; these differ, for example: %v", len(got), len(all), lines[:min(len(lines), 20)])
}

func (r Row) key() []string {
	return []string{r.Table, fmt.Sprintf("%020d %020d", r.CommitTs, r.ID), r.V}
}

// ts is a commit-ts of a known day, n transactions in.
func ts(n uint64) uint64 { return 1_700_000_000_000<<18 + n }

func (s *stage) table(id schema.TableID, name string) *schema.Table {
	return s.Publish(Table(id, ts(0), "shop", name))
}

func (s *stage) acknowledges() {
	t := s.table(1, "a")
	p := s.World.Probe("d1", Whole(t))
	var want []Row
	for i := uint64(1); i <= 20; i++ {
		c := []*messages.Chunk{Insert(ts(i), 0, "x", i), Insert(ts(i), 3, "y", i+100, i+200)}
		p.Write(Batch(t, c...))
		want = append(want, RowsOf(t, c...)...)
	}
	p.AwaitAccepted()
	p.Flush()
	p.AwaitDurable()
	s.wantRows(want)
	p.Write(Batch(t, Insert(ts(30), 0, "z", 7)))
	p.AwaitDurable() // without being asked
	s.wantRows(want, RowsOf(t, Insert(ts(30), 0, "z", 7)))
}

func (s *stage) repeats() {
	t := s.table(1, "a")
	p := s.World.Probe("d1", Whole(t))
	one, two := Insert(ts(1), 0, "one", 1), Insert(ts(2), 0, "two", 2)
	first := p.Write(Batch(t, one))
	p.Send(first)
	second := p.Write(Batch(t, two))
	p.Send(first)
	p.Send(second)
	p.Flush()
	p.AwaitDurable()
	p.Accepted, p.Durable = 0, 0
	p.Send(first)
	p.Await("the acknowledgements again", func() bool { return p.Accepted == 2 && p.Durable == 2 })
	s.wantRows(RowsOf(t, one, two))
}

func (s *stage) lost() {
	t := s.table(1, "a")
	p := s.World.Probe("d1", Whole(t))
	p.seq = 3 // three writes that a former sink took
	p.Write(Batch(t, Insert(ts(4), 0, "x", 4)))
	p.Await("Lost", func() bool { return p.Lost == 1 })
	p.StartFlush()
	p.Await("Lost", func() bool { return p.Lost == 2 })

	q := s.World.Probe("d2", Whole(t))
	q.Write(Batch(t, Insert(ts(1), 0, "x", 1)))
	q.seq++ // lost on the way
	q.Write(Batch(t, Insert(ts(3), 0, "x", 3)))
	q.Await("Lost", func() bool { return q.Lost == 1 })
	q.seq = 1
	q.Flush()
	s.wantRows(RowsOf(t, Insert(ts(1), 0, "x", 1)))
}

func (s *stage) idle() {
	t := s.table(1, "a")
	s.World.Probe("d1", Whole(t)).Flush()
	s.World.Probe("trigger", nil).Flush()
	p := s.World.Probe("d2", Whole(t))
	p.Write(Batch(t)) // no rows
	p.AwaitAccepted()
	p.Flush()
	p.AwaitDurable()
	s.wantRows()
}

func (s *stage) replay() {
	t := s.table(1, "a")
	chunks := []*messages.Chunk{Insert(ts(1), 0, "x", 1), Insert(ts(2), 0, "x", 2), Insert(ts(2), 1, "x", 3), Insert(ts(3), 0, "x", 4)}
	p := s.World.Probe("d1", Whole(t))
	p.Write(Batch(t, chunks[:2]...))
	p.Flush()
	p.Write(Batch(t, chunks[2]))
	p.AwaitAccepted() // and perhaps not durable
	q := s.World.Probe("d2", Whole(t))
	q.Write(Batch(t, chunks[0]))
	q.Write(Batch(t, chunks[1:]...))
	q.Flush()
	q.AwaitDurable()
	s.wantRows(RowsOf(t, chunks...))
}

func (s *stage) restart() {
	t := s.table(1, "a")
	chunks := []*messages.Chunk{Insert(ts(1), 0, "x", 1), Insert(ts(2), 0, "x", 2), Insert(ts(2), 1, "x", 3)}
	p := s.World.Probe("d1", Whole(t))
	p.Write(Batch(t, chunks[:2]...))
	p.Flush()
	s.reopen()
	if s.Rows == nil {
		return // a downstream without a memory has no record to drop by
	}
	q := s.World.Probe("d2", Whole(t))
	q.Write(Batch(t, chunks...))
	q.Flush()
	s.wantRows(RowsOf(t, chunks...))
}

// inPlace restarts the actor as its supervisor does after a panic: the mailbox and the PID stay.
func (s *stage) inPlace() {
	t := s.table(1, "a")
	chunks := []*messages.Chunk{Insert(ts(1), 0, "x", 1), Insert(ts(2), 0, "x", 2), Insert(ts(3), 0, "x", 3)}
	p := s.World.Probe("d1", Whole(t))
	p.Write(Batch(t, chunks[0]))
	p.Flush()
	p.Write(Batch(t, chunks[1]))
	p.AwaitAccepted()
	sink, _ := s.System.ProcessRegistry.Get(s.Sink)
	sink.SendSystemMessage(s.Sink, &actor.SuspendMailbox{})
	sink.SendSystemMessage(s.Sink, &actor.Restart{})
	s.Owner.Await("the second SinkStarted", func() bool { return slices.Equal(s.Owner.Starts, []uint64{1, 2}) })
	p.StartFlush()
	p.Await("Lost", func() bool { return p.Lost == 1 })
	if s.Rows == nil {
		return
	}
	q := s.World.Probe("d2", Whole(t))
	q.Write(Batch(t, chunks...))
	q.Flush()
	s.wantRows(RowsOf(t, chunks...))
}

// crash makes whatever reads the rows panic once. A sink may hold the rows through that, or say that they are lost.
func (s *stage) crash() {
	s.Stop()
	once := &sync.Once{}
	s.Start(func(env sinks.Env) *actor.Props {
		env.Format = fragile{once}
		return s.Open(env)
	})
	t := s.table(1, "a")
	c := Insert(ts(1), 0, "x", 1)
	p := s.World.Probe("d1", Whole(t))
	p.Write(Batch(t, c))
	p.StartFlush()
	s.Owner.AwaitState(messages.ErrorKind_ERROR_RETRYING)
	s.Owner.AwaitState(messages.ErrorKind_ERROR_NONE)
	p.StartFlush()
	p.Await("Flushed or Lost", func() bool { return len(p.Flushed) > 0 || p.Lost > 0 })
	if p.Lost > 0 {
		q := s.World.Probe("d2", Whole(t))
		q.Write(Batch(t, c))
		q.Flush()
	}
	s.wantRows(RowsOf(t, c))
}

// fragile is Format, but for a panic in its first Compile.
type fragile struct{ once *sync.Once }

func (f fragile) Compile(t *schema.Table, layout []byte) (rows.Plan, error) {
	f.once.Do(func() { panic("the first plan") })
	return Format{}.Compile(t, layout)
}

func (s *stage) midStream() {
	t := s.table(1, "a")
	var chunks []*messages.Chunk
	for i := uint64(1); i <= 50; i++ {
		chunks = append(chunks, Insert(ts(i), 0, "x", i))
	}
	for life := range 5 {
		p := s.World.Probe(fmt.Sprintf("d%d", life), Whole(t))
		p.Write(Batch(t, chunks[:10*life]...))
		for _, c := range chunks[10*life : 10*life+5] {
			p.Write(Batch(t, c))
		}
		p.Flush()
		p.Write(Batch(t, chunks[10*life+5:10*life+10]...))
		p.AwaitAccepted() // nobody flushes that
		s.reopen()
	}
	p := s.World.Probe("last", Whole(t))
	p.Write(Batch(t, chunks...))
	p.Flush()
	s.wantRows(RowsOf(t, chunks...))
}
