package actors

import (
	"io"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
)

// stopsThough stops an actor, has it take a message that makes it spawn while one of its children still holds it, and wants
// it to end. held tells that the child is being stopped; release lets it.
func stopsThough(t *testing.T, system *actor.ActorSystem, props *actor.Props, before []any, held <-chan struct{}, release chan<- struct{}, late any) {
	t.Helper()
	taken := make(chan struct{}, 1)
	pid := system.Root.Spawn(props.Clone(actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, e *actor.MessageEnvelope) {
			next(c, e)
			if e.Message == late {
				taken <- struct{}{}
			}
		}
	})))
	for _, m := range before {
		system.Root.Send(pid, m)
	}
	end := system.Root.PoisonFuture(pid)
	within(t, held, "its child is not stopped")
	system.Root.Send(pid, late)
	within(t, taken, "the message is not taken")
	close(release)
	ended := make(chan struct{})
	go func() {
		_ = end.Wait()
		close(ended)
	}()
	within(t, ended, "it does not end")
	if _, found := system.ProcessRegistry.GetLocal(pid.Id); found {
		t.Error("it does not end")
	}
}

func within(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal(otherwise)
	}
}

func quietEntry() *logrus.Entry {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	return logrus.NewEntry(quiet)
}

// A group that is being stopped makes no dispatcher: nobody would stop that, and the group would wait for it for good.
func TestGroupEndsThoughSpansArePlaced(t *testing.T) {
	system := actor.NewActorSystem()
	held, release := make(chan struct{}), make(chan struct{})
	sink := actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Stopping); ok {
			close(held)
			<-release
		}
	})
	mute := system.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	group := NewGroup(GroupOptions{Changefeed: "test", Maintainer: mute, Sink: sink, Entry: quietEntry()})
	stopsThough(t, system, group, []any{&messages.Bootstrap{Epoch: 1}}, held, release, &messages.Place{
		Epoch: 1, Spans: []*messages.Placed{{Dispatcher: "1.1", Span: &messages.Span{TableId: 5}, Start: &messages.Position{Ts: 1}, Checkpoint: 1}},
	})
}

// A puller that is being stopped does not connect again.
func TestPullerEndsThoughItIsToFollow(t *testing.T) {
	log, err := relay.Open(t.TempDir(), relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	system := actor.NewActorSystem()
	source := &fragile{pulls: make(chan chan error, 2)}
	mute := system.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	held, release := make(chan struct{}), make(chan struct{})
	hold := actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Stopping); ok {
			close(held)
			<-release
		}
	})
	props := NewPuller(source, log, mute, quietEntry()).Configure(actor.WithOnInit(func(ctx actor.Context) { ctx.Spawn(hold) }))
	stopsThough(t, system, props, nil, held, release, &follow{mark: relay.Mark{Ts: 10, Position: "p10"}})
	if len(source.pulls) > 0 {
		t.Error("it pulls")
	}
}
