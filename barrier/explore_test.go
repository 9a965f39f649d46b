package barrier

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// An exploration visits every state that a world can reach, each once.
type exploration struct {
	seen   map[uint64]int32
	parent []edge    // how each state was reached first
	back   [][]int32 // by state: from which states a move without a fault leads here
	done   []int32
	queue  []*world
	limit  int
	first  string // the first violation
	at     int32
	enc    encoder
}

type edge struct {
	from int32
	mv   move
}

// explore visits every state, up to the limit, or up to the first violation.
func explore(start *world, limit int) *exploration {
	x := &exploration{seen: map[uint64]int32{}, limit: limit, at: -1, enc: encoder{names: map[DispatcherID]byte{}}}
	x.visit(start, edge{from: -1})
	var list []move
	for i := int32(0); i < int32(len(x.queue)) && x.first == ""; i++ {
		w := x.queue[i]
		x.queue[i] = nil
		list = w.moves(list[:0])
		for k, mv := range list {
			next := w
			if k < len(list)-1 {
				next = w.clone()
			}
			next.do(mv)
			to := x.visit(next, edge{i, mv})
			if !mv.fault() {
				x.back[to] = append(x.back[to], i)
			}
			if x.first != "" || len(x.parent) > x.limit {
				return x
			}
		}
	}
	return x
}

// visit numbers a state, and queues it if it is new.
func (x *exploration) visit(w *world, e edge) int32 {
	h := w.hash(&x.enc)
	if w.violation != "" {
		h++ // the same state without the violation may be known
	}
	if n, known := x.seen[h]; known {
		return n
	}
	n := int32(len(x.parent))
	x.seen[h] = n
	x.parent = append(x.parent, e)
	x.back = append(x.back, nil)
	x.queue = append(x.queue, w)
	if w.violation != "" && x.first == "" {
		x.first, x.at = w.violation, n
	}
	if w.done() {
		x.done = append(x.done, n)
	}
	return n
}

// wedged finds a state from which, without further faults, the events never complete; -1 if there is none.
func (x *exploration) wedged() int32 {
	alive := make([]bool, len(x.parent))
	todo := append([]int32(nil), x.done...)
	for _, n := range todo {
		alive[n] = true
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, from := range x.back[n] {
			if !alive[from] {
				alive[from] = true
				todo = append(todo, from)
			}
		}
	}
	for n := range alive {
		if !alive[n] {
			return int32(n)
		}
	}
	return -1
}

// verdict is the first violation, or a wedge, or nothing.
func (x *exploration) verdict() (string, int32) {
	if x.first != "" {
		return x.first, x.at
	}
	if len(x.parent) > x.limit {
		return fmt.Sprintf("more than %d states", x.limit), -1
	}
	if n := x.wedged(); n >= 0 {
		return "wedge: the events never complete", n
	}
	return "", -1
}

// trace tells the moves that lead to a state.
func (x *exploration) trace(start *world, to int32) string {
	var moves []move
	for n := to; n > 0; n = x.parent[n].from {
		moves = append(moves, x.parent[n].mv)
	}
	var text strings.Builder
	w := start
	for i := len(moves) - 1; i >= 0; i-- {
		fmt.Fprintf(&text, "  %s\n", w.say(moves[i]))
		w.do(moves[i])
	}
	fmt.Fprint(&text, w.picture())
	return text.String()
}

// picture tells the state of a world.
func (w *world) picture() string {
	var text strings.Builder
	for _, n := range w.nodes {
		fmt.Fprintf(&text, "  %s %s: %s, crossed %s\n", n.party.id, n.span, n.party.Slot(), n.party.crossed)
	}
	if w.maintainer != nil {
		fmt.Fprintf(&text, "  mark %s\n", w.maintainer.mark)
		for _, f := range w.maintainer.InFlight(9) {
			fmt.Fprintf(&text, "  %s: %s, writer %q, missing %v\n", &f.Event, f.Phase, f.Writer, f.Missing)
		}
	}
	for _, p := range w.net {
		fmt.Fprintf(&text, "  under way: %s\n", p)
	}
	return text.String()
}

// TestExplore visits every state of small worlds and checks I1-I15, I17-I21 and I23 in each, and that from each the
// events complete without further faults. BARRIER_DEEP=1 allows more faults at once, and joins no steps.
func TestExplore(t *testing.T) {
	d := usual
	switch {
	case os.Getenv("BARRIER_DEEP") != "":
		d = deep
	case raceDetector:
		d = quick
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	began, total := time.Now(), 0
	for _, sc := range scenarios(d) {
		x := explore(newWorld(sc, 0), 50_000_000)
		total += len(x.parent)
		t.Logf("%-60s %8d states  %6.1fs", sc.name, len(x.parent), time.Since(began).Seconds())
		if verdict, at := x.verdict(); verdict != "" {
			t.Errorf("%s: %s\n%s", sc.name, verdict, x.trace(newWorld(sc, 0), at))
		}
	}
	t.Logf("%d states in %.0fs", total, time.Since(began).Seconds())
}

// TestLegacyWorlds explores worlds in which no dispatcher says what its DONE completes (I6).
func TestLegacyWorlds(t *testing.T) {
	for _, h := range histories {
		if h.splits != nil {
			continue
		}
		for _, f := range []faults{{lose: 1}, {repeat: 1}, {crash: 1}, {maintainer: 1}} {
			sc := h.scenario("legacy", f)
			sc.coarse, sc.legacy = true, true
			x := explore(newWorld(sc, 0), 1_000_000)
			if verdict, at := x.verdict(); verdict != "" {
				t.Errorf("%s: %s\n%s", sc.name, verdict, x.trace(newWorld(sc, 0), at))
			}
		}
	}
}
