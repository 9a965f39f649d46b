package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
)

// What a maintainer tells the coordinator: how the changefeed does, and how far behind it is.

func (m *maintainer) report(ctx actor.Context) {
	state, reason := messages.FeedState_FEED_NORMAL, ""
	switch {
	case m.phase == failed:
		state, reason = messages.FeedState_FEED_FAILED, m.reason
	case m.beat.Error == messages.ErrorKind_ERROR_RETRYING:
		state, reason = messages.FeedState_FEED_WARNING, m.beat.Reason
	case m.pullErr != nil:
		state, reason = messages.FeedState_FEED_WARNING, m.pullErr.Error()
	case m.phase == resting:
		state, reason = messages.FeedState_FEED_WARNING, m.reason
	case m.phase != running && m.phase != draining:
		state, reason = messages.FeedState_FEED_STARTING, m.reason
	}
	m.reportAs(ctx, state, reason)
}

func (m *maintainer) reportAs(ctx actor.Context, state messages.FeedState, reason string) {
	m.reported = time.Now()
	s := &messages.FeedStatus{
		Changefeed: m.Changefeed, State: state, Reason: reason, Checkpoint: m.checkpoint, Resolved: m.beat.Resolved,
		Rows: m.beat.Rows, Bytes: m.beat.Bytes, LagMs: m.lag(m.reported), RelayBytes: uint64(m.Log.Size()), Slowest: m.beat.Slowest,
		SourcePosition: m.contact.Position,
	}
	if !m.contact.At.IsZero() {
		s.ContactMs = m.contact.At.UnixMilli()
	}
	for _, ids := range m.spans {
		s.Spans += uint64(len(ids))
	}
	if m.state != nil {
		s.Epoch = m.state.epoch
	}
	if m.barrier != nil {
		for _, b := range m.barrier.InFlight(1) {
			s.Barrier = b.String()
		}
	}
	ctx.Send(m.Coordinator, s)
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
