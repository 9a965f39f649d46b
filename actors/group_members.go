package actors

import (
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/checkpoint"
	"github.com/weir-cdc/weir/cluster/link"
	"github.com/weir-cdc/weir/messages"
)

// Which dispatchers a group has: how they come, go, and report to a new maintainer.

// onBootstrap obeys a new maintainer: its epoch is the only one heard from here on. One that has given the group's spans
// up wants none of them back.
func (g *group) onBootstrap(ctx actor.Context, msg *messages.Bootstrap) {
	again := msg.Epoch == g.epoch && !msg.Anew // our answer was lost, or is on its way
	if msg.Epoch < g.epoch || again && g.awaited != nil {
		return
	}
	if g.ending {
		if msg.Epoch > g.epoch {
			ctx.Stop(ctx.Self()) // the sink ends, or has ended, for an earlier maintainer; the next Enlist begins with another
		}
		return
	}
	if msg.Epoch > g.epoch && g.Permit != nil {
		g.Permit.revoke()
	}
	g.Maintainer = ctx.Sender()
	g.epoch, g.deaf, g.awaited, g.reports = msg.Epoch, false, nil, nil
	if !again {
		g.statuses, g.counted, g.settled = nil, nil, false
	}
	if msg.Anew {
		g.feeder = nil // it has written off what it sent
		g.rows, g.bytes = 0, 0
		for id := range g.members {
			g.forget(ctx, id)
		}
	}
	g.awaited = map[string]bool{}
	for id, m := range g.members {
		g.awaited[id] = true
		ctx.Send(m.pid, &activate{epoch: msg.Epoch})
	}
	g.beat(ctx) // a dispatcher's flush may wait for the first grant
	g.bootstrapped(ctx)
}

// bootstrapped answers when every dispatcher has reported, or is gone.
func (g *group) bootstrapped(ctx actor.Context) {
	if g.awaited == nil || len(g.awaited) > 0 {
		return
	}
	g.awaited = nil
	if !g.settled {
		g.settle()
	}
	g.tell(ctx, &messages.Bootstrapped{Epoch: g.epoch, Incarnation: g.Incarnation, Spans: g.reports})
	g.reports = nil
}

// settle has the checkpoints begin where they were reported. The feeder is new too: it begins each span there, and whatever
// lies above it comes again.
func (g *group) settle() {
	g.settled = true
	g.tracker, g.resolved = checkpoint.New[string](0), 0
	for _, l := range g.reports {
		g.tracker.Add(l.Dispatcher, l.Checkpoint)
		if m := g.members[l.Dispatcher]; m.ceiling != barrier.NoCeiling {
			g.tracker.Hold(l.Dispatcher, m.ceiling)
		}
	}
}

// onPeer: the link to the maintainer and the feeder ended, or another began. Whatever they sent last may be lost. To take what
// comes next would leave a gap in the spans, so nothing is taken before the maintainer, who is told too, asks anew.
func (g *group) onPeer(msg *link.Peer) {
	if g.Maintainer != nil && msg.Concerns(g.Maintainer) {
		g.deaf, g.awaited, g.reports = true, nil, nil
	}
}

// hears tells that what a feeder of the epoch sends is to be taken.
func (g *group) hears(epoch uint64) bool { return epoch == g.epoch && !g.deaf }

func (g *group) onPlace(ctx actor.Context, msg *messages.Place) {
	for _, p := range msg.Spans {
		if g.members[p.Dispatcher] != nil {
			continue
		}
		start := p.Start.ToPosition()
		o := DispatcherOptions{
			ID: p.Dispatcher, Span: p.Span.ToSpan(), Database: p.Database, Epoch: g.epoch, Sink: g.sink,
			faults: newFaults(g.Changefeed),
			Start:  barrier.Start{Position: start, CheckpointTs: p.Checkpoint},
		}
		props := NewDispatcher(o)
		if o.Span == barrier.TriggerSpan {
			props = NewTableTrigger(o)
		}
		pid := spawnNamed(ctx, props, p.Dispatcher)
		g.members[p.Dispatcher] = &member{
			pid: pid, span: o.Span, database: p.Database, passed: start, ceiling: barrier.NoCeiling,
		}
		g.names[pid.Id] = p.Dispatcher
		g.Entry.WithFields(logrus.Fields{
			"dispatcher": p.Dispatcher, "span": o.Span.String(), "start": o.Start.String(),
		}).Debug("dispatcher placed")
		g.tracker.Add(p.Dispatcher, p.Checkpoint)
		g.counted = append(g.counted, p.Dispatcher)
	}
}

func (g *group) onRemove(ctx actor.Context, msg *messages.Remove) {
	for _, id := range msg.Dispatchers {
		if m := g.members[id]; m != nil {
			ctx.Send(m.pid, lastWordsMessage)
		} else {
			g.tell(ctx, &messages.Removed{Epoch: g.epoch, Spans: []*messages.Living{{Dispatcher: id}}})
		}
	}
}

var lastWordsMessage = &lastWords{}

func (g *group) onReported(ctx actor.Context, msg *reported) {
	m := g.members[msg.dispatcher]
	if m == nil {
		return
	}
	l := messages.FromReport(msg.report)
	l.Checkpoint, _ = g.tracker.Span(msg.dispatcher)
	if msg.last {
		g.forget(ctx, msg.dispatcher)
		g.tell(ctx, &messages.Removed{Epoch: g.epoch, Spans: []*messages.Living{l}})
		return
	}
	if g.awaited[msg.dispatcher] {
		delete(g.awaited, msg.dispatcher)
		g.reports = append(g.reports, l)
		g.bootstrapped(ctx)
	}
}

// drop ends a dispatcher that can not go on; the maintainer makes it anew.
func (g *group) drop(ctx actor.Context, id, reason string) {
	m := g.members[id]
	if m == nil {
		return
	}
	passed := m.passed
	if m.ceiling != barrier.NoCeiling && passed.Ts > m.ceiling {
		passed = barrier.At(m.ceiling)
	}
	ts, _ := g.tracker.Span(id)
	l := messages.FromReport(barrier.Report{
		ID: barrier.DispatcherID(id), Span: m.span, Schema: m.database, CheckpointTs: ts, Passed: passed,
	})
	g.Entry.WithFields(logrus.Fields{
		"dispatcher": id, "span": m.span.String(), "checkpoint_ts": ts, "passed": passed.String(), "reason": reason,
	}).Warn("dispatcher ended")
	g.forget(ctx, id)
	g.tell(ctx, &messages.Removed{Epoch: g.epoch, Spans: []*messages.Living{l}, Reason: reason})
}

// forget takes a dispatcher out of the group and gives the feeder its credit back.
func (g *group) forget(ctx actor.Context, id string) {
	m := g.members[id]
	delete(g.members, id)
	delete(g.names, m.pid.Id)
	delete(g.standing, id)
	delete(g.traffic, id)
	g.tracker.Remove(id)
	ctx.Stop(m.pid)
	ctx.Send(g.sink, &messages.Forget{Dispatcher: id, Span: messages.FromSpan(m.span)})
	var freed uint64
	for _, f := range m.flight {
		if f.epoch == g.epoch {
			freed += f.bytes
		}
	}
	g.credit(ctx, freed)
	if g.awaited[id] {
		delete(g.awaited, id)
		g.bootstrapped(ctx)
	}
}

// onSinkStarted: after the first start, whatever the sink had taken and not kept is lost.
func (g *group) onSinkStarted(ctx actor.Context, msg *messages.SinkStarted) {
	if msg.Times <= 1 {
		return
	}
	if g.checkpoint != nil {
		ctx.Send(g.sink, g.checkpoint)
	}
	for _, id := range slices.Sorted(maps.Keys(g.members)) {
		g.drop(ctx, id, "the sink started over")
	}
}
