package barrier

import "fmt"

// A Party is the dispatcher's side of the protocol: it holds the one event at which the dispatcher stands. It is not safe
// for concurrent use; it belongs to one actor.
type Party struct {
	id      DispatcherID
	epoch   Epoch
	crossed Position // every event up to here is behind, as the feeder sees it
	// checkpointTs is the highest that the dispatcher has told us; what it is above, is behind.
	checkpointTs uint64
	slot         *Slot // nil while idle: most spans are
	answered     bool  // the report of the slot's event needs no repetition
	resend       backoff
	trigger      *trigger // nil unless this is the table trigger
	broken       rules
}

// NewParty makes the dispatcher's side of a span that starts at a position; see Barrier.Create for which.
func NewParty(id DispatcherID, epoch Epoch, start Start) *Party {
	return &Party{id: id, epoch: epoch, crossed: start.Position, checkpointTs: start.CheckpointTs}
}

// NewTrigger makes the dispatcher's side of the table trigger.
func NewTrigger(id DispatcherID, epoch Epoch, start Start) *Party {
	p := NewParty(id, epoch, start)
	p.trigger = &trigger{}
	return p
}

// Meet takes an event out of the dispatcher's stream. From now on, until Blocked is false again, the dispatcher takes no
// later row. An event that is behind, or that the dispatcher already stands at, is dropped. The feeder sends nothing
// behind an event before Crossed, so a second event is a broken invariant: it panics.
func (p *Party) Meet(e Event) []Effect {
	if p.crossed.Passed(e.Key) || p.stands(e.Key) {
		return nil
	}
	if p.Blocked() {
		panic(fmt.Sprintf("barrier: %s meets %s while it stands at %s", p.id, e.Key, p.Slot()))
	}
	if p.trigger.mustHold(e, p.broken) {
		p.trigger.held = &e
		return nil
	}
	p.slot = &Slot{SlotFlushing, e}
	if !p.broken.keep(flushFirst) {
		return append([]Effect{Flush{e.Key}}, p.wait()...)
	}
	return []Effect{Flush{e.Key}}
}

// Flushed tells that every row before the event is durable. A flush that failed is an error of the dispatcher, and never
// comes here.
func (p *Party) Flushed(k Key) []Effect {
	if !p.at(k, SlotFlushing) {
		return nil
	}
	if p.slot.Event.Blocks {
		return p.wait()
	}
	p.slot.State = SlotWriting
	return []Effect{Execute{p.slot.Event}}
}

// Executed tells that the sink has written the event and holds a finished record of its key.
func (p *Party) Executed(k Key) []Effect {
	if !p.at(k, SlotWriting) {
		return nil
	}
	if p.slot.Event.Blocks {
		p.slot.State = SlotWritten
		return []Effect{p.done(k, Write, Executed)}
	}
	report := p.trigger.written(p.slot.Event, p.broken)
	effects := p.cross(k)
	if report != nil {
		effects = append(effects, p.reportWritten(*report))
	}
	return effects
}

// Reply takes the maintainer's answer to a WAITING or a WRITTEN.
func (p *Party) Reply(r Reply) []Effect {
	if !p.mine(r.To, r.Epoch) {
		return nil
	}
	if r.Answer == Ignored {
		p.hurry(r.Key)
		return nil
	}
	if p.at(r.Key, SlotWaiting) {
		p.answered = true
	}
	if next := p.trigger.acked(r.Key, p.broken); next != nil {
		return p.Meet(*next)
	}
	return nil
}

// Tick lets half a second pass: reports that wait for an answer are repeated, 1 s after the first and then backing off
// to every 5 s. It is needed only while Pending.
func (p *Party) Tick() []Effect {
	var effects []Effect
	if p.unanswered() && p.resend.tick() {
		effects = append(effects, p.report(StageWaiting, p.slot.Event))
	}
	for _, w := range p.trigger.due() {
		effects = append(effects, p.reportWritten(*w))
	}
	return effects
}

// Pending tells that a report waits for an answer, so that the Party needs its ticks.
func (p *Party) Pending() bool { return p.unanswered() || p.trigger.unacknowledged() > 0 }

// Activate takes the epoch of a new maintainer, which has asked for this dispatcher's Report. What was reported to the
// old one is reported again. It returns false, and changes nothing, if the epoch is not higher than the one known.
func (p *Party) Activate(epoch Epoch) bool {
	if epoch <= p.epoch {
		return false
	}
	p.epoch = epoch
	p.answered = false
	p.resend.start(reportWait)
	p.trigger.repeat()
	return true
}

// Advance tells the dispatcher's checkpoint-ts, which proves what is behind it.
func (p *Party) Advance(checkpointTs uint64) {
	p.checkpointTs = max(p.checkpointTs, checkpointTs)
}

// ID is the dispatcher's id.
func (p *Party) ID() DispatcherID { return p.id }

// Epoch is the epoch of the maintainer that the dispatcher listens to.
func (p *Party) Epoch() Epoch { return p.epoch }

// Slot tells where the dispatcher stands, for a Report.
func (p *Party) Slot() Slot {
	if p.slot == nil {
		return Slot{}
	}
	return *p.slot
}

// LastPassed is the position up to which every event is behind the dispatcher for good. The table trigger's stays below
// a DDL whose schedule the maintainer has not acknowledged.
func (p *Party) LastPassed() Position {
	if k := p.trigger.firstUnacknowledged(); !k.IsZero() && p.broken.keep(writtenStage) {
		return earlier(p.crossed, k.Before())
	}
	return p.crossed
}

// Ceiling is the highest checkpoint-ts that the events ahead allow the dispatcher, or NoCeiling.
func (p *Party) Ceiling() uint64 {
	ceiling := NoCeiling
	if p.slot != nil {
		ceiling = p.slot.Event.Key.CommitTs - 1
	}
	return min(ceiling, p.trigger.ceiling())
}

// Blocked tells that the dispatcher stands at an event and takes no later row.
func (p *Party) Blocked() bool { return p.slot != nil || p.trigger.holds() }

// MayStop tells that the dispatcher may be removed: no write of an event is running in its sink.
func (p *Party) MayStop() bool { return p.slot == nil || p.slot.State != SlotWriting }

// wait reports the slot's event.
func (p *Party) wait() []Effect {
	p.slot.State = SlotWaiting
	p.answered = false
	p.resend.start(reportWait)
	return []Effect{p.report(StageWaiting, p.slot.Event)}
}

// cross leaves the slot's event behind.
func (p *Party) cross(k Key) []Effect {
	p.crossed = p.after(k)
	p.slot = nil
	return []Effect{Crossed{k}}
}

func (p *Party) unanswered() bool {
	return p.slot != nil && p.slot.State == SlotWaiting && !p.answered
}

// hurry repeats an ignored report at the next tick.
func (p *Party) hurry(k Key) {
	if p.at(k, SlotWaiting) {
		p.resend.hurry()
	}
	p.trigger.hurry(k)
}

// mine tells that a message is for this life of the dispatcher and from the maintainer that it knows.
func (p *Party) mine(to DispatcherID, epoch Epoch) bool {
	return (to == p.id || !p.broken.keep(identities)) && (epoch == p.epoch || !p.broken.keep(epochs))
}

func (p *Party) at(k Key, s SlotState) bool {
	return p.slot != nil && p.slot.State == s && p.slot.Event.Key == k
}

// stands tells that the event is in the slot or in the hold, or lies before what is.
func (p *Party) stands(k Key) bool {
	return p.slot != nil && k.Compare(p.slot.Event.Key) <= 0 || p.trigger.holdsFrom(k)
}

func (p *Party) after(k Key) Position {
	if !p.broken.keep(positions) {
		return At(k.CommitTs)
	}
	return k.After()
}

func (p *Party) report(stage Stage, e Event) Status {
	return Status{From: p.id, Epoch: p.epoch, Version: CurrentVersion, Stage: stage, Event: e}
}

func (p *Party) reportWritten(w written) Status {
	s := p.report(StageWritten, w.event)
	s.Previous = w.previous
	return s
}

func (p *Party) done(k Key, a Action, o Outcome) Status {
	s := p.report(StageDone, Event{Key: k})
	s.Action, s.Outcome = a, o
	return s
}
