package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

const grantRepl = "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT, BINLOG MONITOR ON *.* TO repl@'127.0.0.1'"

// What no retry can mend ends weir with exit code 1, and an error that names what, where and the fix.
func TestRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		server []string // further arguments of the upstream
		setUp  func(t *testing.T, f *weir.Changefeed)
		args   []string
		want   []string
		mend   func(t *testing.T, f *weir.Changefeed) // after it the same command must go on
	}{
		{
			name:   "no binlog",
			server: []string{"--skip-log-bin"},
			want:   []string{"log_bin", "restart it"},
			mend:   func(t *testing.T, f *weir.Changefeed) { f.Server.MustRestart(t, "--log-bin=bin") },
		},
		{
			name:   "statements in the binlog",
			server: []string{"--binlog-format=STATEMENT"},
			want:   []string{"SET GLOBAL binlog_format = 'ROW'"},
			mend:   func(t *testing.T, f *weir.Changefeed) { f.Server.MustRestart(t, "--binlog-format=ROW") },
		},
		{
			name:   "half row images",
			server: []string{"--binlog-row-image=MINIMAL"},
			want:   []string{"SET GLOBAL binlog_row_image = 'FULL'"},
			mend:   func(t *testing.T, f *weir.Changefeed) { f.Server.MustRestart(t, "--binlog-row-image=FULL") },
		},
		{
			name: "a wrong password",
			setUp: func(t *testing.T, f *weir.Changefeed) {
				f.Server.MustExec(t, "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'right'")
				f.Replace("mysql://root@", "mysql://repl:wrong@")
			},
			want: []string{"repl", "password", "CREATE USER"},
			mend: func(t *testing.T, f *weir.Changefeed) {
				f.Server.MustExec(t, grantRepl)
				f.Replace("repl:wrong@", "repl:right@")
			},
		},
		{
			name: "no grants",
			setUp: func(t *testing.T, f *weir.Changefeed) {
				f.Server.MustExec(t, "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'right'")
				f.Replace("mysql://root@", "mysql://repl:right@")
			},
			want: []string{"GRANT REPLICATION SLAVE"},
			mend: func(t *testing.T, f *weir.Changefeed) { f.Server.MustExec(t, grantRepl) },
		},
		{
			name: "a folder with somebody else's files",
			setUp: func(t *testing.T, f *weir.Changefeed) {
				if err := os.MkdirAll(f.Out, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(f.Out, "thesis.txt"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"thesis.txt", "empty folder"},
			mend: func(t *testing.T, f *weir.Changefeed) {
				if err := os.Remove(filepath.Join(f.Out, "thesis.txt")); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "a position that never was",
			args: []string{"--start-at", "bin.000099:4"},
			want: []string{"bin.000099", "SHOW BINARY LOGS"},
		},
		{
			name: "a position past the end",
			args: []string{"--start-at", "bin.000001:99999999"},
			want: []string{"bin.000001:99999999", "past the end", "SHOW BINARY LOGS"},
		},
		{
			name: "a position inside an event",
			args: []string{"--start-at", "bin.000001:7"},
			want: []string{"bin.000001:7", "SHOW BINLOG EVENTS"},
		},
		{
			name: "a GTID that never was",
			args: []string{"--start-at", "gtid:0-1-4711"},
			want: []string{"gtid:0-1-4711", "another server, or was set back"},
		},
		{
			name: "a GTID of MySQL",
			args: []string{"--start-at", "gtid:3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5"},
			want: []string{"MariaDB", "gtid_binlog_pos"},
		},
		{
			name: "no position to start at",
			args: []string{"--start-at", "yesterday"},
			want: []string{"--start-at yesterday", "FILE:POS"},
		},
		{
			name: "no position to stop at",
			args: []string{"--stop-at", "tomorrow"},
			want: []string{"--stop-at tomorrow", "FILE:POS"},
		},
		{
			name: "the upstream's own server id",
			args: []string{"--server-id", "1"},
			want: []string{"server id", "--server-id"},
		},
		{
			name: "an output that is a file",
			setUp: func(t *testing.T, f *weir.Changefeed) {
				if err := os.WriteFile(f.Out, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"is no folder", "name another folder"},
			mend: func(t *testing.T, f *weir.Changefeed) {
				if err := os.Remove(f.Out); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	calm := mariadb.Start(t) // for those that change nothing at it
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := calm
			if c.server != nil || c.setUp != nil || c.mend != nil {
				server = mariadb.Start(t, mariadb.Args(c.server...))
			}
			f := weir.NewChangefeed(t, server, "csv", c.args...)
			if c.setUp != nil {
				c.setUp(t, f)
			}
			said := refuses(t, f, c.want...)
			if strings.Contains(said, "wrong@") || strings.Contains(said, "right@") {
				t.Error("the password is shown")
			}
			if c.mend == nil {
				return
			}
			c.mend(t, f)
			f.Server.MustExec(t, oneRow)
			f.CatchUp()
			f.Compare()
		})
	}
}

func TestRefusesADataDirectoryInUse(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)`)
	first := f.Follow()
	first.Eventually(t, "the row is in the files", func() bool { return f.Rows() == 1 })
	second := f.Follow()
	if code := second.Wait(t); code != 1 || !strings.Contains(second.Stderr(), "data directory in use") {
		t.Errorf("got exit code %d, %q, want 1 and that the data directory is in use", code, second.Stderr())
	}
	select {
	case <-first.Ended():
		t.Error("the first weir ended")
	default:
	}
}

// An upstream that goes away is waited for: nothing fails, and what comes later arrives.
func TestUpstreamRestarts(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)`)
	p := f.Follow()
	p.Eventually(t, "the row is in the files", func() bool { return f.Rows() == 1 })
	if err := f.Server.Kill(); err != nil {
		t.Fatal(err)
	}
	p.Eventually(t, "the warning is logged", func() bool { return strings.Contains(p.Stderr(), "warning") })
	f.Server.MustRestart(t)
	f.Server.MustExec(t, `INSERT INTO shop.t VALUES (2)`)
	p.Eventually(t, "the next row is in the files", func() bool { return f.Rows() == 2 })
	p.Signal(os.Interrupt)
	if code := p.Wait(t); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
	f.Compare()
}
