package sinktest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
)

// alter is a DDL that gives a table a new version at n.
func (s *stage) alter(old *schema.Table, n uint64) (*schema.Table, *messages.DDL) {
	t := s.Publish(Table(old.ID, ts(n), old.Schema, old.Name))
	return t, &messages.DDL{CommitTs: ts(n), Kind: uint32(schema.AddIndex), Query: "ALTER TABLE " + old.Name + " ADD INDEX (v(10))",
		Schema: old.Schema, Influence: uint32(schema.Normal), Changes: []*messages.TableChange{{Before: Ref(old), After: Ref(t)}}}
}

func (s *stage) wantStatements(want ...uint64) {
	s.Helper()
	if s.Statements == nil {
		return
	}
	if got := s.Statements(s.T); !slices.Equal(got, want) {
		s.Fatalf("the downstream holds DDL at %d, want %d", got, want)
	}
}

func (s *stage) execute() {
	a := s.table(1, "a")
	_, ddl := s.alter(a, 10)
	create := s.Publish(Table(2, ts(20), "shop", "b"))
	other := &messages.DDL{CommitTs: ts(20), Kind: uint32(schema.CreateTable), Query: "CREATE TABLE b (...)", Schema: "shop",
		Changes: []*messages.TableChange{{After: Ref(create)}}}
	p := s.World.Probe("d1", Whole(a))
	p.Write(Batch(a, Insert(ts(1), 0, "x", 1)))
	p.Flush()
	request := &messages.Execute{Dispatcher: p.ID(), Id: 100, Ddl: ddl}
	p.Send(request)
	p.Send(request) // while the first runs, or after it
	p.Await("Executed", func() bool { return p.Executed[100] > 0 })
	p.Execute(ddl)
	p.Execute(other)
	s.reopen()
	q := s.World.Probe("d2", Whole(a))
	q.Execute(ddl)
	q.Execute(other)
	s.wantStatements(ts(10), ts(20))
	s.wantRows(RowsOf(a, Insert(ts(1), 0, "x", 1)))
}

func (s *stage) superseded() {
	old := s.table(1, "a")
	t, ddl := s.alter(old, 10)
	before := []*messages.Chunk{Insert(ts(1), 0, "x", 1), Insert(ts(2), 0, "x", 2)}
	after := Insert(ts(11), 0, "x", 3)
	p := s.World.Probe("d1", Whole(old))
	p.Write(Batch(old, before...))
	p.Flush()
	p.Execute(ddl)
	p.Write(Batch(t, after))
	p.Flush()
	play := func(id string) {
		q := s.World.Probe(id, Whole(old))
		q.Write(Batch(old, before...))
		q.Flush()
		q.Execute(ddl)
		q.Write(Batch(t, after))
		q.Flush()
		q.AwaitDurable()
	}
	play("d2")
	s.wantRows(RowsOf(t, append(before, after)...))
	if s.Rows != nil {
		s.reopen()
		play("d3")
		s.wantRows(RowsOf(t, append(before, after)...))
	}
}

func (s *stage) syncpoint() {
	p := s.World.Probe("trigger", nil)
	p.Syncpoint(ts(5), "first")
	p.Syncpoint(ts(5), "second")
	s.reopen()
	q := s.World.Probe("trigger 2", nil)
	q.Syncpoint(ts(5), "third")
	q.Syncpoint(ts(9), "later")
	if s.Syncpoints == nil {
		return
	}
	got := s.Syncpoints(s.T)
	if len(got) != 2 || got[ts(5)] != "first" || got[ts(9)] != "later" {
		s.Fatalf("the downstream holds syncpoints %v, want the first at %d and the later at %d", got, ts(5), ts(9))
	}
}

// splits plays one table through whole, two halves, and whole again. Each new span replays from the start, as one does
// whose checkpoint was not stored.
func (s *stage) splits() {
	if s.Rows == nil {
		return // nothing tells a replayed row from a new one
	}
	t := s.table(1, "a")
	const middle = 1 << 63 // ids below 128 lie below
	low := &messages.Span{TableId: 1, End: middle}
	high := &messages.Span{TableId: 1, Start: middle}
	var all, lows, highs []*messages.Chunk
	add := func(n uint64) {
		l, h := Insert(ts(n), 0, "low", n), Insert(ts(n), 1, "high", n+128)
		lows, highs = append(lows, l), append(highs, h)
		all = append(all, l, h)
	}
	whole := s.World.Probe("whole", Whole(t))
	add(1)
	add(2)
	whole.Write(Batch(t, all...))
	whole.AwaitAccepted() // not flushed: the halves wait for it
	add(3)
	add(4)
	d1, d2 := s.World.Probe("low", low), s.World.Probe("high", high)
	d1.Write(Batch(t, lows...))
	d2.Write(Batch(t, highs[:3]...))
	d1.Flush()
	d2.Flush()
	s.wantSet(RowsOf(t, all[:7]...))
	s.reopen()
	// The halves ended at different places; the merged span's replay is cut row by row.
	merged := s.World.Probe("merged", Whole(t))
	mixed := Insert(ts(5), 0, "both", 5, 133)
	merged.Write(Batch(t, append(all, mixed)...))
	merged.Flush()
	s.wantSet(RowsOf(t, append(all, mixed)...))
}

func (s *stage) forgets() {
	t := s.table(1, "a")
	p := s.World.Probe("d1", Whole(t))
	p.Write(Batch(t, Insert(ts(1), 0, "x", 1)))
	p.AwaitAccepted()
	p.Send(&messages.Forget{Dispatcher: p.ID(), Span: Whole(t)})
	q := s.World.Probe("d2", Whole(t))
	q.Write(Batch(t, Insert(ts(1), 0, "x", 1), Insert(ts(2), 0, "x", 2)))
	q.Flush()
	q.AwaitDurable()
	s.wantRows(RowsOf(t, Insert(ts(1), 0, "x", 1), Insert(ts(2), 0, "x", 2)))
	// A forgotten dispatcher that speaks again is nobody.
	p.Write(Batch(t, Insert(ts(3), 0, "x", 3)))
	p.Await("Lost", func() bool { return p.Lost == 1 })
}

func (s *stage) many() {
	const tables = 100
	var want []Row
	probes := make([]*Probe, 0, tables)
	for i := range tables {
		t := s.table(schema.TableID(i+1), fmt.Sprintf("t%03d", i))
		p := s.World.Probe(fmt.Sprintf("d%d", i), Whole(t))
		for n := uint64(1); n <= 3; n++ {
			c := Insert(ts(n), uint32(i), "x", n)
			p.Write(Batch(t, c))
			want = append(want, RowsOf(t, c)...)
		}
		probes = append(probes, p)
	}
	ids := make([]uint64, 0, tables)
	for _, p := range probes {
		ids = append(ids, p.StartFlush())
	}
	for i, p := range probes {
		p.Await("Flushed", func() bool { return p.Flushed[ids[i]] > 0 })
		p.AwaitDurable()
	}
	s.wantSet(want)
}

func (s *stage) starts() {
	s.Owner.Await("SinkStarted", func() bool { return len(s.Owner.Starts) > 0 })
	s.reopen()
	s.Owner.Await("SinkStarted", func() bool { return len(s.Owner.Starts) > 1 })
}

func (s *stage) recovers() {
	if s.Break == nil {
		return // this downstream cannot fail
	}
	t := s.table(1, "a")
	p := s.World.Probe("d1", Whole(t))
	var want []*messages.Chunk
	write := func(n uint64) {
		c := Insert(ts(n), 0, strings.Repeat("x", 1000), n)
		want = append(want, c)
		p.Write(Batch(t, c))
	}
	for n := uint64(1); n <= 10; n++ {
		write(n)
	}
	p.Flush()
	mend := s.Break(s.T)
	for n := uint64(11); n <= 20; n++ {
		write(n)
	}
	id := p.StartFlush()
	state := s.Owner.AwaitState(messages.ErrorKind_ERROR_RETRYING)
	if state.Reason == "" {
		s.Error("the sink retries without a reason")
	}
	if len(p.Flushed) != 1 {
		s.Error("the sink flushed what it could not write")
	}
	mend()
	p.Await("Flushed", func() bool { return p.Flushed[id] > 0 })
	s.Owner.AwaitState(messages.ErrorKind_ERROR_NONE)
	write(21)
	p.Flush()
	p.AwaitDurable()
	s.wantRows(RowsOf(t, want...))
}

func (s *stage) brokenRow() {
	t := s.table(1, "broken")
	const secret = "top secret"
	c := Insert(ts(1), 0, secret, 1)
	c.Body = c.Body[:len(c.Body)-1]
	p := s.World.Probe("d1", Whole(t))
	p.Write(Batch(t, c))
	state := s.Owner.AwaitState(messages.ErrorKind_ERROR_FATAL)
	if !strings.Contains(state.Reason, "shop.broken") || strings.Contains(state.Reason, "top") {
		s.Errorf("the reason is %q; want the table's name and no data", state.Reason)
	}
}
