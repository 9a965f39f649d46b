package actors

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
)

// What a maintainer tells the coordinator: how the changefeed does, and how far behind it is.

func (m *maintainer) report(ctx actor.Context) {
	state, reason := m.standing(time.Now())
	m.reportAs(ctx, state, reason)
}

// standing says how the changefeed does. A warning stays, with its reason, until work has succeeded.
func (m *maintainer) standing(now time.Time) (state messages.FeedState, reason string) {
	if m.phase == failed {
		return messages.FeedState_FEED_FAILED, m.reason
	}
	fault := m.fault()
	if fault != "" {
		m.patience.failed(now, m.checkpoint, fault)
	}
	m.patience.seen(now, m.checkpoint, m.caughtUp(), fault == "")
	switch {
	case m.patience.trouble != "":
		return messages.FeedState_FEED_WARNING, m.patience.trouble
	case m.phase != running && m.phase != draining:
		return messages.FeedState_FEED_STARTING, ""
	}
	return messages.FeedState_FEED_NORMAL, ""
}

// fault is why something does not work at present, "" if all does.
func (m *maintainer) fault() string {
	sink, reason := m.worst()
	switch {
	case sink == messages.ErrorKind_ERROR_RETRYING:
		return reason
	case m.pullErr != nil:
		return m.pullErr.Error()
	case m.phase == resting:
		return m.reason
	}
	return ""
}

// hitch notes that a part broke down and begins again, unless there is trouble already: then that one's reason says more.
func (m *maintainer) hitch(reason string) {
	if m.patience.trouble != "" {
		reason = m.patience.trouble
	}
	m.patience.failed(time.Now(), m.checkpoint, reason)
}

// caughtUp tells that all that the upstream had at the last contact is downstream.
func (m *maintainer) caughtUp() bool {
	return m.phase == running && m.contact.CaughtUp && m.pullErr == nil && m.checkpoint >= m.contact.tail && len(m.barrier.InFlight(1)) == 0
}

func (m *maintainer) reportAs(ctx actor.Context, state messages.FeedState, reason string) {
	m.reported = time.Now()
	_, resolved := m.reach()
	s := &messages.FeedStatus{
		Changefeed: m.Changefeed, State: state, Reason: reason, Checkpoint: m.checkpoint, Resolved: resolved,
		Rows: m.rows, Bytes: m.bytes, LagMs: m.lag(m.reported), RelayBytes: uint64(m.Log.Size()),
	}
	m.describeGroups(s)
	if state == messages.FeedState_FEED_WARNING && m.retryAt.After(m.reported) {
		s.RetryMs = m.retryAt.UnixMilli()
	}
	if !m.contact.At.IsZero() {
		s.ContactMs = m.contact.At.UnixMilli()
	}
	for _, ids := range m.spans {
		s.Spans += uint64(len(ids))
	}
	if m.state != nil {
		s.Epoch, s.SourcePosition = m.state.epoch, m.state.checkpoint.Mark.Position
	}
	if m.barrier != nil {
		for _, b := range m.barrier.InFlight(1) {
			s.Barrier = b.String()
		}
	}
	ctx.Send(ctx.Parent(), s)
}

// describeGroups sums up what the groups do.
func (m *maintainer) describeGroups(s *messages.FeedStatus) {
	lowest := uint64(math.MaxUint64)
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		g := m.groups[id]
		s.Rows, s.Bytes = s.Rows+g.beat.Rows, s.Bytes+g.beat.Bytes
		if len(g.spans) == 0 {
			continue
		}
		s.Nodes = append(s.Nodes, &messages.NodeSpans{Node: id, Spans: uint64(len(g.spans))})
		if g.beat.Checkpoint < lowest {
			lowest, s.Slowest = g.beat.Checkpoint, g.beat.Slowest
		}
	}
}

// lag is how far the downstream is behind the upstream, in milliseconds. When everything that the upstream had at the last
// contact is durable, it is the age of that contact.
func (m *maintainer) lag(now time.Time) int64 {
	if m.contact.CaughtUp && m.checkpoint >= m.contact.tail {
		return max(0, now.Sub(m.contact.At).Milliseconds())
	}
	if m.checkpoint == 0 {
		return 0 // nothing was begun yet
	}
	return max(0, now.UnixMilli()-int64(m.checkpoint>>18))
}
