package schedule

import (
	"cmp"
	"slices"

	"github.com/weir-cdc/weir/barrier"
)

type nodeState uint8

const (
	down     nodeState = iota // lost, or never seen: what lives there is not gone before Gone
	up                        //
	draining                  // gives its spans away
)

func (s nodeState) String() string { return [...]string{"down", "up", "draining"}[s] }

// A node has what lives there, and what is under way.
type node struct {
	id    NodeID
	state nodeState
	// idle and busy hold the spans with a dispatcher here, without and with traffic.
	idle, busy []*piece
	load       uint64 // of the spans that are here or on their way to here
	traffic    uint64 // the part of the load that is traffic
	starting   int    // adds under way
	tasks      int    // moves, splits and merges
	busyTasks  int    // of these, with traffic
	removals   int    // dispatchers without a span, that are ending
}

func (n *node) list(busy bool) *[]*piece {
	if busy {
		return &n.busy
	}
	return &n.idle
}

// house puts a span with a dispatcher into the node's lists.
func (n *node) house(p *piece) {
	p.node = n
	list := n.list(p.busy())
	p.place = int32(len(*list))
	*list = append(*list, p)
}

// unhouse takes it out.
func (n *node) unhouse(p *piece) {
	list := n.list(p.busy())
	last := len(*list) - 1
	moved := (*list)[last]
	(*list)[p.place] = moved
	moved.place = p.place
	(*list)[last] = nil
	*list = (*list)[:last]
	p.node = nil
}

func (n *node) spans() int { return len(n.idle) + len(n.busy) }

// empty tells that nothing is here, nor on its way to here.
func (n *node) empty() bool { return n.spans()+n.starting+n.tasks+n.removals == 0 }

// take and give keep the account of the tasks.
func (n *node) take(busy bool) {
	n.tasks++
	if busy {
		n.busyTasks++
	}
}

func (n *node) give(busy bool) {
	n.tasks--
	if busy {
		n.busyTasks--
	}
}

// NodeUp tells of a node that takes spans; it also ends a drain.
func (s *Scheduler) NodeUp(id NodeID) { s.enter(s.meet(id), up) }

// NodeDown tells of a node that is lost. Its spans are placed elsewhere one by one as the maintainer tells that their
// dispatchers are Gone: when they surely act no more. Dispatchers lists them.
func (s *Scheduler) NodeDown(id NodeID) {
	n := s.nodes[id]
	if n == nil {
		return
	}
	s.enter(n, down)
	s.forget(n)
}

// NodeDraining tells of a node that has to give its spans away. It gets new ones only while no other node is up.
func (s *Scheduler) NodeDraining(id NodeID) { s.enter(s.meet(id), draining) }

// Drained tells that nothing of the changefeed lives on a node, nor is on its way there, and that nothing will be.
func (s *Scheduler) Drained(id NodeID) bool {
	n := s.nodes[id]
	return n == nil || n.state != up && n.empty()
}

// Dispatchers lists those that live on a node, were ordered there, or are ending there: each of them is to be told as
// Gone before the Scheduler forgets it.
func (s *Scheduler) Dispatchers(id NodeID) []barrier.DispatcherID {
	n := s.nodes[id]
	if n == nil {
		return nil
	}
	var ids []barrier.DispatcherID
	for _, list := range [][]*piece{n.idle, n.busy} {
		for _, p := range list {
			ids = append(ids, p.id)
		}
	}
	for id, r := range s.removing {
		if r.node == n {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// SetHome names the maintainer's own node, where the table trigger belongs.
func (s *Scheduler) SetHome(id NodeID) { s.home = id }

// meet finds a node, or makes its record.
func (s *Scheduler) meet(id NodeID) *node {
	n := s.nodes[id]
	if n == nil {
		n = &node{id: id}
		s.nodes[id] = n
	}
	return n
}

// forget drops the record of a node that is down when nothing is left of it.
func (s *Scheduler) forget(n *node) {
	if n.state == down && n.empty() && s.nodes[n.id] == n {
		delete(s.nodes, n.id)
	}
}

func (s *Scheduler) enter(n *node, state nodeState) {
	n.state = state
	s.open, s.leaving = s.open[:0], s.leaving[:0]
	for _, n := range s.nodes {
		switch n.state {
		case up:
			s.open = append(s.open, n)
		case draining:
			s.leaving = append(s.leaving, n)
		}
	}
	byID := func(a, b *node) int { return cmp.Compare(a.id, b.id) }
	slices.SortFunc(s.open, byID)
	slices.SortFunc(s.leaving, byID)
	s.balance = balance{}
}

// NodeLoad is what a changefeed has on one node.
type NodeLoad struct {
	Node     NodeID
	State    string // up, draining or down
	Spans    int    // with a dispatcher there
	Traffic  uint64 // bytes per second, of those and of what is on its way there
	Starting int    // dispatchers that do not count yet
	Tasks    int    // moves, splits and merges under way
}

// Nodes lists the nodes by name.
func (s *Scheduler) Nodes() []NodeLoad {
	var loads []NodeLoad
	for _, n := range s.nodes {
		loads = append(loads, NodeLoad{n.id, n.state.String(), n.spans(), n.traffic, n.starting, n.tasks})
	}
	slices.SortFunc(loads, func(a, b NodeLoad) int { return cmp.Compare(a.Node, b.Node) })
	return loads
}
