package schedule

import (
	"time"

	"github.com/weir-cdc/weir/barrier"
)

// A Scheduler is the schedule of one changefeed. It is for one goroutine.
type Scheduler struct {
	options Options
	nodes   map[NodeID]*node
	home    NodeID
	tables  map[barrier.TableID]*table
	byID    map[barrier.DispatcherID]*piece
	spans   int

	// open and leaving are the nodes that are up and draining, by name.
	open, leaving []*node

	// What waits for a Step.
	absent     [rests]queue[absence] // spans to add, by how long they rest
	missing    int                   // spans to add
	triggerDue moment                // when the table trigger has rested
	ready      []operator
	ordered    []*piece // in the last Step
	ends       queue[end]
	commanded  []*table
	hot        []*piece
	cooling    []*table
	cooled     moment // when cooling was looked through
	balance    balance

	running  int // operators under way, but removals
	removing map[barrier.DispatcherID]*remove
	strays   map[barrier.TableID][]*remove // the same by table

	// Of the Step.
	first   time.Time
	now     moment
	mayMove func(barrier.DispatcherID) bool
	actions []Action
}

// New makes a Scheduler that knows nothing: tell the nodes, the home, and with Placed and Counted the dispatchers that
// are alive; the first Step tells the spans that are absent.
func New(o Options) *Scheduler {
	return &Scheduler{
		options:  o.withDefaults(),
		nodes:    map[NodeID]*node{},
		tables:   map[barrier.TableID]*table{},
		byID:     map[barrier.DispatcherID]*piece{},
		removing: map[barrier.DispatcherID]*remove{},
		strays:   map[barrier.TableID][]*remove{},
	}
}

// Placed tells that a dispatcher was found alive, or was ordered as a Place asked. It does not count before Counted.
func (s *Scheduler) Placed(id barrier.DispatcherID, span barrier.Span, at NodeID) {
	n := s.meet(at)
	if s.byID[id] != nil {
		return
	}
	p := s.adopt(span)
	if p.id != "" {
		s.Gone(p.id) // two for one span: the barrier has forgotten the older
	}
	if p.op == nil || !p.op.expects(p, n) {
		if p.op != nil {
			p.op.abandon(s)
		}
		s.adding(p, n)
	}
	s.occupy(p, id, n)
}

// Counted tells that a dispatcher replicates.
func (s *Scheduler) Counted(id barrier.DispatcherID) {
	if p := s.byID[id]; p != nil && p.op != nil {
		p.op.counted(s, p)
	}
}

// Gone tells that a dispatcher has ended, by order or by itself, or that it is lost with its node: it never acts again.
// If it had a span, that is absent now.
func (s *Scheduler) Gone(id barrier.DispatcherID) {
	if r := s.removing[id]; r != nil {
		r.end(s)
		return
	}
	p := s.byID[id]
	if p == nil {
		return
	}
	n := p.node
	s.vacate(p)
	if p.op != nil {
		p.op.ended(s, p)
	} else {
		s.fail(p, n)
	}
}

// Dropped tells that a table is no more. Its dispatchers are Gone one by one; the maintainer has ordered their end.
func (s *Scheduler) Dropped(id barrier.TableID) {
	t := s.tables[id]
	if t == nil || id == barrier.TriggerSpan.Table {
		return
	}
	for len(t.pieces) > 0 {
		s.leave(t.pieces[len(t.pieces)-1])
	}
	t.command = nil
	delete(s.tables, id)
}

// Traffic tells the bytes per second of a dispatcher, a mean over some seconds. It holds until the next is told: tell 0
// when there is none.
func (s *Scheduler) Traffic(id barrier.DispatcherID, bytesPerSecond uint64) {
	if p := s.byID[id]; p != nil && !p.trigger() {
		s.setTraffic(p, min(bytesPerSecond, maxTraffic))
	}
}

// maxTraffic keeps the sum over a million spans within 64 bits.
const maxTraffic = 1 << 40

// Splittable tells whether a table may have more than one span. It may until told otherwise. One that has several and
// may not, is merged.
func (s *Scheduler) Splittable(id barrier.TableID, may bool) {
	if id == barrier.TriggerSpan.Table || may && s.tables[id] == nil {
		return
	}
	t := s.table(id)
	t.whole = !may
	s.oblige(t)
}

// oblige has a table merged that may not be split.
func (s *Scheduler) oblige(t *table) {
	if t.whole && len(t.pieces) > 1 && (t.command == nil || t.command.verb != mergeTable) {
		s.command(t, &command{verb: mergeTable})
	}
}

// Keep tells whether the spans of a table stay as they are cut until a command changes them. The command Split says so
// by itself; it is also taken to be so of a table that is found split, since its past is not known.
func (s *Scheduler) Keep(id barrier.TableID, keep bool) {
	if t := s.tables[id]; t != nil {
		t.kept = keep
		for _, p := range t.pieces {
			s.watch(p)
		}
	}
}

// Settled tells that every span is served, that nothing is under way, and that no command waits.
func (s *Scheduler) Settled() bool {
	return s.idle() && len(s.commanded) == 0
}

func (s *Scheduler) idle() bool { return s.running == 0 && s.missing == 0 && len(s.removing) == 0 }
