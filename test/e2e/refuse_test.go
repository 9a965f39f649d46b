package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

// What no retry can mend ends weir with exit code 1, and an error that names what, where and the fix.
func TestRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		server []string // further arguments of the upstream
		setUp  func(t *testing.T, f *weir.Changefeed)
		args   []string
		want   []string
	}{
		{
			name:   "no binlog",
			server: []string{"--skip-log-bin"},
			want:   []string{"log_bin"},
		},
		{
			name:   "statements in the binlog",
			server: []string{"--binlog-format=STATEMENT"},
			want:   []string{"binlog_format", "ROW"},
		},
		{
			name:   "half row images",
			server: []string{"--binlog-row-image=MINIMAL"},
			want:   []string{"binlog_row_image", "FULL"},
		},
		{
			name: "a wrong password",
			setUp: func(t *testing.T, f *weir.Changefeed) {
				f.Server.MustExec(t, "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'right'")
				f.Replace("mysql://root@", "mysql://repl:wrong@")
			},
			want: []string{"repl"},
		},
		{
			name: "no grants",
			setUp: func(t *testing.T, f *weir.Changefeed) {
				f.Server.MustExec(t, "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'right'")
				f.Replace("mysql://root@", "mysql://repl:right@")
			},
			want: []string{"GRANT"},
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
		},
		{
			name: "a position that never was",
			args: []string{"--start-at", "bin.000099:4"},
			want: []string{"bin.000099"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := weir.NewChangefeed(t, mariadb.Start(t, mariadb.Args(c.server...)), "csv", c.args...)
			if c.setUp != nil {
				c.setUp(t, f)
			}
			p := f.Follow()
			if code := p.Wait(t); code != 1 {
				t.Errorf("got exit code %d, want 1", code)
			}
			_, last, _ := strings.Cut(p.Stderr(), "weir: ")
			for _, want := range c.want {
				if !strings.Contains(last, want) {
					t.Errorf("got %q, want an error that names %q", last, want)
				}
			}
			if strings.Contains(p.Stderr(), "wrong@") {
				t.Error("the password is shown")
			}
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
