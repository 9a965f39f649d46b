package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/cluster/link"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schedule"
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
		at     barrier.Position // of the table trigger
		tables []barrier.Table
		err    error
	}
	saved struct {
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
	GiveUpAfter time.Duration
	// UUID is the record's.
	UUID   string
	Puller *actor.PID
	// Home is the incarnation of this node, and Node gives any node by its incarnation.
	Home string
	Node func(incarnation string) nodeRef
	// Group names the changefeed's group on a node.
	Group func(nodeRef) *actor.PID
	// Schedule holds the limits of placement.
	Schedule schedule.Options
	// Grants tells that groups may commit only for as long as the maintainer grants, which it does while Lease holds.
	Grants bool
	Lease  func() bool
	Entry  *logrus.Entry
}

// maintainerPhase says what the maintainer waits for.
type maintainerPhase uint8

const (
	activating    maintainerPhase = iota // its epoch, and what is stored
	bootstrapping                        // the groups' reports, and the relay log
	running                              //
	draining                             // what is in flight to be durable, then to end
	resting                              // a retry
	failed                               // nobody: no retry can help
	closing                              // the sink, to end in order
	ended                                // the node, which ends it
)

// A maintainer runs one changefeed: its spans, its barrier and its checkpoint. The node spawns it; the feeder is its
// child. Each activation, a restart in place too, takes a new epoch, asks all groups what lives, and goes on from there.
// It tells the node, which tells the coordinator, how the changefeed does.
type maintainer struct {
	MaintainerOptions
	phase  maintainerPhase
	life   int // of the activation; what an older one's tasks say is dropped
	state  *activation
	epoch  uint64 // of the last activation
	timers *scheduler.TimerScheduler
	cancel scheduler.CancelFunc
	tasks  lifetime

	boot      *barrier.Bootstrap
	restoring bool // the definitions are being read, once in a life
	following *following
	barrier   *barrier.Barrier
	feeder    *actor.PID
	tickDue   time.Time

	members    []nodeRef
	groups     map[string]*groupRef         // by node
	plan       *plan                        // who is to serve what
	spans      map[barrier.TableID][]string // dispatchers by table
	where      map[string]*groupRef         // by dispatcher
	placed     int                          // numbers dispatchers
	placeAfter time.Time
	crossing   map[barrier.Key]time.Time // since when events are in flight
	rows       uint64                    // written by groups that are no more
	bytes      uint64

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
	retryAt    time.Time // when what does not work is tried again, as far as known
	stopBy     time.Time
	finished   bool // the goal is reached
	unclosed   int  // sinks that are to end
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
			life: incarnation * numbersPerLife, MaintainerOptions: o, tasks: newLifetime(), groups: map[string]*groupRef{},
			spans: map[barrier.TableID][]string{}, where: map[string]*groupRef{}, crossing: map[barrier.Key]time.Time{}, members: []nodeRef{o.Node(o.Home)},
			patience: patience,
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
		ctx.Request(ctx.Parent(), &nodesWanted{})
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
	case *members:
		m.onMembers(ctx, msg)
	case *link.Peer:
		m.onPeer(ctx, msg)
	case *messages.Enlisted:
		m.onEnlisted(ctx, msg)
	case *messages.Bootstrapped:
		m.onBootstrapped(ctx, msg)
	case *tablesRead:
		m.onTables(ctx, msg)
	case *messages.GroupStarted:
		m.onGroupStarted(ctx, msg)
	case *messages.BlockStatuses:
		m.onStatuses(ctx, msg)
	case *messages.Heartbeat:
		m.onHeartbeat(ctx, msg)
	case *messages.Removed:
		m.onRemoved(ctx, msg)
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
	case *messages.Ask:
		m.onAsk(ctx, msg)
	case *stopFeed:
		m.onStop(ctx, msg)
	case *messages.SinkClosed:
		m.onSinkClosed(ctx)
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
	m.pullErr, m.retryAt = msg.err, msg.retry
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
	m.noteBarriers(now)
	m.watchGroups(ctx, now)
	m.place(ctx)
	m.advance()
	m.save(ctx)
	switch {
	case m.phase == closing && now.After(m.stopBy):
		m.dismiss(ctx)
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
