package actors

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
)

// A maintainer that breaks down while it ends begins again, and has forgotten that it was to end: each Assign says so.
func TestAssignRepeatsTheOrderToEnd(t *testing.T) {
	w := newFeederWorld(t)
	heard := make(chan any, 16)
	maintainer := w.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) { heard <- ctx.Message() }))
	n := &node{feeds: map[string]*nodeFeed{"f": {uuid: "u", maintainer: maintainer}}, groups: map[string]*nodeGroup{}}
	w.do(func(ctx actor.Context) {
		for number := range uint64(3) {
			n.onAssign(ctx, &messages.Assign{Term: 1, Number: number + 1, Stop: []string{"f"}})
		}
	})
	for told := 0; told < 3; {
		select {
		case msg := <-heard:
			if _, is := msg.(*stopFeed); is {
				told++
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("told %d times", told)
		}
	}
}

// The maintainer of a changefeed that was removed may live for a while. It does not end the group of the next one of that
// name.
func TestALateEnlistEndsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		enlist *messages.Enlist
		ends   bool
	}{
		"of the one before": {&messages.Enlist{Changefeed: "f", Uuid: "u1", Epoch: 4}, false},
		"of the next one":   {&messages.Enlist{Changefeed: "f", Uuid: "u3", Epoch: 6}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFeederWorld(t)
			g := &nodeGroup{uuid: "u2", epoch: 5, pid: w.mute}
			n := &node{groups: map[string]*nodeGroup{"f": g}}
			w.do(func(ctx actor.Context) { n.onEnlist(ctx, c.enlist) })
			if g.ending != c.ends || g.epoch != 5 {
				t.Errorf("ending: %v, epoch %d", g.ending, g.epoch)
			}
		})
	}
}
