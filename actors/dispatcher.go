package actors

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
)

type (
	// deliver: group -> dispatcher. Rows, numbered by the group.
	deliver struct {
		seq  uint64
		rows *messages.RowBatch
	}
	// order, reply: group -> dispatcher. What the maintainer says.
	order struct{ barrier.Order }
	reply struct{ barrier.Reply }
	// activate: group -> dispatcher. A maintainer with this epoch is in charge. Answer: reported.
	activate struct{ epoch uint64 }
	// lastWords: group -> dispatcher. Report, and do no more; what is being written is written first. Answer: reported.
	lastWords struct{}
	// reported: dispatcher -> group.
	reported struct {
		dispatcher string
		report     barrier.Report
		last       bool
	}
	// accepted, durable: dispatcher -> group. The sink has taken, or keeps for good, all up to seq.
	accepted struct {
		dispatcher string
		seq        uint64
	}
	durable struct {
		dispatcher string
		seq        uint64
	}
	// status: dispatcher -> group. For the maintainer.
	status struct{ barrier.Status }
	// crossed: dispatcher -> group. For the feeder.
	crossed struct {
		dispatcher string
		key        barrier.Key
	}
	// ceiling: dispatcher -> group. The events ahead allow it no higher checkpoint.
	ceiling struct {
		dispatcher string
		ts         uint64
	}
	// forsaken: dispatcher -> group. The sink lost what it had taken: the span must begin again from its checkpoint.
	forsaken struct{ dispatcher string }
	// drain: group -> dispatcher. Have the sink make everything durable.
	drain struct{}
)

// tick lets half a second of the protocol's time pass.
type tick struct{}

// DispatcherOptions is what a dispatcher needs.
type DispatcherOptions struct {
	ID       string
	Span     barrier.Span
	Database string // of its table
	Epoch    uint64
	Start    barrier.Start
	Sink     *actor.PID
	faults   faults
}

// A dispatcher orders one span's events: it hands rows to the sink as they come, stops at an event, has the sink
// flush, and crosses the barrier as its Party says. The group spawns one for each span, and stops it for good if it
// fails. It tells the group what the sink has taken, and whatever is meant for the maintainer or the feeder.
type dispatcher struct {
	faults   faults
	id       string
	span     *messages.Span
	database string
	sink     *actor.PID
	party    *barrier.Party
	event    *messages.Event // met last: the one that the party stands at, if any
	seq      uint64          // of the last write
	durable  uint64          // write that the sink keeps for good
	request  uint64          // to the sink, that is not answered; older answers are dropped
	asked    barrier.Key     // what the request is for
	ceiling  uint64          // as told to the group
	timers   *scheduler.TimerScheduler
	ticking  bool
	// activated tells that a new maintainer waits for the report.
	activated bool
	leaving   bool // it is to report and end, as soon as it may
	ended     bool
}

// NewDispatcher makes the dispatcher of a table's span.
func NewDispatcher(o DispatcherOptions) *actor.Props {
	return dispatcherProps(o, barrier.NewParty)
}

func dispatcherProps(o DispatcherOptions,
	party func(barrier.DispatcherID, barrier.Epoch, barrier.Start) *barrier.Party,
) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &dispatcher{
			faults: o.faults, id: o.ID, span: messages.FromSpan(o.Span), database: o.Database, sink: o.Sink, ceiling: barrier.NoCeiling,
			party: party(barrier.DispatcherID(o.ID), barrier.Epoch(o.Epoch), o.Start),
		}
	})
}

func (d *dispatcher) Receive(ctx actor.Context) {
	if d.ended {
		return
	}
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		d.faults.hold(atArriving, d, barrier.Key{})
	case *deliver:
		d.onDeliver(ctx, msg)
	case *messages.Event:
		d.onEvent(ctx, msg)
	case *messages.Accepted:
		if msg.Dispatcher == d.id {
			ctx.Send(ctx.Parent(), &accepted{dispatcher: d.id, seq: msg.Seq})
		}
	case *messages.Durable:
		if msg.Dispatcher == d.id {
			d.durable = max(d.durable, msg.Seq)
			ctx.Send(ctx.Parent(), &durable{dispatcher: d.id, seq: msg.Seq})
		}
	case *messages.Flushed:
		if d.answers(msg.Dispatcher, msg.Id) {
			d.do(ctx, d.party.Flushed(d.asked))
			d.introduce(ctx)
		}
	case *messages.Executed:
		if d.answers(msg.Dispatcher, msg.Id) {
			d.faults.hold(atWritten, d, d.asked)
			d.do(ctx, d.party.Executed(d.asked))
			d.part(ctx)
		}
	case *messages.Lost:
		if msg.Dispatcher == d.id {
			d.ended = true
			ctx.Send(ctx.Parent(), &forsaken{dispatcher: d.id})
		}
	case *order:
		if msg.Action == barrier.Pass {
			d.faults.hold(atPassing, d, msg.Key)
		}
		d.do(ctx, d.party.Order(msg.Order))
	case *reply:
		if msg.Answer == barrier.Ack && d.party.Slot().Event.Key != msg.Key {
			d.faults.hold(atPassing, d, msg.Key)
		}
		d.do(ctx, d.party.Reply(msg.Reply))
	case tick:
		d.onTick(ctx)
	case *activate:
		d.onActivate(ctx, msg)
	case *lastWords:
		d.leaving = true
		d.part(ctx)
	case *drain:
		if d.seq > d.durable && !d.party.Blocked() {
			d.ask(ctx, barrier.Key{}, func(id uint64) any { return d.flush(id) })
		}
	case *actor.Stopping, *actor.Restarting, *actor.Stopped:
	case *crash:
		panic(msg.reason)
	default:
		unexpected(ctx)
	}
}

func (d *dispatcher) onDeliver(ctx actor.Context, msg *deliver) {
	if d.party.Blocked() {
		panic(fmt.Sprintf("dispatcher %s: rows behind %s", d.id, d.party.Slot()))
	}
	d.seq = msg.seq
	ctx.Request(d.sink, &messages.Write{Dispatcher: d.id, Seq: msg.seq, Span: d.span, Rows: msg.rows})
}

func (d *dispatcher) onEvent(ctx actor.Context, e *messages.Event) {
	d.faults.hold(atMeeting, d, e.Key.ToKey())
	stood := d.party.Blocked()
	effects := d.party.Meet(e.ToEvent())
	switch {
	case !stood && d.party.Blocked():
		d.event = e
	case !stood:
		// It is behind already: a new feeder has not heard so.
		ctx.Send(ctx.Parent(), &crossed{dispatcher: d.id, key: e.Key.ToKey()})
	}
	d.do(ctx, effects)
}

// onActivate answers a new maintainer, once no flush is running: from then on the checkpoint of a dispatcher that stands
// at an event lies right below it, and a new feeder sends it no row that it has.
func (d *dispatcher) onActivate(ctx actor.Context, msg *activate) {
	d.party.Activate(barrier.Epoch(msg.epoch))
	d.settle(ctx)
	d.activated = true
	d.introduce(ctx)
}

func (d *dispatcher) introduce(ctx actor.Context) {
	if d.activated && d.party.Slot().State != barrier.SlotFlushing {
		d.activated = false
		ctx.Send(ctx.Parent(), &reported{dispatcher: d.id, report: d.report()})
	}
}

// part says the last words of a dispatcher that is to end, unless the sink is writing an event for it: whoever comes after it
// could have the same event written beside that.
func (d *dispatcher) part(ctx actor.Context) {
	if d.leaving && d.party.MayStop() {
		d.faults.hold(atLeaving, d, barrier.Key{})
		d.ended = true
		ctx.Send(ctx.Parent(), &reported{dispatcher: d.id, report: d.report(), last: true})
	}
}

func (d *dispatcher) onTick(ctx actor.Context) {
	d.ticking = false
	d.do(ctx, d.party.Tick())
}

// do performs what the party asks for, in its order.
func (d *dispatcher) do(ctx actor.Context, effects []barrier.Effect) {
	d.settle(ctx)
	for _, e := range effects {
		switch e := e.(type) {
		case barrier.Flush:
			d.ask(ctx, e.Key, func(id uint64) any { return d.flush(id) })
		case barrier.Execute:
			d.faults.hold(atWriting, d, e.Event.Key)
			d.ask(ctx, e.Event.Key, func(id uint64) any { return d.execute(id) })
		case barrier.Status:
			if e.Stage == barrier.StageWritten || e.Stage == barrier.StageDone && e.Action == barrier.Pass {
				d.faults.hold(atPassed, d, e.Event.Key)
			}
			ctx.Send(ctx.Parent(), &status{e})
		case barrier.Crossed:
			ctx.Send(ctx.Parent(), &crossed{dispatcher: d.id, key: e.Key})
		}
	}
	if d.party.Pending() && !d.ticking {
		if d.timers == nil {
			d.timers = scheduler.NewTimerScheduler(ctx)
		}
		d.ticking = true
		d.timers.SendOnce(barrier.TickPeriod, ctx.Self(), tick{})
	}
}

// settle tells the group the ceiling before anything that could let the checkpoint rise.
func (d *dispatcher) settle(ctx actor.Context) {
	if c := d.party.Ceiling(); c != d.ceiling {
		d.ceiling = c
		ctx.Send(ctx.Parent(), &ceiling{dispatcher: d.id, ts: c})
	}
}

// ask sends the sink a request; an answer to an earlier one is no longer wanted.
func (d *dispatcher) ask(ctx actor.Context, key barrier.Key, make func(id uint64) any) {
	d.request++
	d.asked = key
	ctx.Request(d.sink, make(d.request))
}

func (d *dispatcher) answers(dispatcher string, id uint64) bool {
	return dispatcher == d.id && id == d.request && !d.asked.IsZero()
}

func (d *dispatcher) flush(id uint64) any {
	return &messages.Flush{Dispatcher: d.id, Id: id, Span: d.span, Seq: d.seq}
}

func (d *dispatcher) execute(id uint64) any {
	if d.event.Ddl != nil {
		return &messages.Execute{Dispatcher: d.id, Id: id, Ddl: d.event.Ddl}
	}
	return &messages.WriteSyncpoint{
		Dispatcher: d.id, Id: id, CommitTs: d.event.Key.CommitTs, SourcePosition: d.event.SourcePosition, WallMs: d.event.WallMs,
	}
}

func (d *dispatcher) report() barrier.Report {
	return barrier.Report{
		ID: d.party.ID(), Span: d.span.ToSpan(), Schema: d.database, Passed: d.party.LastPassed(), Slot: d.party.Slot(),
	}
}
