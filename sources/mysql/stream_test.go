package mysql

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/test/mariadb"
)

// session gives a connection whose statements run in one session.
func sessionOf(t *testing.T, s *mariadb.Server) *sql.Conn {
	t.Helper()
	c, err := s.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func run(t *testing.T, c *sql.Conn, statements ...string) {
	t.Helper()
	for _, one := range statements {
		if _, err := c.ExecContext(context.Background(), one); err != nil {
			t.Fatalf("%s: %v", one, err)
		}
	}
}

// A session that has a temporary table writes what it rolls back into the binlog.
func TestFollowRollbacks(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY) ENGINE=InnoDB",
		"CREATE TABLE shop.m (id INT PRIMARY KEY) ENGINE=MyISAM")
	f := follow(t, server.URI(), "current")
	c := sessionOf(t, server)
	run(t, c,
		"BEGIN", "INSERT INTO shop.a VALUES (1)", "CREATE TEMPORARY TABLE shop.t1 (i INT)", "ROLLBACK",
		"BEGIN", "INSERT INTO shop.a VALUES (2)", "SAVEPOINT s", "INSERT INTO shop.a VALUES (3)", "CREATE TEMPORARY TABLE shop.t2 (i INT)",
		"INSERT INTO shop.a VALUES (4)", "ROLLBACK TO s", "INSERT INTO shop.a VALUES (5)", "COMMIT",
		"BEGIN", "INSERT INTO shop.a VALUES (6)", "INSERT INTO shop.m VALUES (1)", "ROLLBACK",
	)
	f.catchUp()
	for _, text := range []string{"ROLLBACK", "ROLLBACK TO `s`"} {
		if !inBinlog(t, server, text) {
			t.Fatalf("the server did not write %s into its binlog", text)
		}
	}
	want := []string{
		"commit", // of what was rolled back wholly
		"0 shop.a op=1 5 bytes", "1 shop.a op=1 5 bytes", "commit",
		"0 shop.m op=1 5 bytes", "commit",
	}
	got := f.walk()
	if plot := got.plot(); !slices.Equal(plot, want) {
		t.Errorf("got %q, want %q", plot, want)
	}
	f.checkReplay()
}

// inBinlog tells whether the server's current binlog file holds a statement.
func inBinlog(t *testing.T, s *mariadb.Server, text string) bool {
	t.Helper()
	var file, rest string
	var at int64
	if err := s.DB().QueryRow("SHOW MASTER STATUS").Scan(&file, &at, &rest, &rest); err != nil {
		t.Fatal(err)
	}
	rows, err := s.DB().Query("SHOW BINLOG EVENTS IN '" + file + "'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var info string
		if err := rows.Scan(&rest, &at, &rest, &at, &at, &info); err != nil {
			t.Fatal(err)
		}
		if info == text {
			return true
		}
	}
	return false
}

func TestServerIDTaken(t *testing.T) {
	server := mariadb.Start(t)
	first := follow(t, server.URI()+"?server-id=4711", "current")
	server.MustExec(t, "CREATE DATABASE shop")
	first.catchUp()
	second := follow(t, server.URI()+"?server-id=4711", "current")
	if got := second.fatal(); got.Kind != kindServerID {
		t.Errorf("got %s: %v", got.Kind, got)
	}
	server.MustExec(t, "CREATE DATABASE other")
	first.catchUp()
	if len(first.errors) > 0 {
		t.Errorf("the first one was thrown out: %v", first.errors)
	}
}

func TestFollowXA(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY, b INT)")
	f := follow(t, server.URI(), "current")
	c := sessionOf(t, server)
	run(t, c,
		"XA START 'one'", "INSERT INTO shop.a VALUES (1, 1)", "XA END 'one'", "XA PREPARE 'one'",
	)
	run(t, sessionOf(t, server), "INSERT INTO shop.a VALUES (100, 0)",
		"XA START 'two'", "INSERT INTO shop.a VALUES (2, 2), (3, 3)", "XA END 'two'", "XA PREPARE 'two'")
	f.catchUp()
	_, m := f.log.Tail()
	if !strings.Contains(m.Position, ";xa=") {
		t.Fatalf("the mark %q does not name the prepared transactions", m.Position)
	}
	if got := f.walk().plot(); !slices.Equal(got, []string{"commit", "0 shop.a op=1 9 bytes", "commit", "commit"}) {
		t.Errorf("while they are prepared: got %q", got)
	}

	// Everybody starts anew: the upstream, the source, and a log that begins at the mark in between.
	f.stop()
	server.MustRestart(t)
	late, err := Open(server.URI())
	if err != nil {
		t.Fatal(err)
	}
	log, err := relay.Open(t.TempDir(), relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Reset(m); err != nil {
		t.Fatal(err)
	}
	g := &follower{t: t, source: late, log: log, start: m, base: log.End()}
	g.pull()
	t.Cleanup(func() { g.stop(); log.Close() })
	f.pull()
	run(t, sessionOf(t, server), "XA ROLLBACK 'two'", "INSERT INTO shop.a VALUES (101, 0)", "XA COMMIT 'one'")
	f.catchUp()
	g.catchUp()
	want := []string{"commit", "0 shop.a op=1 9 bytes", "commit", "0 shop.a op=1 9 bytes", "commit"}
	if got := g.walk().plot(); !slices.Equal(got, want) {
		t.Errorf("after the resume: got %q, want %q", got, want)
	}
	if a, b := read(t, f.log, f.base), read(t, g.log, g.base); !bytes.HasSuffix(a, b) {
		t.Error("the log that began in between is not the end of the other")
	}
	if _, m := f.log.Tail(); strings.Contains(m.Position, ";xa=") {
		t.Errorf("the mark %q still names prepared transactions", m.Position)
	}
	f.checkReplay()
}

// An XA transaction of which the upstream has only the end in what is followed cannot be followed without loss.
func TestFollowXAFromWithin(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY)")
	c := sessionOf(t, server)
	run(t, c, "XA START 'one'", "INSERT INTO shop.a VALUES (1)", "XA END 'one'", "XA PREPARE 'one'")
	s, err := Open(server.URI())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Start(t.Context(), "current"); kindOf(err) != kindPreparedStart {
		t.Errorf("start with a prepared transaction: %v", err)
	}
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := follow(t, server.URI(), head)
	run(t, c, "XA COMMIT 'one'")
	if got := f.fatal(); got.Kind != kindXA {
		t.Errorf("got %s: %v", got.Kind, got)
	}
}

// A cutter is a TCP proxy that cuts its connections off after random numbers of bytes.
type cutter struct {
	net.Listener
	target string
	cuts   atomic.Int64
	calm   atomic.Bool
}

func startCutter(t *testing.T, target string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, target: target}
	t.Cleanup(func() { l.Close() })
	random := rand.New(rand.NewPCG(7, 7))
	go func() {
		for i := 0; ; i++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			// Now and then enough comes through for a part of the large transaction to be in the log.
			limit := 6000 + random.Int64N(3<<20)
			if i%4 == 3 {
				limit = holdBytes + 1<<20 + random.Int64N(4<<20)
			}
			go c.serve(conn, limit)
		}
	}()
	return c
}

func (c *cutter) serve(client net.Conn, limit int64) {
	defer client.Close()
	server, err := net.Dial("tcp", c.target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, client)
		server.Close()
	}()
	if _, err := io.CopyN(client, server, limit); err == nil && !c.calm.Load() {
		c.cuts.Add(1)
		return
	}
	io.Copy(client, server)
}

// What a connection that is cut again and again brings is, byte for byte, what one brings that is not.
func TestCutConnections(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY AUTO_INCREMENT, b LONGBLOB)")
	whole := follow(t, server.URI(), "current")
	proxy := startCutter(t, server.Addr())
	// A group of many blocks is appended in pieces, so that cuts fall inside of what the log has of it.
	cut := follow(t, "mysql://root@"+proxy.Addr().String()+"/", whole.start.Position)
	for i := range 40 {
		server.MustExec(t, fmt.Sprintf("INSERT INTO shop.a (b) SELECT REPEAT('%c', 1 + seq * 37 %% 9000) FROM shop.seq_1_to_60", 'a'+i%26))
	}
	server.MustExec(t, "INSERT INTO shop.a (b) SELECT REPEAT('x', 100000) FROM shop.seq_1_to_400")
	whole.catchUp()
	cut.await("a part of the large transaction", func() bool {
		tail, _ := cut.log.Tail()
		return cut.log.End() > tail && proxy.cuts.Load() > 8
	})
	proxy.calm.Store(true)
	cut.await("the log behind the proxy", func() bool {
		_, a := whole.log.Tail()
		_, b := cut.log.Tail()
		return a.Position == b.Position
	})
	t.Logf("%d cuts", proxy.cuts.Load())
	if a, b := read(t, whole.log, whole.base), read(t, cut.log, cut.base); !bytes.Equal(a, b) {
		t.Fatalf("the logs differ: %d and %d bytes", len(a), len(b))
	}
}

func TestRestartRotateAndPurge(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY)", "INSERT INTO shop.a VALUES (1)")
	f := follow(t, server.URI(), "earliest")
	server.MustExec(t, "FLUSH LOGS", "INSERT INTO shop.a VALUES (2)")
	f.catchUp()
	server.MustRestart(t)
	server.MustExec(t, "INSERT INTO shop.a VALUES (3)")
	f.await("the reconnect", func() bool { _, m := f.log.Tail(); return strings.HasSuffix(m.Position, "-5") })
	if got := f.walk(); got.inserts != 3 || len(got.marks) != 5 {
		t.Errorf("got %q", got.lines)
	}
	f.checkReplay()

	f.stop()
	server.MustExec(t, "INSERT INTO shop.a VALUES (4)", "FLUSH LOGS", "INSERT INTO shop.a VALUES (5)", "FLUSH LOGS")
	var last string
	rows, err := server.DB().Query("SHOW BINARY LOGS")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var size int64
		if err := rows.Scan(&last, &size); err != nil {
			t.Fatal(err)
		}
	}
	rows.Close()
	// The server keeps a file as long as it has not noticed that its reader is gone.
	f.await("the purge", func() bool {
		server.MustExec(t, "PURGE BINARY LOGS TO '"+last+"'")
		var first string
		var size int64
		if err := server.DB().QueryRow("SHOW BINARY LOGS").Scan(&first, &size); err != nil {
			t.Fatal(err)
		}
		return first == last
	})
	f.pull()
	if got := f.fatal(); got.Kind != kindPurged {
		t.Errorf("after a purge: %s: %v", got.Kind, got)
	}
	if _, err := f.source.Start(t.Context(), "earliest"); err != nil {
		t.Errorf("start at the earliest after a purge: %v", err)
	}
}

// The same statements give the same story, whatever the server's settings of the binlog.
func TestBinlogSettings(t *testing.T) {
	statements := []string{
		"CREATE DATABASE shop",
		"CREATE TABLE shop.a (id INT UNSIGNED PRIMARY KEY, e ENUM('p','q'), b LONGTEXT)",
		"INSERT INTO shop.a SELECT seq, 'q', REPEAT('some text ', 100) FROM shop.seq_1_to_100",
		"UPDATE shop.a SET b = REPEAT('other text ', 100) WHERE id < 10",
		"DELETE FROM shop.a WHERE id > 90",
		"ALTER TABLE shop.a ADD COLUMN n INT DEFAULT 7 /* " + strings.Repeat("long ", 100) + "*/",
		"INSERT INTO shop.a VALUES (1000, 'p', '', 1)",
	}
	var want []string
	for _, args := range [][]string{
		{"--binlog-row-metadata=NO_LOG", "--binlog-checksum=CRC32"},
		{"--binlog-row-metadata=FULL", "--binlog-checksum=NONE"},
		{"--binlog-row-metadata=MINIMAL", "--log-bin-compress=ON"},
		{"--binlog-alter-two-phase=ON", "--log-bin-compress=ON", "--binlog-checksum=NONE", "--log-bin-compress-min-len=10"},
	} {
		server := mariadb.Start(t, mariadb.Args(args...))
		f := follow(t, server.URI(), "current")
		server.MustExec(t, statements...)
		f.catchUp()
		got := f.walk()
		// Two-phase ALTER has a group of its own for the announcement.
		plot := got.plot()
		for i := len(plot) - 1; i > 0; i-- {
			if plot[i] == "commit" && plot[i-1] == "commit" {
				plot = slices.Delete(plot, i, i+1)
			}
		}
		if want == nil {
			want = plot
		}
		if !slices.Equal(plot, want) {
			t.Errorf("%v: got\n%q\nwant\n%q", args, plot, want)
		}
		f.checkReplay()
		f.stop()
		server.Kill()
	}
	if len(want) < 12 {
		t.Errorf("the story is short: %q", want)
	}
}

func TestDescribedByTheStream(t *testing.T) {
	server := mariadb.Start(t, mariadb.Args("--binlog-row-metadata=FULL"))
	f := follow(t, server.URI(), "current")
	server.MustExec(t, "CREATE DATABASE shop",
		"CREATE TABLE shop.a (id INT UNSIGNED, s SET('ä','ö') CHARACTER SET latin1, t TEXT CHARACTER SET gbk, p POINT, hid INT INVISIBLE, "+
			"e ENUM('x','y'), PRIMARY KEY (id, t(3)))",
		"INSERT INTO shop.a (id, s, t, e) VALUES (1, 'ö', '', 'x')")
	f.catchUp()
	w := newWalker(f.start)
	var l transcript
	if err := w.Walk(read(t, f.log, f.base), &l); err != nil {
		t.Fatal(err)
	}
	d := w.rows.Described
	if d == nil {
		t.Fatal("the stream said nothing")
	}
	var got []string
	for _, c := range d.Columns {
		got = append(got, fmt.Sprintf("%s %v %s %q %v %v %s", c.Name, c.Unsigned, c.Charset, c.Elems, c.PK, c.Invisible, c.TypeName))
	}
	want := []string{
		"id true  [] true false ", `s false latin1 ["ä" "ö"] false false `, "t false gbk [] true false ", "p false binary [] false false point",
		"hid false  [] false false ", `e false utf8mb4 ["x" "y"] false false `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if len(d.Indexes) != 1 || !d.Indexes[0].Partial || !slices.Equal(d.Handle, []int{0, 2}) {
		t.Errorf("the key: %+v", d.Indexes)
	}
}

func TestBigRows(t *testing.T) {
	server := mariadb.Start(t, mariadb.Args("--max-allowed-packet=256M"))
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY, b LONGBLOB)")
	f := follow(t, server.URI(), "current")
	for i, size := range []int{64 << 20, 1<<24 - 1} {
		server.MustExec(t, fmt.Sprintf("INSERT INTO shop.a VALUES (%d, REPEAT('b', %d))", i, size))
	}
	f.catchUp()
	got := f.walk()
	if want := 64<<20 + 1<<24 - 1 + 2*(1+4+4); got.inserts != 2 || got.bytes != want {
		t.Errorf("got %d rows of %d bytes, want 2 of %d", got.inserts, got.bytes, want)
	}
	f.checkReplay()
}

func TestStatementFormatIsFatal(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY)")
	f := follow(t, server.URI(), "current")
	run(t, sessionOf(t, server), "SET SESSION binlog_format = 'STATEMENT'", "INSERT INTO shop.a VALUES (1)")
	if got := f.fatal(); got.Kind != kindFormat {
		t.Errorf("got %s: %v", got.Kind, got)
	}
}

func TestMinimalRowImageIsFatal(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY, b INT)", "INSERT INTO shop.a VALUES (1, 1)")
	f := follow(t, server.URI(), "current")
	run(t, sessionOf(t, server), "SET SESSION binlog_row_image = 'MINIMAL'", "UPDATE shop.a SET b = 2")
	f.catchUp()
	var l transcript
	err := newWalker(f.start).Walk(read(t, f.log, f.base), &l)
	if kindOf(err) != kindRowImage {
		t.Errorf("got %v", err)
	}
}
