package schedule

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-cdc/weir/barrier"
)

// modest is limits that small worlds reach.
func modest() Options {
	return Options{Starting: 4, Tasks: 3, BusyTasks: 2, SplitAbove: 1000, MergeBelow: 200, SpanWeight: 10, SplitSpans: 8,
		Quiet: 30 * time.Second, Settle: 2 * time.Second, Sustain: 2 * time.Second, Patience: 3 * time.Second}
}

// An event is what can happen to a world, and how often it does beside the others.
type event struct {
	name   string
	weight int
	do     func(w *world, dice *rand.Rand) string // "" when it can't happen now
}

var events = []event{
	{"time", 10, func(w *world, dice *rand.Rand) string {
		d := time.Duration(dice.IntN(3000)) * time.Millisecond
		w.now = w.now.Add(d)
		return d.String()
	}},
	{"turn", 60, func(w *world, dice *rand.Rand) string {
		id, ok := someone(dice, w.ids(w.acts))
		if ok {
			w.turn(id)
		}
		return string(id)
	}},
	{"crash", 3, func(w *world, dice *rand.Rand) string {
		id, ok := someone(dice, w.ids(w.acts))
		if ok {
			w.end(id)
		}
		return string(id)
	}},
	{"node joins", 3, func(w *world, dice *rand.Rand) string {
		if len(w.nodes) >= 5 {
			return ""
		}
		w.number++
		n := NodeID(fmt.Sprintf("n%d", w.number))
		w.nodes[n] = &modelNode{up: true}
		w.s.NodeUp(n)
		return string(n)
	}},
	{"node is lost", 2, func(w *world, dice *rand.Rand) string {
		n, ok := someone(dice, w.nodesThat(func(n *modelNode) bool { return n.up }))
		if ok {
			w.kill(n)
		}
		return string(n)
	}},
	{"grant ends", 5, func(w *world, dice *rand.Rand) string {
		n, ok := someone(dice, w.nodesThat(func(n *modelNode) bool { return n.lost }))
		if ok {
			w.outwait(n)
		}
		return string(n)
	}},
	{"drain", 2, func(w *world, dice *rand.Rand) string {
		n, ok := someone(dice, w.nodesThat(func(n *modelNode) bool { return n.up && !n.draining }))
		if ok {
			w.nodes[n].draining = true
			w.s.NodeDraining(n)
		}
		return string(n)
	}},
	{"undrain", 1, func(w *world, dice *rand.Rand) string {
		n, ok := someone(dice, w.nodesThat(func(n *modelNode) bool { return n.draining }))
		if ok {
			w.nodes[n].draining = false
			w.s.NodeUp(n)
		}
		return string(n)
	}},
	{"home", 1, func(w *world, dice *rand.Rand) string {
		n, ok := someone(dice, w.nodesThat(func(n *modelNode) bool { return n.up }))
		if ok {
			w.home = n
			w.s.SetHome(n)
		}
		return string(n)
	}},
	{"table comes", 5, func(w *world, dice *rand.Rand) string {
		w.number++
		w.addTable(barrier.TableID(w.number))
		return fmt.Sprint(w.number)
	}},
	{"table goes", 3, func(w *world, dice *rand.Rand) string {
		id, ok := w.someTable(dice)
		if ok {
			w.dropTable(id)
		}
		return fmt.Sprint(id)
	}},
	{"splittable", 2, func(w *world, dice *rand.Rand) string {
		id, ok := w.someTable(dice)
		if ok {
			t := w.tables[id]
			t.whole = !t.whole
			w.s.Splittable(id, !t.whole)
		}
		return fmt.Sprint(id)
	}},
	{"heat", 6, func(w *world, dice *rand.Rand) string {
		id, ok := w.someTable(dice)
		if !ok {
			return ""
		}
		t := w.tables[id]
		t.heat, _ = someone(dice, []uint64{0, 0, 0, 50, 300, 900, 1500, 9000})
		t.point = dice.IntN(4) == 0
		w.measure()
		return fmt.Sprintf("%d %d %v", id, t.heat, t.point)
	}},
	{"move", 3, func(w *world, dice *rand.Rand) string {
		id, _ := w.someTable(dice)
		n, _ := someone(dice, w.nodesThat(func(*modelNode) bool { return true }))
		return fmt.Sprintf("%d to %s: %v", id, n, w.s.Move(id, n))
	}},
	{"split", 3, func(w *world, dice *rand.Rand) string {
		id, _ := w.someTable(dice)
		n := dice.IntN(5) + 2
		return fmt.Sprintf("%d into %d: %v", id, n, w.s.Split(id, n))
	}},
	{"merge", 2, func(w *world, dice *rand.Rand) string {
		id, _ := w.someTable(dice)
		return fmt.Sprintf("%d: %v", id, w.s.Merge(id))
	}},
	{"stay", 2, func(w *world, dice *rand.Rand) string {
		id, ok := someone(dice, w.ids(func(*living) bool { return true }))
		if ok {
			w.stay[id] = !w.stay[id]
		}
		return string(id)
	}},
	{"removal is lost", 1, func(w *world, dice *rand.Rand) string {
		id, ok := someone(dice, w.ids(func(l *living) bool { return l.stopping && w.acts(l) }))
		if ok {
			w.living[id].stopping = false
		}
		return string(id)
	}},
	{"maintainer restarts", 1, func(w *world, dice *rand.Rand) string {
		if dice.IntN(4) > 0 || len(w.nodesThat(func(n *modelNode) bool { return n.lost })) > 0 {
			return ""
		}
		w.restart()
		return "now"
	}},
}

func (w *world) nodesThat(which func(*modelNode) bool) []NodeID {
	var ids []NodeID
	for _, n := range slices.Sorted(maps.Keys(w.nodes)) {
		if which(w.nodes[n]) {
			ids = append(ids, n)
		}
	}
	return ids
}

func (w *world) someTable(dice *rand.Rand) (barrier.TableID, bool) {
	ids := slices.Sorted(maps.Keys(w.tables))
	return someone(dice, ids[1:])
}

// TestWorlds lets anything happen, and then expects that everything is served, even and quiet.
func TestWorlds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// The walk is drawn from one seed: rapid's own draws prefer the first of a list.
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		w := newWorld(modest())
		if rapid.Bool().Draw(t, "noise") {
			w.noise = dice
		}
		if rapid.Bool().Draw(t, "clumsy") {
			w.clumsy = dice
		}
		total := 0
		for _, e := range events {
			total += e.weight
		}
		for range rapid.IntRange(0, 400).Draw(t, "events") {
			at := dice.IntN(total)
			for _, e := range events {
				if at -= e.weight; at < 0 {
					if said := e.do(w, dice); said != "" {
						w.say("%s %s", e.name, said)
					}
					break
				}
			}
			if dice.IntN(3) > 0 {
				w.step()
			}
		}
		w.converge()
		if w.fault != "" {
			for _, line := range w.log {
				t.Log(line)
			}
			t.Fatal(w.fault)
		}
	})
}

// converge ends the faults and judges what comes of it.
func (w *world) converge() {
	w.say("calm")
	clear(w.stay)
	w.clumsy = nil
	for _, n := range w.nodesThat(func(n *modelNode) bool { return n.lost }) {
		w.outwait(n)
	}
	if len(w.nodesThat(func(n *modelNode) bool { return n.up && !n.draining })) == 0 {
		w.nodes["last"] = &modelNode{up: true}
		w.s.NodeUp("last")
	}
	if !w.calm(4000, 500*time.Millisecond, w.s.Settled) {
		w.fail("it never settles: %s", w.s.picture())
	}
	quiet, before := 0, w.actions
	w.calm(8000, 500*time.Millisecond, func() bool {
		if quiet++; w.actions != before {
			quiet, before = 0, w.actions
		}
		return quiet > 4*120 // two minutes, when all that time brings has been brought
	})
	if quiet <= 4*120 {
		w.fail("it goes on and on: %s", w.s.picture())
	}
	w.noise = nil
	w.measure()
	w.judge()
}

// judge: everything is served where it may be, evenly, and is cut as its traffic says.
func (w *world) judge() {
	for _, id := range slices.Sorted(maps.Keys(w.tables)) {
		t := w.tables[id]
		for span, d := range t.spans {
			l := w.living[d]
			switch {
			case l == nil || !l.counted || l.stopping:
				w.fail("%s is not served", span)
			case !w.nodes[l.node].up || w.nodes[l.node].draining:
				w.fail("%s is on %s", span, l.node)
			}
			if n := w.nodes[w.home]; id == 0 && n != nil && n.up && !n.draining && l != nil && l.node != w.home {
				w.fail("the table trigger is on %s, home is %s", l.node, w.home)
			}
		}
		if t.whole && len(t.spans) > 1 {
			w.fail("table %d may not be split and is", id)
		}
		w.judgeHeat(id, t)
	}
	for n, m := range w.nodes {
		if got, want := w.s.Drained(n), m.draining; got != want {
			w.fail("%s: drained is %v, want %v", n, got, want)
		}
	}
	if len(w.living) != w.s.spans {
		w.fail("%d dispatchers live for %d spans", len(w.living), w.s.spans)
	}
	if p, to := w.s.misplaced(w.s.allowance(false) * 3 / 2); p != nil {
		w.fail("%s should be on %s: %s", p.span(), to.id, w.s.picture())
	}
}

func (w *world) judgeHeat(id barrier.TableID, t *modelTable) {
	spans := slices.SortedFunc(maps.Keys(t.spans), barrier.Span.Compare)
	kept := w.s.tables[id].kept
	for i, span := range spans {
		p := w.s.piece(span)
		if p == nil {
			w.fail("%s is not known", span)
			return
		}
		if !t.whole && t.traffic(span) > w.options.SplitAbove && w.s.wide(p) {
			w.fail("%s is hot", span)
		}
		// What noise lifts over the threshold from time to time may stay.
		if i > 0 && !kept && max(t.traffic(span), t.traffic(spans[i-1])) <= w.options.MergeBelow/2*9/10 {
			w.fail("%s and %s are cold", spans[i-1], span)
		}
	}
}

// picture is everything that is under way.
func (s *Scheduler) picture() string {
	text := fmt.Sprintf("%d running, %d missing, %d removing, %d commanded", s.running, s.missing, len(s.removing), len(s.commanded))
	for _, id := range slices.Sorted(maps.Keys(s.tables)) {
		for _, p := range s.tables[id].pieces {
			node := NodeID("-")
			if p.node != nil {
				node = p.node.id
			}
			text += fmt.Sprintf("\n%s %s on %s, %d B/s", p.span(), p.id, node, p.traffic)
			if p.op != nil {
				text += ", " + p.op.String()
			}
			if c := s.tables[id].command; c != nil {
				text += ", command: " + c.String()
			}
		}
	}
	for _, n := range s.Nodes() {
		text += fmt.Sprintf("\n%+v", n)
	}
	return text
}
