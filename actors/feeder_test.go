package actors

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources/workload"
)

// A feederWorld is a feeder whose groups and readers hear and say nothing: what they would say, the test says.
type feederWorld struct {
	t      *testing.T
	system *actor.ActorSystem
	mute   *actor.PID
	f      *feeder
}

func newFeederWorld(t *testing.T) *feederWorld {
	log, err := relay.Open(t.TempDir(), relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	if err := log.Reset(relay.Mark{Ts: 1, Position: "a"}); err != nil {
		t.Fatal(err)
	}
	source, err := workload.Open(bankURI)
	if err != nil {
		t.Fatal(err)
	}
	system := actor.NewActorSystem()
	return &feederWorld{
		t: t, system: system, mute: system.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {})),
		f: &feeder{
			FeederOptions: FeederOptions{Epoch: 1, Memory: 1 << 20, Log: log, Source: source, Catalog: schema.NewCatalog()},
			groups:        map[string]*outlet{}, lanes: map[string]*lane{},
			byTable: map[int64]*tableLanes{}, missed: map[int64]uint64{}, joint: map[uint64]bool{}, trigger: &triggerLane{},
		},
	}
}

// do runs a step as an actor's turn.
func (w *feederWorld) do(step func(ctx actor.Context)) {
	w.t.Helper()
	done := make(chan any, 1)
	pid := w.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(runTask); ok {
			defer func() { done <- recover() }()
			step(ctx)
		}
	}))
	w.system.Root.Send(pid, runTask{})
	if r := <-done; r != nil {
		w.t.Fatalf("panic: %v", r)
	}
}

func (w *feederWorld) route(dispatcher string, table int64, ts uint64, stage messages.Stage) *route {
	return &route{group: w.mute, placed: &messages.Placed{
		Dispatcher: dispatcher, Span: &messages.Span{TableId: table}, Start: &messages.Position{Ts: ts, Stage: stage},
	}}
}

// walk lets the live walk stand at the start of a segment with these items.
func (w *feederWorld) walk(ctx actor.Context, ends uint64, items ...feed.Item) {
	w.f.live = &live{walk: walk{reader: w.mute, reading: true, at: w.f.Log.End()}}
	w.f.live.next, w.f.live.ends, w.f.live.rest = w.f.Log.End(), ends, items
	w.f.routeLive(ctx)
}

// The live walk waits until all have crossed an event for everybody, also if the last proof of it is the position of a
// dispatcher made anew.
func TestLiveWalkResumesOnARouteBehindTheEvent(t *testing.T) {
	key := &messages.Key{CommitTs: 50, Kind: messages.EventKind_EVENT_SYNCPOINT}
	event := feed.Item{Event: &messages.Event{
		Key: key, Info: &messages.EventInfo{Influence: uint32(schema.All), NeedsTrigger: true}, Blocks: true,
	}}
	cross := func(w *feederWorld, ctx actor.Context, dispatcher string) {
		w.f.onCrossed(ctx, &messages.Crossed{Epoch: 1, Dispatcher: dispatcher, Key: key})
	}
	for name, steps := range map[string]func(w *feederWorld, ctx actor.Context){
		"all cross": func(w *feederWorld, ctx actor.Context) {
			cross(w, ctx, "a")
			cross(w, ctx, "trigger")
		},
		"the trigger breaks down behind it": func(w *feederWorld, ctx actor.Context) {
			cross(w, ctx, "trigger")
			w.f.onUnroute(ctx, "trigger")
			cross(w, ctx, "a")
			w.f.onRoute(ctx, w.route("trigger2", 0, 50, messages.Stage_AFTER_SYNCPOINT))
		},
		"the table is dropped": func(w *feederWorld, ctx actor.Context) {
			cross(w, ctx, "trigger")
			w.f.onUnroute(ctx, "a")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFeederWorld(t)
			w.do(func(ctx actor.Context) {
				w.f.onRoute(ctx, w.route("trigger", 0, 10, messages.Stage_AFTER_SYNCPOINT))
				w.f.onRoute(ctx, w.route("a", 1, 10, messages.Stage_AFTER_SYNCPOINT))
				w.walk(ctx, 60, event)
				if w.f.live.paused == nil {
					t.Error("the live walk did not wait")
				}
				steps(w, ctx)
			})
			if w.f.live.paused != nil || w.f.live.resolved != 60 {
				t.Errorf("paused at %v, resolved %d: want the segment's end, 60", w.f.live.paused, w.f.live.resolved)
			}
		})
	}
}

// Rows without any lane wait for one, unless the trigger is past them: then their table is gone.
func TestRowsWaitForTheirLane(t *testing.T) {
	rows := feed.Item{Batch: &messages.RowBatch{TableId: 7, Chunks: []*messages.Chunk{{CommitTs: 30}}}}
	for _, c := range []struct {
		name    string
		trigger uint64
		waits   bool
	}{{"a table to come", 20, true}, {"a table that was dropped since", 40, false}} {
		t.Run(c.name, func(t *testing.T) {
			w := newFeederWorld(t)
			w.do(func(ctx actor.Context) {
				w.f.onRoute(ctx, w.route("trigger", 0, c.trigger, messages.Stage_AFTER_DDL))
				w.walk(ctx, 60, rows)
				if w.f.live.hungry != c.waits {
					t.Errorf("waits: %v, want %v", w.f.live.hungry, c.waits)
				}
				if c.waits {
					w.f.onRoute(ctx, w.route("a", 7, 20, messages.Stage_AFTER_DDL))
				}
			})
			if w.f.live.hungry || w.f.live.resolved != 60 {
				t.Errorf("resolved %d, want 60", w.f.live.resolved)
			}
			if _, missed := w.f.missed[7]; missed == c.waits {
				t.Errorf("noted as missed: %v, want %v", missed, !c.waits)
			}
		})
	}
}

// A table that was dropped is remembered only until the checkpoint is past all that it had: then no lane can want it.
func TestDroppedTablesAreForgotten(t *testing.T) {
	rows := func(table int64, ts uint64) feed.Item {
		return feed.Item{Batch: &messages.RowBatch{TableId: table, Chunks: []*messages.Chunk{{CommitTs: ts - 5}, {CommitTs: ts}}}}
	}
	drop := feed.Item{Event: &messages.Event{
		Key:  &messages.Key{CommitTs: 40, Kind: messages.EventKind_EVENT_DDL},
		Info: &messages.EventInfo{Influence: uint32(schema.Normal), Tables: []int64{8}},
	}}
	catchesUp := func(w *feederWorld, ctx actor.Context, dispatcher string, table int64, ts uint64) bool {
		walks := w.f.number
		w.f.onRoute(ctx, w.route(dispatcher, table, ts, messages.Stage_AFTER_SYNCPOINT))
		return w.f.number > walks
	}
	for _, c := range []struct {
		anchor uint64
		left   []int64
	}{{29, []int64{6, 7, 8}}, {30, []int64{6, 7, 8}}, {31, []int64{6, 8}}, {40, []int64{6, 8}}, {41, []int64{6}}, {60, []int64{6}}, {61, nil}} {
		w := newFeederWorld(t)
		w.do(func(ctx actor.Context) {
			w.f.onRoute(ctx, w.route("trigger", 0, 50, messages.Stage_AFTER_DDL))
			w.f.onRoute(ctx, w.route("a", 6, 10, messages.Stage_AFTER_DDL))
			w.f.onRoute(ctx, w.route("b", 9, 10, messages.Stage_AFTER_DDL))
			w.walk(ctx, 60, rows(7, 30), drop)
			w.f.onUnroute(ctx, "a") // it may have had all up to where the live walk is
			w.f.onAnchor(ctx, &anchor{ts: c.anchor})
			if got := slices.Sorted(maps.Keys(w.f.missed)); !slices.Equal(got, c.left) {
				t.Errorf("at checkpoint %d: got %v remembered, want %v", c.anchor, got, c.left)
			}
			for i, table := range []int64{6, 7, 8} {
				want := slices.Contains(c.left, table)
				if got := catchesUp(w, ctx, fmt.Sprint("later", i), table, c.anchor); got != want {
					t.Errorf("at checkpoint %d: a new lane of table %d catches up: %v, want %v", c.anchor, table, got, want)
				}
			}
		})
	}
}

// A log may begin at the very checkpoint: a lane that starts there and has to catch up does, from the log's begin.
func TestALaneCatchesUpFromTheLogsBegin(t *testing.T) {
	w := newFeederWorld(t)
	rows := feed.Item{Batch: &messages.RowBatch{TableId: 7, Chunks: []*messages.Chunk{{CommitTs: 30}}}}
	w.do(func(ctx actor.Context) {
		w.f.onRoute(ctx, w.route("trigger", 0, 50, messages.Stage_AFTER_DDL))
		w.walk(ctx, 60, rows)
		w.f.onRoute(ctx, w.route("a", 7, 1, messages.Stage_AFTER_DDL))
	})
	if w.f.number != 1 {
		t.Errorf("got %d walks over the past, want 1", w.f.number)
	}
}

// While draining there is no feeder to tell.
func TestTablesMayBeDroppedWhileDraining(t *testing.T) {
	w := newFeederWorld(t)
	g := &groupRef{pid: w.mute}
	m := &maintainer{state: &activation{epoch: 1}, phase: draining, where: map[string]*groupRef{"1.1": g}}
	w.do(func(ctx actor.Context) { m.end(ctx, []string{"1.1"}) })
}
