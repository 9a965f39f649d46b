package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs a command line in an empty environment.
func call(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = execute(t.Context(), args, &console{out: &stdout, err: &stderr, getenv: func(string) string { return "" }})
	return code, stdout.String(), stderr.String()
}

func TestUsageErrors(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"an unknown command", []string{"rum"}, `unknown command "rum"; did you mean "run"?`},
		{"an unknown flag", []string{"run", "--tabels", "x"}, `unknown flag: --tabels; did you mean "tables"?`},
		{"an argument", []string{"run", "shop.*"}, `unexpected argument "shop.*"`},
		{"no upstream", []string{"run", "--to", "file:///x"}, "--from: is missing"},
		{"a bad size", []string{"run", "--memory", "much"}, `"much" is no size`},
		{"a missing config file", []string{"run", "--config", "/no/such"}, "/no/such: no such file"},
		{"a source of no kind", []string{"run", "--from", "oracle://h/", "--to", "file:///x"}, `unknown source scheme "oracle"`},
		{"a sink of no kind", []string{"run", "--from", "workload://bank", "--to", "ftp://h/"}, `unknown sink scheme "ftp"`},
		{"a protocol of no kind", []string{"run", "--from", "workload://bank", "--to", "file:///x?protocol=xml"}, "xml"},
		{"a sink option of no kind", []string{"run", "--from", "workload://bank", "--to", "file:///x?flush=1s"}, "flush"},
		{"nothing to check", []string{"check"}, "--from: is missing"},
		{"an output of no kind", []string{"check", "--to", "file:///x", "--output", "xml"}, "--output"},
		{"a demo of no length", []string{"demo", "--for", "0s"}, "--for"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := call(t, c.args...)
			if code != exitUsage || !strings.Contains(stderr, c.want) {
				t.Errorf("got exit code %d, %q, want %d, %q", code, stderr, exitUsage, c.want)
			}
		})
	}
}

func TestUsageErrorsKeepPasswords(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--from", "mysql://root:hunter2%@h/", "--to", "file:///x"},
		{"run", "--from", "mysql://root:hunter2@h/", "--to", "/x"},
		{"check", "--from", "mysql://root:hunter2%zz@h/"},
		{"check", "--from", "nosuch://root:hunter2@h/"},
	} {
		if _, stdout, stderr := call(t, args...); strings.Contains(stdout+stderr, "hunter2") {
			t.Errorf("%v: the output holds the password: %s%s", args, stdout, stderr)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	if code, out, _ := call(t, "version"); code != exitOK || out != "weir unknown (commit unknown)\n" {
		t.Errorf("version: got %d, %q", code, out)
	}
	code, out, _ := call(t)
	if code != exitOK || !strings.Contains(out, "run ") || !strings.Contains(out, "check ") || !strings.Contains(out, "demo ") {
		t.Errorf("help: got %d, %q", code, out)
	}
}

func TestCheckFolder(t *testing.T) {
	empty, foreign, ours := t.TempDir(), t.TempDir(), t.TempDir()
	file := filepath.Join(foreign, "thesis.txt")
	for path, content := range map[string]string{
		file: "", filepath.Join(ours, ".weir.json"): `{"changefeed":"shop"}`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name, dir, want string
		code            int
	}{
		{"an empty folder", empty, "empty", exitOK},
		{"one that can be made", filepath.Join(empty, "a", "b"), "will be made", exitOK},
		{"somebody else's", foreign, "not Weir's", exitError},
		{"a changefeed's", ours, `belongs to changefeed "shop"`, exitOK},
		{"a file", filepath.Join(file, "x"), "folder", exitError},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var code int
			found := checkFolder(c.dir)
			if verdict(found) != nil {
				code = exitError
			}
			if text := table(found, false, 0); code != c.code || !strings.Contains(text, c.want) {
				t.Errorf("got exit code %d and\n%swant %d and %q", code, text, c.code, c.want)
			}
		})
	}
	if entries, err := os.ReadDir(empty); err != nil || len(entries) != 0 {
		t.Errorf("checking left %v in the folder, %v", entries, err)
	}
}

func TestFindingsTable(t *testing.T) {
	got := table([]finding{
		{End: "from", Status: statusOK, Name: "log_bin", Detail: "ON"},
		{End: "from", Status: statusError, Name: "binlog_format", Detail: "is MIXED", Fix: "SET GLOBAL binlog_format = ROW;"},
		{End: "to", Status: statusOK, Name: "content", Detail: "so many words that they do not fit"},
	}, false, 55)
	want := "from  ok       log_bin        ON\n" +
		"from  error    binlog_format  is MIXED\n" +
		"      fix: SET GLOBAL binlog_format = ROW;\n" +
		"to    ok       content        so many words that they\n" +
		"                              do not fit\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestDemoEmptiesOnlyItsOwnFolder(t *testing.T) {
	foreign := t.TempDir()
	kept := filepath.Join(foreign, "thesis.txt")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptyDemo(foreign); err == nil || !strings.Contains(err.Error(), "--out") {
		t.Errorf("somebody else's folder: got %v, want an error that names --out", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the demo removed a file: %v", err)
	}
	mine := t.TempDir()
	if err := os.WriteFile(filepath.Join(mine, ".weir.json"), []byte(`{"changefeed":"demo"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptyDemo(mine); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(mine); len(entries) != 0 {
		t.Errorf("an earlier demo's folder: got %v, want it empty", entries)
	}
	if err := emptyDemo(filepath.Join(mine, "new")); err != nil {
		t.Errorf("a new folder: %v", err)
	}
}
