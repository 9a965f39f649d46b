package barrier

import "slices"

// A Barrier is the maintainer's side of the protocol: the spans of one changefeed and the events that they cross. It is
// made by a Bootstrap, lives for one epoch, and belongs to one actor.
type Barrier struct {
	epoch Epoch
	spans spans
	// crossings are the events in flight, in key order.
	crossings []*crossing
	// mark is the position up to which every schedule has been applied.
	mark   Position
	broken rules
	former map[DispatcherID]*member // only while a test breaks the rule of identities
}

// Epoch is the epoch that the Barrier stamps on its orders and expects in statuses.
func (b *Barrier) Epoch() Epoch { return b.epoch }

// Status takes a dispatcher's WAITING, WRITTEN or DONE. Those of another epoch, of a dispatcher that is no more, and
// those that carry no news change nothing.
func (b *Barrier) Status(s Status) []Effect {
	m := b.sender(s)
	if m == nil {
		return nil
	}
	switch s.Stage {
	case StageWaiting:
		return b.onWaiting(m, s)
	case StageWritten:
		return b.onWritten(m, s)
	case StageDone:
		return b.onDone(m, s)
	}
	return []Effect{ProtocolError{s, "unknown stage"}}
}

// sender finds who sent the status, or nil if it must be dropped.
func (b *Barrier) sender(s Status) *member {
	if s.Epoch != b.epoch && b.broken.keep(epochs) {
		return nil
	}
	if m := b.spans.byID[s.From]; m != nil {
		return m
	}
	return b.former[s.From]
}

// onWaiting notes a reporter. A report from a party that is past the event, by its own proof, is a late repetition or
// comes from one that could not know: it gets PASS, and nothing else changes.
func (b *Barrier) onWaiting(m *member, s Status) []Effect {
	key := s.Event.Key
	if !m.replicating && b.broken.keep(countReplicating) {
		return []Effect{b.reply(m, key, Ignored)}
	}
	if !m.party(&s.Event) && b.spans.trigger.position.Compare(key.Before()) < 0 {
		return []Effect{b.reply(m, key, Ignored)} // a move that makes it a party may still come
	}
	if !s.Event.Blocks || !m.party(&s.Event) {
		return []Effect{ProtocolError{s, "the sender is no party to a blocking event"}}
	}
	if m.past(key, b.broken) {
		return []Effect{b.order(m, key, Pass)}
	}
	c := b.crossing(s.Event)
	b.update(m, func() {
		m.waits = key
		m.reach(b.before(key))
	})
	c.last = m.id
	effects := []Effect{b.reply(m, key, Ack)}
	switch {
	case c.phase == writing && c.writer == m.id:
		effects = append(effects, b.order(m, key, Write))
	case c.phase == passing:
		effects = append(effects, b.order(m, key, Pass))
	}
	return append(effects, b.settle()...)
}

// Tick lets half a second pass: orders without an answer are repeated, 500 ms after the first and then backing off to
// every 5 s. It is needed only while Pending.
func (b *Barrier) Tick() []Effect {
	var effects []Effect
	for _, c := range b.crossings {
		if (c.phase == writing || c.phase == passing) && c.resend.tick() {
			effects = append(effects, b.orders(c)...)
		}
	}
	return effects
}

// Pending tells that an event is in flight, so that the Barrier needs its ticks.
func (b *Barrier) Pending() bool { return len(b.crossings) > 0 }

// orders gives the orders of an event that have no answer.
func (b *Barrier) orders(c *crossing) []Effect {
	if c.phase == writing {
		if m := b.spans.byID[c.writer]; m != nil {
			return []Effect{b.order(m, c.event.Key, Write)}
		}
		return nil
	}
	var effects []Effect
	b.spans.parties(&c.event, func(m *member) {
		if m.id != "" && !m.past(c.event.Key, b.broken) {
			effects = append(effects, b.order(m, c.event.Key, Pass))
		}
	})
	return effects
}

// settle moves every event as far as it can go, lowest key first.
func (b *Barrier) settle() []Effect {
	var effects []Effect
	for again := true; again; {
		again = false
		for _, c := range slices.Clone(b.crossings) {
			for b.step(c, &effects) {
				again = true
			}
		}
	}
	return effects
}

// step makes one transition of an event, and tells whether there was one.
func (b *Barrier) step(c *crossing, effects *[]Effect) bool {
	switch c.phase {
	case collecting:
		return b.collect(c, effects)
	case writing:
		return b.write(c, effects)
	case scheduling:
		return b.schedule(c, effects)
	case passing:
		return b.complete(c, effects)
	}
	return false
}

// collect ends when the write is proved, when every party waits, or when nobody does any more.
func (b *Barrier) collect(c *crossing, effects *[]Effect) bool {
	switch {
	case b.proven(c):
		b.enter(c, scheduling)
	case c.waiting == 0:
		b.forget(c)
		return false
	case c.waiting == c.parties && b.spans.known(&c.event):
		b.enter(c, writing)
		b.elect(c, effects)
	default:
		return false
	}
	return true
}

// write ends when the write is proved. If the writer is gone, another one writes.
func (b *Barrier) write(c *crossing, effects *[]Effect) bool {
	if b.proven(c) {
		b.enter(c, scheduling)
		return true
	}
	if b.spans.byID[c.writer] == nil && b.broken.keep(writerStays) {
		b.elect(c, effects)
	}
	return false
}

// elect chooses the writer and orders it to write: the trigger if it is a party, else the last reporter, else the first
// party that waits. Without a candidate the event waits for the next report.
func (b *Barrier) elect(c *crossing, effects *[]Effect) {
	c.writer = ""
	chosen := b.spans.trigger
	if !c.event.NeedsTrigger() {
		chosen = b.spans.byID[c.last]
		b.spans.parties(&c.event, func(m *member) {
			if chosen == nil && m.waits == c.event.Key {
				chosen = m
			}
		})
	}
	if chosen == nil || chosen.waits != c.event.Key {
		return
	}
	c.writer = chosen.id
	c.resend.start(orderWait)
	*effects = append(*effects, b.order(chosen, c.event.Key, Write))
}

// complete forgets an event once every party is past it.
func (b *Barrier) complete(c *crossing, effects *[]Effect) bool {
	if c.past < c.parties {
		return false
	}
	b.applyLate(c, effects)
	b.forget(c)
	*effects = append(*effects, Completed{c.event.Key})
	return false
}

// enter begins a phase. From the write on, what is absent starts at the event, and behind it once the write is proved.
func (b *Barrier) enter(c *crossing, p phase) {
	c.phase = p
	b.spans.parties(&c.event, func(m *member) {
		if m.id == "" {
			b.update(m, func() { b.advanceAbsent(m) })
		}
	})
}

// advanceAbsent moves the start of an absent span up to, or past, the events in flight that are beyond COLLECTING: its
// earlier dispatchers had reported. The table trigger skips none.
func (b *Barrier) advanceAbsent(m *member) {
	if m.table == nil {
		return
	}
	for _, c := range b.crossings {
		if !m.party(&c.event) {
			continue
		}
		switch {
		case c.phase >= scheduling:
			m.reach(b.after(c.event.Key))
		case c.phase == writing || !b.broken.keep(skipIfReported):
			m.reach(b.before(c.event.Key))
		}
	}
}

// crossing finds the event in flight, or begins to collect it.
func (b *Barrier) crossing(e Event) *crossing {
	i, found := b.find(e.Key)
	if found {
		return b.crossings[i]
	}
	c := &crossing{event: e}
	b.spans.parties(&c.event, func(m *member) { c.add(m, 1, b.broken) })
	b.crossings = slices.Insert(b.crossings, i, c)
	return c
}

func (b *Barrier) find(k Key) (int, bool) {
	return slices.BinarySearchFunc(b.crossings, k, func(c *crossing, k Key) int { return c.event.Key.Compare(k) })
}

// inFlight finds the event in flight, or nil.
func (b *Barrier) inFlight(k Key) *crossing {
	if i, found := b.find(k); found {
		return b.crossings[i]
	}
	return nil
}

func (b *Barrier) forget(c *crossing) {
	if i, found := b.find(c.event.Key); found {
		b.crossings = slices.Delete(b.crossings, i, i+1)
	}
}

// update changes a member, and keeps the counts of every event right.
func (b *Barrier) update(m *member, change func()) {
	for _, c := range b.crossings {
		c.add(m, -1, b.broken)
	}
	change()
	for _, c := range b.crossings {
		c.add(m, 1, b.broken)
	}
}

// recount counts every event anew, after tables came, went or moved.
func (b *Barrier) recount() {
	for _, c := range b.crossings {
		c.parties, c.waiting, c.past = 0, 0, 0
		b.spans.parties(&c.event, func(m *member) { c.add(m, 1, b.broken) })
	}
}

func (b *Barrier) order(m *member, k Key, a Action) Order {
	return Order{To: m.id, Epoch: b.epoch, Key: k, Action: a}
}

func (b *Barrier) reply(m *member, k Key, a Answer) Reply {
	return Reply{To: m.id, Epoch: b.epoch, Key: k, Answer: a}
}

func (b *Barrier) before(k Key) Position {
	if !b.broken.keep(positions) {
		return Position{k.CommitTs, BeforeDDL}
	}
	return k.Before()
}

func (b *Barrier) after(k Key) Position {
	if !b.broken.keep(positions) {
		return At(k.CommitTs)
	}
	return k.After()
}
