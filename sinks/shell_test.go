package sinks_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sinks/sinktest"
)

func TestMain(m *testing.M) {
	logrus.SetLevel(logrus.PanicLevel)
	m.Run()
}

// A memory is a downstream that outlives its writers. It holds a row once, by all that is in it.
type memory struct {
	mu         sync.Mutex
	broken     bool
	have       map[sinktest.Row]bool
	rows       []sinktest.Row
	statements map[uint64]bool
	syncpoints map[uint64]string
}

// A memoryWriter is what package doc's guide asks for.
type memoryWriter struct {
	*memory
	env sinks.Env
}

var _ sinks.Writer = memoryWriter{}

// use calls do unless the memory is broken.
func (m *memory) use(do func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return errors.New("the memory is broken")
	}
	do()
	return nil
}

func (w memoryWriter) Write(_ context.Context, writes []*messages.Write) error {
	for _, m := range writes {
		t, err := sinks.Find(w.env.Catalog, m.Rows)
		if err != nil {
			return err
		}
		if err := w.add(t, m.Rows.Chunks); err != nil {
			return err
		}
	}
	return nil
}

func (w memoryWriter) add(t *schema.Table, chunks []*messages.Chunk) error {
	d := sinks.NewDecoder(w.env.Format, t)
	for _, c := range chunks {
		err := d.Rows(c, func(_ rows.Op, _, row []rows.Value) error {
			return w.use(func() {
				r := sinktest.Row{Table: t.Schema + "." + t.Name, CommitTs: c.CommitTs, ID: row[0].Num, V: string(row[1].Bytes)}
				if !w.have[r] {
					w.have[r] = true
					w.rows = append(w.rows, r)
				}
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w memoryWriter) Execute(_ context.Context, ddl *messages.DDL) error {
	return w.use(func() { w.statements[ddl.CommitTs] = true })
}

func (w memoryWriter) WriteSyncpoint(_ context.Context, m *messages.WriteSyncpoint) error {
	return w.use(func() {
		if _, there := w.syncpoints[m.CommitTs]; !there {
			w.syncpoints[m.CommitTs] = m.SourcePosition
		}
	})
}

func TestShell(t *testing.T) {
	t.Run("one lane", func(t *testing.T) { runShell(t) })
	t.Run("lanes", func(t *testing.T) { runShell(t, sinks.Lanes(4)) })
}

func runShell(t *testing.T, options ...sinks.Option) {
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		m := &memory{have: map[sinktest.Row]bool{}, statements: map[uint64]bool{}, syncpoints: map[uint64]string{}}
		return sinktest.Harness{
			Shared: true,
			Open: func(env sinks.Env) *actor.Props {
				env.Shared = true
				return sinks.Props(env, func() (sinks.Writer, error) { return memoryWriter{m, env}, nil }, options...)
			},
			Rows: func(testing.TB) (all []sinktest.Row) {
				m.mu.Lock()
				defer m.mu.Unlock()
				return slices.Clone(m.rows)
			},
			Statements: func(testing.TB) []uint64 {
				m.mu.Lock()
				defer m.mu.Unlock()
				return slices.Sorted(maps.Keys(m.statements))
			},
			Syncpoints: func(testing.TB) map[uint64]string {
				m.mu.Lock()
				defer m.mu.Unlock()
				return maps.Clone(m.syncpoints)
			},
			Break: func(testing.TB) func() {
				set := func(broken bool) {
					m.mu.Lock()
					defer m.mu.Unlock()
					m.broken = broken
				}
				set(true)
				return func() { set(false) }
			},
		}
	})
}

func TestOpen(t *testing.T) {
	for uri, want := range map[string]string{
		"nosuch://x":                `unknown sink scheme "nosuch"`,
		"":                          `unknown sink scheme ""`,
		"memory://user:secret@%zz/": "no URI",
	} {
		_, err := sinks.Open(uri, sinks.Env{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("open %q: %v, want an error that tells of %q", uri, err, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	b := sinks.Backoff{First: time.Second, Most: time.Minute}
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute} {
		if got := b.After(n); got != want {
			t.Errorf("after failure %d: %s, want %s", n, got, want)
		}
	}
}

func TestSpanKey(t *testing.T) {
	key := func(start, end uint64) sinks.SpanKey { return sinks.SpanKey{Table: 1, Start: start, End: end} }
	whole, low, high, tail := key(0, 0), key(0, 100), key(100, 200), key(100, 0)
	tests := []struct {
		a, b             sinks.SpanKey
		covers, overlaps bool
	}{
		{whole, low, true, true}, {low, whole, false, true}, {low, high, false, false}, {tail, high, true, true},
		{high, tail, false, true}, {tail, low, false, false}, {whole, whole, true, true}, {whole, tail, true, true},
	}
	for _, test := range tests {
		if got := test.a.Covers(test.b); got != test.covers {
			t.Errorf("%v covers %v: %t", test.a, test.b, got)
		}
		if got := test.a.Overlaps(test.b); got != test.overlaps {
			t.Errorf("%v overlaps %v: %t", test.a, test.b, got)
		}
	}
	if !tail.Contains(1<<64-1) || !low.Contains(99) || low.Contains(100) || !whole.Contains(0) {
		t.Error("a span holds another hash than its own")
	}
}

// A gatedWriter blocks in the DDL of table 1 until its gate opens.
type gatedWriter struct {
	memoryWriter
	gate chan struct{}
}

func (w gatedWriter) Execute(ctx context.Context, ddl *messages.DDL) error {
	if ddl.Changes[0].Before.Id == 1 {
		<-w.gate
	}
	return w.memoryWriter.Execute(ctx, ddl)
}

// TestLanes: while a DDL of one table takes its time, another table's rows, flushes and DDL go on, and rows of the table
// itself wait for it, of whatever span.
func TestLanes(t *testing.T) {
	m := &memory{have: map[sinktest.Row]bool{}, statements: map[uint64]bool{}, syncpoints: map[uint64]string{}}
	const lanes = 16
	gate := make(chan struct{})
	w := sinktest.NewWorld(t, func(env sinks.Env) *actor.Props {
		return sinks.Props(env, func() (sinks.Writer, error) { return gatedWriter{memoryWriter{m, env}, gate}, nil }, sinks.Lanes(lanes))
	})
	slow := w.Publish(sinktest.Table(1, 1, "shop", "slow"))
	trigger := w.Probe("trigger", nil)
	alter := func(table *schema.Table, ts uint64) *messages.DDL {
		return &messages.DDL{CommitTs: ts, Changes: []*messages.TableChange{{Before: sinktest.Ref(table), After: sinktest.Ref(table)}}}
	}
	trigger.Send(&messages.Execute{Dispatcher: trigger.ID(), Id: 77, Ddl: alter(slow, 10)})
	taken := map[int]bool{sinks.LaneOf(sinks.SpanKey{Table: 1}, lanes): true}
	var behind []*sinktest.Probe
	for _, span := range []*messages.Span{{TableId: 1, End: 1 << 63}, {TableId: 1, Start: 1 << 63}} {
		p := w.Probe("slow", span)
		p.Write(sinktest.Batch(slow, sinktest.Insert(11, 0, "x", span.Start>>56)))
		p.StartFlush()
		behind = append(behind, p)
		taken[sinks.LaneOf(sinks.SpanKeyOf(span), lanes)] = true
	}
	quick := 0
	for id := schema.TableID(2); id < 40; id++ {
		other := w.Publish(sinktest.Table(id, 1, "shop", "other"))
		if taken[sinks.LaneOf(sinks.SpanKey{Table: int64(id)}, lanes)] {
			continue // the lane itself waits
		}
		quick++
		p := w.Probe("other", sinktest.Whole(other))
		p.Write(sinktest.Batch(other, sinktest.Insert(uint64(id), 0, "x", 1)))
		p.Flush()
		p.Execute(alter(other, 100+uint64(id)))
		p.AwaitDurable()
	}
	if quick < 20 {
		t.Errorf("%d tables went on, want most of 38", quick)
	}
	trigger.Hear()
	for _, p := range behind {
		if p.Hear(); p.Durable > 0 || len(p.Flushed) > 0 {
			t.Error("rows of the table overtook its DDL")
		}
	}
	close(gate)
	trigger.Await("Executed", func() bool { return trigger.Executed[77] > 0 })
	for _, p := range behind {
		p.AwaitDurable()
	}
}
