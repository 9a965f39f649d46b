package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
