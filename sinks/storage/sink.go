package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/sinks"
)

// Private messages of the sink.
type (
	// flushTime: timer. A flush interval has passed.
	flushTime struct{ generation int }
	// retry: timer. Let a lane try again.
	retry struct {
		generation int
		part       part
	}
	// startOver: timer. Start the children again after a reset.
	startOver struct{ generation int }
)

// A part is what can be in trouble by itself: the work of a lane, or its commits.
type part struct {
	lane   int
	commit bool
}

// resetPart is the health's name of the whole that starts over.
const resetPart = "reset"

// The phases of a sink.
type phase uint8

const (
	opening   phase = iota // waits for the ledger to take the folder; work queues up
	serving                // works
	resetting              // waits for the children to end, then starts over; requests are dropped
)

// A lane is a child with one work at a time, and what waits for it. The last lane is the ledger's.
type lane struct {
	index int
	names [2]string // the health's names of its work and of its commits
	pid   *actor.PID
	queue []any
	busy  bool
}

func (l *lane) name(commit bool) string {
	if commit {
		return l.names[1]
	}
	return l.names[0]
}

func newLane(index int, pid *actor.PID) *lane {
	return &lane{index: index, pid: pid, names: [2]string{fmt.Sprintf("work %d", index), fmt.Sprintf("commit %d", index)}}
}

// Limits of one work.
const (
	workItems = 512
	workBytes = 4 << 20
)

// stopPatience is how long a stop waits for the last checkpoint's write.
const stopPatience = 5 * time.Second

// stopOnFailure ends a child that panics; its parent hears of that, and the sink starts over.
var stopOnFailure = actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })

// The sink routes requests to its children and answers dispatchers. Its parent is the group. It does no I/O.
type sink struct {
	env     sinks.Env
	options *options
	starts  *uint64

	phase      phase
	talk       *sinks.Conversation
	health     *sinks.Health
	timers     *scheduler.TimerScheduler
	generation int
	flushes    scheduler.CancelFunc
	retries    map[part]scheduler.CancelFunc
	due        bool // the pause before starting over has passed
	lanes      []*lane
	alive      int
	routes     routes
	executing  map[request]bool
}

// A request is what a dispatcher may repeat while it is being done.
type request struct {
	dispatcher string
	id         uint64
}

func props(env sinks.Env, o *options) *actor.Props {
	var starts uint64
	return actor.PropsFromProducer(func() actor.Actor {
		return &sink{env: env, options: o, starts: &starts}
	}, actor.WithSupervisor(stopOnFailure))
}

func (s *sink) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.health = sinks.NewHealth(ctx, s.env)
		s.timers = scheduler.NewTimerScheduler(ctx.ActorSystem().Root)
		s.start(ctx)
	case *actor.Stopping:
		s.stop(ctx)
	case *actor.Restarting:
		s.phase, s.due = resetting, false
		s.cancelTimers()
	case *actor.Terminated:
		s.onTerminated(ctx)
	case *startOver:
		s.due = s.due || m.generation == s.generation
		s.restart(ctx)
	case *actor.Stopped:
	default:
		if s.phase != resetting {
			s.serve(ctx, m)
		}
	}
}

func (s *sink) serve(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *messages.Write:
		if s.talk.Admit(ctx, m) {
			s.route(ctx, sinks.SpanKeyOf(m.Span), m)
		}
	case *messages.Flush:
		s.onFlush(ctx, m)
	case *messages.Execute:
		s.onExecute(ctx, m)
	case *messages.WriteSyncpoint:
		s.onSyncpoint(ctx, m)
	case *messages.Forget:
		s.talk.Forget(m.Dispatcher)
	case *messages.Checkpoint:
		ctx.Send(s.ledger().pid, m)
	case *worked:
		if s.employs(ctx, m.lane) {
			s.onWorked(ctx, m)
		}
	case *committedFiles:
		if s.employs(ctx, m.lane) {
			s.health.Works(ctx, s.lanes[m.lane].name(true))
			s.onSettled(ctx, m.settled)
		}
	case *trouble:
		if s.employs(ctx, m.lane) {
			s.onTrouble(ctx, m)
		}
	case *retry:
		if m.generation == s.generation {
			ctx.Send(s.lanes[m.part.lane].pid, &again{m.part.commit})
		}
	case *flushTime:
		s.onFlushTime(ctx, m)
	default:
		s.env.Log.WithField("message", fmt.Sprintf("%T", m)).Warn("sink got an unexpected message")
	}
}

// employs tells that the sender is the lane's child of this life. What those of an earlier life said is still in the
// mailbox after a restart, and would settle work that is not theirs.
func (s *sink) employs(ctx actor.Context, lane int) bool {
	return lane < len(s.lanes) && s.lanes[lane].pid.Equal(ctx.Sender())
}

// start spawns the children and begins with nothing known.
func (s *sink) start(ctx actor.Context) {
	*s.starts++
	s.phase = opening
	s.talk = sinks.NewConversation()
	s.routes = routes{}
	s.executing = map[request]bool{}
	s.lanes = nil
	for i := range s.options.workers {
		s.lanes = append(s.lanes, newLane(i, ctx.Spawn(workerProps(s.env, s.options, i))))
	}
	i := len(s.lanes)
	s.lanes = append(s.lanes, newLane(i, ctx.Spawn(ledgerProps(s.env, s.options, i))))
	s.alive = len(s.lanes)
	s.retries = map[part]scheduler.CancelFunc{}
	s.flushes = s.timers.SendRepeatedly(s.options.flushInterval, s.options.flushInterval, ctx.Self(), &flushTime{s.generation})
	s.health.Started(ctx, *s.starts)
	s.put(ctx, s.ledger(), &openItem{})
}

// stop lets the ledger write the last checkpoint. It is the one place that waits: children are stopped right after
// it, and a stop overtakes what is in their mailboxes.
func (s *sink) stop(ctx actor.Context) {
	if s.phase != resetting { // one that has just started over has the checkpoint to write, too
		if err := ctx.RequestFuture(s.ledger().pid, &lastCall{}, stopPatience).Wait(); err != nil {
			s.env.Log.WithError(err).Warn("the last checkpoint was not written to metadata")
		}
	}
	s.phase, s.due = resetting, false
	s.cancelTimers()
}

func (s *sink) ledger() *lane { return s.lanes[len(s.lanes)-1] }

// laneOf is the lane of a span: the same in each run of the process.
func (s *sink) laneOf(k sinks.SpanKey) *lane {
	var key [24]byte
	binary.LittleEndian.PutUint64(key[:], uint64(k.Table))
	binary.LittleEndian.PutUint64(key[8:], k.Start)
	binary.LittleEndian.PutUint64(key[16:], k.End)
	h := fnv.New32a()
	_, _ = h.Write(key[:]) // a hash takes everything
	return s.lanes[int(h.Sum32()%uint32(len(s.lanes)-1))]
}

// put queues an item for a lane.
func (s *sink) put(ctx actor.Context, l *lane, item any) {
	l.queue = append(l.queue, item)
	s.next(ctx, l)
}

// next gives an idle lane its next work.
func (s *sink) next(ctx actor.Context, l *lane) {
	if l.busy || len(l.queue) == 0 || s.health.Dead() || s.phase == opening && l != s.ledger() {
		return
	}
	n, bytes := 0, uint64(0)
	for ; n < len(l.queue) && n < workItems && bytes < workBytes; n++ {
		if w, ok := l.queue[n].(*messages.Write); ok {
			bytes += w.Rows.GetBytes()
		}
	}
	l.busy = true
	ctx.Send(l.pid, &work{items: append([]any(nil), l.queue[:n]...)})
	left := copy(l.queue, l.queue[n:])
	clear(l.queue[left:])
	l.queue = l.queue[:left]
}

func (s *sink) onFlush(ctx actor.Context, m *messages.Flush) {
	item := &flushItem{ctx.Sender(), m}
	switch key := sinks.SpanKeyOf(m.Span); {
	case !s.talk.Holds(ctx, m):
	case s.talk.Idle(m.Dispatcher):
		s.flushed(ctx, item)
	case s.routes.find(key) != nil:
		s.route(ctx, key, item)
	default:
		s.put(ctx, s.laneOf(key), item)
	}
}

// onExecute makes the tables that the DDL touches durable in their old versions, then hands it to the ledger.
func (s *sink) onExecute(ctx actor.Context, m *messages.Execute) {
	if s.repeated(m.Dispatcher, m.Id) {
		return
	}
	g := &gate{execute: &executeItem{ctx.Sender(), m}}
	for _, c := range m.Ddl.GetChanges() {
		if c.Before == nil {
			continue
		}
		for _, r := range s.routes[c.Before.Id] {
			s.retire(ctx, r, g)
		}
	}
	if g.left == 0 {
		s.put(ctx, s.ledger(), g.execute)
	}
}

func (s *sink) onSyncpoint(ctx actor.Context, m *messages.WriteSyncpoint) {
	if !s.repeated(m.Dispatcher, m.Id) {
		s.put(ctx, s.ledger(), &syncpointItem{ctx.Sender(), m})
	}
}

// repeated tells that a request is being done already: that one will answer.
func (s *sink) repeated(dispatcher string, id uint64) bool {
	r := request{dispatcher, id}
	if s.executing[r] {
		return true
	}
	s.executing[r] = true
	return false
}

func (s *sink) onWorked(ctx actor.Context, m *worked) {
	l := s.lanes[m.lane]
	l.busy = false
	s.health.Works(ctx, l.name(false))
	s.health.Took(ctx, m.rows)
	for _, a := range m.accepted {
		s.talk.Accepted(ctx, a.dispatcher, a.seq)
	}
	s.onSettled(ctx, m.settled)
	s.next(ctx, l)
}

func (s *sink) onSettled(ctx actor.Context, m settled) {
	for _, a := range m.durable {
		s.talk.Durable(ctx, a.dispatcher, a.seq)
	}
	for _, f := range m.flushed {
		s.flushed(ctx, f)
	}
	for _, dispatcher := range m.lost {
		s.talk.Lost(ctx, dispatcher)
	}
	for _, span := range m.retired {
		s.retired(ctx, span)
	}
	for _, item := range m.ledger {
		s.onLedger(ctx, item)
	}
}

func (s *sink) onLedger(ctx actor.Context, item any) {
	switch m := item.(type) {
	case *openItem:
		s.phase = serving
		for _, l := range s.lanes {
			s.next(ctx, l)
		}
	case *executeItem:
		s.executed(ctx, m.from, m.m.Dispatcher, m.m.Id)
	case *syncpointItem:
		s.executed(ctx, m.from, m.m.Dispatcher, m.m.Id)
	}
}

func (s *sink) flushed(ctx actor.Context, f *flushItem) {
	if f.from != nil {
		ctx.Send(f.from, &messages.Flushed{Dispatcher: f.m.Dispatcher, Id: f.m.Id})
	}
}

func (s *sink) executed(ctx actor.Context, from *actor.PID, dispatcher string, id uint64) {
	delete(s.executing, request{dispatcher, id})
	if from != nil {
		ctx.Send(from, &messages.Executed{Dispatcher: dispatcher, Id: id})
	}
}

// onFlushTime completes open files, and notes that a sink which started over stays up.
func (s *sink) onFlushTime(ctx actor.Context, m *flushTime) {
	if m.generation != s.generation || s.phase != serving {
		return
	}
	s.health.Works(ctx, resetPart)
	for _, l := range s.lanes[:len(s.lanes)-1] {
		ctx.Send(l.pid, &tick{})
	}
}

// onTrouble reports an error and sets the retry, or starts over where a retry would lose rows.
func (s *sink) onTrouble(ctx actor.Context, m *trouble) {
	if errors.Is(m.err, errLost) {
		s.reset(ctx, m.err)
		return
	}
	p := part{m.lane, m.commit}
	if sinks.IsWithheld(m.err) {
		s.retries[p] = s.timers.SendOnce(s.env.PermitPause(), ctx.Self(), &retry{s.generation, p})
		return
	}
	if n := s.health.Failed(ctx, s.lanes[m.lane].name(m.commit), m.err); n > 0 {
		s.retries[p] = s.timers.SendOnce(s.env.Retry.After(n), ctx.Self(), &retry{s.generation, p})
	}
}

// reset ends the children; once they are gone the sink starts over. What was accepted and is not durable is lost, and
// the dispatchers replay it.
func (s *sink) reset(ctx actor.Context, err error) {
	if s.phase == resetting {
		return
	}
	s.phase = resetting
	s.cancelTimers()
	n := s.health.Failed(ctx, resetPart, err)
	for _, l := range s.lanes {
		s.health.Works(ctx, l.name(false))
		s.health.Works(ctx, l.name(true))
		ctx.Stop(l.pid)
	}
	if n == 0 {
		return
	}
	s.due = false
	s.timers.SendOnce(s.env.Retry.After(n), ctx.Self(), &startOver{s.generation})
}

func (s *sink) onTerminated(ctx actor.Context) {
	s.alive--
	if s.phase != resetting {
		s.reset(ctx, errCrash)
	}
	s.restart(ctx)
}

// restart starts over when the pause has passed and the last child is gone: no two may have the same file.
func (s *sink) restart(ctx actor.Context) {
	if s.phase == resetting && s.due && s.alive == 0 {
		s.due = false
		s.start(ctx)
	}
}

// cancelTimers ends the timers of this generation.
func (s *sink) cancelTimers() {
	s.generation++
	s.flushes()
	for _, cancel := range s.retries {
		cancel()
	}
}
