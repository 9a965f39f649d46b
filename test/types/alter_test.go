package types_test

import (
	"fmt"
	"testing"
)

// A step is an ALTER TABLE of %s, and a row that is written after it.
type step struct {
	alter  string
	values string // of an INSERT, behind n
}

// steps change a table's columns in every way, one after the other.
var steps = []step{
	{"", "(n, a, b, c) VALUES (%d, 1, 'é', 'x')"},
	{"ADD COLUMN d INT UNSIGNED NOT NULL DEFAULT 7", "(n, d) VALUES (%d, 4294967295)"},
	{"ADD COLUMN e VARCHAR(10) CHARACTER SET latin1 DEFAULT 'ü' FIRST, ADD f DATETIME(3) AFTER a", "(n, e, f) VALUES (%d, 'ß', '2024-02-29 01:02:03.456')"},
	{"MODIFY a BIGINT", "(n, a) VALUES (%d, -9223372036854775808)"},
	{"MODIFY a BIGINT UNSIGNED", "(n, a) VALUES (%d, 18446744073709551615)"},
	{"MODIFY a DECIMAL(40,20)", "(n, a) VALUES (%d, -12345678901234567890.12345678901234567890)"},
	{"MODIFY b VARCHAR(300) CHARACTER SET utf8mb4", "(n, b) VALUES (%d, REPEAT('\U0001F600', 300))"},
	{"MODIFY b VARCHAR(300) CHARACTER SET ucs2", "(n, b) VALUES (%d, 'ž')"},
	{"CHANGE b bb TEXT CHARACTER SET koi8r COMMENT 'now ''b'''", "(n, bb) VALUES (%d, 'Привет')"},
	{"MODIFY c ENUM('z','x','y','ž') CHARACTER SET latin2", "(n, c) VALUES (%d, 'ž')"},
	{"MODIFY c ENUM('z','x','y','ž','\U0001F600') CHARACTER SET utf8mb4", "(n, c) VALUES (%d, '\U0001F600')"},
	{"MODIFY c SET('x','y','z') CHARACTER SET ascii", "(n, c) VALUES (%d, 'x,z')"},
	{"MODIFY c VARCHAR(20) CHARACTER SET sjis", "(n, c) VALUES (%d, 'ソ表')"},
	{"MODIFY e VARCHAR(10) CHARACTER SET latin1 AFTER c, MODIFY d BIGINT FIRST", "(n, d, e) VALUES (%d, -1, 'after')"},
	{"DROP COLUMN a, ADD COLUMN a TIME(6)", "(n, a) VALUES (%d, '-838:59:59.999999')"},
	{"RENAME COLUMN a TO d, RENAME COLUMN d TO a", "(n, a, d) VALUES (%d, 3, '12:00:00.5')"},
	{"CONVERT TO CHARACTER SET cp1250", "(n, bb, c, e) VALUES (%d, 'Příliš', 'žluťoučký', 'kůň')"},
	{"CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, ADD g CHAR(5), ADD h ENUM('\U0001F600')", "(n, bb, g, h) VALUES (%d, '\U0001F600', '語', 1)"},
	{"DEFAULT CHARACTER SET latin1, ADD i CHAR(5)", "(n, i) VALUES (%d, 'é')"},
	{"MODIFY i BINARY(5)", "(n, i) VALUES (%d, 'b')"},
	{"MODIFY i VARBINARY(400), MODIFY bb BLOB", "(n, i, bb) VALUES (%d, x'FF00', x'FF00')"},
	{"MODIFY bb LONGTEXT CHARACTER SET utf8mb4", "(n, bb) VALUES (%d, REPEAT('ž', 40000))"},
	{"MODIFY f TIMESTAMP(6) NULL", "(n, f) VALUES (%d, '2038-01-19 03:14:07.999999')"},
	{"ADD v VARCHAR(20) AS (CONCAT('v', n)) VIRTUAL AFTER n, ADD w INT AS (n * 2) STORED FIRST", "(n) VALUES (%d)"},
	{"DROP COLUMN v, MODIFY w INT", "(n, w) VALUES (%d, 5)"},
	{"ADD x FLOAT(7,2), ADD y FLOAT, ADD z DOUBLE", "(n, x, y, z) VALUES (%d, 1.005, 0.1, 0.1)"},
	{"MODIFY x FLOAT, MODIFY y DOUBLE, MODIFY z FLOAT(20,10)", "(n, x, y, z) VALUES (%d, 0.3, 0.3, 0.3)"},
	{"ADD u UUID, ADD i4 INET4, ADD i6 INET6, ADD p POINT, ADD j JSON, ADD bits BIT(17)", "(n, u, i4, i6, p, j, bits) VALUES (%d, UUID(), '1.2.3.4', '::1', POINT(1, 2), '{}', 65537)"},
	{"MODIFY u CHAR(36), MODIFY bits BIT(40), MODIFY j TEXT", "(n, u, bits, j) VALUES (%d, 'no uuid', 1099511627775, 'no json')"},
	{"ALTER a SET DEFAULT 9, MODIFY g CHAR(5) INVISIBLE", "(n) VALUES (%d)"},
	{"DROP COLUMN i6, DROP COLUMN p, DROP COLUMN h", "(n, i4) VALUES (%d, '255.255.255.255')"},
}

// Rows are written and changed before and after each ALTER, with each kind of key, under each amount of metadata; the
// rows in the files are those that the table held at the time.
func TestAlterBetweenRows(t *testing.T) {
	s := connect(t)
	var recorders []*recorder
	for _, m := range metadata {
		database := "alter_" + m
		s.exec("SET GLOBAL binlog_row_metadata = "+m, "CREATE DATABASE "+database)
		for i, h := range []handle{handles[0], handles[3]} {
			recorders = append(recorders, s.alter(database, fmt.Sprintf("t%d", i), h)...)
		}
	}
	t.Parallel()
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			checkAll(t, protocol, follows[protocol](t), recorders)
		})
	}
}

// alter goes through the steps: each version gets a row, a change of all rows, and loses the oldest row.
func (s *session) alter(database, table string, h handle) (recorders []*recorder) {
	s.t.Helper()
	name := database + "." + table
	s.exec(fmt.Sprintf("CREATE TABLE %s (a INT, b VARCHAR(10) CHARACTER SET latin1, c ENUM('x','y'), %s, changes INT DEFAULT 0) CHARACTER SET latin2", name, h.decl))
	for i, step := range steps {
		if step.alter != "" {
			s.exec("ALTER TABLE " + name + " " + step.alter)
		}
		r := s.record(database, table, h.keyed)
		r.version = i
		s.exec("INSERT INTO " + name + " " + fmt.Sprintf(step.values, i))
		r.note()
		s.exec("UPDATE " + name + " SET changes = changes + 1")
		r.note()
		if i > 2 {
			s.exec(fmt.Sprintf("DELETE FROM %s WHERE n = %d", name, i-3))
			r.note()
		}
		recorders = append(recorders, r)
	}
	return recorders
}
