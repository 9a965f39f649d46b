package actors

import (
	"context"

	"github.com/asynkron/protoactor-go/actor"
)

// A task is a child that may block: it runs one function and sends what that returns, if not nil, to its parent. It
// is given a context that ends when the parent stops it.
type task struct {
	run    func(context.Context) any
	ctx    context.Context
	cancel context.CancelFunc
}

type runTask struct{}

// A lifetime ends the tasks of an actor with it: an actor is stopped only when its children are, and a task hears of
// that by its context alone.
type lifetime struct {
	ctx context.Context
	end context.CancelFunc
}

func newLifetime() lifetime {
	ctx, cancel := context.WithCancel(context.Background())
	return lifetime{ctx, cancel}
}

// spawnTask starts a task. The function must not touch the parent's fields: what it needs is captured by value.
func (l lifetime) spawnTask(ctx actor.Context, run func(context.Context) any) {
	c, cancel := context.WithCancel(l.ctx)
	pid := ctx.Spawn(actor.PropsFromProducer(func() actor.Actor { return &task{run: run, ctx: c, cancel: cancel} }))
	ctx.Send(pid, runTask{})
}

func (t *task) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(runTask); !ok {
		return
	}
	defer t.cancel()
	parent, root := ctx.Parent(), ctx.ActorSystem().Root
	if result := t.run(t.ctx); result != nil {
		root.Send(parent, result)
	}
	ctx.Stop(ctx.Self())
}

// spawnStream starts a task that sends its parent many messages, by emit, until its context ends. The function must not
// touch the parent's fields.
func (l lifetime) spawnStream(ctx actor.Context, run func(c context.Context, emit func(any))) {
	self, root := ctx.Self(), ctx.ActorSystem().Root
	l.spawnTask(ctx, func(c context.Context) any {
		run(c, func(msg any) { root.Send(self, msg) })
		return nil
	})
}
