package barrier

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// drawHistory makes up an upstream: up to four events over up to three tables, with rows between them.
func drawHistory(t *rapid.T) history {
	h := history{name: "random", tables: []TableID{1, 2, 3}[:rapid.IntRange(1, 3).Draw(t, "tables")]}
	if rapid.Bool().Draw(t, "split") {
		h.splits = map[TableID][]Span{1: halves(1)}
	}
	live := append([]TableID(nil), h.tables...)
	ts, fresh := uint64(3), TableID(9)
	for range rapid.IntRange(1, 4).Draw(t, "events") {
		for _, id := range live {
			if rapid.Bool().Draw(t, "row") {
				h.rows = append(h.rows, row{id, ts, uint64(rapid.IntRange(0, 1).Draw(t, "key")) * half})
			}
		}
		kind := rapid.SampledFrom([]string{"alter", "create", "drop", "truncate", "view", "syncpoint", "rename",
			"database"}).Draw(t, "event")
		at := rapid.IntRange(0, len(live)-1).Draw(t, "table")
		switch {
		case kind == "alter":
			h.events = append(h.events, alter(ts+1, live...))
		case kind == "create":
			h.events = append(h.events, create(ts+1, fresh))
			live = append(live, fresh)
			fresh++
		case kind == "drop" && len(live) > 1:
			h.events = append(h.events, drop(ts+1, live[at]))
			live = append(live[:at:at], live[at+1:]...)
		case kind == "truncate":
			h.events = append(h.events, truncate(ts+1, live[at], fresh))
			live = append(live[:at:at], live[at+1:]...)
			live = append(live, fresh)
			fresh++
		case kind == "rename":
			h.events = append(h.events, rename(ts+1, live[at], rapid.SampledFrom([]string{"s", "x"}).Draw(t, "schema")))
		case kind == "database":
			h.events = append(h.events, database(ts+1, rapid.SampledFrom([]string{"s", "x"}).Draw(t, "schema")))
		case kind == "syncpoint" && len(h.events) > 0:
			h.events = append(h.events, syncpoint(h.events[len(h.events)-1].Key.CommitTs+1))
		default:
			h.events = append(h.events, view(ts+1))
		}
		if n := len(h.events); n > 1 && h.events[n-1].Key.Kind == Syncpoint && h.events[n-2].Key.Kind == DDL &&
			rapid.Bool().Draw(t, "at once") {
			h.events[n-1].Key.CommitTs--
		}
		ts += 4
	}
	h.rows = append(h.rows, row{live[0], ts, 0})
	return h
}

// wander makes random moves while may allows a fault and any is left, and then, without faults, expects the end.
func wander(t *rapid.T, f faults, may func(*world, move) bool) {
	sc := drawHistory(t).scenario("random walk", f)
	sc.legacy = rapid.Bool().Draw(t, "legacy")
	w := newWorld(sc, 0)
	// Every move is as likely as the others: rapid's own draws prefer the first of a list, and faults come last.
	dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	var said []string
	for step := 0; step < 4000 && w.violation == ""; step++ {
		if step == 400 {
			w.left = faults{}
		}
		var list []move
		for _, mv := range w.moves(nil) {
			if !mv.fault() || may(w, mv) {
				list = append(list, mv)
			}
		}
		if w.done() && step >= 400 || len(list) == 0 {
			break
		}
		mv := list[dice.IntN(len(list))]
		said = append(said, w.say(mv))
		w.do(mv)
	}
	if w.violation == "" && !w.done() {
		w.fail("wedge: the events never complete")
	}
	if w.violation != "" {
		for _, s := range said {
			t.Log(s)
		}
		t.Fatalf("%s\n%s", w.violation, w.picture())
	}
}

func anything(*world, move) bool { return true }

func TestLossRepetitionReordering(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { wander(t, faults{lose: 8, repeat: 8}, anything) })
}

func TestCrashOfDispatchers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { wander(t, faults{lose: 3, repeat: 3, crash: 4}, anything) })
}

func TestCrashOfWriters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wander(t, faults{lose: 2, repeat: 2, crash: 4}, func(w *world, mv move) bool {
			return mv.kind != crashMove || w.nodes[mv.i].party.Slot().State >= SlotWriting
		})
	})
}

func TestCrashOfMaintainers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { wander(t, faults{lose: 3, repeat: 3, crash: 2, maintainer: 3}, anything) })
}

func TestTopology(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := rapid.SampledFrom([]topologyOp{moveOp, splitOp, mergeOp}).Draw(t, "op")
		wander(t, faults{lose: 3, repeat: 3, crash: 1, maintainer: 1, topology: 2, op: op}, anything)
	})
}
