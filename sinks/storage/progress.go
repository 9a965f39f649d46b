package storage

import (
	"errors"
	"maps"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/sinks"
)

// A progress is how far a worker is in its work. Every step either is done, or fails and can be taken again.
type progress struct {
	items   []any
	at      int               // items before it are done
	begun   bool              // chunks is set for the item at
	chunks  []*messages.Chunk // of that item, still to be encoded
	touched map[*stream]bool  // streams with rows in their buffer
	waiting bool              // for the commit under way

	accepted []ack
	rows     uint64 // encoded
	settled
}

// run goes on with the work until it is done, an error stops it, or (errWait) it needs the commit under way.
func (w *worker) run() error {
	p := w.progress
	p.waiting = false
	for ; p.at < len(p.items); p.at++ {
		err := w.item(p.items[p.at])
		if errors.Is(err, errFenced) {
			w.turnAway(p.items[p.at], err)
			err = nil
		}
		if err != nil {
			p.waiting = err == errWait
			return err
		}
		p.begun = false
	}
	for s := range maps.Clone(p.touched) {
		if err := w.drain(s); err != nil && !errors.Is(err, errFenced) {
			return err
		}
	}
	return nil
}

func (w *worker) item(item any) error {
	switch m := item.(type) {
	case *messages.Write:
		return w.write(m)
	case *flushItem:
		span := sinks.SpanKeyOf(m.m.Span)
		if err := w.standing(span, m.m.Dispatcher); err != nil {
			return err
		}
		return w.complete(span, m)
	case *retireItem:
		return w.complete(m.span, m)
	}
	return nil
}

// write encodes the rows of a batch that are new.
func (w *worker) write(m *messages.Write) error {
	state, err := w.stream(m)
	if err != nil {
		return err
	}
	p, s := w.progress, state.stream
	if !p.begun {
		if p.chunks, err = s.fresh(m.Rows.GetChunks()); err != nil {
			return err
		}
		p.begun = true
	}
	for len(p.chunks) > 0 {
		if err := w.chunk(state, p.chunks[0]); err != nil {
			return err
		}
		p.chunks = p.chunks[1:]
	}
	if len(s.buffer) >= bufferBytes {
		if err := w.drain(s); err != nil {
			return err
		}
	}
	w.acknowledge(state, ack{m.Dispatcher, m.Seq})
	return nil
}

// chunk encodes a chunk; before it, a file that is full is completed and the next begun.
func (w *worker) chunk(state *spanState, c *messages.Chunk) error {
	s := state.stream
	if len(c.Body) == 0 {
		return nil
	}
	if s.full(c.CommitTs, w.options.fileSize) && s.open.last != sinks.PositionOf(c) {
		if err := w.drain(s); err != nil {
			return err
		}
		w.seal(state)
	}
	if len(s.buffer) >= bufferBytes {
		if err := w.drain(s); err != nil {
			return err
		}
	}
	if s.open == nil {
		if err := s.begin(c.CommitTs); err != nil {
			return err
		}
		if err := w.handles.use(s); err != nil {
			return err
		}
	}
	if s.buffer == nil {
		s.buffer = w.takeBuffer()
	}
	w.progress.touched[s] = true
	s.idle = 0
	n, err := s.encode(c, w.env.Now())
	w.progress.rows += n
	return err
}

// acknowledge notes a write: accepted now, durable with the newest file of its span.
func (w *worker) acknowledge(state *spanState, a ack) {
	p := w.progress
	p.accepted = append(p.accepted, a)
	switch f := state.stream.open; {
	case f != nil:
		f.acks[a.dispatcher] = a.seq
	case state.tail != nil:
		state.tail.acks[a.dispatcher] = a.seq
	default:
		p.durable = append(p.durable, a)
	}
}

// complete ends the file that a span has open, and settles the item once that is durable.
func (w *worker) complete(span sinks.SpanKey, item any) error {
	state := w.spans[span]
	if state == nil {
		w.settle(item, &w.progress.settled)
		return nil
	}
	if err := w.end(state); err != nil {
		return err
	}
	if state.tail == nil {
		w.settle(item, &w.progress.settled)
	} else {
		w.waiters = append(w.waiters, &waiter{state.tail, item})
	}
	return nil
}

// end completes the open file of a span.
func (w *worker) end(state *spanState) error {
	if state.stream.open == nil {
		return nil
	}
	if err := w.drain(state.stream); err != nil {
		return err
	}
	w.seal(state)
	return nil
}

// stream gives the stream of a write. When a span goes on in another table version, the files of the last one are
// made durable first: so acknowledgements stay in order, and recovery sees files that are complete.
func (w *worker) stream(m *messages.Write) (*spanState, error) {
	span := sinks.SpanKeyOf(m.Span)
	state := w.spans[span]
	if state != nil && state.stream.is(m, w.env.Shared) {
		return state, nil
	}
	if err := w.standing(span, m.Dispatcher); err != nil {
		return nil, err
	}
	if state != nil {
		if err := w.end(state); err != nil && !errors.Is(err, errFenced) {
			return nil, err
		}
		if state.tail != nil {
			return nil, errWait
		}
	}
	t, err := sinks.Find(w.env.Catalog, m.Rows)
	if err != nil {
		return nil, err
	}
	s, err := w.options.openStream(&w.env, t, span, m.Dispatcher)
	if err != nil {
		return nil, err
	}
	state = &spanState{stream: s}
	w.spans[span] = state
	return state, nil
}

// is tells whether a write goes to the stream: each table version has its own, and where the folder is shared each
// dispatcher, for another one may have had the span in between.
func (s *stream) is(m *messages.Write, shared bool) bool {
	return s.table.Version == m.Rows.TableVersion && int64(s.table.ID) == m.Rows.TableId && (!shared || s.dispatcher == m.Dispatcher)
}

// drain writes a stream's buffer to its file and takes the buffer back.
func (w *worker) drain(s *stream) error {
	if len(s.buffer) > 0 {
		if err := s.drain(); err != nil {
			if errors.Is(err, errFenced) {
				w.lose(s, &w.progress.settled)
			}
			return err
		}
		if err := w.handles.use(s); err != nil {
			return err
		}
	}
	delete(w.progress.touched, s)
	if s.buffer != nil {
		w.giveBuffer(s.buffer)
		s.buffer = nil
	}
	return nil
}

const (
	spareBuffers = 4        // that a worker keeps
	firstBuffer  = 16 << 10 // bytes, for one work may touch many tables
)

func (w *worker) takeBuffer() []byte {
	n := len(w.spare)
	if n == 0 {
		return make([]byte, 0, firstBuffer)
	}
	b := w.spare[n-1]
	w.spare = w.spare[:n-1]
	return b
}

func (w *worker) giveBuffer(b []byte) {
	if len(w.spare) < spareBuffers && cap(b) <= 4*bufferBytes {
		w.spare = append(w.spare, b[:0])
	}
}
