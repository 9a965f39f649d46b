package actors

import (
	"io"
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schedule"
	"github.com/weir-cdc/weir/schema"
)

// A new maintainer to which the table trigger reports that a table's drop is written ends the table's dispatchers, which
// are adopted by nobody: one that lived on would hold the checkpoint for good.
func TestTakeOverEndsTheDispatchersOfADroppedTable(t *testing.T) {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	system := cluster.System(logrus.NewEntry(quiet))
	removed := make(chan []string, 1)
	group := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if msg, ok := ctx.Message().(*messages.Remove); ok {
			removed <- msg.Dispatchers
		}
	}))
	m := &maintainer{
		MaintainerOptions: MaintainerOptions{Entry: logrus.NewEntry(quiet), Group: func(nodeRef) *actor.PID { return group }},
		state:             &activation{epoch: 2}, phase: running, plan: newPlan("n", schema.NewCatalog(), schedule.Options{}),
		groups: map[string]*groupRef{}, spans: map[barrier.TableID][]string{}, where: map[string]*groupRef{},
	}
	m.feeder = system.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	drop := barrier.Event{Key: barrier.Key{CommitTs: 50, Kind: barrier.DDL}, Tables: []barrier.TableID{7}, Drops: []barrier.TableID{7}, Trigger: true, Blocks: true}
	at := func(id barrier.DispatcherID, span barrier.Span, state barrier.SlotState) barrier.Report {
		return barrier.Report{ID: id, Span: span, Schema: "shop", CheckpointTs: 49, Passed: barrier.At(40), Slot: barrier.Slot{State: state, Event: drop}}
	}
	reports := []barrier.Report{
		at("1.1", barrier.TriggerSpan, barrier.SlotWritten), at("1.2", barrier.Whole(7), barrier.SlotWaiting), {ID: "1.3", Span: barrier.Whole(8), Schema: "shop", CheckpointTs: 49, Passed: barrier.At(40)},
	}
	g := m.addGroup(nodeRef{id: "n"})
	for _, r := range reports {
		g.spans[string(r.ID)], m.where[string(r.ID)] = r.Span, g
	}
	boot := barrier.NewBootstrap(2, 40, []string{"n"})
	boot.Answered("n", reports)
	begun := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			var effects []barrier.Effect
			m.barrier, effects = boot.Finish([]barrier.Table{{ID: 7, Schema: "shop"}, {ID: 8, Schema: "shop"}})
			m.takeOver(ctx, effects)
		}
	}))
	defer system.Root.Stop(begun)
	select {
	case got := <-removed:
		if want := []string{"1.2"}; !slices.Equal(got, want) {
			t.Errorf("got %v removed, want %v", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was removed")
	}
}
