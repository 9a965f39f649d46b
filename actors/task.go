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

// spawnTask starts a task. The function must not touch the parent's fields: what it needs is captured by value.
func spawnTask(ctx actor.Context, run func(context.Context) any) *taskHandle {
	c, cancel := context.WithCancel(context.Background())
	pid := ctx.Spawn(actor.PropsFromProducer(func() actor.Actor { return &task{run: run, ctx: c, cancel: cancel} }))
	ctx.Send(pid, runTask{})
	return &taskHandle{pid: pid, cancel: cancel}
}

// A taskHandle lets the parent end a task early.
type taskHandle struct {
	pid    *actor.PID
	cancel context.CancelFunc
}

// stop ends the task; its result may still arrive.
func (h *taskHandle) stop() {
	if h != nil {
		h.cancel()
	}
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
