package cluster

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"
)

// A Backoff says how long a failed actor rests before its restart: First, then double each time up to Max. After
// Quiet without a failure it begins again at First.
type Backoff struct{ First, Max, Quiet time.Duration }

// DefaultBackoff is what the node's own actors use.
var DefaultBackoff = Backoff{First: 100 * time.Millisecond, Max: 30 * time.Second, Quiet: time.Minute}

// delay is the rest after the n-th failure in a row, n from 1.
func (b Backoff) delay(n int) time.Duration {
	d := b.First
	for ; n > 1 && d < b.Max; n-- {
		d *= 2
	}
	return min(d, b.Max)
}

// A Supervisor restarts failed children, each one alone, after a rest that grows: also an actor that panics on Started
// never spins. While it rests, messages wait in the child's mailbox; the one that failed is lost.
//
// A child whose stop was asked for meanwhile is not restarted, and one that panics while it stops is made to end.
// The framework logs the panic itself, with its stack (NewSlogHandler); the supervisor logs what it decides.
type Supervisor struct {
	backoff  Backoff
	log      *logrus.Entry
	restarts atomic.Int64
}

var _ actor.SupervisorStrategy = (*Supervisor)(nil)

// NewSupervisor makes a supervisor, which any number of parents may share.
func NewSupervisor(b Backoff, log *logrus.Entry) *Supervisor {
	return &Supervisor{backoff: b, log: log}
}

// Supervise gives the option by which a parent's props restart its children with DefaultBackoff.
func Supervise(log *logrus.Entry) actor.PropsOption {
	return NewSupervisor(DefaultBackoff, log).Option()
}

// Option makes the supervisor that of the children of the props' actor.
func (s *Supervisor) Option() actor.PropsOption { return actor.WithSupervisor(s) }

// Restarts counts the restarts so far.
func (s *Supervisor) Restarts() int64 { return s.restarts.Load() }

// rested comes back to the parent as the reason of a failure, when the child has rested: in the parent's own turn it
// is known whether the parent is stopping.
type rested struct{}

// HandleFailure is called in the parent's turn.
func (s *Supervisor) HandleFailure(system *actor.ActorSystem, parent actor.Supervisor, child *actor.PID,
	stats *actor.RestartStatistics, reason, message any) {
	if _, ok := reason.(rested); ok {
		s.restart(system, parent, child)
		return
	}
	log := s.log.WithFields(logrus.Fields{"actor": child.Id, "reason": describePanic(reason), "message": fmt.Sprintf("%T", message)})
	if leaving(system, parent, child) {
		log.Error("actor failed while it was stopping")
		s.end(system, parent, child, message)
		return
	}
	rest := s.rest(stats)
	log.WithFields(logrus.Fields{"failures": stats.FailureCount(), "restart_in": rest.String()}).Error("actor failed")
	system.EventStream.Publish(&actor.SupervisorEvent{Child: child, Reason: reason, Directive: actor.RestartDirective})
	time.AfterFunc(rest, func() { s.wake(system, parent, child, stats) })
}

// rest counts the failure and says how long the child rests.
func (s *Supervisor) rest(stats *actor.RestartStatistics) time.Duration {
	last := s.backoff.delay(stats.FailureCount())
	if stats.NumberOfFailures(s.backoff.Quiet+last) == 0 {
		stats.Reset()
	}
	stats.Fail()
	return s.backoff.delay(stats.FailureCount())
}

// wake runs on a timer: it asks the parent to look again. A parent that is gone has taken its children along.
func (s *Supervisor) wake(system *actor.ActorSystem, parent actor.Supervisor, child *actor.PID, stats *actor.RestartStatistics) {
	ctx, ok := parent.(actor.Context)
	if !ok { // the guardian of the root actors has no turns, and never stops
		s.restart(system, parent, child)
		return
	}
	if process, alive := system.ProcessRegistry.GetLocal(ctx.Self().Id); alive {
		process.SendSystemMessage(ctx.Self(), &actor.Failure{Who: child, Reason: rested{}, RestartStats: stats})
	}
}

func (s *Supervisor) restart(system *actor.ActorSystem, parent actor.Supervisor, child *actor.PID) {
	if leaving(system, parent, child) {
		return // its stop is on the way, or it is gone
	}
	s.restarts.Add(1)
	parent.RestartChildren(child)
}

// end sees to it that the parent hears of the child's end, although a panic broke its stop off.
func (s *Supervisor) end(system *actor.ActorSystem, parent actor.Supervisor, child *actor.PID, message any) {
	if _, alive := system.ProcessRegistry.GetLocal(child.Id); !alive { // it fell in Stopped
		if ctx, ok := parent.(actor.Context); ok {
			if process, alive := system.ProcessRegistry.GetLocal(ctx.Self().Id); alive {
				process.SendSystemMessage(ctx.Self(), &actor.Terminated{Who: child})
			}
		}
		return
	}
	if endsStop(message) { // only a restart makes it take another stop
		parent.RestartChildren(child)
	}
	parent.StopChildren(child)
}

// leaving tells whether the child, or its parent, was asked to stop.
func leaving(system *actor.ActorSystem, parent actor.Supervisor, child *actor.PID) bool {
	if ctx, ok := parent.(actor.Context); ok && stopping(ctx) {
		return true
	}
	return stopAsked(system, child)
}

// endsStop tells whether a panic over this message, of an actor that is to stop, broke the stop itself off: in
// Stopping, or when the last child's end was told.
func endsStop(message any) bool {
	switch message.(type) {
	case *actor.Stop, *actor.Terminated:
		return true
	}
	return false
}

// describePanic prints a panic's value, cut: it is an error or a text, but nothing keeps it short.
func describePanic(reason any) string {
	const limit = 500
	text := fmt.Sprint(reason)
	if len(text) > limit {
		text = text[:limit] + "..."
	}
	return text
}
