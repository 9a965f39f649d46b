// Package checkpoint knows how far the spans of a group are downstream. It is pure: no actor, clock, log or I/O.
//
// A Tracker keeps one number per span, its checkpoint: everything of the span at or below it is durable. Most spans
// are idle and follow the live stream; for them the stream's resolved-ts says it all, so they cost their id and
// nothing else, however often it moves. A span has a record of its own only while something holds it back: writes
// that are not durable yet, a catch-up read, a barrier.
//
// The invariant: a span's checkpoint never moves back. What would move it back (a ceiling below what was told) is
// raised to it.
package checkpoint

import "math"

// none is the ceiling of what holds nothing back.
const none = math.MaxUint64

// A Cause says what a span's checkpoint waits for.
type Cause uint8

// The causes.
const (
	Stream  Cause = iota // the live stream: the span holds nothing back itself
	Write                // a write that the sink has not made durable
	CatchUp              // the span's own read behind the live stream
	Barrier              // a block event that it has not crossed
)

func (c Cause) String() string {
	return [...]string{"stream", "write", "catch-up", "barrier"}[c]
}

// A Lag is the span that is furthest behind. ID is the zero value if no single span is, but the stream.
type Lag[ID comparable] struct {
	ID    ID
	Ts    uint64
	Cause Cause
}

// A Tracker holds the checkpoints of a group's spans. Calls for an id that it does not have change nothing: they come
// from messages that were under way when the span was removed.
type Tracker[ID comparable] struct {
	resolved  uint64
	spans     map[ID]*record[ID] // nil for a span that only follows the live stream
	followers int                // spans whose base is resolved
	behind    heap[ID]           // the records, lowest ceiling first
}

// New makes a Tracker without spans whose live stream is resolved up to ts.
func New[ID comparable](ts uint64) *Tracker[ID] {
	return &Tracker[ID]{resolved: ts, spans: map[ID]*record[ID]{}}
}

// Add takes in a span that is durable up to start, as one that reads by itself (Detach) until Attach. Min falls to
// start if that is lower. Adding a span again does nothing.
func (t *Tracker[ID]) Add(id ID, start uint64) {
	if _, known := t.spans[id]; known {
		return
	}
	r := newRecord(id)
	r.detached, r.base = true, start
	t.spans[id] = r
	t.behind.push(r)
}

// Remove forgets a span: it holds back Min no more.
func (t *Tracker[ID]) Remove(id ID) {
	r, known := t.spans[id]
	if !known {
		return
	}
	delete(t.spans, id)
	if r != nil {
		t.behind.remove(r)
	}
	if r == nil || r.follows() {
		t.followers--
	}
}

// Len counts the spans.
func (t *Tracker[ID]) Len() int { return len(t.spans) }

// Busy counts the spans that have a record of their own.
func (t *Tracker[ID]) Busy() int { return len(t.behind) }

// Sent notes a write whose first row is at firstTs. Call it once for each write of a span, with a growing seq. It is false if firstTs is at or below the span's checkpoint: then rows came that the
// stream had declared complete.
func (t *Tracker[ID]) Sent(id ID, seq, firstTs uint64) bool {
	r, known := t.record(id)
	if !known || seq <= r.last {
		return true
	}
	now := t.of(r)
	r.sent(seq, max(firstTs, now+1))
	t.settle(r)
	return firstTs > now
}

// Durable notes that all writes of the span up to seq are durable.
func (t *Tracker[ID]) Durable(id ID, seq uint64) {
	if r := t.spans[id]; r != nil {
		r.durable(seq)
		t.settle(r)
	}
}

// Resolved notes that the live stream will bring nothing at or below ts any more, for no span that follows it.
func (t *Tracker[ID]) Resolved(ts uint64) { t.resolved = max(t.resolved, ts) }

// Detach takes a span off the live stream: from ts on it reads by itself, and only Advance moves it.
func (t *Tracker[ID]) Detach(id ID, ts uint64) {
	r, known := t.record(id)
	if !known || r.detached {
		return
	}
	now := t.of(r)
	if r.follows() {
		t.followers--
	}
	r.detached, r.base = true, max(ts, now)
	t.settle(r)
}

// Advance notes that a detached span's own read is complete up to ts.
func (t *Tracker[ID]) Advance(id ID, ts uint64) {
	if r := t.spans[id]; r != nil && r.detached {
		r.base = max(r.base, ts)
		t.settle(r)
	}
}

// Attach joins a span to the live stream. If it is ahead of the stream, it waits for it where it is.
func (t *Tracker[ID]) Attach(id ID) {
	if r := t.spans[id]; r != nil && r.detached {
		r.detached = false // its base stays, until the stream has come up to it
		t.settle(r)
	}
}

// Hold keeps the span's checkpoint at or below ts until Release; for a block event at B, ts is B-1. Another Hold
// replaces the first.
func (t *Tracker[ID]) Hold(id ID, ts uint64) {
	if r, known := t.record(id); known {
		now := t.of(r)
		r.ceiling = max(ts, now)
		t.settle(r)
	}
}

// Release ends a Hold.
func (t *Tracker[ID]) Release(id ID) {
	if r := t.spans[id]; r != nil {
		r.ceiling = none
		t.settle(r)
	}
}

// Span gives the checkpoint of a span; false if there is no such span.
func (t *Tracker[ID]) Span(id ID) (uint64, bool) {
	r, known := t.spans[id]
	switch {
	case !known:
		return 0, false
	case r == nil:
		return t.resolved, true
	default:
		return t.of(r), true
	}
}

// Min gives the lowest checkpoint of all spans; without spans it is the resolved-ts. It moves back only when a span is
// added below it.
func (t *Tracker[ID]) Min() uint64 { return t.Slowest().Ts }

// Slowest gives the span with the lowest checkpoint, and what it waits for.
func (t *Tracker[ID]) Slowest() Lag[ID] {
	t.catchUp()
	if len(t.behind) > 0 {
		first := t.behind[0]
		if first.key < t.resolved || t.followers == 0 {
			return Lag[ID]{ID: first.id, Ts: first.key, Cause: first.cause()}
		}
	}
	return Lag[ID]{Ts: t.resolved}
}

// catchUp lets those first in line that the stream has come up to follow it. Others may wait: they change no minimum.
func (t *Tracker[ID]) catchUp() {
	for len(t.behind) > 0 {
		first := t.behind[0]
		if !t.overtaken(first) {
			return
		}
		t.settle(first)
	}
}

// overtaken tells whether the stream has come up to an attached span that was ahead of it.
func (t *Tracker[ID]) overtaken(r *record[ID]) bool {
	return !r.detached && r.base != none && r.base <= t.resolved
}

// of computes the checkpoint of a span with a record.
func (t *Tracker[ID]) of(r *record[ID]) uint64 {
	if r.detached {
		return r.limit()
	}
	ahead := r.base
	if ahead == none {
		ahead = 0
	}
	return min(r.oldest(), r.ceiling, max(ahead, t.resolved))
}

// record gives the span's record, a new one if it had none.
func (t *Tracker[ID]) record(id ID) (r *record[ID], known bool) {
	r, known = t.spans[id]
	if known && r == nil {
		r = newRecord(id)
		t.spans[id] = r
		t.behind.push(r)
	}
	return r, known
}

// settle puts a changed record in its place, and drops it if nothing holds its span back.
func (t *Tracker[ID]) settle(r *record[ID]) {
	if t.overtaken(r) {
		r.base = none
		t.followers++
	}
	if r.idle() {
		t.behind.remove(r)
		t.spans[r.id] = nil
		return
	}
	r.key = r.limit()
	t.behind.fix(r)
}
