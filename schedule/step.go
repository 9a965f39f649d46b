package schedule

import (
	"time"

	"github.com/weir-cdc/weir/barrier"
)

// Step decides what to do now. Call it after facts and commands, and some times a second, since some decisions wait for
// time alone.
//
// absent lists spans that have no dispatcher, as the barrier says when Step is called: all of them at the start, after
// that only those that tables bring with them, since Gone and Reshape tell of the others. A repetition changes nothing,
// and costs its length. mayMove is barrier.MayMove; nil lets all move.
func (s *Scheduler) Step(now time.Time, absent []barrier.Absent, mayMove func(barrier.DispatcherID) bool) []Action {
	s.begins(now, mayMove)
	s.checkOrders()
	s.learn(absent)
	s.orderEndsAgain()
	s.advance()
	s.obey()
	s.place()
	s.drain()
	s.splitHot()
	s.mergeCold()
	s.goHome()
	s.rebalance()
	actions := s.actions
	s.actions, s.mayMove = nil, nil
	return actions
}

func (s *Scheduler) begins(now time.Time, mayMove func(barrier.DispatcherID) bool) {
	if s.first.IsZero() {
		s.first = now
	}
	if now.After(s.first) {
		s.now = max(s.now, moment(now.Sub(s.first)/tick))
	}
	s.mayMove = mayMove
	if mayMove == nil {
		s.mayMove = func(barrier.DispatcherID) bool { return true }
	}
}

// advance lets the operators go on that learned something.
func (s *Scheduler) advance() {
	ready := s.ready
	s.ready = nil
	for _, op := range ready {
		op.advance(s)
	}
}
