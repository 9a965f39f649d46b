package storage

import (
	"container/list"
	"errors"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/sinks"
)

// Messages between the sink and a worker. An item of a work is a *messages.Write, a *flushItem or a *retireItem.
type (
	// work: sink -> worker, one at a time. Answer: worked, after as many troubles and retries as it takes.
	work struct{ items []any }
	// again: sink -> worker or ledger. Try again what a trouble told of.
	again struct{ commit bool }
	// tick: sink -> worker, each flush interval. Complete the files that are open.
	tick struct{}

	// worked: worker -> sink. The rows of the work are in files.
	worked struct {
		lane     int
		accepted []ack
		rows     uint64
		settled
	}
	// committedFiles: worker -> sink. Files became durable.
	committedFiles struct {
		lane int
		settled
	}
	// trouble: worker or ledger -> sink. The step failed; it is held for again.
	trouble struct {
		lane   int
		commit bool
		err    error
	}
)

// settled is what durable files have settled.
type settled struct {
	durable []ack
	flushed []*flushItem
	retired []sinks.SpanKey
	lost    []string // dispatchers whose span a later one has claimed
	ledger  []any    // the ledger's items that are done
}

type (
	// An ack is a dispatcher's write.
	ack struct {
		dispatcher string
		seq        uint64
	}
	// A flushItem asks to make a span's rows durable.
	flushItem struct {
		from *actor.PID
		m    *messages.Flush
	}
	// A retireItem asks for the same, and to forget the span.
	retireItem struct{ span sinks.SpanKey }
)

// openFiles is how many data files the sink keeps open.
const openFiles = 512

var (
	errWait   = errors.New("wait for the commit under way")
	errCrash  = errors.New("a part of the sink crashed; it starts over by itself, see the log for the stack")
	idleTicks = 120 // after which a stream without rows is let go
)

// The worker encodes and writes the spans that hash to it. It is the sink's child and may block in file I/O; its own
// child, the committer, makes files durable meanwhile. Work that meets an error stays where it is until again.
type worker struct {
	env     sinks.Env
	options *options
	lane    int
	sink    *actor.PID

	spans   map[sinks.SpanKey]*spanState
	fenced  map[sinks.SpanKey]sinks.Token // the latest dispatcher of this process that lost the span to another
	handles handles
	spare   [][]byte // buffers

	progress *progress // nil without work
	queue    []*sealed // complete files, in order
	running  *commit   // nil if the committer is idle
	waiters  []*waiter
	commits  *actor.PID
	stopping bool
}

// A spanState is a span's current stream, and its newest complete file that is not durable yet.
type spanState struct {
	stream *stream
	tail   *dataFile
}

// A waiter is a flush or retire item that waits for a file.
type waiter struct {
	file *dataFile
	item any
}

func workerProps(env sinks.Env, o *options, lane int) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return newWorker(env, o, lane) }, actor.WithSupervisor(stopOnFailure))
}

func newWorker(env sinks.Env, o *options, lane int) *worker {
	return &worker{env: env, options: o, lane: lane, spans: map[sinks.SpanKey]*spanState{},
		fenced: map[sinks.SpanKey]sinks.Token{}, handles: handles{most: max(16, openFiles/o.workers), order: list.New()}}
}

func (w *worker) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		w.sink = ctx.Parent()
		w.commits = ctx.Spawn(actor.PropsFromProducer(func() actor.Actor { return &committer{} }))
	case *actor.Stopping:
		w.stopping = true
		w.handles.closeAll()
	case *work:
		w.progress = &progress{items: m.items, touched: map[*stream]bool{}}
		w.resume(ctx)
	case *again:
		w.onAgain(ctx, m)
	case *tick:
		w.onTick(ctx)
	case *committed:
		w.onCommitted(ctx, m)
	case *actor.Terminated:
		if !w.stopping {
			w.trouble(ctx, true, errors.Join(errLost, errCrash))
		}
	}
}

// resume goes on with the work and reports how that went.
func (w *worker) resume(ctx actor.Context) {
	if w.progress == nil {
		return
	}
	err := w.run()
	w.commit(ctx)
	switch {
	case err == nil:
		p := w.progress
		w.progress = nil
		ctx.Request(w.sink, &worked{w.lane, p.accepted, p.rows, p.settled})
	case errors.Is(err, errWait):
		if w.running == nil {
			w.trouble(ctx, false, errors.Join(errLost, err)) // nothing to wait for: state is broken
		}
	default:
		w.trouble(ctx, false, err)
	}
}

func (w *worker) trouble(ctx actor.Context, commit bool, err error) {
	ctx.Request(w.sink, &trouble{w.lane, commit, explain(err)})
}

func (w *worker) onAgain(ctx actor.Context, m *again) {
	if !m.commit {
		w.resume(ctx)
	} else if w.running != nil {
		ctx.Send(w.commits, w.running)
	}
}

// onTick completes what is open. In the middle of work it waits for the next tick.
func (w *worker) onTick(ctx actor.Context) {
	if w.progress != nil {
		return
	}
	for span, state := range w.spans {
		switch s := state.stream; {
		case s.open != nil:
			s.idle = 0
			w.seal(state)
		case state.tail == nil && s.idle >= idleTicks:
			delete(w.spans, span)
		default:
			s.idle++
		}
	}
	w.commit(ctx)
}

// seal takes a stream's file as complete; its buffer is empty.
func (w *worker) seal(state *spanState) {
	s, f := state.stream, state.stream.open
	w.handles.drop(s)
	if f.file != nil && len(w.queue) >= w.handles.most {
		_ = f.file.Close() // the committer opens it again, and its sync tells what went wrong
		f.file = nil
	}
	w.queue = append(w.queue, &sealed{series: s.series, of: f, date: f.date, number: f.number, size: f.size, complete: f.last,
		continues: s.continues, file: f.file})
	s.open, state.tail = nil, f
	f.file = nil
}

// commit hands complete files to the committer, if that is idle.
func (w *worker) commit(ctx actor.Context) {
	if w.running != nil || len(w.queue) == 0 {
		return
	}
	w.running = &commit{files: w.take(), env: &w.env}
	ctx.Send(w.commits, w.running)
}

// take takes the files of the next commit off the queue: as many as leave one date to each series.
func (w *worker) take() []*sealed {
	n, dates := 0, map[string]string{}
	for ; n < len(w.queue); n++ {
		s := w.queue[n]
		if date, known := dates[s.record()]; known && date != s.date {
			break
		}
		dates[s.record()] = s.date
	}
	files := w.queue[:n:n]
	w.queue = append([]*sealed(nil), w.queue[n:]...)
	return files
}

func (w *worker) onCommitted(ctx actor.Context, m *committed) {
	if m.commit != w.running {
		return
	}
	if m.err != nil {
		w.trouble(ctx, true, m.err)
		return
	}
	w.running = nil
	done := settled{}
	for _, f := range m.commit.files {
		if f.fenced {
			w.lose(f.of.stream, &done)
			continue
		}
		f.of.durable = true
		for dispatcher, seq := range f.of.acks {
			done.durable = append(done.durable, ack{dispatcher, seq})
		}
		if state := w.spans[f.span]; state != nil && state.tail == f.of {
			state.tail = nil
		}
	}
	w.wake(&done)
	ctx.Request(w.sink, &committedFiles{w.lane, done})
	w.commit(ctx)
	if w.progress != nil && w.progress.waiting {
		w.resume(ctx)
	}
}

// wake settles the items whose file is durable.
func (w *worker) wake(done *settled) {
	left := w.waiters[:0]
	for _, waiting := range w.waiters {
		if waiting.file.durable {
			w.settle(waiting.item, done)
		} else {
			left = append(left, waiting)
		}
	}
	clear(w.waiters[len(left):])
	w.waiters = left
}

func (w *worker) settle(item any, done *settled) {
	switch m := item.(type) {
	case *flushItem:
		done.flushed = append(done.flushed, m)
	case *retireItem:
		delete(w.spans, m.span)
		done.retired = append(done.retired, m.span)
	}
}

// handles are the streams whose file has an open handle, the latest used in front.
type handles struct {
	most  int
	order *list.List
	at    map[*stream]*list.Element
}

// use notes that a stream's handle is open, and lets go of the one that was used least lately if there are too many.
func (h *handles) use(s *stream) error {
	if e := h.at[s]; e != nil {
		h.order.MoveToFront(e)
		return nil
	}
	if h.at == nil {
		h.at = map[*stream]*list.Element{}
	}
	h.at[s] = h.order.PushFront(s)
	if h.order.Len() <= h.most {
		return nil
	}
	oldest := h.order.Back().Value.(*stream)
	h.drop(oldest)
	return oldest.letGo()
}

func (h *handles) drop(s *stream) {
	if e := h.at[s]; e != nil {
		h.order.Remove(e)
		delete(h.at, s)
	}
}

func (h *handles) closeAll() {
	for s := range h.at {
		_ = s.letGo() // what is not complete is not counted
		h.drop(s)
	}
}
