package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/checkpoint"
	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
)

// A dispatcher that is to end is sent nothing more. Until it does, what the live walk says of others does not lift its
// checkpoint: whoever comes after it begins there.
func TestWhoeverLeavesIsNotResolved(t *testing.T) {
	rows := feed.Item{Batch: &messages.RowBatch{TableId: 7, Chunks: []*messages.Chunk{{CommitTs: 50}}}}
	created := feed.Item{Event: &messages.Event{
		Key:  &messages.Key{CommitTs: 50, Kind: messages.EventKind_EVENT_DDL},
		Info: &messages.EventInfo{Influence: uint32(schema.Normal), NeedsTrigger: true},
	}}
	for name, c := range map[string]struct {
		leaver string
		item   feed.Item
	}{"a table's": {"a", rows}, "the trigger": {"trigger", created}} {
		t.Run(name, func(t *testing.T) {
			w := newFeederWorld(t)
			heard := make(chan any, 64)
			w.mute = w.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) { heard <- ctx.Message() }))
			w.do(func(ctx actor.Context) {
				w.f.onRoute(ctx, w.route("trigger", 0, 10, messages.Stage_AFTER_SYNCPOINT))
				w.f.onRoute(ctx, w.route("a", 7, 10, messages.Stage_AFTER_SYNCPOINT))
				w.f.onRoute(ctx, w.route("b", 8, 10, messages.Stage_AFTER_SYNCPOINT))
				w.walk(ctx, 20)
				w.f.onUnroute(ctx, c.leaver)
				w.walk(ctx, 60, c.item)
				ctx.Send(w.mute, beat{})
			})
			tracker := checkpoint.New[string](0) // as the group keeps it
			tracker.Add("trigger", 10)
			tracker.Add("a", 10)
			for msg := range heard {
				switch msg := msg.(type) {
				case *messages.Resolved:
					tracker.Resolved(msg.Ts)
				case *messages.SpanResolved:
					if msg.Attached {
						tracker.Attach(msg.Dispatcher)
					} else {
						tracker.Detach(msg.Dispatcher, msg.Ts)
						tracker.Advance(msg.Dispatcher, msg.Ts)
					}
				}
				if _, last := msg.(beat); last {
					break
				}
			}
			if got, _ := tracker.Span(c.leaver); got != 20 {
				t.Errorf("checkpoint %d, want 20: what came at 50 was sent to nobody", got)
			}
		})
	}
}
