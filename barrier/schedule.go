package barrier

// schedule applies an event's schedule and begins to let the parties pass. It waits until the trigger has reached the
// event: then every lower schedule has been applied. At or below the mark it has been applied already.
func (b *Barrier) schedule(c *crossing, effects *[]Effect) bool {
	e := &c.event
	if b.due(e) && b.broken.keep(scheduleBeforePass) {
		if b.spans.trigger.position.Compare(e.Key.Before()) < 0 && b.broken.keep(scheduleOrder) {
			return false
		}
		*effects = append(*effects, b.apply(e))
	}
	b.enter(c, passing)
	c.resend.start(orderWait)
	*effects = append(*effects, b.orders(c)...)
	return true
}

// due tells that the event has a schedule that has not been applied.
func (b *Barrier) due(e *Event) bool {
	return e.HasSchedule() && (!b.mark.Passed(e.Key) || !b.broken.keep(scheduleOnce))
}

// apply changes the tables and raises the mark.
func (b *Barrier) apply(e *Event) Effect {
	for _, id := range e.Drops {
		b.spans.dropTable(id)
	}
	for _, t := range e.Adds {
		if b.spans.tables[t.ID] == nil {
			b.spans.addSpan(b.spans.addTable(t), Whole(t.ID), Start{Position: b.after(e.Key)})
		}
	}
	for _, m := range e.Moves {
		if t := b.spans.tables[m.ID]; t != nil {
			t.Schema = m.Schema
		}
	}
	b.mark = later(b.mark, e.Key.After())
	b.recount()
	b.placeAbsent()
	return Schedule{e.Key, e.Drops, e.Adds, e.Moves}
}

// applyLate applies the schedule after all have passed, where a test breaks the rule that it comes before.
func (b *Barrier) applyLate(c *crossing, effects *[]Effect) {
	if b.due(&c.event) && !b.broken.keep(scheduleBeforePass) {
		*effects = append(*effects, b.apply(&c.event))
	}
}

// placeAbsent moves the start of every absent span up to the events in flight.
func (b *Barrier) placeAbsent() {
	for m := range b.spans.unplaced {
		if m.id == "" {
			b.update(m, func() { b.advanceAbsent(m) })
		}
	}
}

// onWritten applies the schedule of a non-blocking DDL, after the one before it, and only then acknowledges.
func (b *Barrier) onWritten(m *member, s Status) []Effect {
	key := s.Event.Key
	switch {
	case m != b.spans.trigger:
		return []Effect{ProtocolError{s, "a WRITTEN from a dispatcher that is not the table trigger"}}
	case !m.replicating && b.broken.keep(countReplicating):
		return []Effect{b.reply(m, key, Ignored)}
	case b.mark.Passed(key) && b.broken.keep(scheduleOnce):
		return []Effect{b.reply(m, key, Ack)}
	case !s.Previous.IsZero() && !b.mark.Passed(s.Previous):
		return nil
	}
	effects := []Effect{b.apply(&s.Event), b.reply(m, key, Ack)}
	return append(effects, b.settle()...)
}
