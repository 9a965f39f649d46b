package actors

import (
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
		if m.beat.Resolved >= m.goalTs {
			ctx.Send(m.Group, &drainGroup{})
		}
		return
	}
	m.dropFeeder(ctx)
	m.phase = draining
	m.stopBy = time.Now()
	m.finished = true
	m.reportAs(ctx, messages.FeedState_FEED_FINISHED, "")
}

// onStop begins the orderly end: nothing new, and what is in flight made durable.
func (m *maintainer) onStop(ctx actor.Context) {
	switch {
	case m.phase == draining || m.phase >= closing:
		return // it ends already
	case m.phase != running:
		m.stopped(ctx)
		return
	}
	m.dropFeeder(ctx)
	m.phase, m.stopBy, m.drained = draining, time.Now().Add(drainPatience), m.checkpoint
	ctx.Send(m.Group, &drainGroup{})
}

func (m *maintainer) drain(ctx actor.Context, now time.Time) {
	if m.checkpoint > m.drained {
		m.drained, m.stopBy = m.checkpoint, now.Add(drainPatience)
	}
	settled := m.beat.Checkpoint >= m.beat.Resolved || len(m.barrier.InFlight(1)) > 0
	if m.saved >= m.checkpoint && !m.saving && settled || now.After(m.stopBy) {
		m.stopped(ctx)
		return
	}
	ctx.Send(m.Group, &drainGroup{})
}

func (m *maintainer) stopped(ctx actor.Context) {
	if !m.finished && m.phase != failed {
		m.reportAs(ctx, messages.FeedState_FEED_STOPPED, "")
	}
	m.phase, m.stopBy = closing, time.Now().Add(closeDeadline)
	if m.saved > 0 {
		ctx.Send(m.Group, &messages.Checkpoint{CommitTs: m.saved}) // a sink that has started over may have lost it
	}
	ctx.Send(m.Group, &closeSink{settle: m.finished})
}

// leave tells the node that nothing is left to do.
func (m *maintainer) leave(ctx actor.Context) {
	m.phase = ended
	ctx.Send(ctx.Parent(), &feedStopped{name: m.Changefeed})
}
