package schema_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/test/mariadb"
)

var server *mariadb.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "weir-schema-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	if server, err = mariadb.Launch(ctx, mariadb.Options{Dir: dir, Args: []string{"--binlog-row-metadata=FULL"}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop(ctx)
	return m.Run()
}

// A replay feeds a Tracker what a server writes to its binlog, and compares definitions with what the server says.
type replay struct {
	t       *testing.T
	db      *sql.Conn
	tracker *schema.Tracker
	facts   schema.Server
	ts      uint64
	at      int64 // in the binlog
	log     string
	read    int // statements that were read back
	last    *schema.DDL
	mode    uint64
	told    map[schema.Ref]string // differences reported before
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	ctx := t.Context()
	for _, s := range []string{"DROP DATABASE IF EXISTS shop", "DROP DATABASE IF EXISTS other", "DROP DATABASE IF EXISTS third",
		"CREATE DATABASE shop CHARACTER SET utf8mb4", "CREATE DATABASE other CHARACTER SET latin1 COLLATE latin1_german1_ci"} {
		if _, err := server.DB().ExecContext(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := server.DB().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r := &replay{t: t, db: conn, ts: 100, told: map[schema.Ref]string{}}
	if r.facts, err = schema.Facts(ctx, server.DB()); err != nil {
		t.Fatal(err)
	}
	r.exec("USE shop")
	r.tracker = schema.NewTracker(r.facts, filter.All())
	r.tracker.Load(r.snapshot(), r.ts)
	r.where()
	return r
}

func (r *replay) exec(query string) {
	r.t.Helper()
	if _, err := r.db.ExecContext(r.t.Context(), query); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
}

func (r *replay) snapshot() []*schema.Table {
	r.t.Helper()
	tables, err := schema.FromServer(r.t.Context(), server.DB(), r.facts)
	if err != nil {
		r.t.Fatal(err)
	}
	return tables
}

func (r *replay) where() {
	r.t.Helper()
	var do, ignore string
	if err := r.db.QueryRowContext(r.t.Context(), "SHOW MASTER STATUS").Scan(&r.log, &r.at, &do, &ignore); err != nil {
		r.t.Fatal(err)
	}
}

// statements gives what the server has written to the binlog since the last call.
func (r *replay) statements() []schema.Statement {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), fmt.Sprintf("SHOW BINLOG EVENTS IN '%s' FROM %d", r.log, r.at))
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	var found []schema.Statement
	for rows.Next() {
		var log, kind, info string
		var pos, id, next int64
		if err := rows.Scan(&log, &pos, &kind, &id, &next, &info); err != nil {
			r.t.Fatal(err)
		}
		r.at = next
		if kind != "Query" {
			continue
		}
		r.ts++
		s := schema.Statement{CommitTs: r.ts, Query: info, Default: "shop", SQLMode: r.mode}
		for _, quote := range []string{"`", `"`} { // ANSI_QUOTES has the second
			if rest, ok := strings.CutPrefix(info, "use "+quote); ok {
				s.Default, s.Query, _ = strings.Cut(rest, quote+"; ")
			}
		}
		found = append(found, s)
	}
	return found
}

// step runs a statement on the server and in the tracker, and compares all definitions.
func (r *replay) step(query string) {
	r.t.Helper()
	if _, err := r.db.ExecContext(r.t.Context(), query); err != nil {
		r.t.Errorf("%s: %v", query, err)
	}
	if mode, ok := strings.CutPrefix(query, "set sql_mode="); ok {
		r.mode = modes[strings.Trim(mode, "'")]
	}
	for _, s := range r.statements() {
		r.last = r.apply(s)
	}
	r.compare(query)
}

func (r *replay) apply(s schema.Statement) *schema.DDL {
	r.t.Helper()
	ddl, err := r.tracker.Apply(s)
	var unreadable *schema.Unreadable
	if errors.As(err, &unreadable) {
		r.read++
		r.t.Logf("read back: %v", unreadable)
		read := map[schema.Ref]*schema.Table{}
		for _, ref := range unreadable.Refs {
			t, err := schema.ReadTable(r.t.Context(), server.DB(), r.facts, ref)
			if err != nil && !errors.Is(err, schema.ErrNoTable) {
				r.t.Fatal(err)
			}
			read[ref] = t
		}
		ddl, err = r.tracker.ApplyRead(s, read)
	}
	if err != nil {
		r.t.Fatalf("%s: %v", s.Query, err)
	}
	return ddl
}

func (r *replay) compare(query string) {
	r.t.Helper()
	var names []string
	for _, want := range r.snapshot() {
		if want.OfSchema() {
			continue
		}
		names = append(names, want.Ref().String())
		got := r.tracker.Lookup(want.Ref())
		if got == nil {
			r.t.Errorf("after %s:\n%s is missing", query, want.Ref())
			continue
		}
		d := differences(describe(got), describe(want))
		if d != "" && d != r.told[want.Ref()] {
			r.told[want.Ref()] = d
			r.t.Errorf("after %s:\n%s:\n%s", query, want.Ref(), d)
		}
	}
	var tracked []string
	for _, t := range r.tracker.Snapshot().Tables {
		tracked = append(tracked, t.Ref().String())
	}
	slices.Sort(names)
	slices.Sort(tracked)
	if !slices.Equal(tracked, names) {
		r.t.Errorf("after %s:\ngot tables  %v\nwant tables %v", query, tracked, names)
	}
}

// modes are the sql_mode bits that the binlog would carry.
var modes = map[string]uint64{"ANSI_QUOTES,PIPES_AS_CONCAT": 4 | 2, "NO_BACKSLASH_ESCAPES": 1 << 20, "REAL_AS_FLOAT": 1, "ORACLE": 1<<9 | 2 | 4}

// differences prints the lines in which two descriptions differ.
func differences(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	var b strings.Builder
	for i := range max(len(g), len(w)) {
		line := func(lines []string) string {
			if i < len(lines) {
				return strings.TrimSpace(lines[i])
			}
			return "nothing"
		}
		if line(g) != line(w) {
			fmt.Fprintf(&b, "got  %s\nwant %s\n", line(g), line(w))
		}
	}
	return b.String()
}

// describe prints what two definitions of a table must have in common.
func describe(t *schema.Table) string {
	if t.View {
		return "view " + t.Ref().String()
	}
	if t.Sequence {
		return "sequence " + t.Ref().String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s/%s versioned=%v handle=%v", t.Ref(), t.Charset, t.Collation, t.SystemVersioned, t.Handle)
	for _, c := range t.Columns {
		preset := "none"
		if c.Default != nil {
			preset = *c.Default
			if strings.Contains(preset, "(") || strings.HasPrefix(preset, "next value") {
				preset = "expression"
			}
		}
		c.ID, c.Default = 0, nil
		fmt.Fprintf(&b, "\n     %+v default=%q", c, preset)
	}
	for _, ix := range t.Indexes {
		fmt.Fprintf(&b, "\n     %+v", ix)
	}
	return b.String()
}

func TestAgainstServer(t *testing.T) {
	for _, topic := range topics {
		t.Run(topic.name, func(t *testing.T) {
			r := newReplay(t)
			for _, query := range topic.steps {
				before := r.read
				bare, expected := strings.CutPrefix(query, "readback: ")
				r.step(bare)
				if (r.read > before) != expected {
					t.Errorf("%s: got read back %v, want %v", bare, r.read > before, expected)
				}
			}
			r.compareRows()
		})
	}
}
