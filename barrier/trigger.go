package barrier

import "slices"

// maxUnacknowledged bounds how many non-blocking DDL the table trigger may be ahead of the maintainer.
const maxUnacknowledged = 64

// A trigger is what the table trigger keeps beyond an ordinary Party: the non-blocking DDL whose schedule the maintainer
// has not acknowledged, and one event in the hold. Its methods work on nil too, which is what an ordinary Party has.
//
// While a schedule is unacknowledged no blocking event may be reported: else the maintainer would count the parties of
// a DATABASE or ALL event without the tables that the earlier DDL added, or apply a later schedule before this one.
type trigger struct {
	reports  []*written // in key order
	previous Key        // the last non-blocking DDL that carried a schedule
	held     *Event
}

// written is one WRITTEN that waits for its ACK.
type written struct {
	event    Event
	previous Key
	resend   backoff
}

func (t *trigger) mustHold(e Event, broken rules) bool {
	if t == nil || len(t.reports) == 0 || !broken.keep(hold) {
		return false
	}
	if e.Influence == Normal && !broken.keep(holdOfNormal) {
		return false
	}
	return e.Blocks || len(t.reports) >= maxUnacknowledged
}

// written notes a non-blocking DDL that has been written, and returns its report, or nil if it carries no schedule.
func (t *trigger) written(e Event, broken rules) *written {
	if t == nil || !e.HasSchedule() {
		return nil
	}
	w := &written{event: e, previous: t.previous}
	w.resend.start(reportWait)
	t.previous = e.Key
	if broken.keep(writtenStage) {
		t.reports = append(t.reports, w)
	}
	return w
}

// acked ends the repetition of a report and of those before it, and returns the event that need not be held any longer,
// or nil. An ACK is cumulative: the maintainer gives it only once every schedule up to this one is applied. Were it
// not, and the ACK of an earlier one lost, the next maintainer would wait for a report that never comes again.
func (t *trigger) acked(k Key, broken rules) *Event {
	if t == nil {
		return nil
	}
	t.reports = slices.DeleteFunc(t.reports, func(w *written) bool {
		return w.event.Key == k || w.event.Key.Compare(k) < 0 && broken.keep(cumulativeAck)
	})
	if t.held == nil || t.mustHold(*t.held, broken) {
		return nil
	}
	e := t.held
	t.held = nil
	return e
}

// due lets a tick pass and gives the reports to repeat.
func (t *trigger) due() []*written {
	if t == nil {
		return nil
	}
	var due []*written
	for _, w := range t.reports {
		if w.resend.tick() {
			due = append(due, w)
		}
	}
	return due
}

// repeat begins the repetition anew, for a new maintainer.
func (t *trigger) repeat() {
	if t == nil {
		return
	}
	for _, w := range t.reports {
		w.resend.start(reportWait)
	}
}

func (t *trigger) hurry(k Key) {
	if t == nil {
		return
	}
	for _, w := range t.reports {
		if w.event.Key == k {
			w.resend.hurry()
		}
	}
}

func (t *trigger) unacknowledged() int {
	if t == nil {
		return 0
	}
	return len(t.reports)
}

func (t *trigger) firstUnacknowledged() Key {
	if t == nil || len(t.reports) == 0 {
		return Key{}
	}
	return t.reports[0].event.Key
}

func (t *trigger) ceiling() uint64 {
	ceiling := NoCeiling
	if k := t.firstUnacknowledged(); !k.IsZero() {
		ceiling = k.CommitTs - 1
	}
	if t.holds() {
		ceiling = min(ceiling, t.held.Key.CommitTs-1)
	}
	return ceiling
}

func (t *trigger) holds() bool { return t != nil && t.held != nil }

func (t *trigger) holdsFrom(k Key) bool { return t.holds() && k.Compare(t.held.Key) <= 0 }

func (t *trigger) holdsAfter(k Key) bool { return t.holds() && k.Compare(t.held.Key) < 0 }
