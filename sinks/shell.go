package sinks

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weir-cdc/weir/messages"
)

// A Writer is the downstream's half of a simple sink. Each method blocks until the downstream holds the result for good,
// or ctx ends. They are called one at a time, in order; after an error the same call comes again, so a call that was
// done in part must not double anything. An error that no retry can mend is, or wraps, a *Fatal.
type Writer interface {
	// Write makes the rows of all the writes durable. Those of one span are in order.
	Write(ctx context.Context, writes []*messages.Write) error
	// Execute writes a DDL, conditional on the downstream's own record of its commit-ts.
	Execute(ctx context.Context, ddl *messages.DDL) error
	// WriteSyncpoint records a consistent cut, put-if-absent.
	WriteSyncpoint(ctx context.Context, m *messages.WriteSyncpoint) error
}

// Limits of one call of a Writer.
const (
	batchBytes    = 8 << 20
	writeDeadline = 10 * time.Minute
)

// Props is the ready shell around a Writer: it keeps the order of requests, batches writes, runs the Writer in a flush
// child, retries with backoff, and speaks the conversation. open is called in the flush child, before the first
// call and after a panic of the Writer; it may block, and may fail like a Writer's method. A Writer that is an io.Closer is closed.
func Props(env Env, open func() (Writer, error)) *actor.Props {
	env = env.withDefaults()
	var starts uint64
	return actor.PropsFromProducer(func() actor.Actor {
		return &shell{env: env, open: open, starts: &starts}
	}, actor.WithSupervisor(actor.NewRestartingStrategy()))
}

// Private messages of the shell.
type (
	// retry: timer -> shell. Try the job in flight again.
	retry struct{ generation int }
)

// A job is what the flush child does in one call: exactly one field is set.
type job struct {
	writes    []*messages.Write
	execute   *request[*messages.Execute]
	syncpoint *request[*messages.WriteSyncpoint]
	flush     *request[*messages.Flush]
	bytes     uint64
}

// A request is a message and who waits for its answer.
type request[M any] struct {
	from *actor.PID
	m    M
}

// The shell is the sink actor around a Writer. Its parent is the group. It owns the order of requests; the flush child
// owns the Writer, and has one job at a time.
type shell struct {
	env    Env
	open   func() (Writer, error)
	starts *uint64

	talk   *Conversation
	health *Health
	timers *scheduler.TimerScheduler
	child  *actor.PID

	accepted   map[SpanKey]Position
	queue      []*job // queue[0] is in flight
	busy       bool
	generation int
	cancel     scheduler.CancelFunc
}

func (s *shell) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.start(ctx)
	case *actor.Stopping, *actor.Restarting:
		s.cancelRetry()
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
	s.child = ctx.Spawn(flusherProps(s.open))
	s.health.Started(ctx, *s.starts)
}

func (s *shell) onWrite(ctx actor.Context, m *messages.Write) {
	if !s.talk.Admit(ctx, m) {
		return
	}
	m = s.fresh(m)
	if last := len(s.queue) - 1; last > 0 && s.queue[last].writes != nil && s.queue[last].bytes < batchBytes {
		s.queue[last].writes = append(s.queue[last].writes, m)
		s.queue[last].bytes += m.Rows.GetBytes()
		return
	}
	s.put(ctx, &job{writes: []*messages.Write{m}, bytes: m.Rows.GetBytes()})
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
		s.put(ctx, &job{flush: &request[*messages.Flush]{ctx.Sender(), m}})
	}
}

func (s *shell) onExecute(ctx actor.Context, m *messages.Execute) {
	for _, j := range s.queue {
		if j.execute != nil && j.execute.m.Dispatcher == m.Dispatcher && j.execute.m.Id == m.Id {
			return // the one in the queue will answer
		}
	}
	s.put(ctx, &job{execute: &request[*messages.Execute]{ctx.Sender(), m}})
}

func (s *shell) onSyncpoint(ctx actor.Context, m *messages.WriteSyncpoint) {
	for _, j := range s.queue {
		if j.syncpoint != nil && j.syncpoint.m.Dispatcher == m.Dispatcher && j.syncpoint.m.Id == m.Id {
			return
		}
	}
	s.put(ctx, &job{syncpoint: &request[*messages.WriteSyncpoint]{ctx.Sender(), m}})
}

func (s *shell) put(ctx actor.Context, j *job) {
	s.queue = append(s.queue, j)
	s.next(ctx)
}

// next starts the first job unless one runs or waits for its retry.
func (s *shell) next(ctx actor.Context) {
	for !s.busy && len(s.queue) > 0 && !s.health.Dead() {
		j := s.queue[0]
		if j.flush == nil {
			s.busy = true
			ctx.Send(s.child, j)
			return
		}
		s.finish(ctx, j) // all before it is durable
	}
}

func (s *shell) onDone(ctx actor.Context, m *done) {
	if !s.busy || len(s.queue) == 0 || m.job != s.queue[0] {
		return // an answer from before the flush child's restart
	}
	if m.err != nil {
		s.fail(ctx, m.err)
		return
	}
	s.busy = false
	s.health.Works(ctx, "writer")
	s.health.Took(ctx, m.rows)
	s.finish(ctx, m.job)
	s.next(ctx)
}

// finish takes the first job off the queue and answers it.
func (s *shell) finish(ctx actor.Context, j *job) {
	s.queue[0] = nil
	s.queue = s.queue[1:]
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
}

// fail reports the error and sets the retry of the job in flight, which stays busy until then.
func (s *shell) fail(ctx actor.Context, err error) {
	n := s.health.Failed(ctx, "writer", err)
	if n == 0 {
		return
	}
	s.cancelRetry()
	s.cancel = s.timers.SendOnce(s.env.Retry.After(n), ctx.Self(), &retry{s.generation})
}

// onCrashed sets the retry of a job that the Writer panicked on; the flush child starts again with a new Writer.
func (s *shell) onCrashed(ctx actor.Context, m *crashed) {
	if s.busy && len(s.queue) > 0 && m.job == s.queue[0] {
		s.fail(ctx, errors.New("the sink's writer crashed; it starts again by itself, see the log for the stack"))
	}
}

func (s *shell) onRetry(ctx actor.Context, m *retry) {
	if m.generation == s.generation && s.busy && len(s.queue) > 0 {
		ctx.Send(s.child, s.queue[0])
	}
}

func (s *shell) cancelRetry() {
	s.generation++
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
}
