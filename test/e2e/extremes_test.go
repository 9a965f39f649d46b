package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

// No name leaves the folder, and no two names share one.
func TestNamesThatAreNoFileNames(t *testing.T) {
	t.Parallel()
	names := []string{
		"a/b", "..", ".", "../../up", "with space", `"double"`, "'single'", "back`tick", "a\\b", "%2F", "a%2Fb", "CON", "-rf", "new\nline", "meta",
		"metadata", "syncpoints", ".weir.json", "Ä", strings.Repeat("é", 64), strings.Repeat("表", 50), "a\tb", "*", "~", "a:b",
	}
	f := newChangefeed(t, "csv")
	quote := func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
	f.Server.MustExec(t, "CREATE DATABASE shop")
	for i, n := range names {
		f.Server.MustExec(t, fmt.Sprintf("CREATE TABLE shop.%[1]s (id INT PRIMARY KEY, %[1]s INT); INSERT INTO shop.%[1]s VALUES (%[2]d, 1)", quote(n), i))
		if strings.Contains(n, ".") {
			continue // the test itself tells schema.table apart by the dot
		}
		f.Server.MustExec(t, fmt.Sprintf("CREATE DATABASE %[1]s; CREATE TABLE %[1]s.t (id INT PRIMARY KEY); INSERT INTO %[1]s.t VALUES (%[2]d)", quote(n), i))
	}
	f.Server.MustExec(t, "CREATE DATABASE `..`; CREATE TABLE `..`.`..` (id INT PRIMARY KEY); INSERT INTO `..`.`..` VALUES (1); DROP DATABASE `..`")
	f.CatchUp()
	f.Compare()
	above, err := os.ReadDir(filepath.Dir(f.Out))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range above {
		if e.Name() != "out" && e.Name() != "state" {
			t.Errorf("%s lies outside of the folder", e.Name())
		}
	}
	err = filepath.WalkDir(f.Out, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.ContainsAny(e.Name(), "\n\t") {
			t.Errorf("%q is a bad name for a file", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A row of 64 MB comes through, also where the memory limit is as small.
func TestRowOf64MB(t *testing.T) {
	t.Parallel()
	server := mariadb.Start(t, mariadb.Args("--max-allowed-packet=256M"))
	server.MustExec(t, `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, big LONGTEXT)`,
		`INSERT INTO shop.t VALUES (1, 'small')`, `INSERT INTO shop.t VALUES (2, REPEAT('x', 64 << 20))`, `INSERT INTO shop.t VALUES (3, 'small')`)
	for _, memory := range []string{"1GiB", "64MiB"} {
		f := weir.NewChangefeed(t, server, "csv", "--memory", memory)
		f.CatchUp()
		f.Compare()
	}
}

// A table without a key is followed: its rows are told by all their columns.
func TestTableWithoutAKey(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, `CREATE DATABASE shop; CREATE TABLE shop.t (a INT, b TEXT)`, `INSERT INTO shop.t VALUES (1,'x'),(1,'x'),(NULL,NULL),(NULL,NULL)`,
		`UPDATE shop.t SET b = 'y' WHERE a = 1 LIMIT 1`, `DELETE FROM shop.t WHERE a IS NULL LIMIT 1`)
	f.CatchUp()
	f.Compare()
}
