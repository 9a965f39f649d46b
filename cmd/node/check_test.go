package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
)

// What check prints for an upstream that lacks something is what mends it.
func TestCheckUpstream(t *testing.T) {
	server := mariadb.Start(t, mariadb.Args("--binlog-format=MIXED"))
	code, out, _ := call(t, "check", "--from", server.URI())
	if code != exitError || !strings.Contains(out, "error") || !strings.Contains(out, "SET GLOBAL binlog_format") {
		t.Fatalf("format MIXED: got exit code %d and\n%s", code, out)
	}
	server.MustExec(t, "SET GLOBAL binlog_format = ROW")
	code, out, _ = call(t, "check", "--from", server.URI(), "--to", "file://"+t.TempDir(), "--output", "json")
	var findings []finding
	if err := json.Unmarshal([]byte(out), &findings); err != nil || code != exitOK || len(findings) < 10 {
		t.Errorf("format ROW: got exit code %d, %v and\n%s", code, err, out)
	}
}

func TestCheckKeepsThePassword(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'hunter2'")
	uri := strings.Replace(server.URI(), "root@", "repl:hunter2@", 1)
	for _, uri := range []string{uri, strings.Replace(uri, "hunter2", "hunter2wrong", 1)} {
		code, out, stderr := call(t, "check", "--from", uri)
		if code != exitError || strings.Contains(out+stderr, "hunter2") {
			t.Errorf("got exit code %d and\n%s%s", code, out, stderr)
		}
	}
}
