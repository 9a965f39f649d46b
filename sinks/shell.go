package sinks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weir-cdc/weir/messages"
)

// A Writer is the downstream's half of a simple sink. Each method blocks until the downstream holds the result for good,
// or ctx ends. They are called one at a time, in order; after an error the same call comes again, so a call that was
// done in part must not double anything. An error that no retry can mend is, or wraps, a *Fatal; one that tells of
// dispatchers whose spans a later one has taken over is a *Fenced.
type Writer interface {
	// Write makes the rows of all the writes durable. Those of one span are in order.
	Write(ctx context.Context, writes []*messages.Write) error
	// Execute writes a DDL, conditional on the downstream's own record of its commit-ts.
	Execute(ctx context.Context, ddl *messages.DDL) error
	// WriteSyncpoint records a consistent cut, put-if-absent.
	WriteSyncpoint(ctx context.Context, m *messages.WriteSyncpoint) error
}

// A Fenced is a Writer's error: none of the writes of the call are down, and those of these dispatchers never will be,
// for a later one has claimed their spans. They are told Lost; the other writes of the call come again.
type Fenced struct{ Dispatchers []string }

func (f *Fenced) Error() string {
	return fmt.Sprintf("later dispatchers have the spans of %v", f.Dispatchers)
}

// Limits of one call of a Writer.
const (
	batchBytes    = 8 << 20
	writeDeadline = 10 * time.Minute
)

// An Option of Props.
type Option func(*shell)

// Lanes makes n flush children, each with a Writer of its own, that work at the same time: so a slow DDL or flush of
// one table delays no other's. What must be in order stays so: spans that overlap, and a DDL and the rows of its tables.
func Lanes(n int) Option { return func(s *shell) { s.width = max(1, n) } }

// Props is the ready shell around a Writer: it keeps the order of requests, batches writes, runs the Writer in a flush
// child, asks Env.Permit before each call, retries with backoff, and speaks the conversation. open is called in the flush
// child, before the first call and after a panic of the Writer; it may block, and may fail like a Writer's method. A
// Writer that is an io.Closer is closed.
func Props(env Env, open func() (Writer, error), options ...Option) *actor.Props {
	env = env.withDefaults()
	var starts uint64
	return actor.PropsFromProducer(func() actor.Actor {
		s := &shell{env: env, open: open, starts: &starts, width: 1}
		for _, set := range options {
			set(s)
		}
		return s
	}, actor.WithSupervisor(actor.NewRestartingStrategy()))
}

// Private messages of the shell.
type (
	// retry: timer -> shell. Try the job that a lane has in flight again.
	retry struct{ generation, lane int }
)

// The shell is the sink actor around a Writer. Its parent is the group. It owns the order of requests; each lane's flush
// child owns a Writer, and has one job at a time.
type shell struct {
	env    Env
	open   func() (Writer, error)
	starts *uint64
	width  int // how many lanes

	talk   *Conversation
	health *Health
	timers *scheduler.TimerScheduler

	lanes      []*lane
	order      order
	accepted   map[SpanKey]Position
	generation int
}

func (s *shell) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.start(ctx)
	case *actor.Stopping, *actor.Restarting:
		s.cancelRetries()
	case *messages.Write:
		s.onWrite(ctx, m)
	case *messages.Flush:
		s.onFlush(ctx, m)
	case *messages.Execute:
		s.onExecute(ctx, m)
	case *messages.WriteSyncpoint:
		s.onSyncpoint(ctx, m)
	case *messages.Forget:
		s.talk.Forget(m.Dispatcher)
	case *messages.Checkpoint:
	case *done:
		s.onDone(ctx, m)
	case *crashed:
		s.onCrashed(ctx, m)
	case *retry:
		s.onRetry(ctx, m)
	case *actor.Stopped, *actor.Terminated:
	default:
		s.env.Log.WithField("message", typeName(m)).Warn("sink got an unexpected message")
	}
}

func (s *shell) start(ctx actor.Context) {
	*s.starts++
	s.talk = NewConversation()
	s.health = NewHealth(ctx, s.env)
	s.timers = scheduler.NewTimerScheduler(ctx.ActorSystem().Root)
	s.accepted = map[SpanKey]Position{}
	s.order = order{}
	s.lanes = nil
	for i := range s.width {
		s.lanes = append(s.lanes, &lane{index: i, name: fmt.Sprintf("writer %d", i), child: ctx.Spawn(flusherProps(&s.env, s.open))})
	}
	s.health.Started(ctx, *s.starts)
}

func (s *shell) onWrite(ctx actor.Context, m *messages.Write) {
	if !s.talk.Admit(ctx, m) {
		return
	}
	m = s.fresh(m)
	key := SpanKeyOf(m.Span)
	l := s.lanes[key.lane(s.width)]
	after := s.order.before(key, l)
	if j := l.open(); j != nil && len(after) == 0 {
		j.writes = append(j.writes, m)
		j.bytes += m.Rows.GetBytes()
		s.order.comes(key, j)
		return
	}
	j := &job{writes: []*messages.Write{m}, bytes: m.Rows.GetBytes()}
	s.order.comes(key, j)
	s.put(ctx, l, j, after)
}

// fresh leaves out the chunks that were accepted for the span before.
func (s *shell) fresh(m *messages.Write) *messages.Write {
	chunks := m.Rows.GetChunks()
	key := SpanKeyOf(m.Span)
	if p, known := s.accepted[key]; known {
		chunks = After(chunks, p)
	}
	if len(chunks) > 0 {
		s.accepted[key] = PositionOf(chunks[len(chunks)-1])
	}
	if len(chunks) == len(m.Rows.GetChunks()) {
		return m
	}
	rows := &messages.RowBatch{TableId: m.Rows.TableId, TableVersion: m.Rows.TableVersion, Chunks: chunks, Bytes: m.Rows.Bytes}
	return &messages.Write{Dispatcher: m.Dispatcher, Seq: m.Seq, Span: m.Span, Rows: rows}
}

func (s *shell) onFlush(ctx actor.Context, m *messages.Flush) {
	switch {
	case !s.talk.Holds(ctx, m):
	case s.talk.Idle(m.Dispatcher):
		reply(ctx, ctx.Sender(), &messages.Flushed{Dispatcher: m.Dispatcher, Id: m.Id})
	default:
		l := s.lanes[SpanKeyOf(m.Span).lane(s.width)]
		s.put(ctx, l, &job{flush: &request[*messages.Flush]{ctx.Sender(), m}}, nil)
	}
}

// onExecute puts a DDL behind the rows of its tables, and before those to come.
func (s *shell) onExecute(ctx actor.Context, m *messages.Execute) {
	j := &job{execute: &request[*messages.Execute]{ctx.Sender(), m}}
	if s.does(m.Dispatcher, m.Id) {
		return
	}
	tables := tablesOf(m.Ddl)
	home := SpanKey{}
	if len(tables) > 0 {
		home.Table = tables[0]
	}
	l := s.lanes[home.lane(s.width)]
	after := s.order.statement(tables, l, j)
	s.put(ctx, l, j, after)
}

func (s *shell) onSyncpoint(ctx actor.Context, m *messages.WriteSyncpoint) {
	if !s.does(m.Dispatcher, m.Id) {
		s.put(ctx, s.lanes[SpanKey{}.lane(s.width)], &job{syncpoint: &request[*messages.WriteSyncpoint]{ctx.Sender(), m}}, nil)
	}
}

// does tells that a DDL or syncpoint is in a queue: that one will answer.
func (s *shell) does(dispatcher string, id uint64) bool {
	for _, l := range s.lanes {
		for _, j := range l.queue {
			if j.execute != nil && j.execute.m.Dispatcher == dispatcher && j.execute.m.Id == id ||
				j.syncpoint != nil && j.syncpoint.m.Dispatcher == dispatcher && j.syncpoint.m.Id == id {
				return true
			}
		}
	}
	return false
}

func (s *shell) put(ctx actor.Context, l *lane, j *job, after []*job) {
	j.lane = l
	for _, earlier := range after {
		j.waits++
		earlier.followers = append(earlier.followers, j)
	}
	l.queue = append(l.queue, j)
	s.next(ctx, l)
}

// next starts the first job of a lane unless one runs, or waits for its retry or for another lane.
func (s *shell) next(ctx actor.Context, l *lane) {
	for !l.busy && len(l.queue) > 0 && !s.health.Dead() {
		j := l.queue[0]
		if j.waits > 0 {
			return
		}
		if j.flush == nil {
			l.busy = true
			ctx.Send(l.child, j)
			return
		}
		s.finish(ctx, l) // all before it is durable
	}
}

func (s *shell) onDone(ctx actor.Context, m *done) {
	l := m.job.lane
	if !s.runs(m.job) {
		return // an answer from before the flush child's restart
	}
	var fenced *Fenced
	if errors.As(m.err, &fenced) && s.lose(ctx, m.job, fenced) > 0 {
		ctx.Send(l.child, m.job)
		return
	}
	if m.err != nil {
		s.fail(ctx, l, m.err)
		return
	}
	l.busy = false
	s.health.Works(ctx, l.name)
	s.health.Took(ctx, m.rows)
	s.finish(ctx, l)
	s.next(ctx, l)
}

// runs tells whether a job is in flight, in this life of the shell.
func (s *shell) runs(j *job) bool {
	l := j.lane
	return l == s.lanes[l.index] && l.busy && len(l.queue) > 0 && j == l.queue[0]
}

// finish takes the first job off a lane's queue, answers it and lets others go on that waited for it.
func (s *shell) finish(ctx actor.Context, l *lane) {
	j := l.take()
	for _, w := range j.writes {
		s.talk.Accepted(ctx, w.Dispatcher, w.Seq)
		s.talk.Durable(ctx, w.Dispatcher, w.Seq)
	}
	switch {
	case j.flush != nil:
		reply(ctx, j.flush.from, &messages.Flushed{Dispatcher: j.flush.m.Dispatcher, Id: j.flush.m.Id})
	case j.execute != nil:
		reply(ctx, j.execute.from, &messages.Executed{Dispatcher: j.execute.m.Dispatcher, Id: j.execute.m.Id})
	case j.syncpoint != nil:
		reply(ctx, j.syncpoint.from, &messages.Executed{Dispatcher: j.syncpoint.m.Dispatcher, Id: j.syncpoint.m.Id})
	}
	followers := j.followers
	*j = job{lane: l, finished: true} // which is all that the order asks of it from now on
	for _, f := range followers {
		if f.waits--; f.waits == 0 {
			s.next(ctx, f.lane)
		}
	}
}

// lose drops the writes of dispatchers that are fenced, in the job that met it and behind it, and tells them. It counts
// those of the job.
func (s *shell) lose(ctx actor.Context, j *job, fenced *Fenced) (dropped int) {
	for _, dispatcher := range fenced.Dispatchers {
		out := j.without(dispatcher)
		dropped += len(out)
		for _, w := range out {
			delete(s.accepted, SpanKeyOf(w.Span))
		}
		for _, later := range j.lane.queue {
			later.without(dispatcher)
			if later.flush != nil && later.flush.m.Dispatcher == dispatcher {
				later.flush.from = nil
			}
		}
		s.talk.Lost(ctx, dispatcher)
	}
	return dropped
}

// fail reports the error and sets the retry of the job in flight, which stays busy until then. A step that was withheld
// is tried again without a word.
func (s *shell) fail(ctx actor.Context, l *lane, err error) {
	pause := s.env.PermitPause()
	if !IsWithheld(err) {
		n := s.health.Failed(ctx, l.name, err)
		if n == 0 {
			return
		}
		pause = s.env.Retry.After(n)
	}
	l.cancelRetry()
	l.cancel = s.timers.SendOnce(pause, ctx.Self(), &retry{s.generation, l.index})
}

// onCrashed sets the retry of a job that the Writer panicked on; the flush child starts again with a new Writer.
func (s *shell) onCrashed(ctx actor.Context, m *crashed) {
	if m.job != nil && s.runs(m.job) {
		s.fail(ctx, m.job.lane, errors.New("the sink's writer crashed; it starts again by itself, see the log for the stack"))
	}
}

func (s *shell) onRetry(ctx actor.Context, m *retry) {
	if m.generation != s.generation {
		return
	}
	if l := s.lanes[m.lane]; l.busy && len(l.queue) > 0 {
		ctx.Send(l.child, l.queue[0])
	}
}

func (s *shell) cancelRetries() {
	s.generation++
	for _, l := range s.lanes {
		l.cancelRetry()
	}
}
