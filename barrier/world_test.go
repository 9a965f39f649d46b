package barrier

import (
	"cmp"
	"fmt"
	"slices"
)

// A scenario is what does not change in a world: the upstream's history and how much may go wrong.
type scenario struct {
	name   string
	tables []Table // at the start
	splits map[TableID][]Span
	rows   []row
	events []Event
	faults faults
	legacy bool // dispatchers leave the action out of their DONE
	// coarse joins steps that hardly anything can come between: feed and flush, the rows behind the last event and the
	// step before, an ACK of a WAITING and its sending.
	coarse bool
	items  []item
}

// faults is what may still go wrong.
type faults struct {
	lose, repeat, crash, maintainer, topology, forge uint8
	op                                               topologyOp
}

type topologyOp uint8

const (
	noOp topologyOp = iota
	moveOp
	splitOp
	mergeOp
)

// A row is one row of one table; key places it in the table's key space.
type row struct {
	table TableID
	ts    uint64
	key   uint64
}

// An item is a row or an event in the upstream's commit order, rows before events.
type item struct {
	row   int
	event int
	ts    uint64
	kind  Kind
}

// half is where the worlds split a table.
const half = 1 << 63

func (sc *scenario) prepare() *scenario {
	for i, r := range sc.rows {
		sc.items = append(sc.items, item{row: i, event: -1, ts: r.ts})
	}
	for i, e := range sc.events {
		sc.items = append(sc.items, item{row: -1, event: i, ts: e.Key.CommitTs, kind: e.Key.Kind})
	}
	slices.SortStableFunc(sc.items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(a.kind, b.kind))
	})
	return sc
}

func (sc *scenario) index(k Key) int {
	return slices.IndexFunc(sc.events, func(e Event) bool { return e.Key == k })
}

// tablesAt reads the schema history.
func (sc *scenario) tablesAt(p Position) []Table {
	tables := slices.Clone(sc.tables)
	for _, e := range sc.events {
		if !p.Passed(e.Key) {
			break
		}
		tables = slices.DeleteFunc(tables, func(t Table) bool { return slices.Contains(e.Drops, t.ID) })
		for _, t := range e.Adds {
			tables = append(tables, Table{t.ID, t.Schema, e.Key.After()})
		}
		for i := range tables {
			for _, m := range e.Moves {
				if m.ID == tables[i].ID {
					tables[i].Schema = m.Schema
				}
			}
		}
	}
	return tables
}

// concerns tells that the event stands in the stream of a span.
func (sc *scenario) concerns(e *Event, span Span) bool {
	if span == TriggerSpan {
		return e.NeedsTrigger()
	}
	for _, t := range sc.tablesAt(e.Key.Before()) {
		if t.ID == span.Table {
			return e.Concerns(t)
		}
	}
	return false
}

// A node is one dispatcher with its part of the sink and of the feeder.
type node struct {
	party    *Party
	span     Span
	schema   string
	start    Position
	cursor   int
	accepted uint32 // rows that the sink has taken and not made durable
	exec     uint8  // 0, 1: asked to execute, 2: executing
	stopping bool
}

// A corpse is a dispatcher that has ended, of which the maintainer does not know yet.
type corpse struct {
	id    DispatcherID
	final Report
}

// A packet is a message under way.
type packet struct {
	kind     uint8 // 'S'tatus, 'O'rder, 'R'eply
	peer     DispatcherID
	epoch    Epoch
	version  Version
	stage    Stage
	key      Key
	previous Key
	action   Action
	outcome  Outcome
	answer   Answer
}

func (p packet) compare(o packet) int {
	return cmp.Or(cmp.Compare(p.kind, o.kind), cmp.Compare(p.peer, o.peer), cmp.Compare(p.epoch, o.epoch),
		p.key.Compare(o.key), cmp.Compare(p.stage, o.stage), cmp.Compare(p.action, o.action),
		cmp.Compare(p.outcome, o.outcome), cmp.Compare(p.answer, o.answer), p.previous.Compare(o.previous))
}

func (p packet) String() string {
	switch p.kind {
	case 'S':
		return fmt.Sprintf("%s says %s %s %s %s (epoch %d)", p.peer, p.stage, p.key, p.action, p.outcome, p.epoch)
	case 'O':
		return fmt.Sprintf("order to %s: %s %s (epoch %d)", p.peer, p.action, p.key, p.epoch)
	}
	return fmt.Sprintf("reply to %s: %s %s (epoch %d)", p.peer, p.answer, p.key, p.epoch)
}

// A world is a changefeed with everything around the protocol: sink, feeder, network, stored checkpoint.
type world struct {
	sc         *scenario
	broken     rules
	maintainer *Barrier
	boot       *Bootstrap
	nodes      []*node // sorted by span, then id
	dead       []corpse
	net        []packet // a sorted set
	durable    uint32   // rows downstream
	record     [4]uint8 // the sink's record of each event: 0 none, 1 started and applied, 2 finished
	stored     uint64   // the changefeed's checkpoint
	epoch      Epoch
	lastID     int
	left       faults
	sources    []Span // of a split or merge that waits for its removals
	scheduled  [4]bool
	bootstraps uint8
	former     map[DispatcherID]Span // spans of all ids, only while a test breaks the rule of identities
	violation  string
}

// newWorld starts a changefeed at ts 1.
func newWorld(sc *scenario, broken rules) *world {
	w := &world{sc: sc, broken: broken, left: sc.faults, epoch: 1, stored: 1}
	w.boot = NewBootstrap(1, 1, nil)
	w.boot.broken = broken
	w.finishBoot()
	for id, cut := range sc.splits {
		whole := w.maintainer.spans.member(Whole(id))
		w.kill(w.nodeOf(whole.id))
		w.maintainer.Removed(whole.id, Report{})
		w.must(w.maintainer.Reshape([]Span{Whole(id)}, cut))
	}
	w.settle()
	for _, n := range w.nodes {
		w.maintainer.Replicating(n.party.ID())
	}
	return w
}

func (w *world) fail(format string, args ...any) {
	if w.violation == "" {
		w.violation = fmt.Sprintf(format, args...)
	}
}

func (w *world) must(err error) {
	if err != nil {
		w.fail("core refused: %v", err)
	}
}

func (w *world) nodeOf(id DispatcherID) *node {
	for _, n := range w.nodes {
		if n.party.ID() == id {
			return n
		}
	}
	return nil
}

func (w *world) kill(n *node) {
	w.nodes = slices.DeleteFunc(w.nodes, func(o *node) bool { return o == n })
}

func (w *world) bury(c corpse) {
	w.dead = append(w.dead, c)
}

func (w *world) send(p packet) {
	i, found := slices.BinarySearchFunc(w.net, p, packet.compare)
	if !found {
		w.net = slices.Insert(w.net, i, p)
	}
}

// checkpoint is a dispatcher's checkpoint: below the oldest row that is not durable, below what is still to come, and
// below the event at which it stands.
func (w *world) checkpoint(n *node) uint64 {
	ts := w.sc.items[len(w.sc.items)-1].ts
	if i := w.next(n); i < len(w.sc.items) {
		ts = w.sc.items[i].ts - 1
	}
	for i, r := range w.sc.rows {
		if n.accepted&(1<<i) != 0 {
			ts = min(ts, r.ts-1)
		}
	}
	return min(ts, n.party.Ceiling())
}

// next is the index of the next item in a dispatcher's stream.
func (w *world) next(n *node) int {
	for i := n.cursor; i < len(w.sc.items); i++ {
		it := w.sc.items[i]
		if it.row >= 0 {
			r := w.sc.rows[it.row]
			if n.span.Covers(Span{r.table, r.key, r.key + 1}) && r.ts > n.start.Ts {
				return i
			}
			continue
		}
		e := &w.sc.events[it.event]
		if !n.start.Passed(e.Key) && w.sc.concerns(e, n.span) {
			return i
		}
	}
	return len(w.sc.items)
}

// feed sends a dispatcher its rows up to the next event, and the event.
func (w *world) feed(n *node) {
	for {
		i := w.next(n)
		n.cursor = i + 1
		if i >= len(w.sc.items) {
			n.cursor = len(w.sc.items)
			return
		}
		it := w.sc.items[i]
		if it.row < 0 {
			w.fromParty(n, n.party.Meet(w.sc.events[it.event]))
			return
		}
		w.accept(n, it.row)
	}
}

// accept gives a row to the sink.
func (w *world) accept(n *node, i int) {
	if w.durable&(1<<i) == 0 {
		n.accepted |= 1 << i
		return
	}
	for j := range w.sc.events {
		e := &w.sc.events[j]
		if w.bootstraps == 1 && w.record[j] > 0 && e.Key.CommitTs >= w.sc.rows[i].ts && w.sc.concerns(e, n.span) {
			w.fail("I18: %s replays the row at %d, although %s is written", n.span, w.sc.rows[i].ts, e.Key)
		}
	}
}

// flush makes a dispatcher's rows durable.
func (w *world) flush(n *node) {
	for i, r := range w.sc.rows {
		if n.accepted&(1<<i) == 0 || w.durable&(1<<i) != 0 {
			continue
		}
		w.durable |= 1 << i
		for j := range w.sc.events {
			e := &w.sc.events[j]
			concerned := w.sc.concerns(e, n.span) || slices.ContainsFunc(e.Adds, func(t Table) bool { return t.ID == r.table })
			switch {
			case !concerned:
			case e.Key.CommitTs >= r.ts && w.record[j] > 0:
				w.fail("I7: the row at %d of %s comes after %s", r.ts, n.span, e.Key)
			case e.Key.CommitTs < r.ts && w.record[j] == 0:
				w.fail("I7: the row at %d of %s comes before %s", r.ts, n.span, e.Key)
			}
		}
	}
	n.accepted = 0
	if slot := n.party.Slot(); slot.State == SlotFlushing {
		w.fromParty(n, n.party.Flushed(slot.Event.Key))
	}
}

// execute lets the sink take its next step of writing an event.
func (w *world) execute(n *node) {
	slot := n.party.Slot()
	i := w.sc.index(slot.Event.Key)
	if n.exec == 1 && w.record[i] < 2 || n.exec == 1 && !w.broken.keep(sinkRecord) {
		w.apply(i)
		for _, o := range w.nodes {
			if o.exec == 2 && o.party.Slot().Event.Key == slot.Event.Key {
				w.fail("I1: %s and %s write %s at once", n.span, o.span, slot.Event.Key)
			}
		}
		n.exec = 2
		return
	}
	w.record[i] = 2
	n.exec = 0
	w.fromParty(n, n.party.Executed(slot.Event.Key))
}

// apply is the moment at which an event is downstream.
func (w *world) apply(i int) {
	e := &w.sc.events[i]
	if w.record[i] > 0 && !w.broken.keep(sinkRecord) {
		w.fail("I1: %s is written twice", e.Key)
	}
	if w.record[i] > 0 {
		return // "already so" counts as success
	}
	w.record[i] = 1
	for j, r := range w.sc.rows {
		if !w.sc.concerns(e, Whole(r.table)) {
			continue
		}
		if down := w.durable&(1<<j) != 0; down != (r.ts <= e.Key.CommitTs) {
			w.fail("%s: %s is written, and the row at %d of table %d is downstream: %v",
				map[bool]string{true: "I9", false: "I7"}[e.Key.Kind == Syncpoint], e.Key, r.ts, r.table, down)
		}
	}
	for j := range w.sc.events {
		o := &w.sc.events[j]
		if o.Key.Compare(e.Key) < 0 && w.record[j] < 2 && w.overlap(e, o) {
			w.fail("I8: %s is written before %s", e.Key, o.Key)
		}
	}
}

// overlap tells that two events concern one span, so that they must be written in key order.
func (w *world) overlap(a, b *Event) bool {
	if a.NeedsTrigger() && b.NeedsTrigger() {
		return true
	}
	for _, t := range w.sc.tables {
		if w.sc.concerns(a, Whole(t.ID)) && w.sc.concerns(b, Whole(t.ID)) {
			return true
		}
	}
	return false
}

// fromParty performs a dispatcher's effects.
func (w *world) fromParty(n *node, effects []Effect) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case Flush:
		case Execute:
			n.exec = 1
		case Crossed:
			if w.record[w.sc.index(e.Key)] < 2 {
				w.fail("I4: %s crosses %s before it is written", n.span, e.Key)
			}
		case Status:
			w.checkStatus(n, e)
			p := packet{kind: 'S', peer: e.From, epoch: e.Epoch, version: e.Version, stage: e.Stage, key: e.Event.Key,
				previous: e.Previous, action: e.Action, outcome: e.Outcome}
			if w.sc.legacy && e.Stage == StageDone {
				p.action, p.outcome, p.version = NoAction, Executed, TypedDone-1
			}
			w.send(p)
		}
	}
}

// fromMaintainer performs the maintainer's effects.
func (w *world) fromMaintainer(effects []Effect) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case Order:
			w.checkOrder(e)
			w.send(packet{kind: 'O', peer: e.To, epoch: e.Epoch, key: e.Key, action: e.Action})
		case Reply:
			w.send(packet{kind: 'R', peer: e.To, epoch: e.Epoch, key: e.Key, answer: e.Answer})
		case Schedule:
			w.checkSchedule(e)
		case Remove:
			if n := w.nodeOf(e.ID); n != nil {
				w.kill(n)
			}
		case ProtocolError:
			w.fail("unexpected %s", e)
		}
	}
}

// settle does what the maintainer's shell does at once: it creates the dispatchers of absent spans.
func (w *world) settle() {
	w.join()
	if w.maintainer != nil {
		w.reshape()
		for _, a := range w.maintainer.Absent() {
			if !slices.Contains(w.sources, a.Span) {
				w.create(a)
			}
		}
	}
	w.purge()
}

func (w *world) create(a Absent) {
	span := a.Span
	w.lastID++
	id := DispatcherID(fmt.Sprintf("d%d", w.lastID))
	start, err := w.maintainer.Create(span, id)
	w.must(err)
	w.checkCreate(span, start)
	n := &node{span: span, schema: a.Schema, start: start.Position}
	if span == TriggerSpan {
		n.party = NewTrigger(id, w.epoch, start)
	} else {
		n.party = NewParty(id, w.epoch, start)
	}
	n.party.broken = w.broken
	if w.former != nil {
		w.former[id] = span
	}
	w.nodes = append(w.nodes, n)
	slices.SortFunc(w.nodes, func(a, b *node) int { return a.span.Compare(b.span) })
}

// reshape ends a split or a merge once its sources are absent.
func (w *world) reshape() {
	if len(w.sources) == 0 {
		return
	}
	for _, s := range w.sources {
		m := w.maintainer.spans.member(s)
		if m == nil { // dropped meanwhile
			w.sources = nil
			return
		}
		if m.id != "" {
			return
		}
	}
	id := w.sources[0].Table
	into := []Span{{id, 0, half}, {id, half, 0}}
	if len(w.sources) == 2 {
		into = []Span{Whole(id)}
	}
	w.must(w.maintainer.Reshape(w.sources, into))
	w.sources = nil
}

// join makes the steps that a coarse world does at once.
func (w *world) join() {
	if !w.sc.coarse {
		return
	}
	for _, n := range w.nodes {
		if n.party.Slot().State == SlotFlushing {
			w.flush(n)
		}
		if i := w.next(n); !n.party.Blocked() && !slices.ContainsFunc(w.sc.items[i:], func(it item) bool {
			return it.event >= 0 && w.sc.concerns(&w.sc.events[it.event], n.span)
		}) {
			w.feed(n)
			w.flush(n)
		}
	}
	for i := 0; i < len(w.net); i++ {
		p := w.net[i]
		n := w.nodeOf(p.peer)
		if p.kind == 'R' && n != nil && n.party.at(p.key, SlotWaiting) {
			w.net = slices.Delete(w.net, i, i+1)
			w.deliver(p)
			i--
		}
	}
}

// purge takes out of the network what its receiver drops for ever, by the receiver's own word.
func (w *world) purge() {
	if !w.broken.keep(epochs) || !w.broken.keep(identities) {
		return
	}
	w.net = slices.DeleteFunc(w.net, func(p packet) bool {
		n := w.nodeOf(p.peer)
		if p.kind != 'S' {
			return n == nil || p.epoch < n.party.epoch && !n.party.mine(p.peer, p.epoch)
		}
		if p.epoch < w.epoch {
			return w.maintainer == nil || w.maintainer.sender(w.status(p)) == nil
		}
		return n == nil && w.maintainer != nil && w.maintainer.sender(w.status(p)) == nil
	})
}

func (w *world) status(p packet) Status {
	s := Status{From: p.peer, Epoch: p.epoch, Version: p.version, Stage: p.stage, Event: Event{Key: p.key},
		Previous: p.previous, Action: p.action, Outcome: p.outcome}
	if p.stage != StageDone {
		s.Event = w.sc.events[w.sc.index(p.key)]
	}
	return s
}

// deliver brings a packet to its receiver.
func (w *world) deliver(p packet) {
	if p.kind == 'S' {
		w.fromMaintainer(w.maintainer.Status(w.status(p)))
		return
	}
	n := w.nodeOf(p.peer)
	if n == nil { // a restart keeps the mailbox
		for _, o := range w.nodes {
			if w.former != nil && o.span == w.former[p.peer] {
				n = o
			}
		}
	}
	if n == nil {
		return
	}
	if p.kind == 'O' {
		w.fromParty(n, n.party.Order(Order{p.peer, p.epoch, p.key, p.action}))
		return
	}
	w.fromParty(n, n.party.Reply(Reply{p.peer, p.epoch, p.key, p.answer}))
}

// report is a dispatcher's answer to a new maintainer.
func (w *world) report(n *node) Report {
	return Report{ID: n.party.ID(), Span: n.span, Schema: n.schema, CheckpointTs: w.checkpoint(n), Passed: n.party.LastPassed(),
		Slot: n.party.Slot()}
}

// finishBoot makes the new maintainer.
func (w *world) finishBoot() {
	b, effects := w.boot.Finish(w.sc.tablesAt(w.boot.TriggerPosition()))
	w.maintainer, w.boot, w.dead = b, nil, nil
	w.scheduled = [4]bool{}
	w.bootstraps++
	w.fromMaintainer(effects)
	w.settle()
}

// changefeedCheckpoint is what the maintainer would store.
func (w *world) changefeedCheckpoint() uint64 {
	ts := w.maintainer.CheckpointCeiling()
	w.maintainer.spans.each(func(m *member) {
		if m.replicating {
			ts = min(ts, m.checkpointTs)
		}
	})
	return ts
}
