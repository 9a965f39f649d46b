package barrier

// Order takes the maintainer's order to write or to pass an event. What does not fit where the dispatcher stands changes
// nothing, and is answered only if the event is provably behind: never a DONE for a thing not done.
func (p *Party) Order(o Order) []Effect {
	switch {
	case !p.mine(o.To, o.Epoch):
		return nil
	case p.past(o.Key):
		return []Effect{p.done(o.Key, o.Action, AlreadyPast)}
	case p.slot == nil || p.slot.Event.Key != o.Key || !p.slot.Event.Blocks:
		return p.unreached(o)
	case o.Action == Write:
		return p.write(o)
	case o.Action == Pass:
		return p.pass(o)
	}
	return nil
}

// write begins the write, or answers for a write that has ended. A running write will answer by itself.
func (p *Party) write(o Order) []Effect {
	switch p.slot.State {
	case SlotWaiting:
		p.slot.State = SlotWriting
		return []Effect{Execute{p.slot.Event}}
	case SlotWritten:
		return []Effect{p.done(o.Key, Write, Executed)}
	}
	return p.unreached(o)
}

// pass leaves the event behind.
func (p *Party) pass(o Order) []Effect {
	switch p.slot.State {
	case SlotWaiting, SlotWritten:
		return append(p.cross(o.Key), p.done(o.Key, Pass, Executed))
	}
	return p.unreached(o)
}

// unreached ignores an order that the dispatcher can't carry out yet.
func (p *Party) unreached(o Order) []Effect {
	if !p.broken.keep(doneOnlyIfDone) {
		return []Effect{p.done(o.Key, o.Action, Executed)}
	}
	return nil
}

// past tells that the event is provably behind: the checkpoint is strictly above it, a later event is in the slot or in
// the hold, or the last passed key is this one or a later one.
func (p *Party) past(k Key) bool {
	if p.checkpointTs > k.CommitTs || p.slot != nil && p.slot.Event.Key.Compare(k) > 0 || p.trigger.holdsAfter(k) {
		return true
	}
	return p.broken.keep(passedProof) && p.crossed.Passed(k)
}
