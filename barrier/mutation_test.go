package barrier

import (
	"runtime/debug"
	"testing"
)

// scene picks a history by its name.
func scene(name string, f faults) *scenario {
	for _, h := range histories {
		if h.name == name {
			return h.scenario("", f)
		}
	}
	panic("no history " + name)
}

// coarsely makes a scenario coarse.
func coarsely(sc *scenario) *scenario {
	sc.coarse = true
	return sc
}

// dropThenRename has what it takes to know of a later schedule first: two tables that one DDL moves, and of which one may
// be past it while the other is not.
var dropThenRename = history{"DROP then RENAME", []TableID{1, 2, 3}, nil, []row{{2, 6, 1}, {3, 8, 1}}, []Event{drop(5, 1),
	{Key: Key{7, DDL}, Tables: []TableID{2, 3}, Trigger: true, Blocks: true, Moves: []Move{{2, "x"}, {3, "x"}}}}}

// creates has three unacknowledged DDL at once: the ACK of the first is lost, that of the second is not, and the third
// names the second.
var creates = history{"three CREATEs", nil, nil, nil, []Event{create(5, 9), create(6, 10), create(7, 11)}}

// mutations are the rules of the protocol, each with the world in which breaking it shows.
var mutations = []struct {
	name   string
	rule   rule
	worlds []*scenario
}{
	{"typed DONE", typedDone, []*scenario{scene("NORMAL over two tables", faults{lose: 1, repeat: 1})}},
	{"writer only", writerOnly, []*scenario{scene("NORMAL over two tables", faults{forge: 1})}},
	{"no DONE for a thing not done", doneOnlyIfDone, []*scenario{scene("NORMAL over two tables", faults{repeat: 1})}},
	{"epoch", epochs, []*scenario{coarsely(scene("NORMAL over two tables", faults{maintainer: 1}))}},
	{"dispatcher id", identities, []*scenario{coarsely(scene("NORMAL over two tables", faults{crash: 1})),
		coarsely(scene("NORMAL over two tables", faults{crash: 1, repeat: 1}))}},
	{"position as key", positions, []*scenario{coarsely(scene("TRUNCATE and a syncpoint at once", faults{}))}},
	{"last passed key as proof", passedProof, []*scenario{coarsely(scene("NORMAL, then idle", faults{lose: 1}))}},
	{"WRITTEN stage", writtenStage, []*scenario{coarsely(scene("CREATE then ALL", faults{lose: 1}))}},
	{"hold", hold, []*scenario{coarsely(scene("CREATE then ALL", faults{}))}},
	{"hold of NORMAL", holdOfNormal, []*scenario{coarsely(scene("CREATE then DROP of another", faults{lose: 1}))}},
	{"ACK of WRITTEN is cumulative", cumulativeAck, []*scenario{coarsely(creates.scenario("", faults{lose: 1, maintainer: 1}))}},
	{"schedule before pass", scheduleBeforePass, []*scenario{coarsely(scene("TRUNCATE and a syncpoint at once", faults{}))}},
	{"flush before WAITING", flushFirst, []*scenario{scene("NORMAL over two tables", faults{})}},
	{"keep living reporters", keepReporters, []*scenario{coarsely(scene("NORMAL over two tables", faults{crash: 1}))}},
	{"the sink's conditional record", sinkRecord, []*scenario{coarsely(scene("NORMAL over two tables", faults{crash: 1}))}},
	{"mark proves only the trigger's", markOfTrigger, []*scenario{coarsely(scene("NORMAL beside DROP", faults{}))}},
	{"schedule waits for the trigger", scheduleOrder, []*scenario{
		coarsely(dropThenRename.scenario("both crash", faults{maintainer: 1, crash: 1}))}},
	{"skip rows only if reported", skipIfReported, []*scenario{scene("NORMAL over two tables", faults{crash: 1})}},
	{"ask all nodes", askAllNodes, []*scenario{coarsely(scene("NORMAL over two tables", faults{maintainer: 1}))}},
	{"replace a writer that is gone", writerStays, []*scenario{coarsely(scene("NORMAL over two tables", faults{crash: 1}))}},
	{"schedule once", scheduleOnce, []*scenario{coarsely(scene("CREATE then ALL", faults{crash: 1}))}},
	{"count only replicating", countReplicating, []*scenario{scene("NORMAL over two tables", faults{crash: 1})}},
}

// TestMutations breaks each rule in turn and expects the explorer to notice.
func TestMutations(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	t.Logf("%-32s %9s  %s", "broken rule", "states", "found")
	for _, m := range mutations {
		states, found := 0, ""
		for _, sc := range m.worlds {
			start := func() *world {
				w := newWorld(sc, rules(m.rule))
				if m.rule == identities {
					w.remember()
				}
				return w
			}
			x := explore(start(), 400_000)
			states += len(x.parent)
			verdict, at := x.verdict()
			if verdict != "" && at >= 0 {
				found = verdict
				break
			}
		}
		t.Logf("%-32s %9d  %s", m.name, states, found)
		if found == "" {
			t.Errorf("%s: nothing found in %d states", m.name, states)
		}
	}
}

// TestSound shows that the worlds which only the mutations visit are sound while the rules hold.
func TestSound(t *testing.T) {
	worlds := []*scenario{scene("NORMAL over two tables", faults{forge: 1}),
		coarsely(creates.scenario("", faults{lose: 1, maintainer: 1}))}
	if !raceDetector {
		worlds = append(worlds, coarsely(dropThenRename.scenario("both crash", faults{maintainer: 1, crash: 1})))
	}
	for _, sc := range worlds {
		x := explore(newWorld(sc, 0), 2_000_000)
		t.Logf("%s: %d states", sc.name, len(x.parent))
		if verdict, at := x.verdict(); verdict != "" {
			t.Errorf("%s: %s\n%s", sc.name, verdict, x.trace(newWorld(sc, 0), at))
		}
	}
}

// remember lets a dead dispatcher's messages reach the one that came after, as a restart does that keeps the mailbox.
func (w *world) remember() {
	w.former = map[DispatcherID]Span{}
	for _, n := range w.nodes {
		w.former[n.party.ID()] = n.span
	}
}
