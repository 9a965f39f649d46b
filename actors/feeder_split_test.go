package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
)

func (w *feederWorld) routeSpan(dispatcher string, table int64, start, end, ts uint64) *route {
	r := w.route(dispatcher, table, ts, messages.Stage_AFTER_SYNCPOINT)
	r.placed.Span.Start, r.placed.Span.End = start, end
	return r
}

// An ALTER concerns one table and needs no barrier, unless the table is split: then its spans must meet.
func TestDDLOfASplitTableBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		spans  [][2]uint64
		blocks bool
	}{
		"whole":  {[][2]uint64{{0, 0}}, false},
		"split":  {[][2]uint64{{0, 1 << 63}, {1 << 63, 0}}, true},
		"a part": {[][2]uint64{{0, 1 << 63}}, true}, // the other has no dispatcher yet
	} {
		t.Run(name, func(t *testing.T) {
			w := newFeederWorld(t)
			heard := make(chan *messages.DeliverEvent, 8)
			w.mute = w.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
				if e, ok := ctx.Message().(*messages.DeliverEvent); ok {
					heard <- e
				}
			}))
			key := &messages.Key{CommitTs: 50}
			event := feed.Item{Event: &messages.Event{Key: key, Info: &messages.EventInfo{Influence: uint32(schema.Normal), Tables: []int64{7}}}}
			w.do(func(ctx actor.Context) {
				for i, s := range c.spans {
					w.f.onRoute(ctx, w.routeSpan(string(rune('a'+i)), 7, s[0], s[1], 10))
				}
				w.walk(ctx, 60, event)
			})
			got := 0
			for got < len(c.spans) {
				e := <-heard
				got += len(e.Dispatchers)
				if e.Event.Blocks != c.blocks {
					t.Errorf("blocks %v, want %v", e.Event.Blocks, c.blocks)
				}
			}
			if event.Event.Blocks {
				t.Error("the event itself was changed")
			}
			if missed := w.f.missed[7] == 50; missed != (name == "a part") {
				t.Errorf("noted as missed: %v", missed)
			}
		})
	}
}

// What a group that is lost had in flight is written off, and nothing that it says later counts.
func TestFeederWritesOffALostGroup(t *testing.T) {
	w := newFeederWorld(t)
	batch := &messages.RowBatch{TableId: 7, Bytes: 100, Chunks: []*messages.Chunk{{CommitTs: 20}}}
	w.do(func(ctx actor.Context) {
		w.f.onRoute(ctx, w.route("a", 7, 10, messages.Stage_AFTER_SYNCPOINT))
		w.walk(ctx, 30, feed.Item{Batch: batch})
		if w.f.flight != 100 {
			t.Errorf("%d bytes in flight, want 100", w.f.flight)
		}
		w.f.credit(w.mute, 40)
		w.f.onUnroute(ctx, "a")
		w.f.onLostGroup(ctx, w.mute)
		w.f.credit(w.mute, 60)
		if w.f.flight != 0 || len(w.f.groups) != 0 {
			t.Errorf("%d bytes in flight, %d groups, want none", w.f.flight, len(w.f.groups))
		}
	})
}

// A DDL at which the spans of a table were to meet blocks the span that they are merged into, too: the barrier may have it in
// flight, and would wait for a report for good.
func TestDDLOfASplitTableBlocksAMergedSpan(t *testing.T) {
	w := newFeederWorld(t)
	heard := make(chan any, 64)
	w.mute = w.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) { heard <- ctx.Message() }))
	event := &messages.Event{Key: &messages.Key{CommitTs: 50}, Info: &messages.EventInfo{Influence: uint32(schema.Normal), Tables: []int64{7}}}
	w.do(func(ctx actor.Context) {
		w.f.onRoute(ctx, w.routeSpan("a", 7, 0, 1<<63, 10))
		w.f.onRoute(ctx, w.routeSpan("b", 7, 1<<63, 0, 10))
		w.walk(ctx, 60, feed.Item{Event: event})
		w.f.onUnroute(ctx, "a")
		w.f.onUnroute(ctx, "b")
		w.f.onRoute(ctx, w.route("c", 7, 50, messages.Stage_BEFORE_DDL))
		past := &walk{members: map[string]*lane{"c": w.f.lanes["c"]}}
		w.f.eventInPast(ctx, past, event)
	})
	for {
		if e := await[*messages.DeliverEvent](t, heard); e.Dispatchers[0] == "c" {
			if !e.Event.Blocks {
				t.Error("it does not block")
			}
			return
		}
	}
}
