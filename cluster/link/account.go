package link

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Traffic counts what travelled between two nodes, over all sessions.
type Traffic struct {
	SentMessages, SentBytes         uint64
	ReceivedMessages, ReceivedBytes uint64
	Resends                         uint64 // parts that had to be sent again
	Dropped                         uint64 // messages sent while no session was up, or lost when one ended
	Sessions                        uint64
}

// An account is what senders in all turns know of one peer. The peer's actor writes it, but for the backlog.
type account struct {
	pid     atomic.Pointer[actor.PID]
	session atomic.Uint64 // the number of the one that is up; 0: none
	backlog atomic.Int64

	sentMessages, sentBytes, receivedMessages, receivedBytes, resends, dropped, sessions atomic.Uint64
}

func (a *account) traffic() Traffic {
	return Traffic{
		SentMessages: a.sentMessages.Load(), SentBytes: a.sentBytes.Load(),
		ReceivedMessages: a.receivedMessages.Load(), ReceivedBytes: a.receivedBytes.Load(),
		Resends: a.resends.Load(), Dropped: a.dropped.Load(), Sessions: a.sessions.Load(),
	}
}

// take reserves memory for a message; without any it is false. A large message finds room whatever its size, unless half of
// the limit is taken: else it never would.
func (a *account) take(size int, limit int64) bool {
	large := int64(size) > limit/2
	if after := a.backlog.Add(int64(size)); after > limit && (!large || after-int64(size) > limit/2) {
		a.backlog.Add(int64(-size))
		return false
	}
	return true
}

func (a *account) release(size int) { a.backlog.Add(int64(-size)) }
