package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

const oneRow = `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, n INT); INSERT INTO shop.t VALUES (1, 1)`

// A session that logs statements is refused at its first one; what came before it is in the files.
func TestRefusesStatementsOfASession(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	p := f.Follow()
	p.Eventually(t, "the row is in the files", func() bool { return f.Rows() == 1 })
	f.Server.MustExec(t, `SET SESSION binlog_format = STATEMENT; INSERT INTO shop.t VALUES (2, 2); SET SESSION binlog_format = ROW`)
	if code := p.Wait(t); code != 1 {
		t.Errorf("got exit code %d, want 1", code)
	}
	refuses(t, f, "statement format", "binlog_format")
	if got := f.Rows(); got != 1 {
		t.Errorf("rows in the files: got %d, want 1", got)
	}
}

// A session's row image of less than all columns is refused too, though the server's own is FULL.
func TestRefusesHalfRowsOfASession(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow, `SET SESSION binlog_row_image = MINIMAL; UPDATE shop.t SET n = 2; SET SESSION binlog_row_image = FULL`)
	refuses(t, f, "shop.t", "binlog_row_image")
}

// rotateAndPurge leaves the upstream with its newest binlog file alone.
func rotateAndPurge(t *testing.T, f *weir.Changefeed) {
	t.Helper()
	f.Server.MustRestart(t) // which begins a file; and what a reader of the last one left behind, purging would spare
	var file, rest string
	if err := f.Server.DB().QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&file, &rest, &rest, &rest); err != nil {
		t.Fatal(err)
	}
	f.Server.MustExec(t, "PURGE BINARY LOGS TO '"+file+"'")
}

func TestRefusesAPurgedBinlog(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	f.CatchUp()
	f.Server.MustExec(t, `INSERT INTO shop.t VALUES (2, 2)`)
	rotateAndPurge(t, f)
	refuses(t, f, "no longer has", "keep the binlog")
	if got := f.Rows(); got != 1 {
		t.Errorf("rows in the files: got %d, want 1", got)
	}
}

func TestEarliestAfterAPurge(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow, `DELETE FROM shop.t`)
	rotateAndPurge(t, f)
	f.Server.MustExec(t, `INSERT INTO shop.t VALUES (2, 2)`)
	f.CatchUp()
	f.Compare()
}

// An upstream whose binlog was begun anew is another one.
func TestRefusesAnUpstreamThatWasSetBack(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	f.CatchUp()
	f.Server.MustExec(t, `RESET MASTER`)
	refuses(t, f, "another server, or was set back")
	if got := f.Rows(); got != 1 {
		t.Errorf("rows in the files: got %d, want 1", got)
	}
}

// With GTIDs it does not matter which server id the upstream has.
func TestUpstreamOfAnotherIdentity(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	f.CatchUp()
	f.Server.MustRestart(t, "--server-id=77")
	f.Server.MustExec(t, `INSERT INTO shop.t VALUES (2, 2)`)
	f.CatchUp()
	f.Compare()
}

func TestRefusesATakenServerID(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv", "--server-id", "4711")
	f.Server.MustExec(t, oneRow)
	first := f.Follow()
	first.Eventually(t, "the row is in the files", func() bool { return f.Rows() == 1 })
	other := weir.NewChangefeed(t, f.Server, "csv", "--server-id", "4711")
	second := other.Follow()
	// The server throws the older connection out: either of the two ends, and says why.
	var loser *weir.Process
	select {
	case <-first.Ended():
		loser = first
	case <-second.Ended():
		loser = second
	}
	if code := loser.Wait(t); code != 1 || !strings.Contains(loser.Stderr(), "--server-id") {
		t.Errorf("got exit code %d, %q, want 1 and an error that names --server-id", code, loser.Stderr())
	}
	first.Kill()
	second.Kill()
	f.CatchUp()
	f.Compare()
}

// --stop-at takes each form of a position.
func TestStopAtAPosition(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	f.CatchUp()
	f.Compare()
	f.Server.MustExec(t, `INSERT INTO shop.t VALUES (2, 2)`)
	var file, at, gtid, rest string
	if err := f.Server.DB().QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&file, &at, &rest, &rest); err != nil {
		t.Fatal(err)
	}
	if code := f.Follow("--stop-at", file+":"+at).Wait(t); code != 0 {
		t.Errorf("FILE:POS: got exit code %d, want 0", code)
	}
	f.Compare()
	f.Server.MustExec(t, `INSERT INTO shop.t VALUES (3, 3)`)
	if err := f.Server.DB().QueryRowContext(t.Context(), "SELECT @@gtid_binlog_pos").Scan(&gtid); err != nil {
		t.Fatal(err)
	}
	if code := f.Follow("--stop-at", "gtid:"+gtid).Wait(t); code != 0 {
		t.Errorf("gtid:SET: got exit code %d, want 0", code)
	}
	f.Compare()
}

// A new changefeed begins at what --start-at names.
func TestStartAt(t *testing.T) {
	t.Parallel()
	server := mariadb.Start(t)
	server.MustExec(t, oneRow)
	var file, at, gtid, rest string
	if err := server.DB().QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&file, &at, &rest, &rest); err != nil {
		t.Fatal(err)
	}
	if err := server.DB().QueryRowContext(t.Context(), "SELECT @@gtid_binlog_pos").Scan(&gtid); err != nil {
		t.Fatal(err)
	}
	server.MustExec(t, `INSERT INTO shop.t VALUES (2, 2)`, `INSERT INTO shop.t VALUES (3, 3)`)
	for start, want := range map[string]int{"earliest": 3, "current": 0, file + ":" + at: 2, file + ":4": 3, "gtid:" + gtid: 2, "gtid:": 3} {
		t.Run(start, func(t *testing.T) {
			f := weir.NewChangefeed(t, server, "csv", "--start-at", start)
			f.CatchUp()
			if got := f.Rows(); got != want {
				t.Errorf("rows in the files: got %d, want %d", got, want)
			}
		})
	}
}

// A folder belongs to one changefeed, and a data directory to one pair of ends.
func TestRefusesOtherEnds(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	f.CatchUp()
	for what, change := range map[string]struct {
		old, with string
		want      []string
	}{
		"another run's folder": {"/state", "/state2", []string{f.Out, "name another folder"}},
		"another upstream":     {"@127.0.0.1", "@localhost", []string{"follows another upstream", "--data-dir"}},
		"another folder":       {"/out?", "/elsewhere?", []string{"writes to another place", "--data-dir"}},
		"another protocol":     {"protocol=csv", "protocol=canal-json", []string{"writes to another place", "--data-dir"}},
	} {
		t.Run(what, func(t *testing.T) {
			other := *f
			other.Args = slices.Clone(f.Args)
			other.Replace(change.old, change.with)
			refuses(t, &other, change.want...)
		})
	}
	f.Server.MustExec(t, `INSERT INTO shop.t VALUES (2, 2)`)
	f.CatchUp()
	f.Compare()
}

// A relay log that is damaged is read from the upstream again.
func TestDamagedRelayLog(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(data []byte) []byte{
		"a flipped byte": func(data []byte) []byte { data[len(data)/2] ^= 0x55; return data },
		"cut":            func(data []byte) []byte { return data[:len(data)/2] },
		"garbage":        func([]byte) []byte { return []byte(strings.Repeat("garbage ", 1000)) },
		"empty":          func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newChangefeed(t, "csv", "--log-level", "debug")
			f.Server.MustExec(t, oneRow)
			p := f.Follow()
			f.Server.MustExec(t, `INSERT INTO shop.t SELECT seq, seq FROM shop.seq_10_to_30000`, `UPDATE shop.t SET n = n + 1`)
			p.Eventually(t, "rows are in the files", func() bool { return f.Rows() > 1 })
			p.Kill()
			files, err := filepath.Glob(filepath.Join(filepath.Dir(f.Out), "state", "relay", "*", "*.relay"))
			if err != nil || len(files) == 0 {
				t.Fatalf("the relay log's files: got %v, %v", files, err)
			}
			data, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			f.CatchUp()
			f.Compare()
		})
	}
}
