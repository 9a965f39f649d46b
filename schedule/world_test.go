package schedule

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weir-cdc/weir/barrier"
)

// A world is a maintainer that does what its Scheduler says, nodes with groups, and the faults between them. It knows
// the truth: which dispatchers act, on which keys.
type world struct {
	s       *Scheduler
	options Options
	now     time.Time
	home    NodeID
	nodes   map[NodeID]*modelNode
	tables  map[barrier.TableID]*modelTable
	living  map[barrier.DispatcherID]*living
	news    []barrier.Absent // to tell in the next Step
	stay    map[barrier.DispatcherID]bool
	number  int
	fault   string
	log     []string
	actions int
	// noise makes what is measured differ from the truth by up to a tenth; clumsy has orders fail, and absent spans told
	// time and again.
	noise  *rand.Rand
	clumsy *rand.Rand
}

type modelNode struct {
	up, draining bool
	lost         bool // its dispatchers may act until the maintainer has waited for them
}

// A modelTable holds the barrier's spans with their dispatchers, "" for none.
type modelTable struct {
	spans map[barrier.Span]barrier.DispatcherID
	whole bool
	heat  uint64 // bytes per second over all its keys
	point bool   // all of it at one key
}

type living struct {
	span     barrier.Span
	node     NodeID
	counted  bool
	stopping bool
	ordered  bool // to stop; the order may have been lost
	stray    bool // its table is dropped
}

func newWorld(o Options) *world {
	w := &world{options: o, now: time.Unix(1_700_000_000, 0), nodes: map[NodeID]*modelNode{},
		tables: map[barrier.TableID]*modelTable{}, living: map[barrier.DispatcherID]*living{}, stay: map[barrier.DispatcherID]bool{}}
	w.s = New(o)
	w.addTable(0)
	return w
}

func (w *world) say(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) fail(format string, args ...any) {
	if w.fault == "" {
		w.fault = fmt.Sprintf(format, args...)
	}
}

func (w *world) addTable(id barrier.TableID) {
	w.tables[id] = &modelTable{spans: map[barrier.Span]barrier.DispatcherID{barrier.Whole(id): ""}}
	w.news = append(w.news, barrier.Absent{Span: barrier.Whole(id)})
}

func (w *world) dropTable(id barrier.TableID) {
	for _, d := range w.tables[id].spans {
		if l := w.living[d]; l != nil {
			l.stopping, l.ordered, l.stray = true, true, true
		}
	}
	delete(w.tables, id)
	w.news = slices.DeleteFunc(w.news, func(a barrier.Absent) bool { return a.Span.Table == id })
	w.s.Dropped(id)
}

// ids lists the living in order.
func (w *world) ids(which func(*living) bool) []barrier.DispatcherID {
	var ids []barrier.DispatcherID
	for id, l := range w.living {
		if which(l) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (w *world) acts(l *living) bool { return !w.nodes[l.node].lost }

// end is what the maintainer hears when a dispatcher surely acts no more.
func (w *world) end(id barrier.DispatcherID) {
	l := w.living[id]
	delete(w.living, id)
	delete(w.stay, id)
	if t := w.tables[l.span.Table]; t != nil && t.spans[l.span] == id {
		t.spans[l.span] = ""
	}
	w.s.Gone(id)
}

func (w *world) kill(n NodeID) {
	w.nodes[n].up, w.nodes[n].draining, w.nodes[n].lost = false, false, true
	w.s.NodeDown(n)
}

// outwait is the end of the grant of a lost node.
func (w *world) outwait(n NodeID) {
	known := w.s.Dispatchers(n)
	for _, id := range w.ids(func(l *living) bool { return l.node == n }) {
		if !slices.Contains(known, id) {
			w.fail("%s lives on lost %s and the scheduler does not list it", id, n)
		}
		w.end(id)
	}
	delete(w.nodes, n)
}

// restart is a new maintainer: it finds what lives.
func (w *world) restart() {
	w.s = New(w.options)
	w.s.SetHome(w.home)
	w.news = w.absent()
	for _, n := range slices.Sorted(maps.Keys(w.nodes)) {
		switch m := w.nodes[n]; {
		case m.draining:
			w.s.NodeDraining(n)
		case m.up:
			w.s.NodeUp(n)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.tables)) {
		w.s.Splittable(id, !w.tables[id].whole)
	}
	for _, id := range w.ids(func(l *living) bool { return l.stray }) {
		l := w.living[id]
		l.stopping = true // its bootstrap orders again what has no span
		w.s.Ending(id, l.span, l.node)
	}
	for _, id := range w.ids(func(l *living) bool { return !l.stray }) {
		w.s.Placed(id, w.living[id].span, w.living[id].node)
		w.s.Counted(id)
		w.living[id].counted = true
	}
}

// absent is all that the barrier would list.
func (w *world) absent() []barrier.Absent {
	var absent []barrier.Absent
	for _, id := range slices.Sorted(maps.Keys(w.tables)) {
		for _, span := range slices.SortedFunc(maps.Keys(w.tables[id].spans), barrier.Span.Compare) {
			if w.tables[id].spans[span] == "" {
				absent = append(absent, barrier.Absent{Span: span})
			}
		}
	}
	return absent
}

// step lets the Scheduler decide and does it.
func (w *world) step() []Action {
	if w.clumsy != nil && w.clumsy.IntN(4) == 0 {
		w.news = w.absent()
	}
	actions := w.s.Step(w.now, w.news, func(id barrier.DispatcherID) bool { return !w.stay[id] })
	w.news = nil
	for _, a := range actions {
		w.say("  %s", a)
		w.actions++
		switch a := a.(type) {
		case Place:
			w.place(a)
		case Remove:
			w.remove(a)
		case Reshape:
			w.reshape(a)
		}
	}
	w.check()
	return actions
}

func (w *world) place(a Place) {
	t := w.tables[a.Span.Table]
	n := w.nodes[a.Node]
	if t == nil {
		w.fail("%s: no such table", a)
		return
	}
	if id, known := t.spans[a.Span]; !known || id != "" {
		w.fail("%s: known %v, of %q", a, known, id)
	}
	if n == nil || !n.up {
		w.fail("%s: not up", a)
	}
	if n.draining && slices.ContainsFunc(slices.Collect(maps.Values(w.nodes)), func(n *modelNode) bool { return n.up && !n.draining }) {
		w.fail("%s: draining", a)
	}
	for id, l := range w.living {
		if l.span.Intersects(a.Span) || l.span == a.Span {
			w.fail("%s: %s serves its keys on %s", a, id, l.node)
		}
	}
	if w.clumsy != nil && w.clumsy.IntN(8) == 0 {
		w.say("  (not done)")
		return
	}
	w.number++
	id := barrier.DispatcherID(fmt.Sprintf("1.%06d", w.number))
	t.spans[a.Span] = id
	w.living[id] = &living{span: a.Span, node: a.Node}
	w.s.Placed(id, a.Span, a.Node)
}

func (w *world) remove(a Remove) {
	l := w.living[a.Dispatcher]
	if l == nil || l.node != a.Node {
		w.fail("%s: not there", a)
		return
	}
	if w.stay[a.Dispatcher] && !l.ordered {
		w.fail("%s: it may not move", a)
	}
	l.stopping, l.ordered = true, true
}

func (w *world) reshape(a Reshape) {
	t := w.tables[a.Old[0].Table]
	if t == nil {
		w.fail("%s: no such table", a)
		return
	}
	if t.whole && len(a.New) > 1 {
		w.fail("%s: not splittable", a)
	}
	for _, span := range a.Old {
		if id, known := t.spans[span]; !known || id != "" {
			w.fail("%s: %s known %v, of %q", a, span, known, id)
		}
		delete(t.spans, span)
	}
	for _, span := range a.New {
		t.spans[span] = ""
	}
}

// check is what holds after every step.
func (w *world) check() {
	for _, id := range slices.Sorted(maps.Keys(w.tables)) {
		spans := slices.SortedFunc(maps.Keys(w.tables[id].spans), barrier.Span.Compare)
		next := uint64(0)
		for i, s := range spans {
			if s.Start != next || s.End == 0 && i+1 < len(spans) {
				w.fail("table %d is cut into %v", id, spans)
			}
			next = s.End
		}
		if next != 0 {
			w.fail("table %d is cut into %v", id, spans)
		}
	}
	w.checkAccounts()
}

// checkAccounts compares what the Scheduler adds up as it goes with what there is.
func (w *world) checkAccounts() {
	s := w.s
	starting, tasks, busyTasks, removals := map[*node]int{}, map[*node]int{}, map[*node]int{}, map[*node]int{}
	load, spans := map[*node]uint64{}, map[*node]int{}
	running := map[operator]bool{}
	missing, pieces := 0, 0
	count := func(n *node, busy bool) {
		tasks[n]++
		if busy {
			busyTasks[n]++
		}
	}
	for _, t := range s.tables {
		for _, p := range t.pieces {
			pieces++
			if p.charged != nil {
				load[p.charged] += s.load(p)
			}
			if p.id != "" {
				spans[p.node]++
			}
			if (p.op == nil && p.id == "") != p.waiting {
				w.fail("%s: waiting is %v", p.span(), p.waiting)
			}
			if p.waiting {
				missing++
			}
			if p.op == nil || running[p.op] {
				continue
			}
			running[p.op] = true
			switch op := p.op.(type) {
			case *add:
				starting[op.to]++
			case *move:
				count(op.to, op.busy)
				if op.from != nil {
					count(op.from, op.busy)
				}
			case *split:
				for _, n := range op.nodes {
					count(n, op.busy)
				}
			case *merge:
				for _, n := range op.nodes {
					count(n, op.busy)
				}
			}
		}
	}
	for _, r := range s.removing {
		removals[r.node]++
	}
	if missing != s.missing || len(running) != s.running || pieces != s.spans {
		w.fail("missing %d %d, running %d %d, spans %d %d", missing, s.missing, len(running), s.running, pieces, s.spans)
	}
	for _, n := range s.nodes {
		if n.starting != starting[n] || n.tasks != tasks[n] || n.busyTasks != busyTasks[n] || n.removals != removals[n] ||
			n.load != load[n] || n.spans() != spans[n] {
			w.fail("%s: the accounts are wrong: %+v", n.id, *n)
		}
		if o := s.options; n.tasks > o.Tasks || n.busyTasks > o.BusyTasks || n.starting > o.Starting && w.number > 0 && !w.restarted(n) {
			w.fail("%s: over the limits: %d starting, %d tasks, %d busy", n.id, n.starting, n.tasks, n.busyTasks)
		}
	}
}

// restarted tells that the table trigger, which no limit delays, is among the starting.
func (w *world) restarted(n *node) bool {
	p := w.s.piece(barrier.TriggerSpan)
	return p != nil && p.op != nil && p.op.expects(p, n) && n.starting == w.s.options.Starting+1
}

// traffic of a span, as its table's heat says.
func (t *modelTable) traffic(s barrier.Span) uint64 {
	if t.point {
		if s.Start == 0 {
			return t.heat
		}
		return 0
	}
	part := float64(s.End-s.Start) / (1 << 64)
	if s.Start == 0 && s.End == 0 {
		part = 1
	}
	return uint64(float64(t.heat) * part)
}

// measure tells the traffic of all that counts.
func (w *world) measure() {
	for _, id := range w.ids(func(l *living) bool { return l.counted }) {
		if t := w.tables[w.living[id].span.Table]; t != nil {
			traffic := t.traffic(w.living[id].span)
			if w.noise != nil {
				traffic = traffic * uint64(900+w.noise.IntN(201)) / 1000
			}
			w.s.Traffic(id, traffic)
		}
	}
}

// calm lets time pass without faults, each group doing its part. It ends early when done says so.
func (w *world) calm(steps int, each time.Duration, done func() bool) bool {
	for range steps {
		if w.fault != "" {
			return false
		}
		w.now = w.now.Add(each)
		for _, id := range w.ids(w.acts) {
			w.turn(id)
		}
		w.measure()
		w.step()
		if done != nil && done() {
			return true
		}
	}
	return done == nil
}

// turn lets a dispatcher do what it does next.
func (w *world) turn(id barrier.DispatcherID) {
	l := w.living[id]
	switch {
	case l.stopping:
		w.end(id)
	case !l.counted:
		l.counted = true
		w.s.Counted(id)
	}
}

// someone picks one of a list.
func someone[T any](dice *rand.Rand, list []T) (T, bool) {
	var none T
	if len(list) == 0 {
		return none, false
	}
	return list[dice.IntN(len(list))], true
}
