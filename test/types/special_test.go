package types_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Generated columns and others that an INSERT does not name stand in the row as the server shows them.
func TestColumnsThatNobodySets(t *testing.T) {
	s := connect(t)
	var recorders []*recorder
	s.exec("CREATE DATABASE unset")
	hashed := []handle{ // unique keys that the server keeps in a hidden column
		{"hashed", "n INT PRIMARY KEY, big TEXT, UNIQUE KEY (big)", true},
		{"hashes", "n VARCHAR(3000) NOT NULL, big BLOB, UNIQUE KEY (big), UNIQUE KEY (n)", true},
		{"hashless", "n INT, big TEXT, UNIQUE KEY (big)", false},
	}
	for i, h := range slices.Concat(handles, hashed) {
		table := fmt.Sprintf("t%d", i)
		s.exec(fmt.Sprintf(`CREATE TABLE unset.%s (%s, a INT, b VARCHAR(20) CHARACTER SET latin1,
			v INT AS (a * 2) VIRTUAL, w VARCHAR(50) CHARACTER SET ucs2 AS (CONCAT(b, '-', a)) PERSISTENT, x DECIMAL(20,3) AS (a / 3) VIRTUAL INVISIBLE,
			d DATETIME(3) DEFAULT '2024-02-29 01:02:03.456', e VARCHAR(20) DEFAULT (UPPER(b)), i INT INVISIBLE DEFAULT 7,
			j VARCHAR(100) AS (JSON_VALUE(CONCAT('{"a":', a, '}'), '$.a')) STORED, g TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)`, table, h.decl))
		r := s.record("unset", table, h.keyed)
		s.exec("INSERT INTO unset."+table+" (n, a, b) VALUES (1, 10, 'é'), (2, NULL, 'x'), (3, -3, NULL)",
			"INSERT INTO unset."+table+" (n, i, x) VALUES (4, NULL, DEFAULT)")
		r.note()
		s.exec("UPDATE unset." + table + " SET a = COALESCE(a, 5) + 1, b = 'ü', i = 8")
		r.note()
		s.exec("DELETE FROM unset." + table + " WHERE n < 3")
		r.note()
		recorders = append(recorders, r)
	}
	t.Parallel()
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			checkAll(t, protocol, follows[protocol](t), recorders)
		})
	}
}

// Every type that can be one is a key, whose changes move rows.
func TestKeysOfEveryType(t *testing.T) {
	s := connect(t)
	s.exec("CREATE DATABASE keyed")
	var recorders []*recorder
	for i := range families {
		f := &families[i]
		if f.name == "large" {
			continue
		}
		for j, c := range f.columns {
			if r := s.changeKeys(fmt.Sprintf("%s%d", f.name, j), c); r != nil {
				recorders = append(recorders, r)
			}
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

// changeKeys makes a table whose key is of the type, nil if there can be none.
func (s *session) changeKeys(table string, c column) *recorder {
	s.t.Helper()
	prefix := ""
	switch word := strings.FieldsFunc(c.decl, func(r rune) bool { return r == ' ' || r == '(' })[0]; {
	case strings.Contains(c.decl, "COMPRESSED"), strings.HasSuffix(c.decl, "(0)"), strings.Contains(c.decl, "INVISIBLE"):
		return nil
	case word == "JSON" || strings.HasSuffix(word, "TEXT") || strings.HasSuffix(word, "BLOB") || word == "LONG":
		prefix = "(20)"
	case strings.HasSuffix(word, "POINT") || strings.HasSuffix(word, "STRING") || strings.HasSuffix(word, "POLYGON") || strings.HasPrefix(word, "GEOMETRY"):
		prefix = "(25)"
	}
	s.exec(fmt.Sprintf("CREATE TABLE keyed.%s (n INT, k %s NOT NULL, PRIMARY KEY (k%s))", table, strings.TrimSuffix(c.decl, " NULL"), prefix))
	r := s.record("keyed", table, false) // in CSV a row whose key changes is deleted and inserted
	s.exec(fmt.Sprintf("INSERT INTO keyed.%s VALUES (1, %s)", table, c.values[0]))
	r.note()
	for _, v := range c.values[1:] {
		s.exec(fmt.Sprintf("UPDATE keyed.%s SET k = %s", table, v))
		r.note()
	}
	s.exec("DELETE FROM keyed." + table)
	r.note()
	return r
}
