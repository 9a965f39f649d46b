package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

// A run in which nothing goes wrong logs a handful of lines, each of which an operator can make sense of.
func TestACalmRunLogsLittle(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	p := f.Follow()
	for _, ddl := range []string{"ADD COLUMN a INT", "ADD COLUMN b INT", "DROP COLUMN a"} {
		f.Server.MustExec(t, "ALTER TABLE shop.t "+ddl, "UPDATE shop.t SET n = n + 1")
	}
	p.Eventually(t, "the rows are in the files", func() bool { return f.Rows() == 4 })
	p.Signal(os.Interrupt)
	if code := p.Wait(t); code != 0 {
		t.Fatalf("got exit code %d, want 0", code)
	}
	lines := strings.Split(strings.TrimSpace(p.Stderr()), "\n")
	if len(lines) > 8 {
		t.Errorf("got %d lines, want 8 at most:\n%s", len(lines), p.Stderr())
	}
	for _, line := range lines {
		if !strings.Contains(line, "level=info") {
			t.Errorf("got %s, want nothing above info", line)
		}
	}
}

// An upstream that is not there yet is waited for. The log says so once, with the reason.
func TestWaitsForTheUpstream(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	if err := f.Server.Kill(); err != nil {
		t.Fatal(err)
	}
	p := f.Follow("--log-level", "debug")
	const again = "changefeed begins again"
	p.Eventually(t, "it has tried three times", func() bool { return strings.Count(p.Stderr(), again) >= 3 })
	var warnings []string
	for _, line := range strings.Split(p.Stderr(), "\n") {
		if strings.Contains(line, "level=warning") {
			warnings = append(warnings, line)
		}
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "connection refused; check the host and port in the URI") {
		t.Errorf("got the warnings %q, want one, with the reason and the fix", warnings)
	}
	f.Server.MustRestart(t)
	p.Eventually(t, "the row is in the files", func() bool { return f.Rows() == 1 })
	p.Signal(os.Interrupt)
	if code := p.Wait(t); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

func TestNoSuchHost(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Replace("@127.0.0.1:", "@db.invalid:")
	p := f.Follow()
	p.Eventually(t, "the warning is logged", func() bool {
		return strings.Contains(p.Stderr(), "db.invalid") && strings.Contains(p.Stderr(), "check the host in the URI")
	})
	p.Signal(os.Interrupt)
	if code := p.Wait(t); code != 0 {
		t.Errorf("after Ctrl-C: got exit code %d, want 0", code)
	}
}

// What is wrong with the command line is told before anything is touched.
func TestRefusesAWrongCommandLine(t *testing.T) {
	t.Parallel()
	server := mariadb.Start(t)
	for _, c := range []struct{ old, with, want string }{
		{"mysql://", "postgres://", "mysql://..."},
		{"file://", "s3://bucket", "file://..."},
		{"protocol=csv", "protocol=cvs", "csv"},
		{"protocol=csv", "protocl=csv", "protocl"},
		{"flush-interval=100ms", "flush-interval=soon", "flush-interval"},
		{"--start-at", "--start-att", "--start-at"},
	} {
		t.Run(c.with, func(t *testing.T) {
			f := weir.NewChangefeed(t, server, "csv")
			f.Replace(c.old, c.with)
			p := f.Follow()
			if code := p.Wait(t); code != 2 || !strings.Contains(p.Stderr(), c.want) {
				t.Errorf("got exit code %d, %q, want 2 and %q", code, p.Stderr(), c.want)
			}
			if _, err := os.Stat(f.Out); err == nil {
				t.Error("the output folder was made")
			}
		})
	}
}
