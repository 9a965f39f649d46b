package types_test

import (
	"fmt"
	"strings"
	"testing"
)

// A handle is what tells a table's rows apart.
type handle struct {
	name  string
	decl  string // its columns and keys
	keyed bool
}

// handles are the shapes of keys; n is in each, for the recorder.
var handles = []handle{
	{"primary", "n INT PRIMARY KEY", true},
	{"uniquely", "n BIGINT UNSIGNED NOT NULL, m INT, UNIQUE KEY (m), UNIQUE KEY (n)", true},
	{"several", "m VARCHAR(5) NOT NULL DEFAULT 'ž', n INT, k BINARY(4) DEFAULT 'k', PRIMARY KEY (k, n, m)", true},
	{"keyless", "n INT", false},
	{"nullable", "n INT, UNIQUE KEY (n)", false},
}

// metadata are the values of binlog_row_metadata.
var metadata = []string{"NO_LOG", "MINIMAL", "FULL"}

// Each type, beside each kind of key, with each amount of metadata: inserted, updated and deleted, defined by DDL in the
// stream or known at the start.
func TestEveryType(t *testing.T) {
	s := connect(t)
	var databases []string
	for _, m := range metadata {
		database := "types_" + strings.ToLower(m)
		databases = append(databases, database+".*")
		s.exec("CREATE DATABASE " + database)
		for i := range families {
			for _, h := range families[i].handles() {
				s.exec(families[i].create(database, h))
			}
		}
	}
	began := s.position()
	var recorders []*recorder
	for _, m := range metadata {
		s.exec("SET GLOBAL binlog_row_metadata = " + m)
		for i := range families {
			for _, h := range families[i].handles() {
				recorders = append(recorders, s.change(&families[i], "types_"+strings.ToLower(m), h))
			}
		}
	}
	s.exec("SET GLOBAL binlog_row_metadata = FULL")
	t.Parallel()

	for _, protocol := range protocols {
		t.Run(protocol+"/defined by DDL", func(t *testing.T) {
			t.Parallel()
			checkAll(t, protocol, follows[protocol](t), recorders)
		})
		t.Run(protocol+"/known at the start", func(t *testing.T) {
			t.Parallel()
			checkAll(t, protocol, followFrom(t, protocol, began, strings.Join(databases, ",")), recorders)
		})
	}
}

// table names the family's table of a handle.
func (f *family) table(h handle) string { return f.name + "_" + h.name }

// create gives the family's table: the handle's columns stand behind the first half of the others.
func (f *family) create(database string, h handle) string {
	var columns []string
	for i, c := range f.columns {
		if i == len(f.columns)/2 {
			columns = append(columns, h.decl)
		}
		columns = append(columns, fmt.Sprintf("c%d %s", i, c.decl))
	}
	return fmt.Sprintf("CREATE TABLE %s.%s (%s)", database, f.table(h), strings.Join(columns, ", "))
}

// change fills the family's table, gives each row the values of the next, and deletes all.
func (s *session) change(f *family, database string, h handle) *recorder {
	s.t.Helper()
	table := database + "." + f.table(h)
	r := s.record(database, f.table(h), h.keyed)
	count := f.longest() + 1
	names := make([]string, len(f.columns))
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	rows := make([]string, count)
	for n := range rows {
		values := make([]string, len(names))
		for i := range values {
			values[i] = f.value(i, n)
		}
		rows[n] = fmt.Sprintf("(%d, %s)", n, strings.Join(values, ", "))
	}
	s.exec(fmt.Sprintf("INSERT INTO %s (n, %s) VALUES %s", table, strings.Join(names, ", "), strings.Join(rows, ", ")))
	r.note()
	var updates []string
	for n := range count {
		sets := make([]string, len(names))
		for i := range sets {
			sets[i] = names[i] + " = " + f.value(i, (n+1)%count)
		}
		updates = append(updates, fmt.Sprintf("UPDATE %s SET %s WHERE n = %d", table, strings.Join(sets, ", "), n))
	}
	s.exec("BEGIN; " + strings.Join(updates, "; ") + "; COMMIT")
	r.note()
	s.exec("DELETE FROM " + table)
	r.note()
	return r
}
