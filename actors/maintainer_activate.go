package actors

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

// How a maintainer begins: its epoch, what is stored, what lives, and how it begins again.

// activate takes a new epoch and reads what is stored.
func (m *maintainer) activate(ctx actor.Context) {
	m.state.end()
	m.phase, m.life = activating, m.life+1
	m.boot, m.following, m.barrier, m.state, m.saving = nil, nil, nil, nil, false
	m.restoring = false
	clear(m.spans)
	clear(m.where)
	life, options := m.life, m.Activation
	options.Home = m.Home
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
	m.state, m.phase, m.epoch = msg.state, bootstrapping, msg.state.epoch
	m.checkpoint, m.saved = msg.state.checkpoint.CommitTs, msg.state.checkpoint.CommitTs
	m.Entry = m.Entry.WithField("epoch", m.state.epoch)
	m.Entry.WithFields(logrus.Fields{"checkpoint_ts": m.checkpoint, "position": m.state.checkpoint.Mark.Position}).Info("changefeed activated")
	m.summonAll(ctx)
	ctx.Request(m.Puller, &follow{mark: m.state.checkpoint.Mark, reset: m.state.resetLog})
}

// summonAll asks every node that held a lease after the epoch was taken: one that came later has nothing of older epochs.
func (m *maintainer) summonAll(ctx actor.Context) {
	clear(m.groups)
	m.plan = newPlan(m.triggerHome(), m.Activation.Catalog, m.Schedule)
	var ids []string
	for _, n := range m.members {
		ids = append(ids, n.id)
		m.addGroup(n)
	}
	for _, id := range m.state.nodes {
		if m.groups[id] == nil {
			ids = append(ids, id)
			m.addGroup(m.Node(id))
		}
	}
	m.boot = barrier.NewBootstrap(barrier.Epoch(m.state.epoch), m.checkpoint, ids)
	for _, id := range ids {
		m.summon(ctx, m.groups[id])
	}
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
		return &tablesRead{life: life, at: at, tables: tables, err: err}
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
	if msg.at != m.boot.TriggerPosition() {
		m.restoring = false // the trigger was lost meanwhile: it begins again where other tables were
		m.bootstrap(ctx)
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
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		if g := m.groups[id]; g.phase == serving {
			m.plan.join(g.nodeRef)
		}
	}
	m.takeOver(ctx, effects)
	m.place(ctx)
	ctx.Send(m.feeder, &begin{})
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
	if (errors.Is(err, cluster.ErrFenced) || errors.Is(err, cluster.ErrNotOwner)) && m.Grants {
		m.Entry.Info("another node runs the changefeed now")
		m.leave(ctx)
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
	m.retryAt = time.Now().Add(rest)
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
