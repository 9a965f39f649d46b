package actors

import (
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
)

type (
	// route: maintainer -> feeder. The span takes part from its start position on. Routes given before the feeder has
	// started its live walk are attached to it; later ones catch up first, if they missed anything.
	route struct {
		placed *messages.Placed
		group  *actor.PID
	}
	// unroute: maintainer -> feeder. The dispatcher is gone.
	unroute struct{ dispatcher string }
	// begin: maintainer -> feeder. Start the live walk.
	begin struct{}
	// anchor: maintainer -> feeder. The checkpoint is stored at ts: what lies below may be forgotten.
	anchor struct{ ts uint64 }
	// lostGroup: maintainer -> feeder. The group has forgotten what it was sent; its dispatchers were unrouted before.
	lostGroup struct{ group *actor.PID }
	// feederFailed: feeder -> maintainer. A walk broke; the feeder does no more.
	feederFailed struct {
		epoch uint64
		err   error
	}
)

// grown tells the feeder that the relay log has more.
type grown struct{}

// FeederOptions is what a feeder needs.
type FeederOptions struct {
	Epoch       uint64
	Source      sources.Source
	Log         *relay.Log
	Offset      relay.Offset // where the live walk begins
	From        relay.Mark   // the boundary at Offset
	Checkpoint  uint64       // nothing at or below it is delivered
	Live        *feed.Live
	Catalog     *schema.Catalog
	SyncpointMs uint64
	Memory      uint64 // bytes of rows in flight
	Entry       *logrus.Entry
}

// A feeder decides who receives what. It is its maintainer's child, made anew under each epoch. Its children walk the
// relay log: one live walk for all spans that are at its place, and walks over the past for those behind. It hands
// rows and events to groups, within its memory, and learns by Crossed when a span may go on behind an event.
type feeder struct {
	FeederOptions
	groups  map[string]*outlet // by PID
	lanes   map[string]*lane   // by dispatcher
	byTable map[int64]*tableLanes
	trigger *triggerLane
	live    *live
	walks   []*walk // over the past
	number  int     // of the next walk
	applied []feed.Applied
	missed  map[int64]uint64 // tables that had something while no lane took it, with its commit-ts
	joint   map[uint64]bool  // commit-ts of DDL that block only because their table was split
	pauses  *messages.Key    // the last event that concerned every table
	flight  uint64           // bytes delivered and not yet taken by the sinks
	cancel  func()
	ended   bool
}

// NewFeeder makes a feeder.
func NewFeeder(o FeederOptions) *actor.Props {
	o.Entry = o.Entry.WithField("actor", "feeder")
	return actor.PropsFromProducer(func() actor.Actor {
		return &feeder{
			FeederOptions: o, groups: map[string]*outlet{}, lanes: map[string]*lane{}, byTable: map[int64]*tableLanes{},
			missed: map[int64]uint64{}, joint: map[uint64]bool{}, trigger: &triggerLane{},
		}
	}, actor.WithSupervisor(stopFailed))
}

func (f *feeder) Receive(ctx actor.Context) {
	if f.ended {
		return
	}
	switch msg := ctx.Message().(type) {
	case *actor.Started:
	case *begin:
		f.onBegin(ctx)
	case *route:
		f.onRoute(ctx, msg)
	case *unroute:
		f.onUnroute(ctx, msg.dispatcher)
	case *grown:
		f.advance(ctx)
	case *readDone:
		f.onRead(ctx, msg)
	case *readFailed:
		ctx.Send(ctx.Parent(), &feederFailed{epoch: f.Epoch, err: msg.err})
	case *messages.Credit:
		if msg.Epoch == f.Epoch {
			f.credit(ctx.Sender(), msg.Bytes)
			f.advance(ctx)
		}
	case *lostGroup:
		f.onLostGroup(ctx, msg.group)
	case *messages.Crossed:
		if msg.Epoch == f.Epoch {
			f.onCrossed(ctx, msg)
		}
	case *anchor:
		f.onAnchor(ctx, msg)
	case *actor.Terminated:
		if f.reads(msg.Who) {
			ctx.Send(ctx.Parent(), &feederFailed{epoch: f.Epoch, err: errReaderBroke})
		}
	case *actor.Stopping, *actor.Restarting:
		f.ended = true // the readers end with it, and what is in the mailbox is for nobody
		if f.cancel != nil {
			f.cancel()
		}
	case *actor.Stopped:
	case *crash:
		panic(msg.reason)
	default:
		unexpected(ctx)
	}
}

func (f *feeder) onBegin(ctx actor.Context) {
	cutter := feed.NewCutter(f.Live, f.From, f.Checkpoint, f.SyncpointMs)
	r := &reader{
		cursor: 0, input: f.Log.Reader(f.Offset), walker: f.Source.Walker(f.From), cutter: cutter, live: f.Live,
		offset: f.Offset,
	}
	f.live = &live{walk: walk{reader: ctx.Spawn(r.props()), at: f.Offset}, resolved: f.Checkpoint}
	f.number = 1
	self, root := ctx.Self(), ctx.ActorSystem().Root
	f.cancel = f.Log.Notify(func(relay.Offset) { root.Send(self, &grown{}) })
	f.advance(ctx)
}

// reads tells that a walk depends on the reader. A parent is told of the end of every child, also of one it stopped.
func (f *feeder) reads(pid *actor.PID) bool {
	if f.live != nil && f.live.reader.Equal(pid) {
		return true
	}
	return slices.ContainsFunc(f.walks, func(w *walk) bool { return w.reader.Equal(pid) })
}

// advance has each walk that may read do so.
func (f *feeder) advance(ctx actor.Context) {
	if f.live == nil {
		return
	}
	// The walks over the past have a share of their own, so that those who hold up everybody else can go on.
	if !f.live.reading && f.live.paused == nil && !f.live.hungry && f.live.at < f.Log.End() && f.flight < f.Memory/4*3 {
		f.live.reading = true
		ctx.Send(f.live.reader, &read{until: f.Log.End()})
	}
	for _, w := range f.walks {
		if until := f.live.reach(); !w.reading && w.at < until && f.flight < f.Memory {
			w.reading = true
			ctx.Send(w.reader, &read{until: until, applied: f.applied})
		}
	}
}

func (f *feeder) onRead(ctx actor.Context, msg *readDone) {
	if msg.cursor == 0 {
		f.live.reading = false
		if !msg.eof {
			f.applied = append(f.applied, msg.applied...)
			f.live.next, f.live.rest, f.live.ends = msg.next, msg.segment.Items, msg.segment.Resolved
			f.routeLive(ctx)
		}
	} else if w := f.walkOf(msg.cursor); w != nil {
		w.reading = false
		f.routePast(ctx, w, msg)
	}
	f.advance(ctx)
}

// routeLive hands on what the live walk has read, up to an event that everybody must cross first.
func (f *feeder) routeLive(ctx actor.Context) {
	l := f.live
	for len(l.rest) > 0 {
		item := l.rest[0]
		if item.Batch != nil && len(f.lanes) == 0 && f.expected(item.Batch) {
			// Rows of a replicated table, and no lane at all: one will come, and nobody else waits.
			l.hungry = true
			return
		}
		l.rest = l.rest[1:]
		if item.Batch != nil {
			f.routeBatch(ctx, item.Batch)
			continue
		}
		if f.routeEvent(ctx, item) {
			l.paused = item.Event.Key
			return
		}
	}
	l.rest = nil
	l.at = l.next
	if l.ends > l.resolved {
		l.resolved = l.ends
		f.toGroups(ctx, &messages.Resolved{Epoch: f.Epoch, Ts: l.resolved})
	}
	f.met(ctx)
}

// expected tells that a lane will come for the rows. None will if the trigger begins behind them and their table has no
// lane: then it has dropped the table since.
func (f *feeder) expected(b *messages.RowBatch) bool {
	return f.trigger.lane == nil || f.trigger.start.Ts < b.Chunks[len(b.Chunks)-1].CommitTs
}

// resume goes on with the live walk, if what it waits for has come.
func (f *feeder) resume(ctx actor.Context) {
	l := f.live
	if l == nil || l.between() || l.paused != nil && !f.crossedByAll(l.paused) {
		return
	}
	l.paused, l.hungry = nil, false
	f.routeLive(ctx)
}

func (f *feeder) routeBatch(ctx actor.Context, b *messages.RowBatch) {
	t := f.byTable[b.TableId]
	if t == nil {
		f.missed[b.TableId] = b.Chunks[len(b.Chunks)-1].CommitTs
		return
	}
	f.cut(ctx, t, b, func(l *lane, part *messages.RowBatch) {
		if l.phase == attached {
			f.deliver(ctx, l, part)
		} else {
			l.missed = true
		}
	})
}

// deliver hands a batch to a lane, less the rows that its start position covers.
func (f *feeder) deliver(ctx actor.Context, l *lane, b *messages.RowBatch) {
	if b = above(b, l.start.Ts); b == nil {
		return
	}
	f.flight += b.Bytes
	l.group.owed += b.Bytes
	f.define(ctx, l.group, func(t *feed.Told) (*messages.Define, error) { return t.Rows(b) })
	ctx.Request(l.group.pid, &messages.Deliver{Epoch: f.Epoch, Dispatcher: l.dispatcher, Rows: b})
}

// routeEvent hands an event of the live walk to those whom it concerns, and tells whether the live walk must wait until
// all have crossed it: behind an event that concerns everybody there is nobody to deliver to.
func (f *feeder) routeEvent(ctx actor.Context, item feed.Item) (pause bool) {
	e := item.Event
	if schema.Influence(e.Info.Influence) == schema.All {
		return f.routeToAll(ctx, e)
	}
	var to []*lane
	for _, id := range e.Info.Tables {
		if !f.covered(id) {
			f.missed[id] = e.Key.CommitTs
		}
		for _, l := range f.lanesOf(id) {
			switch {
			case l.phase != attached:
				l.missed = true
			case l.start.before(e.Key):
				to = append(to, l)
			}
		}
	}
	f.block(ctx, e, to)
	if e.Info.NeedsTrigger {
		f.toTrigger(ctx, e)
	}
	return false
}

func (f *feeder) routeToAll(ctx actor.Context, e *messages.Event) (pause bool) {
	f.pauses = e.Key
	var to []*lane
	for _, l := range f.lanes {
		if l.phase == attached && l.start.before(e.Key) {
			to = append(to, l)
		} else if l.phase != attached {
			l.missed = true
		}
	}
	f.block(ctx, e, to)
	f.toTrigger(ctx, e)
	return !f.crossedByAll(e.Key)
}

// block delivers an event to lanes and sends them nothing behind it.
func (f *feeder) block(ctx actor.Context, e *messages.Event, to []*lane) {
	// A DDL that concerns one span needs no barrier; where the table is split, it does.
	type stand struct {
		group  *outlet
		blocks bool
	}
	byGroup := map[stand]*messages.DeliverEvent{}
	var order []stand
	if !e.Blocks && slices.ContainsFunc(to, (*lane).partial) {
		f.joint[e.Key.CommitTs] = true // also for a span that these are merged into: the barrier may have the event in flight
	}
	for _, l := range to {
		l.phase, l.key, l.missed = blocked, e.Key, false
		at := stand{l.group, e.Blocks || f.joint[e.Key.CommitTs]}
		d := byGroup[at]
		if d == nil {
			d = &messages.DeliverEvent{Epoch: f.Epoch, Event: forAll(e, at.blocks)}
			byGroup[at] = d
			order = append(order, at)
		}
		d.Dispatchers = append(d.Dispatchers, l.dispatcher)
	}
	for _, at := range order {
		f.define(ctx, at.group, func(t *feed.Told) (*messages.Define, error) { return t.Event(e) })
		ctx.Request(at.group.pid, byGroup[at])
	}
}

func (f *feeder) onCrossed(ctx actor.Context, msg *messages.Crossed) {
	if f.trigger.lane != nil && f.trigger.dispatcher == msg.Dispatcher {
		f.onTriggerCrossed(ctx, msg.Key)
	} else if l := f.lanes[msg.Dispatcher]; l != nil && l.phase == blocked && !keyLess(msg.Key, l.key) {
		l.start = after(l.key)
		switch {
		case f.live.paused != nil && keyEqual(l.key, f.live.paused), !l.missed:
			f.attach(ctx, l)
		default:
			f.fallBehind(ctx, l)
			f.catchUp(ctx)
		}
	}
	f.resume(ctx)
	f.advance(ctx)
}

// crossedByAll tells that no lane has yet to cross the event at key.
func (f *feeder) crossedByAll(key *messages.Key) bool {
	for _, l := range f.lanes {
		if l.start.before(key) {
			return false
		}
	}
	return f.trigger.crossed(key)
}

func (f *feeder) attach(ctx actor.Context, l *lane) {
	l.phase, l.key, l.missed = attached, nil, false
	ctx.Send(l.group.pid, &messages.SpanResolved{Epoch: f.Epoch, Dispatcher: l.dispatcher, Attached: true})
}

func (f *feeder) onRoute(ctx actor.Context, msg *route) {
	l := &lane{
		dispatcher: msg.placed.Dispatcher, span: msg.placed.Span, group: f.outlet(ctx, msg.group), phase: attached,
		start: position{msg.placed.Start.GetTs(), msg.placed.Start.GetStage()},
	}
	if l.span.GetTableId() == 0 {
		f.onRouteTrigger(ctx, l)
		f.resume(ctx)
		f.advance(ctx)
		return
	}
	f.lanes[l.dispatcher] = l
	id := l.span.GetTableId()
	f.join(l)
	if f.live == nil {
		f.attach(ctx, l)
		return
	}
	// Nothing of this table has gone by without a lane, nor an event for everybody: it is where the live walk is.
	if _, missed := f.missed[id]; !missed && (f.pauses == nil || !l.start.before(f.pauses)) {
		f.attach(ctx, l)
	} else {
		f.fallBehind(ctx, l)
	}
	f.resume(ctx)
	f.catchUp(ctx)
	f.advance(ctx)
}

func (f *feeder) onUnroute(ctx actor.Context, dispatcher string) {
	if f.trigger.lane != nil && f.trigger.dispatcher == dispatcher {
		f.leave(ctx, f.trigger.lane)
		f.trigger.lane = nil
		return
	}
	l := f.lanes[dispatcher]
	if l == nil {
		return
	}
	f.leave(ctx, l)
	delete(f.lanes, dispatcher)
	id := l.span.GetTableId()
	// Whoever comes after it begins at a position of its own, below the live walk's.
	f.missed[id] = f.live.furthest()
	f.part(l)
	for _, w := range f.walks {
		delete(w.members, dispatcher)
	}
	f.endIdleWalks(ctx)
	f.resume(ctx)
	f.advance(ctx)
}

// leave takes a lane off the live walk for good. Its dispatcher may live on for a while: what the live walk says of others
// must not lift its checkpoint, for it is sent nothing more.
func (f *feeder) leave(ctx actor.Context, l *lane) {
	if l.phase == attached && f.live != nil {
		ctx.Send(l.group.pid, &messages.SpanResolved{Epoch: f.Epoch, Dispatcher: l.dispatcher, Ts: f.live.resolved})
	}
}

func (f *feeder) onAnchor(ctx actor.Context, msg *anchor) {
	_, mark, err := f.Log.Seek(msg.ts)
	if err != nil {
		ctx.Send(ctx.Parent(), &feederFailed{epoch: f.Epoch, err: err})
		return
	}
	n := 0
	for n < len(f.applied) && f.applied[n].DDL.CommitTs <= msg.ts {
		n++
	}
	f.applied = f.applied[n:]
	f.trigger.forget(msg.ts)
	// A lane to come begins at the checkpoint or above; at its very ts an event may be ahead of it.
	maps.DeleteFunc(f.missed, func(_ int64, ts uint64) bool { return ts < msg.ts })
	maps.DeleteFunc(f.joint, func(ts uint64, _ bool) bool { return ts < msg.ts })
	f.Catalog.Compact(msg.ts)
	for _, o := range f.groups {
		if o.told != nil {
			o.told.Forget(msg.ts)
		}
	}
	if err := f.Log.Trim(mark.Ts); err != nil {
		f.Entry.WithError(err).Warn("trim the relay log")
	}
}
