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
}

// faults are those that the nemesis chooses from. WEIR_CHAOS_FAULTS names some of them, separated by commas; empty is all.
var faults = []fault{
	{"kill", 6, (*world).kill, 0, 8 * time.Second},
	{"kill all", 1, (*world).killAll, 0, 3 * time.Second},
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
	if !n.Running() || n.Paused() || slices.Contains(w.cutOff, n) {
		return func() {}
	}
	lasts := w.between(f.least, f.most)
	w.note("%s %s (%s) for %v", f.name, n.Name, part, lasts)
	w.struck[f.name]++
	back := f.strike(w, n)
	w.watch(lasts)
	return func() {
		back()
		w.note("%s %s ends", f.name, n.Name)
	}
}

func (w *world) choose() fault {
	var chosen []fault
	total := 0
	for _, f := range faults {
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
