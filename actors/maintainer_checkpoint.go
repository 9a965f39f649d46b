package actors

import (
	"context"
	"math"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/messages"
)

// How far the changefeed is, and what is stored of it.

// reach gives how far the groups that have spans are: what is durable, and what they were told to be complete.
func (m *maintainer) reach() (checkpoint, resolved uint64) {
	checkpoint, resolved = math.MaxUint64, math.MaxUint64
	for _, g := range m.groups {
		if len(g.spans) > 0 {
			checkpoint, resolved = min(checkpoint, g.beat.Checkpoint), min(resolved, g.beat.Resolved)
		}
	}
	if resolved == math.MaxUint64 {
		return 0, 0
	}
	return checkpoint, resolved
}

// advance moves the checkpoint as far as the groups and the barrier allow.
func (m *maintainer) advance() {
	if m.barrier == nil {
		return
	}
	// Not beyond the live walk either: what a restart reads from the checkpoint on, it must know the definitions of.
	checkpoint, resolved := m.reach()
	m.checkpoint = max(m.checkpoint, min(checkpoint, resolved, m.barrier.CheckpointCeiling()))
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
	m.toGroups(ctx, &messages.Checkpoint{CommitTs: m.saved})
	if m.feeder != nil {
		ctx.Send(m.feeder, &anchor{ts: m.saved})
	}
	m.finish(ctx)
}
