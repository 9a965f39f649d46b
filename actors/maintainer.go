package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

// The maintainer's notes to itself, from its timers and tasks.
type (
	activateAgain struct{ life int }
	activated     struct {
		life  int
		state *activation
		err   error
	}
	tablesRead struct {
		life   int
		tables []barrier.Table
		err    error
	}
	placeAgain struct{ life int }
	saved      struct {
		life       int
		checkpoint cluster.Checkpoint
		err        error
	}
	watch struct{}
)

// How often the maintainer looks after the checkpoint and reports, and how long an orderly stop may take.
const (
	watchPeriod  = 100 * time.Millisecond
	stopDeadline = 15 * time.Second
	// drainPatience is how long a stop waits for a checkpoint that does not move: a span that was behind the live walk, or
	// a sink that is down, would hold it for good. What is not durable by then comes again.
	drainPatience = 2 * time.Second
	// savePeriod is how often a checkpoint that moves is stored, unless the end waits for it: each costs the disk a sync.
	savePeriod = 500 * time.Millisecond
	// closeDeadline is how long the sink may take to end.
	closeDeadline = 6 * time.Second
)

// MaintainerOptions is what a maintainer needs.
type MaintainerOptions struct {
	Changefeed  string
	Activation  ActivationOptions
	Source      sources.Source
	Log         *relay.Log
	SyncpointMs uint64
	Memory      uint64
	// Goal is the source position at which the changefeed is finished, "" for never.
	Goal string
	// GiveUpAfter is how long the changefeed may be in trouble while its checkpoint does not move; 0 for good.
	GiveUpAfter                time.Duration
	Puller, Group, Coordinator *actor.PID
	Entry                      *logrus.Entry
}

// maintainerPhase says what the maintainer waits for.
type maintainerPhase uint8

const (
	activating    maintainerPhase = iota // its epoch, and what is stored
	bootstrapping                        // the group's report, and the relay log
	running                              //
	draining                             // what is in flight to be durable, then to end
	resting                              // a retry
	failed                               // nobody: no retry can help
	closing                              // the sink, to end in order
	ended                                // the node, which ends it
)

// A maintainer runs one changefeed: its spans, its barrier and its checkpoint. The node spawns it; the feeder is its
// child. Each activation, a restart in place too, takes a new epoch, asks the group what lives, and goes on from there.
// It tells the coordinator how the changefeed does.
type maintainer struct {
	MaintainerOptions
	phase  maintainerPhase
	life   int // of the activation; what an older one's tasks say is dropped
	state  *activation
	timers *scheduler.TimerScheduler
	cancel scheduler.CancelFunc
	tasks  lifetime

	boot      *barrier.Bootstrap
	restoring bool // the definitions are being read, once in a life
	following *following
	barrier   *barrier.Barrier
	feeder    *actor.PID
	spans     map[barrier.TableID][]string // dispatchers by table
	placed    int                          // numbers dispatchers
	tickDue   time.Time

	beat       messages.Heartbeat // the group's last
	checkpoint uint64
	saving     bool
	saved      uint64
	savedAt    time.Time
	drained    uint64 // checkpoint that a stop has seen last
	contact    contacted
	pullErr    error
	goalTs     uint64 // the commit-ts at which the changefeed is finished, once it is known
	failures   int
	calm       time.Time // since when nothing failed
	patience   *patience // outlives the maintainer
	reason     string    // of a rest, or of the end
	stopBy     time.Time
	finished   bool // the goal is reached
	reported   time.Time
	leaving    bool // it is being stopped: a child that it made now would be stopped by nobody
}

// NewMaintainer makes a maintainer.
func NewMaintainer(o MaintainerOptions) *actor.Props {
	o.Entry = o.Entry.WithField("actor", "maintainer")
	incarnation, patience := 0, &patience{limit: o.GiveUpAfter}
	return actor.PropsFromProducer(func() actor.Actor {
		incarnation++
		m := &maintainer{
			life: incarnation * numbersPerLife, MaintainerOptions: o, spans: map[barrier.TableID][]string{}, tasks: newLifetime(), patience: patience,
		}
		if incarnation > 1 {
			m.hitch(errMaintainerBroke.Error())
		}
		return m
	}, actor.WithSupervisor(stopFailed))
}

func (m *maintainer) Receive(ctx actor.Context) {
	if m.leaving {
		return
	}
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		m.timers = scheduler.NewTimerScheduler(ctx)
		m.cancel = m.timers.SendRepeatedly(watchPeriod, watchPeriod, ctx.Self(), watch{})
		m.activate(ctx)
	case *activated:
		if msg.life == m.life {
			m.onActivated(ctx, msg)
		}
	case *activateAgain:
		if msg.life == m.life && m.phase == resting {
			m.activate(ctx)
		}
	case *pullerStarted:
		if m.phase == running {
			m.hitch(errPullerBroke.Error())
		}
		if m.phase == running || m.phase == bootstrapping {
			ctx.Request(m.Puller, &follow{mark: m.state.checkpoint.Mark})
		}
	case *following:
		m.following, m.Activation.ResetLog = msg, false
		m.bootstrap(ctx)
	case *messages.Bootstrapped:
		m.onBootstrapped(ctx, msg)
	case *tablesRead:
		m.onTables(ctx, msg)
	case *messages.GroupStarted:
		m.onGroupStarted(ctx)
	case *messages.BlockStatuses:
		m.onStatuses(ctx, msg)
	case *messages.Heartbeat:
		m.onHeartbeat(ctx, msg)
	case *messages.Removed:
		m.onRemoved(ctx, msg)
	case *placeAgain:
		if msg.life == m.life {
			m.place(ctx)
		}
	case *feederFailed:
		if m.feeder != nil && msg.epoch == m.state.epoch {
			m.restart(ctx, msg.err)
		}
	case *contacted:
		m.onContact(ctx, msg)
	case *pullState:
		m.onPullState(ctx, msg)
	case *saved:
		m.onSaved(ctx, msg)
	case watch:
		m.onWatch(ctx)
	case *stopFeed:
		m.onStop(ctx)
	case *sinkClosed:
		if m.phase == closing {
			m.leave(ctx)
		}
	case *actor.Terminated:
		if m.feeder != nil && msg.Who.Equal(m.feeder) {
			m.restart(ctx, errFeederBroke)
		}
	case *actor.Stopping, *actor.Restarting:
		m.leaving = true
		m.cancel()
		m.tasks.end()
		m.state.end()
	case *actor.Stopped:
	case *crash:
		panic(msg.reason)
	default:
		unexpected(ctx)
	}
}

// activate takes a new epoch and reads what is stored.
func (m *maintainer) activate(ctx actor.Context) {
	m.state.end()
	m.phase, m.life = activating, m.life+1
	m.boot, m.following, m.barrier, m.state, m.saving = nil, nil, nil, nil, false
	m.beat = messages.Heartbeat{Error: m.beat.Error, Reason: m.beat.Reason}
	m.restoring = false
	clear(m.spans)
	life, options := m.life, m.Activation
	m.tasks.spawnTask(ctx, func(c context.Context) any {
		state, err := activateFeed(c, options)
		return &activated{life: life, state: state, err: err}
	})
}

func (m *maintainer) onActivated(ctx actor.Context, msg *activated) {
	if msg.err != nil {
		m.restart(ctx, msg.err)
		return
	}
	m.state, m.phase = msg.state, bootstrapping
	m.checkpoint, m.saved = msg.state.checkpoint.CommitTs, msg.state.checkpoint.CommitTs
	m.Entry = m.Entry.WithField("epoch", m.state.epoch)
	m.Entry.WithFields(logrus.Fields{"checkpoint_ts": m.checkpoint, "position": m.state.checkpoint.Mark.Position}).Info("changefeed activated")
	m.boot = barrier.NewBootstrap(barrier.Epoch(m.state.epoch), m.checkpoint, []string{m.Group.Id})
	ctx.Request(m.Group, &messages.Bootstrap{Epoch: m.state.epoch})
	ctx.Request(m.Puller, &follow{mark: m.state.checkpoint.Mark, reset: m.state.resetLog})
}

func (m *maintainer) onBootstrapped(ctx actor.Context, msg *messages.Bootstrapped) {
	if m.phase != bootstrapping || msg.Epoch != m.state.epoch {
		return
	}
	var reports []barrier.Report
	for _, l := range msg.Spans {
		reports = append(reports, l.ToReport())
	}
	m.boot.Answered(m.Group.Id, reports)
	m.bootstrap(ctx)
}

// bootstrap makes the barrier and the feeder once all have answered.
func (m *maintainer) bootstrap(ctx actor.Context) {
	if m.phase != bootstrapping || m.following == nil || !m.boot.Ready() || m.restoring {
		return
	}
	m.restoring = true
	life, state, at := m.life, m.state, m.boot.TriggerPosition()
	m.tasks.spawnTask(ctx, func(c context.Context) any {
		tables, err := state.restore(c, at.SchemaTs())
		return &tablesRead{life: life, tables: tables, err: err}
	})
}

// onTables begins the work: the bootstrap is complete.
func (m *maintainer) onTables(ctx actor.Context, msg *tablesRead) {
	if msg.life != m.life || m.phase != bootstrapping {
		return
	}
	if msg.err != nil {
		m.restart(ctx, msg.err)
		return
	}
	var effects []barrier.Effect
	m.barrier, effects = m.boot.Finish(msg.tables)
	m.phase, m.boot = running, nil
	m.feeder = ctx.Spawn(NewFeeder(FeederOptions{
		Epoch: m.state.epoch, Source: m.Source, Log: m.Log, Offset: m.following.offset, From: m.following.from,
		Checkpoint: m.checkpoint, Live: m.state.live, Catalog: m.Activation.Catalog, SyncpointMs: m.SyncpointMs,
		Memory: m.Memory, Entry: m.Entry,
	}))
	for _, r := range m.barrier.Living() {
		m.adopt(ctx, r.ID, r.Span, r.Schema, r.Start)
	}
	m.do(ctx, effects)
	m.place(ctx)
	ctx.Send(m.feeder, &begin{})
}

func (m *maintainer) adopt(ctx actor.Context, id barrier.DispatcherID, span barrier.Span, database string, start barrier.Start) {
	m.spans[span.Table] = append(m.spans[span.Table], string(id))
	ctx.Send(m.feeder, &route{group: m.Group, placed: placedMessage(id, span, database, start)})
}

func placedMessage(id barrier.DispatcherID, span barrier.Span, database string, start barrier.Start) *messages.Placed {
	return &messages.Placed{
		Dispatcher: string(id), Span: messages.FromSpan(span), Database: database,
		Start: messages.FromPosition(start.Position), Checkpoint: start.CheckpointTs,
	}
}

// place gives every absent span a dispatcher.
func (m *maintainer) place(ctx actor.Context) {
	if m.phase != running {
		return
	}
	msg := &messages.Place{Epoch: m.state.epoch}
	for _, a := range m.barrier.Absent() {
		m.placed++
		id := barrier.DispatcherID(fmt.Sprintf("%d.%d", m.state.epoch, m.placed))
		start, err := m.barrier.Create(a.Span, id)
		if err != nil {
			panic(err)
		}
		p := placedMessage(id, a.Span, a.Schema, start)
		msg.Spans = append(msg.Spans, p)
		m.spans[a.Span.Table] = append(m.spans[a.Span.Table], string(id))
	}
	if len(msg.Spans) == 0 {
		return
	}
	ctx.Request(m.Group, msg)
	for _, p := range msg.Spans {
		ctx.Send(m.feeder, &route{group: m.Group, placed: p})
	}
}

func (m *maintainer) onStatuses(ctx actor.Context, msg *messages.BlockStatuses) {
	if m.barrier == nil {
		return
	}
	var effects []barrier.Effect
	for _, s := range msg.Statuses {
		effects = append(effects, m.barrier.Status(s.ToStatus(msg.Epoch, msg.Version))...)
	}
	m.do(ctx, effects)
}

// do performs what the barrier asks for, in its order.
func (m *maintainer) do(ctx actor.Context, effects []barrier.Effect) {
	orders := &messages.BlockOrders{}
	if m.state != nil {
		orders.Epoch = m.state.epoch
	}
	send := func() {
		if len(orders.Orders) > 0 {
			ctx.Request(m.Group, orders)
			orders = &messages.BlockOrders{Epoch: m.state.epoch}
		}
	}
	for _, e := range effects {
		switch e := e.(type) {
		case barrier.Order:
			orders.Orders = append(orders.Orders, messages.FromOrder(e))
		case barrier.Reply:
			orders.Orders = append(orders.Orders, messages.FromReply(e))
		case barrier.Schedule:
			send()
			m.schedule(ctx, e)
		case barrier.Remove:
			m.end(ctx, []string{string(e.ID)})
		case barrier.Completed:
			m.Entry.WithField("key", e.Key.String()).Debug("barrier crossed")
		case barrier.ProtocolError:
			m.Entry.WithField("status", e.Status.String()).Warn("protocol error: " + e.Reason)
		}
	}
	send()
	if m.barrier != nil && m.barrier.Pending() && m.tickDue.IsZero() {
		m.tickDue = time.Now().Add(barrier.TickPeriod)
	}
}

// schedule ends the dispatchers of dropped tables, and makes those of added ones.
func (m *maintainer) schedule(ctx actor.Context, s barrier.Schedule) {
	m.Entry.WithField("schedule", s.String()).Debug("tables change")
	for _, t := range s.Drops {
		m.end(ctx, m.spans[t])
		delete(m.spans, t)
	}
	if len(s.Adds) > 0 {
		m.place(ctx)
	}
}

func (m *maintainer) end(ctx actor.Context, dispatchers []string) {
	if len(dispatchers) == 0 {
		return
	}
	ctx.Request(m.Group, &messages.Remove{Epoch: m.state.epoch, Dispatchers: dispatchers})
	for _, id := range dispatchers {
		m.unroute(ctx, id)
	}
}

// unroute tells the feeder, unless that was ended first, as it is while draining.
func (m *maintainer) unroute(ctx actor.Context, dispatcher string) {
	if m.feeder != nil {
		ctx.Send(m.feeder, &unroute{dispatcher: dispatcher})
	}
}

// onRemoved: dispatchers ended. Those that still have a place are made anew, after a rest that grows.
func (m *maintainer) onRemoved(ctx actor.Context, msg *messages.Removed) {
	switch {
	case m.phase == bootstrapping && msg.Epoch == m.state.epoch:
		m.restart(ctx, errGroupBroke) // what it reported no longer holds
		return
	case m.phase != running && m.phase != draining || msg.Epoch != m.state.epoch:
		return
	}
	for _, l := range msg.Spans {
		table := barrier.TableID(l.Span.TableId)
		m.spans[table] = slices.DeleteFunc(m.spans[table], func(id string) bool { return id == l.Dispatcher })
		m.unroute(ctx, l.Dispatcher)
		m.do(ctx, m.barrier.Removed(barrier.DispatcherID(l.Dispatcher), l.ToReport()))
	}
	if msg.Reason == "" {
		m.place(ctx)
		return
	}
	m.Entry.WithField("reason", msg.Reason).Warn("spans begin again from their checkpoints")
	m.hitch("spans begin again from their checkpoints: " + msg.Reason)
	m.timers.SendOnce(m.rest(), ctx.Self(), &placeAgain{life: m.life})
}

// rest is how long to wait after a failure: longer each time, unless a minute was quiet.
func (m *maintainer) rest() time.Duration {
	now := time.Now()
	if now.Sub(m.calm) > time.Minute {
		m.failures = 0
	}
	m.calm = now
	d := backoff(m.failures, 100*time.Millisecond, 30*time.Second)
	m.failures++
	return d
}

func (m *maintainer) onGroupStarted(ctx actor.Context) {
	switch m.phase {
	case bootstrapping, running:
		m.restart(ctx, errGroupBroke)
	}
}

// restart ends the activation and, unless no retry can help, begins another after a rest.
func (m *maintainer) restart(ctx actor.Context, err error) {
	if m.phase == failed || m.phase == resting || m.phase >= closing {
		return
	}
	m.dropFeeder(ctx)
	m.barrier, m.contact.CaughtUp = nil, false
	m.life++
	if m.phase == draining {
		m.stopped(ctx)
		return
	}
	if isFatal(err) {
		m.fail(ctx, err)
		return
	}
	m.reason = err.Error()
	if errors.Is(err, relay.ErrCorrupt) || errors.Is(err, relay.ErrTrimmed) {
		m.Activation.ResetLog = true
	}
	m.phase = resting
	rest := m.rest()
	m.Entry.WithError(err).WithField("retry_in", rest.String()).Debug("changefeed begins again from its checkpoint")
	m.timers.SendOnce(rest, ctx.Self(), &activateAgain{life: m.life})
	m.report(ctx)
}

// fail ends the activation for good.
func (m *maintainer) fail(ctx actor.Context, err error) {
	m.dropFeeder(ctx)
	m.barrier = nil
	m.life++
	m.phase, m.reason = failed, err.Error()
	m.report(ctx)
}

func (m *maintainer) dropFeeder(ctx actor.Context) {
	if m.feeder != nil {
		ctx.Stop(m.feeder)
		m.feeder = nil
	}
}

// isFatal tells an error that no retry can mend.
func isFatal(err error) bool {
	var fatal *sources.Fatal
	return errors.As(err, &fatal) || errors.Is(err, cluster.ErrFenced) || errors.Is(err, feed.ErrMismatch)
}

func (m *maintainer) onHeartbeat(ctx actor.Context, msg *messages.Heartbeat) {
	sinkChanged := msg.Error != m.beat.Error
	if m.barrier == nil || msg.Epoch != m.state.epoch {
		m.beat.Error, m.beat.Reason = msg.Error, msg.Reason
	} else {
		m.beat = messages.Heartbeat{
			Checkpoint: msg.Checkpoint, Rows: msg.Rows, Bytes: msg.Bytes, Resolved: msg.Resolved, Slowest: msg.Slowest,
			Error: msg.Error, Reason: msg.Reason,
		}
		for _, id := range msg.Counted {
			m.barrier.Replicating(barrier.DispatcherID(id))
		}
		for _, p := range msg.Passages {
			m.do(ctx, m.barrier.Advance(barrier.DispatcherID(p.Dispatcher), p.Checkpoint, barrier.Position{}))
		}
		m.advance()
		m.save(ctx)
		m.finish(ctx)
	}
	if sinkChanged && msg.Error == messages.ErrorKind_ERROR_FATAL && m.phase != failed {
		m.restart(ctx, &sources.Fatal{Kind: "sink", Err: errors.New(msg.Reason)})
	} else if sinkChanged {
		m.report(ctx)
	}
}

// advance moves the checkpoint as far as the group and the barrier allow.
func (m *maintainer) advance() {
	if m.barrier == nil {
		return
	}
	// Not beyond the live walk either: what a restart reads from the checkpoint on, it must know the definitions of.
	m.checkpoint = max(m.checkpoint, min(m.beat.Checkpoint, m.beat.Resolved, m.barrier.CheckpointCeiling()))
}

func (m *maintainer) onContact(ctx actor.Context, msg *contacted) {
	m.contact, m.pullErr = *msg, nil
	if m.Goal != "" && m.goalTs == 0 {
		switch reached, err := m.Source.Reached(msg.Position, m.Goal); {
		case err != nil:
			m.restart(ctx, err)
		case reached:
			m.goalTs = max(msg.tail, 1)
		}
	}
}

func (m *maintainer) onPullState(ctx actor.Context, msg *pullState) {
	m.pullErr = msg.err
	if msg.fatal && m.phase != failed {
		m.restart(ctx, msg.err)
		return
	}
	m.report(ctx)
}

// onWatch looks after time: repetitions, the stored checkpoint, the end, the report.
func (m *maintainer) onWatch(ctx actor.Context) {
	now := time.Now()
	if !m.tickDue.IsZero() && !now.Before(m.tickDue) {
		m.tickDue = time.Time{}
		if m.barrier != nil {
			m.do(ctx, m.barrier.Tick())
		}
	}
	m.advance()
	m.save(ctx)
	switch {
	case m.phase == closing && now.After(m.stopBy):
		m.leave(ctx)
	case m.phase == draining:
		m.drain(ctx, now)
	default:
		m.finish(ctx)
	}
	if m.phase < closing && !m.finished && now.Sub(m.reported) >= 250*time.Millisecond {
		m.report(ctx)
	}
	if m.phase < failed && m.phase != draining && m.patience.over(now) {
		m.fail(ctx, m.patience.end())
	}
}

// save stores the checkpoint, one write at a time.
func (m *maintainer) save(ctx actor.Context) {
	if m.saving || m.state == nil || m.checkpoint <= m.saved || m.phase != running && m.phase != draining {
		return
	}
	now := time.Now()
	if m.phase == running && m.goalTs == 0 && now.Sub(m.savedAt) < savePeriod {
		return
	}
	m.savedAt = now
	_, mark, err := m.Log.Seek(m.checkpoint)
	if err != nil {
		m.restart(ctx, err)
		return
	}
	if mark.Ts < m.state.checkpoint.Mark.Ts {
		mark = m.state.checkpoint.Mark
	}
	m.saving = true
	life, state := m.life, m.state
	ck := cluster.Checkpoint{CommitTs: m.checkpoint, Mark: mark, Wall: now}
	m.tasks.spawnTask(ctx, func(c context.Context) any {
		c, cancel := context.WithTimeout(c, 10*time.Second)
		defer cancel()
		return &saved{life: life, checkpoint: ck, err: state.save(c, ck)}
	})
}

func (m *maintainer) onSaved(ctx actor.Context, msg *saved) {
	if msg.life != m.life {
		return
	}
	m.saving = false
	if msg.err != nil {
		if isFatal(msg.err) {
			m.restart(ctx, msg.err)
			return
		}
		m.Entry.WithError(msg.err).Warn("store the checkpoint")
		return
	}
	m.saved, m.state.checkpoint = max(m.saved, msg.checkpoint.CommitTs), msg.checkpoint
	ctx.Send(m.Group, &messages.Checkpoint{CommitTs: m.saved})
	if m.feeder != nil {
		ctx.Send(m.feeder, &anchor{ts: m.saved})
	}
	m.finish(ctx)
}
