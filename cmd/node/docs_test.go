package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/api"
)

// kinds finds the words of errors that end a changefeed: constants, fields, and first arguments.
var kinds = regexp.MustCompile(`(?:\bkind[A-Z]\w*\s*=\s*|\bsources\.Fatal\{Kind: |\bfatal\()"([a-z-]+)"`)

// Whoever meets an error that ends the changefeed finds it in the manual.
func TestEveryFatalKindIsInTheManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/run.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	err = filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		for _, m := range kinds.FindAllStringSubmatch(string(code), -1) {
			found[m[1]] = true
			if !strings.Contains(string(manual), "| `"+m[1]+"` |") {
				t.Errorf("%s: docs/run.md does not tell the way out of %q", path, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 20 {
		t.Errorf("found %d kinds only: %v", len(found), found)
	}
}

// Whoever gets an exit status, or a code of the API, finds it in the manual; and every command is in it.
func TestTheClusterManualIsWhole(t *testing.T) {
	text, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(text)
	for _, c := range api.Codes() {
		if !strings.Contains(manual, "`"+string(c)+"`") {
			t.Errorf("the manual lacks code %s", c)
		}
	}
	for status := range exitUnreachable + 1 {
		if !strings.Contains(manual, "\n| "+strconv.Itoa(status)+" | ") {
			t.Errorf("the manual lacks exit status %d", status)
		}
	}
	root := newRoot(standard())
	for _, cmd := range root.Commands() {
		if name := cmd.Name(); name == "changefeed" || name == "nodes" || name == "drain" {
			for _, sub := range append(cmd.Commands(), cmd) {
				if !strings.Contains(manual, "`"+sub.CommandPath()+" ") && !strings.Contains(manual, "`"+sub.CommandPath()+"`") && sub.Name() != "changefeed" {
					t.Errorf("the manual lacks %s", sub.CommandPath())
				}
				if !strings.Contains(sub.Long, exitHelp) {
					t.Errorf("the help of %s lacks the exit status", sub.CommandPath())
				}
			}
		}
	}
}
