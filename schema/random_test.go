package schema_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A writer makes random DDL of a few names, so that statements meet what others made. Many are refused by the server.
type writer struct{ *rand.Rand }

func (w writer) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w writer) table() string {
	return w.pick("t1", "t2", "t3", "other.t1", "shop.t2")
}

func (w writer) column() string { return fmt.Sprintf("c%d", w.IntN(8)) }

func (w writer) maybe(s string, percent int) string {
	if w.IntN(100) < percent {
		return s
	}
	return ""
}

func (w writer) typ() string {
	set := w.maybe(" character set "+w.pick("latin1", "utf8mb4", "utf8mb3", "gbk", "ucs2", "binary"), 30) + w.maybe(" collate "+w.pick("latin1_bin", "utf8mb4_bin", "utf8mb3_unicode_ci"), 10)
	switch w.IntN(7) {
	case 0:
		return w.pick("tinyint", "smallint", "mediumint", "int", "bigint") + w.maybe(fmt.Sprintf("(%d)", 1+w.IntN(20)), 20) + w.maybe(" unsigned", 30) + w.maybe(" zerofill", 10)
	case 1:
		return w.pick("char", "varchar") + fmt.Sprintf("(%d)", 1+w.IntN(200)) + set
	case 2:
		return w.pick("tinytext", "text", "mediumtext", "longtext", "text(50)", "text(200)", "text(30000)") + set
	case 3:
		return w.pick("decimal(10,3)", "float", "double", "bit(9)", "year", "date", "blob", "varbinary(30)", "binary(3)", "json", "uuid", "inet6", "point")
	case 4:
		return w.pick("time", "datetime", "timestamp") + w.maybe(fmt.Sprintf("(%d)", 1+w.IntN(6)), 50)
	case 5:
		return w.pick("enum", "set") + "('a','b','" + w.pick("c", "d ", "it''s") + "')" + set
	}
	return w.pick("int", "varchar(20)")
}

func (w writer) definition(name string) string {
	return name + " " + w.typ() + w.maybe(" not null", 30) + w.maybe(" invisible", 5) + w.maybe(" unique", 5) + w.maybe(" comment 'x, y'", 5) + w.maybe(" primary key", 3)
}

func (w writer) index() string {
	columns := w.column() + w.maybe(fmt.Sprintf("(%d)", 1+w.IntN(20)), 15) + w.maybe(", "+w.column(), 40)
	return w.pick("index ", "unique ", "unique ", "primary key ", "key ") + w.maybe(w.pick("i1", "i2"), 40) + " (" + columns + ")"
}

func (w writer) place() string {
	return w.maybe(w.pick(" first", " after "+w.column(), " after "+w.column()), 40)
}

func (w writer) action() string {
	exists, missing := w.maybe("if exists ", 30), w.maybe("if not exists ", 30)
	switch w.IntN(14) {
	case 0, 1, 2:
		return "add column " + missing + w.definition(w.column()) + w.place()
	case 3:
		return "add (" + w.definition(w.column()) + ", " + w.definition(w.column()) + ")"
	case 4:
		return "drop column " + exists + w.column()
	case 5, 6:
		return "modify " + exists + w.definition(w.column()) + w.place()
	case 7:
		return "change " + exists + w.column() + " " + w.definition(w.column()) + w.place()
	case 8:
		return "rename column " + w.column() + " to " + w.column()
	case 9, 10:
		return "add " + w.index()
	case 11:
		return w.pick("drop primary key", "drop index "+exists+w.pick("i1", "i2", w.column()), "rename index i1 to i2")
	case 12:
		return w.pick("convert to", "default") + " character set " + w.pick("latin1", "utf8mb4", "gbk", "utf8mb3", "binary")
	}
	return w.pick("alter "+w.column()+" drop default", "alter "+w.column()+" set default null", "comment 'c'", "add system versioning", "drop system versioning", "rename to "+w.table(), "force")
}

func (w writer) statement() string {
	switch w.IntN(14) {
	case 0, 1:
		parts := []string{w.definition("c0"), w.definition("c1"), w.definition("c2")}
		if w.IntN(2) == 0 {
			parts = append(parts, w.index())
		}
		return "create " + w.maybe("or replace ", 30) + "table " + w.table() + " (" + strings.Join(parts, ", ") + ")" +
			w.maybe(" character set "+w.pick("latin1", "utf8mb4", "gbk"), 30) + w.maybe(" with system versioning", 10)
	case 2:
		return w.pick("drop table if exists ", "truncate table ") + w.table()
	case 3:
		return "create " + w.maybe("or replace ", 50) + "table " + w.table() + " like " + w.table()
	case 4:
		a, b := w.table(), w.table()
		return w.pick("rename table "+a+" to "+b, "rename table "+a+" to shop.swap, "+b+" to "+a+", shop.swap to "+b)
	case 5:
		return "create " + w.maybe("or replace ", 50) + "table " + w.table() + " as select * from " + w.table()
	}
	actions := make([]string, 1+w.IntN(3))
	for i := range actions {
		actions[i] = w.action()
	}
	return "alter table " + w.table() + " " + strings.Join(actions, ", ")
}

// regressions are seeds that have found a difference once, with the statements that it took.
var regressions = []struct {
	seed       uint64
	statements int
}{
	{1795452618734718206, 205},
	{1795452634580585473, 105},
	{1795452935511515006, 190},
	{1795452941382399927, 250},
	{1795452959024984909, 125},
	{1795452960545149915, 145},
	{1795453660863417842, 175},
}

// statementsPerSeed counts those too which the server refuses, most of them.
const statementsPerSeed = 250

// TestRandomAgainstServer runs the regressions. WEIR_SEED=n runs one seed alone, and WEIR_RANDOM=30s
// runs new ones for as long.
func TestRandomAgainstServer(t *testing.T) {
	run := func(seed uint64, statements int) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { random(t, seed, statements) })
	}
	if one := os.Getenv("WEIR_SEED"); one != "" {
		seed, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			t.Fatalf("WEIR_SEED: %v", err)
		}
		run(seed, statementsPerSeed)
		return
	}
	if long := os.Getenv("WEIR_RANDOM"); long != "" {
		d, err := time.ParseDuration(long)
		if err != nil {
			t.Fatalf("WEIR_RANDOM: %v", err)
		}
		for end := time.Now().Add(d); time.Now().Before(end); {
			run(uint64(time.Now().UnixNano()), statementsPerSeed)
		}
		return
	}
	for _, r := range regressions {
		run(r.seed, r.statements)
	}
}

// random runs the statements of one seed until one finds a difference.
func random(t *testing.T, seed uint64, statements int) {
	r := newReplay(t)
	r.exec("set system_versioning_alter_history=keep")
	w := writer{rand.New(rand.NewPCG(seed, 1))}
	var done []string
	for tried := 0; tried < statements && !t.Failed(); tried++ {
		query := w.statement()
		_, err := r.db.ExecContext(t.Context(), query)
		written := r.statements() // a refused CREATE OR REPLACE writes the DROP that it did
		if err != nil && len(written) == 0 {
			continue
		}
		done = append(done, query)
		for _, s := range written {
			if err != nil {
				s.ErrorCode = 1
			}
			r.apply(s)
		}
		r.compare(query)
	}
	if t.Failed() {
		t.Logf("WEIR_SEED=%d, after:\n%s", seed, strings.Join(done, ";\n"))
	}
	if !t.Failed() && len(done) < statements/10 {
		t.Errorf("the server took only %d of %d statements", len(done), statements)
	}
	t.Logf("the server took %d of %d statements, %d were read back", len(done), statements, r.read)
}
