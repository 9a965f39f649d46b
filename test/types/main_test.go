// Package types_test sends every column type, character set and kind of ALTER TABLE that MariaDB has through the weir
// process, by both protocols, and compares each value of each row event with what the server's own SELECT said of the
// row at the time.
//
// A test first writes, with a server that all share, and notes what the server shows (see recorder); then it starts
// weir, beside those of the other tests, and reads its files.
package types_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

// server is the upstream of all tests. While a test writes, it has the server for itself: it calls t.Parallel after.
var server *mariadb.Server

func TestMain(m *testing.M) { os.Exit(startAndRun(m)) }

func startAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "weir-types-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	server, err = mariadb.Launch(context.Background(), mariadb.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := server.Kill(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return weir.Main(m)
}

// A session is one connection to the server, with settings of its own.
type session struct {
	t    *testing.T
	conn *sql.Conn
}

// connect opens a session that takes every value that the server can hold, and shows TIMESTAMP in UTC.
func connect(t *testing.T) *session {
	t.Helper()
	conn, err := server.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &session{t, conn}
	s.exec("SET NAMES utf8mb4, sql_mode = '', time_zone = '+00:00', character_set_server = DEFAULT, collation_server = DEFAULT")
	return s
}

// exec runs statements.
func (s *session) exec(statements ...string) {
	s.t.Helper()
	for _, q := range statements {
		if _, err := s.conn.ExecContext(s.t.Context(), q); err != nil {
			s.t.Fatalf("run %.300q: %v", q, err)
		}
	}
}

// query gives the rows of a result, NULL as nil.
func (s *session) query(q string) [][]*string {
	s.t.Helper()
	result, err := s.conn.QueryContext(s.t.Context(), q)
	if err != nil {
		s.t.Fatalf("run %.300q: %v", q, err)
	}
	defer result.Close()
	columns, err := result.Columns()
	if err != nil {
		s.t.Fatal(err)
	}
	var all [][]*string
	for result.Next() {
		row, to := make([]*string, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := result.Scan(to...); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := result.Err(); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// ask gives the one value of a result.
func (s *session) ask(q string) string {
	s.t.Helper()
	return *s.query(q)[0][0]
}

// position gives where the binlog is now, as --start-at takes it.
func (s *session) position() string {
	s.t.Helper()
	return "gtid:" + s.ask("SELECT @@gtid_binlog_pos")
}
