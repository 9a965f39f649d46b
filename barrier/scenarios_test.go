package barrier

import "fmt"

// history is an upstream's history: the worlds differ in it and in what goes wrong.
type history struct {
	name   string
	tables []TableID
	splits map[TableID][]Span
	rows   []row
	events []Event
}

func halves(t TableID) []Span { return []Span{{t, 0, half}, {t, half, 0}} }

func inTables(ids []TableID) []Table {
	var tables []Table
	for _, id := range ids {
		tables = append(tables, Table{ID: id, Schema: "s"})
	}
	return tables
}

func alter(ts uint64, ids ...TableID) Event {
	return Event{Key: Key{ts, DDL}, Tables: ids, Blocks: true}
}

func create(ts uint64, id TableID) Event {
	return Event{Key: Key{ts, DDL}, Trigger: true, Adds: []Table{{ID: id, Schema: "s"}}}
}

func drop(ts uint64, id TableID) Event {
	return Event{Key: Key{ts, DDL}, Tables: []TableID{id}, Trigger: true, Blocks: true, Drops: []TableID{id}}
}

func truncate(ts uint64, id, to TableID) Event {
	e := drop(ts, id)
	e.Adds = []Table{{ID: to, Schema: "s"}}
	return e
}

func rename(ts uint64, id TableID, schema string) Event {
	return Event{Key: Key{ts, DDL}, Tables: []TableID{id}, Trigger: true, Blocks: true, Moves: []Move{{id, schema}}}
}

func database(ts uint64, schema string) Event {
	return Event{Key: Key{ts, DDL}, Influence: Database, Schema: schema, Blocks: true}
}

func view(ts uint64) Event {
	return Event{Key: Key{ts, DDL}, Influence: All, Blocks: true}
}

func syncpoint(ts uint64) Event {
	return Event{Key: Key{ts, Syncpoint}, Influence: All, Blocks: true}
}

// histories are the worlds that matter.
var histories = []history{
	{"NORMAL over two spans", []TableID{1}, map[TableID][]Span{1: halves(1)},
		[]row{{1, 4, 1}, {1, 4, half}, {1, 6, 1}}, []Event{alter(5, 1)}},
	{"NORMAL over two tables", []TableID{1, 2}, nil,
		[]row{{1, 4, 1}, {2, 6, 1}}, []Event{alter(5, 1, 2)}},
	{"NORMAL, then idle", []TableID{1, 2}, nil, []row{{1, 4, 1}}, []Event{alter(5, 1, 2)}},
	{"ALL", []TableID{1, 2}, nil, []row{{1, 4, 1}, {2, 6, 1}}, []Event{view(5)}},
	{"a syncpoint", []TableID{1, 2}, nil, []row{{1, 5, 1}, {2, 6, 1}}, []Event{syncpoint(5)}},
	{"TRUNCATE and a syncpoint at once", []TableID{1}, nil,
		[]row{{1, 4, 1}, {9, 6, 1}}, []Event{truncate(5, 1, 9), syncpoint(5)}},
	{"a DDL and a syncpoint at once", []TableID{1}, map[TableID][]Span{1: halves(1)},
		[]row{{1, 4, 1}, {1, 6, half}}, []Event{alter(5, 1), syncpoint(5)}},
	{"CREATE then ALL", []TableID{1}, nil, []row{{9, 6, 1}, {1, 8, 1}}, []Event{create(5, 9), view(7)}},
	{"CREATE then DROP of another", []TableID{1}, nil, []row{{9, 6, 1}, {9, 8, 1}}, []Event{create(5, 9), drop(7, 1)}},
	{"NORMAL then ALL", []TableID{1, 2}, nil, []row{{1, 6, 1}, {2, 6, 1}}, []Event{alter(5, 1, 2), view(7)}},
	{"NORMAL then ALL of one table", []TableID{1}, nil, []row{{1, 4, 1}, {1, 6, half}}, []Event{alter(5, 1), view(7)}},
	{"RENAME then DATABASE", []TableID{1, 2}, nil, []row{{1, 6, 1}, {2, 6, 1}}, []Event{rename(5, 1, "x"), database(7, "x")}},
	{"NORMAL beside DROP", []TableID{1, 2}, map[TableID][]Span{1: halves(1)},
		[]row{{1, 4, 1}, {1, 6, half}}, []Event{alter(5, 1), drop(7, 2)}},
	{"DROP then TRUNCATE", []TableID{1, 2}, nil, []row{{2, 6, 1}, {9, 8, 1}}, []Event{drop(5, 1), truncate(7, 2, 9)}},
	{"DROP then ALL", []TableID{1, 2}, nil, []row{{1, 4, 1}, {2, 6, 1}}, []Event{drop(5, 1), view(7)}},
}

// mishaps are what may go wrong in a world.
var mishaps = []struct {
	name string
	faults
}{
	{"a loss and a repetition", faults{lose: 1, repeat: 1}},
	{"a crash of a dispatcher", faults{crash: 1}},
	{"a crash of the maintainer", faults{maintainer: 1}},
	{"a move", faults{topology: 1, op: moveOp}},
	{"a split", faults{topology: 1, op: splitOp}},
	{"a merge", faults{topology: 1, op: mergeOp}},
	{"a crash of the maintainer and a loss", faults{maintainer: 1, lose: 1}},
	{"a crash of the maintainer and of a dispatcher", faults{maintainer: 1, crash: 1}},
}

var deepMishaps = []struct {
	name string
	faults
}{
	{"two losses and two repetitions", faults{lose: 2, repeat: 2}},
	{"a crash of a dispatcher and a loss", faults{crash: 1, lose: 1}},
	{"two crashes of dispatchers", faults{crash: 2}},
	{"a move and a crash of the maintainer", faults{topology: 1, op: moveOp, maintainer: 1}},
	{"a split and a crash of a dispatcher", faults{topology: 1, op: splitOp, crash: 1}},
	{"a merge and a crash of a dispatcher", faults{topology: 1, op: mergeOp, crash: 1}},
}

func (h history) scenario(name string, f faults) *scenario {
	sc := &scenario{name: fmt.Sprintf("%s, %s", h.name, name), tables: inTables(h.tables), splits: h.splits,
		rows: h.rows, events: h.events, faults: f}
	return sc.prepare()
}

// large are the worlds of millions of states, which are left to the deep exploration. What they show of a split the
// same history of one table shows too.
func large(name string, f faults) bool {
	switch name {
	case "NORMAL then ALL":
		return f.op == splitOp || f.maintainer > 0 && f.crash > 0
	case "RENAME then DATABASE":
		return f.op == splitOp
	case "NORMAL beside DROP":
		return f.maintainer > 0 && f.crash > 0
	}
	return false
}

// depth is how much of the worlds is explored.
type depth uint8

const (
	quick depth = iota // coarse worlds with one mishap
	usual
	deep
)

func scenarios(d depth) []*scenario {
	var list []*scenario
	for i, h := range histories {
		for _, m := range mishaps {
			double := m.maintainer > 0 && m.lose+m.crash > 0
			switch {
			case m.op == mergeOp && h.splits == nil, m.op == splitOp && h.splits != nil:
				continue
			case d < deep && large(h.name, m.faults), d == quick && double && m.crash > 0:
				continue
			}
			sc := h.scenario(m.name, m.faults)
			sc.coarse = d == quick || d == usual && (i > 0 || double)
			list = append(list, sc)
		}
		if d < deep {
			continue
		}
		for _, m := range deepMishaps {
			list = append(list, h.scenario(m.name, m.faults))
		}
	}
	return list
}
