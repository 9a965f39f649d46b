package cluster

import (
	"os"
	"slices"
	"strings"
	"time"
)

// A fault is one thing that goes wrong.
type fault struct {
	name   string
	weight int // how often it is chosen, beside the others
	// strike does it to a node and gives how to undo it; for how long it lasts is chosen between least and most.
	strike      func(*world, *Node) (undo func())
	least, most time.Duration
	network     bool // it needs the nodes to be in a Network
}

// faults are those that the nemesis chooses from. WEIR_CHAOS_FAULTS names some of them, separated by commas; empty is all.
var faults = []fault{
	{"kill", 5, (*world).kill, 0, 8 * time.Second, false},
	{"kill all", 1, (*world).killAll, 0, 3 * time.Second, false},
	{"kill etcd's leader", 2, (*world).killLeader, 0, 5 * time.Second, false},
	{"pause", 4, (*world).pause, time.Second, 10 * time.Second, false},
	{"long pause", 1, (*world).pause, 10 * time.Second, 30 * time.Second, false},
	{"cut off", 2, (*world).cutOffFromNodes, time.Second, 12 * time.Second, true},
	{"cut off from all", 1, (*world).cutOffFromAll, time.Second, 12 * time.Second, true},
	{"speak in vain", 2, (*world).speakInVain, time.Second, 12 * time.Second, true},
	{"hear nothing", 2, (*world).hearNothing, time.Second, 12 * time.Second, true},
	{"cut one link", 2, (*world).cutLink, time.Second, 12 * time.Second, true},
	{"cut one way", 2, (*world).cutOneWay, time.Second, 12 * time.Second, true},
	{"slow link", 2, (*world).slow, 2 * time.Second, 10 * time.Second, true},
	{"set the clock", 2, (*world).setClock, time.Second, 8 * time.Second, false},
	{"full disk", 1, (*world).fillDisk, 2 * time.Second, 10 * time.Second, false},
}

// strike lets one fault happen, sometimes two at a time, and undoes them.
func (w *world) strike() {
	w.Helper()
	undo := w.one()
	if w.random.IntN(4) == 0 {
		w.watch(w.between(0, 2*time.Second))
		second := w.one()
		w.watch(w.between(0, 2*time.Second))
		second()
	}
	undo()
}

// one lets one fault happen to a node that runs, for its time, and gives how to undo it.
func (w *world) one() (undo func()) {
	w.Helper()
	f := w.choose()
	n, part := w.node()
	if !n.Running() || n.Paused() || w.busy[f.name] || w.busy[n.Name] {
		return func() {}
	}
	w.busy[f.name], w.busy[n.Name] = true, true
	lasts := w.between(f.least, f.most)
	w.note("%s %s (%s) for %v", f.name, n.Name, part, lasts)
	w.struck[f.name]++
	back := f.strike(w, n)
	w.watch(lasts)
	return func() {
		back()
		delete(w.busy, f.name)
		delete(w.busy, n.Name)
		w.note("%s %s ends", f.name, n.Name)
	}
}

func (w *world) choose() fault {
	var chosen []fault
	total := 0
	for _, f := range faults {
		if f.network && w.network == nil {
			continue
		}
		if only := os.Getenv("WEIR_CHAOS_FAULTS"); only == "" || slices.Contains(strings.Split(only, ","), f.name) {
			chosen = append(chosen, f)
			total += f.weight
		}
	}
	if total == 0 {
		w.Fatal("WEIR_CHAOS_FAULTS names no fault")
	}
	at := w.random.IntN(total)
	i := slices.IndexFunc(chosen, func(f fault) bool { at -= f.weight; return at < 0 })
	return chosen[i]
}

func (w *world) kill(n *Node) (undo func()) {
	n.Kill()
	return func() { n.Start() }
}

func (w *world) killAll(*Node) (undo func()) {
	var killed []*Node
	for _, n := range w.cluster.Nodes {
		if n.Running() {
			killed = append(killed, n)
			n.Kill()
		}
	}
	return func() {
		for _, n := range killed {
			n.Start()
		}
	}
}

// killLeader kills the node whose member leads the embedded etcd.
func (w *world) killLeader(n *Node) (undo func()) {
	if leader := w.cluster.leader(w.Context()); leader != nil && leader.Running() && !leader.Paused() {
		n = leader
	}
	w.note("%s is the leader", n.Name)
	n.Kill()
	return func() { n.Start() }
}

func (w *world) pause(n *Node) (undo func()) {
	n.Pause()
	return n.Continue
}

// A way is a direction in which packets are lost.
type way struct {
	from Host
	to   string
}

// lose loses what goes these ways.
func (w *world) lose(ways ...way) (undo func()) {
	for _, l := range ways {
		w.network.Lose(l.from, l.to)
	}
	return func() {
		for _, l := range ways {
			w.network.Carry(l.from, l.to)
		}
	}
}

// others gives all nodes but one.
func (w *world) others(n *Node) (others []*Node) {
	for _, o := range w.cluster.Nodes {
		if o != n {
			others = append(others, o)
		}
	}
	return others
}

// to gives the ways from a node to all others, from those from all others to it.
func (w *world) to(n *Node) (ways []way) {
	for _, o := range w.others(n) {
		ways = append(ways, way{n.Host, o.IP})
	}
	return ways
}

func (w *world) from(n *Node) (ways []way) {
	for _, o := range w.others(n) {
		ways = append(ways, way{o.Host, n.IP})
	}
	return ways
}

func (w *world) cutOffFromNodes(n *Node) (undo func()) {
	return w.lose(slices.Concat(w.to(n), w.from(n))...)
}

// cutOffFromAll cuts a node off from the upstream, too.
func (w *world) cutOffFromAll(n *Node) (undo func()) {
	return w.lose(slices.Concat(w.to(n), w.from(n), []way{{n.Host, w.network.Gateway}})...)
}

func (w *world) speakInVain(n *Node) (undo func()) { return w.lose(w.to(n)...) }
func (w *world) hearNothing(n *Node) (undo func()) { return w.lose(w.from(n)...) }

// cutLink cuts a node off from one other; both still reach the third.
func (w *world) cutLink(n *Node) (undo func()) {
	others := w.others(n)
	other := others[w.random.IntN(len(others))]
	return w.lose(way{n.Host, other.IP}, way{other.Host, n.IP})
}

func (w *world) cutOneWay(n *Node) (undo func()) {
	others := w.others(n)
	return w.lose(way{n.Host, others[w.random.IntN(len(others))].IP})
}

func (w *world) slow(n *Node) (undo func()) {
	w.network.Slow(n.Host)
	return func() { w.network.Hurry(n.Host) }
}

// setClock sets a node's clock ahead or back, by a second to a day, and right again.
func (w *world) setClock(n *Node) (undo func()) {
	by := []int{1, 10, 3600, 86400}[w.random.IntN(4)]
	if w.random.IntN(2) == 0 {
		by = -by
	}
	w.note("clock of %s by %d s", n.Name, by)
	n.SetClock(by)
	return func() { n.SetClock(0) }
}

// fillDisk leaves no room where the files go.
func (w *world) fillDisk(*Node) (undo func()) {
	if err := shrinkMemory(w.out()); err != nil {
		w.Fatalf("leave no room: %v", err)
	}
	return func() {
		if err := resizeMemory(w.out(), diskSize); err != nil {
			w.Fatalf("give room: %v", err)
		}
	}
}
