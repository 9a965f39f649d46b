package actors

import (
	"io"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/cluster/link"
	"github.com/weir-cdc/weir/messages"
)

// A groupWorld is a group whose sink keeps what it is told, and whose maintainer is on another node: what that and its
// feeder would say, the test says.
type groupWorld struct {
	t                 *testing.T
	system            *actor.ActorSystem
	group, maintainer *actor.PID
	said, sunk        chan any
}

// elsewhere stands for another node.
type elsewhere struct{ said chan any }

func (e *elsewhere) SendUserMessage(_ *actor.PID, message any) {
	_, body, _ := actor.UnwrapEnvelope(message)
	e.said <- body
}
func (e *elsewhere) SendSystemMessage(*actor.PID, any) {}
func (e *elsewhere) Stop(*actor.PID)                   {}

func newGroupWorld(t *testing.T) *groupWorld {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	log := logrus.NewEntry(quiet)
	w := &groupWorld{
		t: t, system: cluster.System(log), maintainer: actor.NewPID("weir:m-1", "maintainer"),
		said: make(chan any, 10_000), sunk: make(chan any, 10_000),
	}
	there := &elsewhere{w.said}
	w.system.ProcessRegistry.RegisterAddressResolver(func(pid *actor.PID) (actor.Process, bool) {
		return there, pid.Address == w.maintainer.Address
	})
	w.group = w.system.Root.Spawn(NewGroup(GroupOptions{
		Changefeed: "test", Maintainer: w.maintainer, Entry: log,
		Sink: actor.PropsFromFunc(func(ctx actor.Context) { w.sunk <- ctx.Message() }),
	}))
	t.Cleanup(func() { _ = w.system.Root.StopFuture(w.group).Wait() })
	return w
}

// tell lets the group hear what the maintainer or its feeder says.
func (w *groupWorld) tell(all ...any) {
	for _, msg := range all {
		w.system.Root.RequestWithCustomSender(w.group, msg, w.maintainer)
	}
}

// bootstrapped waits for the next answer to a Bootstrap.
func (w *groupWorld) bootstrapped() *messages.Bootstrapped {
	w.t.Helper()
	for end := time.After(10 * time.Second); ; {
		select {
		case msg := <-w.said:
			if b, ok := msg.(*messages.Bootstrapped); ok {
				return b
			}
		case <-end:
			w.t.Fatal("no answer to Bootstrap")
		}
	}
}

// serve has the group serve table 7, resolved up to 20, under epoch 1.
func (w *groupWorld) serve() {
	w.tell(&messages.Bootstrap{Epoch: 1, Anew: true})
	w.bootstrapped()
	w.tell(
		&messages.Place{Epoch: 1, Spans: []*messages.Placed{{Dispatcher: "1.1", Span: &messages.Span{TableId: 7}, Start: &messages.Position{Ts: 10}, Checkpoint: 10}}},
		&messages.SpanResolved{Epoch: 1, Dispatcher: "1.1", Attached: true},
		&messages.Resolved{Epoch: 1, Ts: 20},
	)
}

// What was sent over a link that ended may be lost: nothing that comes over the next one is taken, for it would leave a gap,
// until the maintainer has asked what lives.
func TestAGroupLeavesNoGap(t *testing.T) {
	for name, ends := range map[string]*link.Peer{
		"the maintainer's":  {Incarnation: "m-1", State: link.Down},
		"anew":              {Incarnation: "m-1", State: link.Up, Session: 2},
		"of another node's": {Incarnation: "n-1", State: link.Down},
	} {
		t.Run(name, func(t *testing.T) {
			w := newGroupWorld(t)
			w.serve()
			w.tell(
				ends, // and a row at 100 is lost
				&messages.Deliver{Epoch: 1, Dispatcher: "1.1", Rows: &messages.RowBatch{TableId: 7, Chunks: []*messages.Chunk{{CommitTs: 110}}}},
				&messages.Resolved{Epoch: 1, Ts: 120},
				&messages.Bootstrap{Epoch: 2},
			)
			checkpoint, writes := uint64(20), 0
			if ends.Incarnation == "n-1" {
				checkpoint, writes = 109, 1
			}
			if b := w.bootstrapped(); b.Epoch != 2 || len(b.Spans) != 1 || b.Spans[0].Checkpoint != checkpoint {
				t.Errorf("got %v, want one span at %d", b, checkpoint)
			}
			w.system.Root.Send(w.system.NewLocalPID(w.group.Id+sinkName), beat{}) // behind what came from dispatchers
			for msg := range w.sunk {
				if _, last := msg.(beat); last {
					break
				}
				if _, is := msg.(*messages.Write); is {
					writes--
				}
			}
			if writes != 0 {
				t.Errorf("%d writes too few reached the sink", writes)
			}
		})
	}
}

// An answer to a Bootstrap may be lost with its link: the maintainer asks again, and gets another.
func TestAGroupAnswersAgain(t *testing.T) {
	w := newGroupWorld(t)
	w.serve()
	for range 3 {
		w.tell(&messages.Bootstrap{Epoch: 2})
		if b := w.bootstrapped(); b.Epoch != 2 || len(b.Spans) != 1 || b.Spans[0].Checkpoint != 20 {
			t.Fatalf("got %v, want one span at 20", b)
		}
	}
	// A repetition that comes late changes nothing.
	w.tell(&messages.SpanResolved{Epoch: 2, Dispatcher: "1.1", Attached: true}, &messages.Resolved{Epoch: 2, Ts: 30}, &messages.Bootstrap{Epoch: 2})
	w.bootstrapped()
	w.tell(&messages.Resolved{Epoch: 2, Ts: 40}, &messages.Bootstrap{Epoch: 3})
	if b := w.bootstrapped(); b.Epoch != 3 || b.Spans[0].Checkpoint != 40 {
		t.Errorf("got %v, want one span at 40", b)
	}
}

// A group whose sink has ended can serve nobody: it ends when the next maintainer comes, and is made anew.
func TestAGroupWithoutASinkEnds(t *testing.T) {
	w := newGroupWorld(t)
	w.serve()
	ended := make(chan struct{})
	w.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			ctx.Watch(w.group)
		case *actor.Terminated:
			close(ended)
		}
	}))
	w.tell(&messages.CloseSink{Epoch: 1}, &messages.Bootstrap{Epoch: 2})
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the group lives on")
	}
}
