package types_test

import (
	"fmt"
	"testing"
)

// versioned are system-versioned tables: with hidden columns of the period, with named ones, and invisible ones.
var versioned = []string{
	"a INT, b VARCHAR(20) CHARACTER SET latin1) WITH SYSTEM VERSIONING",
	"a INT, b VARCHAR(20) CHARACTER SET latin1, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
	"a INT, b VARCHAR(20) CHARACTER SET latin1, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
	"a INT, b VARCHAR(20) CHARACTER SET latin1 WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING",
	"a INT, b VARCHAR(20) CHARACTER SET latin1) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION p0 HISTORY, PARTITION p1 CURRENT)",
}

// A system-versioned table's rows are those that a plain SELECT shows: an update is an update, a delete a delete, and
// what the server keeps of the past is no row.
func TestSystemVersioned(t *testing.T) {
	s := connect(t)
	s.exec("SET system_versioning_alter_history = KEEP")
	var tables []string
	var keyed []handle
	for _, m := range metadata {
		s.exec("CREATE DATABASE versioned_" + m)
		for i, decl := range versioned {
			for _, h := range handles {
				if i == 4 && h.keyed { // a unique key must hold the partition's column
					continue
				}
				table := fmt.Sprintf("t%d_%s", i, h.name)
				s.exec(fmt.Sprintf("CREATE TABLE versioned_%s.%s (%s, %s", m, table, h.decl, decl))
				if m == metadata[0] {
					tables, keyed = append(tables, table), append(keyed, h)
				}
			}
		}
	}
	began := s.position()
	var recorders []*recorder
	for _, m := range metadata {
		s.exec("SET GLOBAL binlog_row_metadata = " + m)
		for i, table := range tables {
			recorders = append(recorders, s.makeHistory("versioned_"+m, table, keyed[i]))
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
			checkAll(t, protocol, followFrom(t, protocol, began, "versioned_*.*"), recorders)
		})
	}
}

// makeHistory has rows inserted, updated, deleted and inserted again, and the history thrown away.
func (s *session) makeHistory(database, table string, h handle) *recorder {
	s.t.Helper()
	name := database + "." + table
	r := s.record(database, table, h.keyed)
	for _, q := range []string{
		"INSERT INTO " + name + " (n, a, b) VALUES (1, 1, 'é'), (2, 2, NULL), (3, 3, 'c')",
		"UPDATE " + name + " SET a = a + 10",
		"UPDATE " + name + " SET b = 'ü' WHERE n = 1",
		"DELETE FROM " + name + " WHERE n = 2",
		"INSERT INTO " + name + " (n, a, b) VALUES (2, 2, 'again')",
		"DELETE HISTORY FROM " + name,
	} {
		s.exec(q)
		r.note()
	}
	return r
}
