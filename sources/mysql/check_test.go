package mysql

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
)

// finding gives what was found about an item.
func finding(all []Finding, item string) Finding {
	for _, f := range all {
		if f.Item == item {
			return f
		}
	}
	return Finding{Item: item, Status: "not looked at"}
}

func TestCheck(t *testing.T) {
	server := mariadb.Start(t, mariadb.Args("--binlog-row-metadata=FULL"))
	for _, f := range Check(t.Context(), server.URI()) {
		if f.Status != StatusOK {
			t.Errorf("a good server: %+v", f)
		}
	}
	server.MustExec(t, "SET GLOBAL binlog_row_image = 'MINIMAL'", "SET GLOBAL binlog_format = 'MIXED'", "SET GLOBAL binlog_row_metadata = 'MINIMAL'",
		"SET GLOBAL binlog_expire_logs_seconds = 3600", "CREATE DATABASE shop", "CREATE TABLE shop.`odd``name` (i INT, UNIQUE KEY (i))",
		"CREATE TABLE shop.good (i INT NOT NULL, UNIQUE KEY (i))",
		"CREATE USER reader IDENTIFIED BY 'pw'", "GRANT SELECT ON *.* TO reader")
	bad := Check(t.Context(), "mysql://reader:pw@"+server.Addr()+"/?server-id=1")
	for _, want := range []struct {
		item   string
		status Status
		fix    string
	}{
		{"binlog_row_image", StatusError, "SET GLOBAL binlog_row_image = 'FULL';"},
		{"binlog_format", StatusError, "SET GLOBAL binlog_format = 'ROW';"},
		{"binlog_row_metadata", StatusWarning, "SET GLOBAL binlog_row_metadata = 'FULL';"},
		{"retention", StatusWarning, "SET GLOBAL binlog_expire_logs_seconds = 259200;"},
		{"grants", StatusError, "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'reader'@'%';"},
		{"server_id", StatusError, "choose another"},
		{"keys", StatusWarning, "ALTER TABLE `shop`.`odd``name` ADD"},
		{"log_bin", StatusOK, ""},
	} {
		got := finding(bad, want.item)
		if got.Status != want.status || !strings.HasPrefix(got.Fix, want.fix) {
			t.Errorf("%s: got %+v, want %s and %s", want.item, got, want.status, want.fix)
		}
	}
	if got := Check(t.Context(), "mysql://reader:wrong@"+server.Addr()+"/"); got[0].Status != StatusError || !strings.Contains(got[0].Fix, "CREATE USER") {
		t.Errorf("a wrong password: %+v", got)
	}
	if got := Check(t.Context(), "mysql://x@127.0.0.1:1/"); got[0].Status != StatusError {
		t.Errorf("nobody there: %+v", got)
	}
}

// Each bad upstream is an error of its own kind that names the fix, and never the password.
func TestFatalKinds(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE USER reader IDENTIFIED BY 'pw'", "GRANT SELECT, BINLOG MONITOR ON *.* TO reader")
	off := mariadb.Start(t, mariadb.Args("--skip-log-bin"))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken.Close()
	for _, c := range []struct{ name, uri, at, kind, text string }{
		{"password", "mysql://reader:wrong-secret@" + server.Addr(), "current", kindAccess, "reader"},
		{"grant", "mysql://reader:pw@" + server.Addr(), "gtid:", kindGrant, "GRANT REPLICATION SLAVE"},
		{"no binlog", off.URI(), "current", kindNoBinlog, "log_bin=binlog"},
		{"own server id", server.URI() + "?server-id=1", "", kindServerID, "--server-id"},
		{"past the end", server.URI(), "file-past-end", kindPosition, "SHOW BINARY LOGS"},
		{"no such file", server.URI(), "nothing.000009:4", kindPurged, "SHOW BINARY LOGS"},
		{"not there", server.URI(), "gtid:0-1-99999", kindIdentity, "another server"},
		{"nonsense", server.URI(), "yesterday", kindPosition, "FILE:POS"},
		{"down", "mysql://root@" + taken.Addr().String(), "current", "", "that the server runs"},
		{"host", "mysql://root:wrong-secret@no-such-host.invalid/", "current", "", "no such host"},
		{"scheme", "postgres://root:wrong-secret@localhost/", "current", "bad-uri", "mysql://"},
		{"option", "mysql://root:wrong-secret@localhost/?colour=red", "current", "bad-uri", "colour"},
	} {
		err := beginAt(t, server, c.uri, c.at)
		if err == nil || kindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) || strings.Contains(fmt.Sprint(err), "wrong-secret") {
			t.Errorf("%s: got kind %q: %v; want kind %q with %q", c.name, kindOf(err), err, c.kind, c.text)
		}
	}
}

// beginAt opens a source and starts it, or, without a position, pulls.
func beginAt(t *testing.T, server *mariadb.Server, uri, at string) error {
	s, err := Open(uri)
	if err != nil {
		return err
	}
	defer s.Close()
	if at == "file-past-end" {
		var file string
		var size int64
		if err := server.DB().QueryRow("SHOW BINARY LOGS").Scan(&file, &size); err != nil {
			t.Fatal(err)
		}
		at = fmt.Sprintf("%s:%d", file, size+1000)
	}
	if at != "" {
		_, err = s.Start(t.Context(), at)
		return err
	}
	f := follow(t, uri, "current")
	return f.fatal()
}
