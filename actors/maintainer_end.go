package actors

import (
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
)

// How a maintainer ends: at its goal, or when it is told to stop.

// finish ends the changefeed when its goal is durable and stored.
func (m *maintainer) finish(ctx actor.Context) {
	if m.phase != running || m.goalTs == 0 {
		return
	}
	if m.saved < m.goalTs {
		if _, resolved := m.reach(); resolved >= m.goalTs {
			m.toGroups(ctx, &messages.Drain{Epoch: m.state.epoch})
		}
		return
	}
	m.dropFeeder(ctx)
	m.phase = draining
	m.stopBy = time.Now()
	m.finished = true
	m.reportAs(ctx, messages.FeedState_FEED_FINISHED, "")
}

// onStop begins the orderly end: nothing new, and what is in flight made durable. If another node is to take over, the
// groups go on with what they have, and wait for it.
func (m *maintainer) onStop(ctx actor.Context, msg *stopFeed) {
	switch {
	case msg.handOver && m.phase < closing:
		m.dropFeeder(ctx)
		m.barrier = nil
		m.life++
		m.leave(ctx)
		return
	case m.phase == draining || m.phase >= closing:
		return // it ends already
	case m.phase != running:
		m.stopped(ctx)
		return
	}
	m.dropFeeder(ctx)
	m.phase, m.stopBy, m.drained = draining, time.Now().Add(drainPatience), m.checkpoint
	m.toGroups(ctx, &messages.Drain{Epoch: m.state.epoch})
}

func (m *maintainer) drain(ctx actor.Context, now time.Time) {
	if m.checkpoint > m.drained {
		m.drained, m.stopBy = m.checkpoint, now.Add(drainPatience)
	}
	checkpoint, resolved := m.reach()
	settled := checkpoint >= resolved || len(m.barrier.InFlight(1)) > 0
	if m.saved >= m.checkpoint && !m.saving && settled || now.After(m.stopBy) {
		m.stopped(ctx)
		return
	}
	m.toGroups(ctx, &messages.Drain{Epoch: m.state.epoch})
}

func (m *maintainer) stopped(ctx actor.Context) {
	if !m.finished && m.phase != failed {
		m.reportAs(ctx, messages.FeedState_FEED_STOPPED, "")
	}
	m.phase, m.stopBy = closing, time.Now().Add(closeDeadline)
	if m.saved > 0 {
		m.toGroups(ctx, &messages.Checkpoint{CommitTs: m.saved}) // a sink that has started over may have lost it
	}
	m.unclosed = 0
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		if g := m.groups[id]; g.phase == serving {
			m.unclosed++
			ctx.Request(g.pid, &messages.CloseSink{Epoch: m.epoch, Settle: m.finished})
		}
	}
	if m.unclosed == 0 {
		m.dismiss(ctx)
	}
}

// onSinkClosed: one sink less to wait for.
func (m *maintainer) onSinkClosed(ctx actor.Context) {
	if m.unclosed--; m.phase == closing && m.unclosed <= 0 {
		m.dismiss(ctx)
	}
}

// dismiss ends the groups: the changefeed is at its end, or stopped.
func (m *maintainer) dismiss(ctx actor.Context) {
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		ctx.Send(m.groups[id].host, &messages.Dismiss{Changefeed: m.Changefeed, Epoch: m.epoch})
	}
	m.leave(ctx)
}

// leave tells the node that nothing is left to do.
func (m *maintainer) leave(ctx actor.Context) {
	m.phase = ended
	ctx.Send(ctx.Parent(), &feedStopped{name: m.Changefeed})
}
