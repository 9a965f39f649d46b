package actors

import (
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
	"github.com/weir-cdc/weir/cluster/link"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
)

// The group's notes to itself.
type (
	beat struct{}
	// flushStatuses comes behind what is in the mailbox already, so that statuses travel together.
	flushStatuses struct{}
)

// How often a group reports: quickly while something moves, else now and then.
const (
	beatPeriod = 50 * time.Millisecond
	quietBeats = 20
)

// GroupOptions is what a group needs.
type GroupOptions struct {
	Changefeed string
	// Maintainer is the one that had the group made; later ones introduce themselves by Bootstrap.
	Maintainer *actor.PID
	// Sink makes the sink; owner is the group.
	Sink *actor.Props
	// Permit is what the sink asks before it commits; nil: it needs none.
	Permit *permit
	// Catalog takes the definitions that a feeder on another node sends.
	Catalog     *schema.Catalog
	Incarnation uint64
	Entry       *logrus.Entry
}

// A group is the parent of one node's dispatchers of a changefeed, and of their sink. It hands on what the feeder and the
// maintainer send, batches what the dispatchers answer, and knows the checkpoint of each of its spans. The node spawns
// it. A group that restarts begins with nothing and says so.
type group struct {
	GroupOptions
	epoch   uint64
	deaf    bool // to the feeder, of which something may be lost, until the maintainer has asked anew
	sink    *actor.PID
	feeder  *actor.PID // that spoke last
	members map[string]*member
	names   map[string]string // dispatcher by the id of its PID
	tracker *checkpoint.Tracker[string]
	timers  *scheduler.TimerScheduler
	cancel  scheduler.CancelFunc

	statuses    []*messages.BlockStatus
	counted     []string        // placed since the last heartbeat
	awaited     map[string]bool // dispatchers that are to report; nil: nobody has asked
	settled     bool            // a Bootstrap of the epoch was answered: the checkpoints begin there
	reports     []*messages.Living
	standing    map[string]bool // dispatchers at an event: the maintainer wants their checkpoints
	state       *messages.SinkState
	checkpoint  *messages.Checkpoint // told last
	rows, bytes uint64
	resolved    uint64
	last        messages.Heartbeat
	quiet       int
	traffic     map[string]uint64 // bytes by dispatcher, since measured
	measured    time.Time
	ending      bool
	closing     *messages.CloseSink // nil until the sink is to end
	leaving     bool                // it is being stopped: a child that it made now would be stopped by nobody
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
			standing: map[string]bool{}, state: &messages.SinkState{}, traffic: map[string]uint64{}, measured: time.Now(),
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
	case *messages.Define:
		if g.hears(msg.Epoch) {
			if err := msg.Publish(g.Catalog); err != nil {
				panic(err)
			}
		}
	case *messages.DeliverEvent:
		if g.hears(msg.Epoch) {
			g.onEvent(ctx, msg)
		}
	case *messages.Resolved:
		if g.hears(msg.Epoch) {
			g.resolved = msg.Ts
			g.tracker.Resolved(msg.Ts)
		}
	case *messages.SpanResolved:
		if g.hears(msg.Epoch) {
			g.onSpanResolved(msg)
		}
	case *link.Peer:
		g.onPeer(msg)
	case *messages.BlockOrders:
		g.onOrders(ctx, msg)
	case *messages.Checkpoint:
		g.checkpoint = msg
		ctx.Send(g.sink, msg)
		if g.Catalog != nil {
			g.Catalog.Compact(msg.CommitTs)
		}
	case *messages.Grant:
		if msg.Epoch == g.epoch && g.Permit != nil {
			g.Permit.extend(msg.Sent)
		}
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
	case *messages.Drain:
		if msg.Epoch == g.epoch {
			for _, m := range g.members {
				ctx.Send(m.pid, &drain{})
			}
		}
	case *messages.CloseSink:
		if msg.Epoch >= g.epoch {
			g.ending, g.closing = true, msg
			g.endSink(ctx)
		}
	case flushStatuses:
		if len(g.statuses) > 0 {
			g.report(ctx)
		}
	case beat:
		g.onBeat(ctx)
	case *actor.Terminated:
		if g.ending && msg.Who.Equal(g.sink) {
			g.tell(ctx, &messages.SinkClosed{Epoch: g.epoch})
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
	g.tell(ctx, &messages.GroupStarted{Incarnation: g.Incarnation})
}

// tell sends the maintainer something that names the group as its sender.
func (g *group) tell(ctx actor.Context, msg any) {
	if g.Maintainer != nil {
		ctx.Request(g.Maintainer, msg)
	}
}

func (g *group) credit(ctx actor.Context, bytes uint64) {
	if bytes > 0 && g.feeder != nil {
		ctx.Request(g.feeder, &messages.Credit{Epoch: g.epoch, Bytes: bytes})
	}
}

func (g *group) onDeliver(ctx actor.Context, msg *messages.Deliver) {
	if !g.hears(msg.Epoch) {
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
	g.traffic[msg.Dispatcher] += msg.Rows.Bytes
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

// endSink ends the sink, if it is time to. A plain stop would overtake the last checkpoint in its mailbox.
func (g *group) endSink(ctx actor.Context) {
	if g.closing == nil || g.closing.Settle && g.state.Kind == messages.ErrorKind_ERROR_RETRYING {
		return
	}
	g.closing = nil
	ctx.Poison(g.sink)
}

func spawnNamed(ctx actor.Context, props *actor.Props, name string) *actor.PID {
	pid, err := ctx.SpawnNamed(props, name)
	if err != nil {
		panic(err)
	}
	return pid
}
