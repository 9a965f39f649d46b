package barrier

// onDone takes the answer to an order. One whose action, key or sender does not fit the phase changes nothing.
func (b *Barrier) onDone(m *member, s Status) []Effect {
	c := b.inFlight(s.Event.Key)
	action := s.Action
	if action == NoAction {
		if s.Version >= TypedDone {
			return []Effect{ProtocolError{s, "a DONE without its action"}}
		}
		action = c.untyped(m)
	}
	if c == nil {
		return nil
	}
	if !b.broken.keep(typedDone) {
		action = c.guess()
	}
	switch {
	case action == Write && c.phase == writing && (m.id == c.writer || !b.broken.keep(writerOnly)):
		return b.onWriteDone(c, s.Outcome)
	case action == Pass && c.phase == passing:
		b.update(m, func() { m.reach(b.after(s.Event.Key)) })
		return b.settle()
	}
	return nil
}

// onWriteDone ends the write. That the writer is past the event counts only with the Barrier's own proof, which settle
// looks for.
func (b *Barrier) onWriteDone(c *crossing, o Outcome) []Effect {
	if o == Executed {
		b.enter(c, scheduling)
	}
	return b.settle()
}

// untyped tells what a DONE without an action proves, from a peer that is too old to know better. The writer's in
// PASSING may repeat its write's: it proves nothing, and its pass is proved by its last passed key.
func (c *crossing) untyped(m *member) Action {
	switch {
	case c == nil || c.writer == "":
		return NoAction
	case c.phase == writing && m.id == c.writer:
		return Write
	case c.phase == passing && m.id != c.writer:
		return Pass
	}
	return NoAction
}

// guess is what the phase would like to hear. It stands in for the action where a test breaks the rule of typed DONEs.
func (c *crossing) guess() Action {
	if c.phase == passing {
		return Pass
	}
	return Write
}

// proven tells, without a DONE, that an event's write has happened: a party has it behind, or, if the trigger is a party,
// it lies at or below the schedule mark. A party is past if its checkpoint is strictly above, if it waits at a later
// event, or if its last passed key is this or a later one: all that stands in its position.
func (b *Barrier) proven(c *crossing) bool {
	if c.past > 0 {
		return true
	}
	return (c.event.NeedsTrigger() || !b.broken.keep(markOfTrigger)) && b.mark.Passed(c.event.Key)
}

// Advance takes what a dispatcher's heartbeat tells: its checkpoint-ts and its last passed position.
func (b *Barrier) Advance(id DispatcherID, checkpointTs uint64, passed Position) []Effect {
	m := b.spans.byID[id]
	if m == nil {
		return nil
	}
	position := b.proof(checkpointTs, passed)
	m.checkpointTs = max(m.checkpointTs, checkpointTs)
	if position.Compare(m.position) <= 0 {
		return nil
	}
	b.update(m, func() { m.reach(position) })
	return b.settle()
}

// proof is the position that a checkpoint and a last passed key prove. The checkpoint alone proves only what is strictly
// below it: on an idle upstream it stays at exactly the commit-ts of an event that is still ahead.
func (b *Barrier) proof(checkpointTs uint64, passed Position) Position {
	position := Position{checkpointTs, BeforeDDL}
	if !b.broken.keep(strictCheckpoint) {
		position = At(checkpointTs)
	}
	if !b.broken.keep(passedProof) {
		return position
	}
	return later(position, passed)
}
