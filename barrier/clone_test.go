package barrier

import (
	"encoding/binary"
	"hash/maphash"
	"maps"
	"slices"
)

// clone copies a world, so that both can go on by themselves. What the core never changes in place is shared.
func (w *world) clone() *world {
	c := *w
	c.nodes = make([]*node, len(w.nodes))
	for i, n := range w.nodes {
		o := *n
		o.party = n.party.clone()
		c.nodes[i] = &o
	}
	c.net = slices.Clone(w.net)
	c.dead = slices.Clone(w.dead)
	if w.boot != nil {
		b := *w.boot
		b.missing, b.reports = maps.Clone(b.missing), maps.Clone(b.reports)
		c.boot = &b
	}
	if w.maintainer != nil {
		c.maintainer = w.maintainer.clone()
	}
	c.former = maps.Clone(w.former)
	return &c
}

func (p *Party) clone() *Party {
	c := *p
	if p.slot != nil {
		s := *p.slot
		c.slot = &s
	}
	if p.trigger != nil {
		t := *p.trigger
		t.reports = nil
		for _, r := range p.trigger.reports {
			o := *r
			t.reports = append(t.reports, &o)
		}
		c.trigger = &t
	}
	return &c
}

func (b *Barrier) clone() *Barrier {
	c := *b
	c.spans = newSpans()
	for _, t := range b.spans.order {
		o := &table{Table: t.Table, members: make([]*member, 0, len(t.members))}
		c.spans.tables[t.ID] = o
		c.spans.order = append(c.spans.order, o)
	}
	moved := func(m *member) *member {
		o := *m
		if m.table != nil {
			o.table = c.spans.tables[m.table.ID]
			o.table.members = append(o.table.members, &o)
		} else {
			c.spans.trigger = &o
		}
		if o.id != "" {
			c.spans.byID[o.id] = &o
		}
		if !o.replicating {
			c.spans.unplaced[&o] = struct{}{}
		}
		return &o
	}
	b.spans.each(func(m *member) { moved(m) })
	c.crossings = make([]*crossing, len(b.crossings))
	for i, x := range b.crossings {
		o := *x
		c.crossings[i] = &o
	}
	if b.former != nil {
		c.former = map[DispatcherID]*member{}
		for id, m := range b.former {
			if n := c.spans.member(m.span); n != nil {
				c.former[id] = n
			}
		}
	}
	return &c
}

// An encoder writes a state in one canonical form: what cannot make a difference any more is left out, above all the
// backoffs and how often a dispatcher has been made anew.
type encoder struct {
	buf   []byte
	names map[DispatcherID]byte
	raw   bool
}

var seed = maphash.MakeSeed()

// hash identifies the state of a world.
func (w *world) hash(e *encoder) uint64 {
	e.buf = e.buf[:0]
	e.raw = !w.broken.keep(identities)
	clear(e.names)
	for _, n := range w.nodes {
		e.names[n.party.id] = byte(len(e.names) + 1)
	}
	for _, c := range w.dead {
		e.names[c.id] = byte(len(e.names) + 1)
	}
	e.u64(uint64(w.durable) | uint64(len(w.nodes))<<32 | uint64(w.bootstraps)<<40)
	e.u64(w.stored)
	e.bytes(w.record[:])
	e.faults(w.left)
	for i := range w.scheduled {
		e.bool(w.scheduled[i])
	}
	e.u64(uint64(len(w.sources)))
	for _, n := range w.nodes {
		e.node(w, n)
	}
	for _, c := range w.dead {
		e.name(c.id)
		e.report(c.final)
	}
	e.byte(0xfe)
	for _, p := range w.net {
		e.packet(w, p)
	}
	e.byte(0xff)
	if w.boot != nil {
		e.boot(w.boot)
	}
	if w.maintainer != nil {
		e.barrier(w.maintainer)
	}
	return maphash.Bytes(seed, e.buf)
}

func (e *encoder) byte(b byte)    { e.buf = append(e.buf, b) }
func (e *encoder) bytes(b []byte) { e.buf = append(e.buf, b...) }
func (e *encoder) u64(v uint64)   { e.buf = binary.AppendUvarint(e.buf, v) }
func (e *encoder) key(k Key)      { e.u64(k.CommitTs<<2 | uint64(k.Kind)) }
func (e *encoder) pos(p Position) { e.u64(p.Ts<<2 | uint64(p.Reach)) }
func (e *encoder) span(s Span)    { e.u64(uint64(s.Table)); e.byte(byte(s.Start>>63) | byte(s.End>>62)) }
func (e *encoder) faults(f faults) {
	e.bytes([]byte{f.lose, f.repeat, f.crash, f.maintainer, f.topology, f.forge})
}

func (e *encoder) bool(b bool) {
	if b {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) name(id DispatcherID) {
	if e.raw {
		e.byte(byte(len(id)))
		e.buf = append(e.buf, id...)
		return
	}
	if id == "" {
		e.byte(0)
	} else if n, known := e.names[id]; known {
		e.byte(n)
	} else {
		e.byte(255)
	}
}

func (e *encoder) slot(s *Slot) {
	if s == nil {
		e.byte(9)
		return
	}
	e.byte(byte(s.State))
	e.key(s.Event.Key)
}

func (e *encoder) report(r Report) {
	e.span(r.Span)
	e.u64(r.CheckpointTs)
	e.pos(r.Passed)
	e.slot(&r.Slot)
}

func (e *encoder) node(w *world, n *node) {
	p := n.party
	if e.raw {
		e.name(p.id)
	}
	e.span(n.span)
	e.buf = append(e.buf, n.schema...)
	e.pos(n.start)
	e.u64(uint64(w.next(n)))
	e.u64(uint64(n.accepted))
	e.byte(n.exec)
	e.bool(n.stopping)
	e.u64(uint64(w.epoch - p.epoch))
	e.pos(p.crossed)
	e.u64(p.checkpointTs)
	e.slot(p.slot)
	e.bool(p.answered)
	if t := p.trigger; t != nil {
		for _, r := range t.reports {
			e.key(r.event.Key)
			e.key(r.previous)
		}
		e.key(t.previous)
		if t.held != nil {
			e.key(t.held.Key)
		}
	}
	e.byte(0xfd)
}

func (e *encoder) packet(w *world, p packet) {
	e.byte(p.kind)
	e.name(p.peer)
	e.u64(uint64(w.epoch - p.epoch))
	e.key(p.key)
	e.key(p.previous)
	e.bytes([]byte{byte(p.stage), byte(p.action), byte(p.outcome), byte(p.answer), byte(p.version)})
}

func (e *encoder) boot(b *Bootstrap) {
	for _, r := range b.sorted() {
		e.name(r.ID)
		e.report(r)
	}
	e.byte(0xfc)
	e.u64(uint64(len(b.missing)))
}

func (e *encoder) barrier(b *Barrier) {
	e.pos(b.mark)
	b.spans.each(func(m *member) {
		e.span(m.span)
		e.name(m.id)
		e.bool(m.replicating)
		e.key(m.waits)
		e.pos(m.position)
		e.u64(m.checkpointTs)
		if m.table != nil {
			e.buf = append(e.buf, m.table.Schema...)
		}
	})
	e.byte(0xfb)
	for _, c := range b.crossings {
		e.key(c.event.Key)
		e.byte(byte(c.phase))
		e.name(c.writer)
		e.name(c.last)
	}
}
