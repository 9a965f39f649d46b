package actors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/checkpoint"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/messages"
)

// The group's notes to itself.
type (
	beat struct{}
	// flushStatuses comes behind what is in the mailbox already, so that statuses travel together.
	flushStatuses struct{}
	// drainGroup: maintainer -> group. Write out what is in flight.
	drainGroup struct{}
	// closeSink: maintainer -> group. Let the sink do what it was told, then end it. settle: if it is starting over, let it do
	// so first, for it has the last checkpoint to write. Answer: sinkClosed.
	closeSink  struct{ settle bool }
	sinkClosed struct{}
)

// How often a group reports: quickly while something moves, else now and then.
const (
	beatPeriod = 50 * time.Millisecond
	quietBeats = 20
)

// GroupOptions is what a group needs.
type GroupOptions struct {
	Changefeed string
	Maintainer *actor.PID
	// Sink makes the sink; owner is the group.
	Sink        *actor.Props
	Incarnation uint64
	Entry       *logrus.Entry
}

// A group is the parent of one node's dispatchers of a changefeed, and of their sink. It hands on what the feeder and the
// maintainer send, batches what the dispatchers answer, and knows the checkpoint of each of its spans. The node spawns
// it. A group that restarts begins with nothing and says so.
type group struct {
	GroupOptions
	epoch   uint64
	sink    *actor.PID
	feeder  *actor.PID // that spoke last
	members map[string]*member
	names   map[string]string // dispatcher by the id of its PID
	tracker *checkpoint.Tracker[string]
	timers  *scheduler.TimerScheduler
	cancel  scheduler.CancelFunc

	statuses    []*messages.BlockStatus
	counted     []string // placed since the last heartbeat
	awaited     map[string]bool
	reports     []*messages.Living
	standing    map[string]bool // dispatchers at an event: the maintainer wants their checkpoints
	state       *messages.SinkState
	checkpoint  *messages.Checkpoint // told last
	rows, bytes uint64
	resolved    uint64
	last        messages.Heartbeat
	quiet       int
	ending      bool
	leaving     bool       // it is being stopped: a child that it made now would be stopped by nobody
	closing     *closeSink // nil until the sink is to end
}

// A member is a dispatcher of the group.
type member struct {
	pid      *actor.PID
	span     barrier.Span
	database string
	seq      uint64
	flight   []flight
	passed   barrier.Position
	ceiling  uint64
}

// flight is a delivery that the sink has not taken.
type flight struct{ seq, bytes, epoch uint64 }

// NewGroup makes a group.
func NewGroup(o GroupOptions) *actor.Props {
	o.Entry = o.Entry.WithField("actor", "group")
	incarnation := o.Incarnation
	return actor.PropsFromProducer(func() actor.Actor {
		incarnation++
		o.Incarnation = incarnation
		return &group{
			GroupOptions: o, members: map[string]*member{}, names: map[string]string{}, tracker: checkpoint.New[string](0),
			standing: map[string]bool{}, state: &messages.SinkState{},
		}
	}, actor.WithSupervisor(groupStrategy{cluster.NewSupervisor(cluster.DefaultBackoff, o.Entry)}))
}

// groupStrategy restarts a failed sink in place, and stops a failed dispatcher: that one is made anew, under a new id.
type groupStrategy struct{ sink *cluster.Supervisor }

const sinkName = "/sink"

func (s groupStrategy) HandleFailure(system *actor.ActorSystem, parent actor.Supervisor, child *actor.PID,
	stats *actor.RestartStatistics, reason, message any) {
	if strings.HasSuffix(child.Id, sinkName) {
		s.sink.HandleFailure(system, parent, child, stats, reason, message)
		return
	}
	stopFailed.HandleFailure(system, parent, child, stats, reason, message)
}

func (g *group) Receive(ctx actor.Context) {
	if g.leaving {
		return
	}
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		g.onStarted(ctx)
	case *messages.Bootstrap:
		g.onBootstrap(ctx, msg)
	case *messages.Place:
		if msg.Epoch == g.epoch {
			g.onPlace(ctx, msg)
		}
	case *messages.Remove:
		if msg.Epoch == g.epoch {
			g.onRemove(ctx, msg)
		}
	case *messages.Deliver:
		g.onDeliver(ctx, msg)
	case *messages.DeliverEvent:
		if msg.Epoch == g.epoch {
			g.onEvent(ctx, msg)
		}
	case *messages.Resolved:
		if msg.Epoch == g.epoch {
			g.resolved = msg.Ts
			g.tracker.Resolved(msg.Ts)
		}
	case *messages.SpanResolved:
		if msg.Epoch == g.epoch {
			g.onSpanResolved(msg)
		}
	case *messages.BlockOrders:
		g.onOrders(ctx, msg)
	case *messages.Checkpoint:
		g.checkpoint = msg
		ctx.Send(g.sink, msg)
	case *accepted:
		g.onAccepted(ctx, msg)
	case *durable:
		if g.members[msg.dispatcher] != nil {
			g.tracker.Durable(msg.dispatcher, msg.seq)
		}
	case *status:
		g.onStatus(ctx, msg)
	case *crossed:
		g.onCrossed(ctx, msg)
	case *ceiling:
		g.onCeiling(msg)
	case *reported:
		g.onReported(ctx, msg)
	case *forsaken:
		g.drop(ctx, msg.dispatcher, "the sink started over")
	case *messages.SinkStarted:
		g.onSinkStarted(ctx, msg)
	case *messages.SinkProgress:
		g.rows += msg.Rows
	case *messages.SinkState:
		g.state = msg
		g.beat(ctx)
		g.endSink(ctx)
	case *drainGroup:
		for _, m := range g.members {
			ctx.Send(m.pid, &drain{})
		}
	case *closeSink:
		g.ending, g.closing = true, msg
		g.endSink(ctx)
	case flushStatuses:
		if len(g.statuses) > 0 {
			g.report(ctx)
		}
	case beat:
		g.onBeat(ctx)
	case *actor.Terminated:
		if g.ending && msg.Who.Equal(g.sink) {
			ctx.Send(g.Maintainer, &sinkClosed{})
		}
		if id, ok := g.names[msg.Who.Id]; ok && !g.ending {
			g.drop(ctx, id, "the dispatcher broke down")
		}
	case *actor.Stopping, *actor.Restarting:
		g.leaving = true
		if g.cancel != nil {
			g.cancel()
		}
	case *actor.Stopped:
	case *crash:
		panic(msg.reason)
	default:
		unexpected(ctx)
	}
}

func (g *group) onStarted(ctx actor.Context) {
	g.sink = spawnNamed(ctx, g.Sink, sinkName[1:])
	g.timers = scheduler.NewTimerScheduler(ctx)
	g.cancel = g.timers.SendRepeatedly(beatPeriod, beatPeriod, ctx.Self(), beat{})
	ctx.Send(g.Maintainer, &messages.GroupStarted{Incarnation: g.Incarnation})
}

// onBootstrap obeys a new maintainer: its epoch is the only one heard from here on.
func (g *group) onBootstrap(ctx actor.Context, msg *messages.Bootstrap) {
	if msg.Epoch <= g.epoch {
		return
	}
	g.epoch, g.statuses, g.counted, g.reports = msg.Epoch, nil, nil, nil
	g.awaited = map[string]bool{}
	for id, m := range g.members {
		g.awaited[id] = true
		ctx.Send(m.pid, &activate{epoch: msg.Epoch})
	}
	g.bootstrapped(ctx)
}

// bootstrapped answers when every dispatcher has reported, or is gone.
func (g *group) bootstrapped(ctx actor.Context) {
	if g.awaited == nil || len(g.awaited) > 0 {
		return
	}
	g.awaited = nil
	// The feeder is new too: it begins each span at its checkpoint, and whatever lies above it comes again.
	g.tracker, g.resolved = checkpoint.New[string](0), 0
	for _, l := range g.reports {
		g.tracker.Add(l.Dispatcher, l.Checkpoint)
		if m := g.members[l.Dispatcher]; m.ceiling != barrier.NoCeiling {
			g.tracker.Hold(l.Dispatcher, m.ceiling)
		}
	}
	ctx.Send(g.Maintainer, &messages.Bootstrapped{Epoch: g.epoch, Incarnation: g.Incarnation, Spans: g.reports})
	g.reports = nil
}

func (g *group) onPlace(ctx actor.Context, msg *messages.Place) {
	for _, p := range msg.Spans {
		if g.members[p.Dispatcher] != nil {
			continue
		}
		start := p.Start.ToPosition()
		o := DispatcherOptions{
			ID: p.Dispatcher, Span: p.Span.ToSpan(), Database: p.Database, Epoch: g.epoch, Sink: g.sink,
			Start: barrier.Start{Position: start, CheckpointTs: p.Checkpoint},
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
		ctx.Send(g.Maintainer, &messages.Removed{Epoch: g.epoch, Spans: []*messages.Living{l}})
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
	ctx.Send(g.Maintainer, &messages.Removed{Epoch: g.epoch, Spans: []*messages.Living{l}, Reason: reason})
}

// forget takes a dispatcher out of the group and gives the feeder its credit back.
func (g *group) forget(ctx actor.Context, id string) {
	m := g.members[id]
	delete(g.members, id)
	delete(g.names, m.pid.Id)
	delete(g.standing, id)
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

func (g *group) credit(ctx actor.Context, bytes uint64) {
	if bytes > 0 && g.feeder != nil {
		ctx.Send(g.feeder, &messages.Credit{Epoch: g.epoch, Bytes: bytes})
	}
}

func (g *group) onDeliver(ctx actor.Context, msg *messages.Deliver) {
	if msg.Epoch != g.epoch {
		return
	}
	g.feeder = ctx.Sender()
	m := g.members[msg.Dispatcher]
	if m == nil {
		g.credit(ctx, msg.Rows.Bytes)
		return
	}
	m.seq++
	m.flight = append(m.flight, flight{m.seq, msg.Rows.Bytes, g.epoch})
	g.tracker.Sent(msg.Dispatcher, m.seq, msg.Rows.Chunks[0].CommitTs)
	g.bytes += msg.Rows.Bytes
	ctx.Send(m.pid, &deliver{seq: m.seq, rows: msg.Rows})
}

func (g *group) onAccepted(ctx actor.Context, msg *accepted) {
	m := g.members[msg.dispatcher]
	if m == nil {
		return
	}
	n, freed := 0, uint64(0)
	for n < len(m.flight) && m.flight[n].seq <= msg.seq {
		if m.flight[n].epoch == g.epoch {
			freed += m.flight[n].bytes
		}
		n++
	}
	if m.flight = m.flight[n:]; len(m.flight) == 0 {
		m.flight = nil
	}
	g.credit(ctx, freed)
}

func (g *group) onEvent(ctx actor.Context, msg *messages.DeliverEvent) {
	g.feeder = ctx.Sender()
	to := msg.Dispatchers
	if msg.Everyone {
		to = slices.Sorted(maps.Keys(g.members))
	}
	for _, id := range to {
		m := g.members[id]
		if m == nil || msg.Everyone && slices.Contains(msg.Except, id) {
			continue
		}
		// Behind the event nothing comes before Crossed: what the feeder says of others does not hold for this one.
		g.tracker.Detach(id, msg.Event.Key.CommitTs-1)
		g.tracker.Advance(id, msg.Event.Key.CommitTs-1)
		g.standing[id] = true
		ctx.Send(m.pid, msg.Event)
	}
}

func (g *group) onSpanResolved(msg *messages.SpanResolved) {
	if g.members[msg.Dispatcher] == nil {
		return
	}
	if msg.Attached {
		g.tracker.Attach(msg.Dispatcher)
		return
	}
	g.tracker.Detach(msg.Dispatcher, msg.Ts)
	g.tracker.Advance(msg.Dispatcher, msg.Ts)
}

func (g *group) onOrders(ctx actor.Context, msg *messages.BlockOrders) {
	if msg.Epoch != g.epoch {
		return
	}
	for _, o := range msg.Orders {
		m := g.members[o.Dispatcher]
		switch {
		case m == nil:
		case o.Action != messages.ActionKind_ACTION_NONE:
			ctx.Send(m.pid, &order{o.ToOrder(msg.Epoch)})
		default:
			ctx.Send(m.pid, &reply{o.ToReply(msg.Epoch)})
		}
	}
}

func (g *group) onStatus(ctx actor.Context, msg *status) {
	if uint64(msg.Epoch) != g.epoch {
		return
	}
	if len(g.statuses) == 0 {
		ctx.Send(ctx.Self(), flushStatuses{})
	}
	g.statuses = append(g.statuses, messages.FromStatus(msg.Status))
}

func (g *group) onCrossed(ctx actor.Context, msg *crossed) {
	m := g.members[msg.dispatcher]
	if m == nil {
		return
	}
	if after := msg.key.After(); after.Compare(m.passed) > 0 {
		m.passed = after
	}
	delete(g.standing, msg.dispatcher)
	if g.feeder != nil {
		ctx.Send(g.feeder, &messages.Crossed{Epoch: g.epoch, Dispatcher: msg.dispatcher, Key: messages.FromKey(msg.key)})
	}
}

func (g *group) onCeiling(msg *ceiling) {
	m := g.members[msg.dispatcher]
	if m == nil {
		return
	}
	if m.ceiling = msg.ts; msg.ts == barrier.NoCeiling {
		g.tracker.Release(msg.dispatcher)
		return
	}
	g.tracker.Hold(msg.dispatcher, msg.ts)
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

// endSink ends the sink, if it is time to. A plain stop would overtake the last checkpoint in its mailbox.
func (g *group) endSink(ctx actor.Context) {
	if g.closing == nil || g.closing.settle && g.state.Kind == messages.ErrorKind_ERROR_RETRYING {
		return
	}
	g.closing = nil
	ctx.Poison(g.sink)
}

func (g *group) onBeat(ctx actor.Context) {
	g.quiet++
	if g.quiet >= quietBeats || len(g.counted) > 0 || g.tracker.Min() != g.last.Checkpoint || g.resolved != g.last.Resolved {
		g.beat(ctx)
	}
}

// report hands on what the dispatchers say. The maintainer ignores those that no heartbeat has named, and a report that is
// ignored comes again only after a while: so they are named first.
func (g *group) report(ctx actor.Context) {
	if len(g.counted) > 0 {
		g.beat(ctx)
	}
	ctx.Send(g.Maintainer, &messages.BlockStatuses{
		Epoch: g.epoch, Version: uint32(barrier.CurrentVersion), Statuses: g.statuses,
	})
	g.statuses = nil
}

// beat tells the maintainer how far the group is.
func (g *group) beat(ctx actor.Context) {
	h := &messages.Heartbeat{
		Epoch: g.epoch, Incarnation: g.Incarnation, Checkpoint: g.tracker.Min(), Counted: g.counted, Rows: g.rows,
		Bytes: g.bytes, Resolved: g.resolved, Error: g.state.Kind, Reason: g.state.Reason, Slowest: g.slowest(),
	}
	for _, id := range slices.Sorted(maps.Keys(g.standing)) {
		ts, _ := g.tracker.Span(id)
		h.Passages = append(h.Passages, &messages.Passage{Dispatcher: id, Checkpoint: ts})
	}
	ctx.Send(g.Maintainer, h)
	g.counted, g.quiet = nil, 0
	g.last.Checkpoint, g.last.Resolved = h.Checkpoint, h.Resolved
}

// slowest says which span holds the checkpoint back, and why.
func (g *group) slowest() string {
	lag := g.tracker.Slowest()
	m := g.members[lag.ID]
	if m == nil {
		return ""
	}
	return fmt.Sprintf("span %s: %s", m.span, lag.Cause)
}

func spawnNamed(ctx actor.Context, props *actor.Props, name string) *actor.PID {
	pid, err := ctx.SpawnNamed(props, name)
	if err != nil {
		panic(err)
	}
	return pid
}
