package storage

import (
	"fmt"
	"slices"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/sinks"
)

// What a worker does where the folder is shared and a dispatcher of another process has claimed a span after its own:
// it drops what it has of it, and the sink tells the dispatcher, if that still listens, that its writes are lost.

// standing tells whether a dispatcher may go on with a span, as far as the worker knows: none whose rows were dropped,
// for a later row without an earlier one would be a gap.
func (w *worker) standing(span sinks.SpanKey, dispatcher string) error {
	if !w.env.Shared {
		return nil
	}
	claim, err := claimOf(dispatcher)
	if err != nil {
		return err
	}
	if claim.Compare(w.fenced[span]) <= 0 {
		return errFenced
	}
	if state := w.spans[span]; state != nil && claim.Compare(state.stream.claim) < 0 && state.stream.superseded == 0 {
		return fmt.Errorf("%w: %s, in this process", errFenced, state.stream.claim)
	}
	return nil
}

// turnAway ends an item whose dispatcher has lost its span.
func (w *worker) turnAway(item any, why error) {
	switch m := item.(type) {
	case *messages.Write:
		span := sinks.SpanKeyOf(m.Span)
		w.note(span, m.Dispatcher, why)
		w.progress.lost = append(w.progress.lost, m.Dispatcher)
		if state := w.spans[span]; state != nil && state.stream.dispatcher == m.Dispatcher {
			w.lose(state.stream, &w.progress.settled)
		}
	case *flushItem:
		w.progress.lost = append(w.progress.lost, m.m.Dispatcher)
	case *retireItem:
		w.settle(m, &w.progress.settled)
	}
}

// note keeps that a dispatcher has lost its span.
func (w *worker) note(span sinks.SpanKey, dispatcher string, why error) {
	claim, err := sinks.ParseToken(dispatcher)
	if err != nil || claim.Compare(w.fenced[span]) <= 0 {
		return
	}
	w.fenced[span] = claim
	w.env.Log.WithField("dispatcher", dispatcher).WithField("table_id", span.Table).WithField("reason", why).Info("sink dropped a span")
}

// lose drops what the worker has of a stream that is fenced.
func (w *worker) lose(s *stream, done *settled) {
	w.note(s.span, s.dispatcher, errFenced)
	if !slices.Contains(done.lost, s.dispatcher) {
		done.lost = append(done.lost, s.dispatcher)
	}
	w.handles.drop(s)
	_ = s.letGo() // its rows count for nothing
	s.open = nil
	if w.progress != nil {
		delete(w.progress.touched, s)
	}
	if s.buffer != nil {
		w.giveBuffer(s.buffer)
		s.buffer = nil
	}
	w.queue = slices.DeleteFunc(w.queue, func(f *sealed) bool {
		if f.of.stream != s {
			return false
		}
		if f.file != nil {
			_ = f.file.Close() // likewise
		}
		return true
	})
	w.leave(s, done)
	if state := w.spans[s.span]; state != nil && state.stream == s {
		delete(w.spans, s.span)
	}
	if err := s.abandon(); err != nil {
		w.env.Log.WithError(err).Warn("data files that no reader sees were not removed; the span's next dispatcher removes them")
	}
}

// leave settles the items that waited for a stream's files: a flush will not come, a span may go.
func (w *worker) leave(s *stream, done *settled) {
	left := w.waiters[:0]
	for _, waiting := range w.waiters {
		if waiting.file.stream != s {
			left = append(left, waiting)
		} else if item, ok := waiting.item.(*retireItem); ok {
			w.settle(item, done)
		}
	}
	clear(w.waiters[len(left):])
	w.waiters = left
}
