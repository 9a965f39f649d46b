package mariadb

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func count(t *testing.T, s *Server, query string) (n int) {
	t.Helper()
	if err := s.DB().QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestServerSurvivesRestartAndKill(t *testing.T) {
	s := Start(t)
	s.MustExec(t, "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)", "INSERT INTO shop.t VALUES (1)")

	s.MustRestart(t, "--binlog-row-image=MINIMAL")
	var image string
	if err := s.DB().QueryRow("SELECT @@global.binlog_row_image").Scan(&image); err != nil || image != "MINIMAL" {
		t.Errorf("after a restart with an argument: got %q, %v, want MINIMAL", image, err)
	}
	s.MustExec(t, "INSERT INTO shop.t VALUES (2)")

	pid := s.Pid()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("after Kill the process still answers: %v", err)
	}
	s.MustRestart(t)
	if got := count(t, s, "SELECT COUNT(*) FROM shop.t"); got != 2 {
		t.Errorf("rows after a kill: got %d, want 2", got)
	}
}

func TestServerIsReadyToReplicate(t *testing.T) {
	s := Start(t, Args("--server-id=77"))
	var logBin, format, id string
	err := s.DB().QueryRow("SELECT @@global.log_bin, @@global.binlog_format, @@global.server_id").Scan(&logBin, &format, &id)
	if err != nil || logBin != "1" || format != "ROW" || id != "77" {
		t.Errorf("got log_bin=%s binlog_format=%s server_id=%s, %v, want 1 ROW 77", logBin, format, id, err)
	}
	if got := count(t, s, "SELECT COUNT(*) FROM mysql.global_priv WHERE User = ''"); got != 0 {
		t.Errorf("anonymous users: got %d, want 0", got)
	}
}

func TestTwoServersAtOnce(t *testing.T) {
	a, b := Start(t), Start(t)
	a.MustExec(t, "CREATE DATABASE only_in_a")
	if got := count(t, b, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'only_in_a'"); got != 0 {
		t.Error("two servers share their data")
	}
	if count(t, a, "SELECT @@global.tmpdir = '"+b.options.Dir+"'") != 0 {
		t.Error("two servers share their temporary files")
	}
}

func TestStopEndsTheProcess(t *testing.T) {
	s, err := Launch(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	pid := s.Pid()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("after Stop the process still answers: %v", err)
	}
	if log, err := os.ReadFile(s.logFile()); err != nil || !strings.Contains(string(log), "Shutdown complete") {
		t.Errorf("the log tells no shutdown in order: %v", err)
	}
}

func TestLaunchTellsWhatTheServerSaid(t *testing.T) {
	_, err := Launch(context.Background(), Options{Dir: t.TempDir(), Args: []string{"--no-such-argument"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-argument") {
		t.Errorf("got %v, want the server's own complaint", err)
	}
}

func TestLaunchOnATakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Launch(t.Context(), Options{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port})
	if !errors.Is(err, errPortTaken) {
		t.Errorf("got %v, want %v", err, errPortTaken)
	}
}

func TestMissingProgramNamesTheFix(t *testing.T) {
	t.Setenv("PATH", filepath.Join(t.TempDir(), "nothing"))
	if _, err := find("no-such-program"); err == nil || !strings.Contains(err.Error(), "make deps") {
		t.Errorf("got %v, want an error that names make deps", err)
	}
}
