package schema_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/schema"
)

var maria = schema.Server{MariaDB: true, Version: 101106, Charset: "utf8mb4", Collation: "utf8mb4_general_ci", UTF8: "utf8mb3"}

// A feed applies statements one commit-ts after the other.
type feed struct {
	t       *testing.T
	tracker *schema.Tracker
	ts      uint64
}

func newFeed(t *testing.T, rules string, setup ...string) *feed {
	t.Helper()
	selects, err := filter.Parse(strings.Fields(rules))
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{t: t, tracker: schema.NewTracker(maria, selects)}
	f.tracker.Load([]*schema.Table{{Schema: "shop", Charset: "utf8mb4", Collation: "utf8mb4_general_ci"}}, 1)
	for _, s := range setup {
		f.apply(s)
	}
	return f
}

func (f *feed) apply(query string) *schema.DDL {
	f.t.Helper()
	ddl, err := f.try(query)
	if err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return ddl
}

func (f *feed) try(query string) (*schema.DDL, error) {
	f.ts++
	return f.tracker.Apply(schema.Statement{CommitTs: 100 + f.ts, Default: "shop", Query: query})
}

var influences = map[schema.Influence]string{schema.Trigger: "trigger", schema.Normal: "normal", schema.DatabaseWide: "database", schema.All: "all"}

// told prints a DDL in one line: kind, influence, whether it blocks, and the changes with the tables' ids.
func told(d *schema.DDL) string {
	if d == nil {
		return "nothing"
	}
	s := fmt.Sprintf("%d %s", d.Kind, influences[d.Influence])
	if d.Blocks {
		s += " blocks"
	}
	for _, c := range d.Changes {
		switch {
		case c.Before == c.After:
			s += fmt.Sprintf(" =%s#%d", c.Before.Ref(), c.Before.ID)
		case c.Before == nil:
			s += fmt.Sprintf(" +%s#%d", c.After.Ref(), c.After.ID)
		case c.After == nil:
			s += fmt.Sprintf(" -%s#%d", c.Before.Ref(), c.Before.ID)
		default:
			s += fmt.Sprintf(" %s#%d>%s#%d", c.Before.Ref(), c.Before.ID, c.After.Ref(), c.After.ID)
		}
	}
	return s
}

func TestDDL(t *testing.T) {
	setup := []string{"create table a (id int primary key)", "create table b (id int primary key)", "create table x_out (id int primary key)",
		"create view v as select 1", "create database beyond", "create table beyond.t (id int)"}
	const rules = "shop.* other.* !*.x_*"
	cases := []struct{ query, want, rewritten string }{
		{"create database other", "1 trigger", ""},
		{"create database if not exists shop", "nothing", ""},
		{"create database nobody", "nothing", ""},
		{"alter database shop charset latin1", "26 database blocks", ""},
		{"drop database shop", "2 database blocks -shop.a#1 -shop.b#2", ""},
		{"drop database if exists missing", "nothing", ""},
		{"drop database beyond", "nothing", ""},
		{"create or replace database shop", "1 database blocks -shop.a#1 -shop.b#2", ""},
		{"create table c (id int)", "3 trigger +shop.c#6", ""},
		{"create table if not exists a (id int)", "nothing", ""},
		{"create table c like a", "3 normal blocks =shop.a#1 +shop.c#6", ""},
		{"create table x_c like a", "nothing", ""},
		{"create table c like x_out", "3 trigger +shop.c#6", "CREATE TABLE IF NOT EXISTS `shop`.`c` (`id` int(11) NOT NULL, PRIMARY KEY (`id`)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"},
		{"create or replace table a (n int)", "3 normal blocks shop.a#1>shop.a#6", ""},
		{"create or replace table c (n int)", "3 trigger +shop.c#6", ""},
		{"create table beyond.z (n int)", "nothing", ""},
		{"create temporary table c (n int)", "nothing", ""},
		{"alter table a add n int", "5 normal shop.a#1>shop.a#1", ""},
		{"alter table a drop primary key, add n int", "5 normal shop.a#1>shop.a#1", ""},
		{"alter table a comment 'x'", "17 normal shop.a#1>shop.a#1", ""},
		{"alter table a engine=innodb", "12 normal shop.a#1>shop.a#1", ""},
		{"alter table a convert to charset latin1", "22 normal shop.a#1>shop.a#1", ""},
		{"create index i on a (id)", "7 normal shop.a#1>shop.a#1", ""},
		{"alter table a drop index if exists zz", "8 normal shop.a#1>shop.a#1", ""},
		{"alter table x_out add n int", "nothing", ""},
		{"alter table if exists nothing add n int", "nothing", ""},
		{"alter table a rename to c, add n int", "14 normal blocks shop.a#1>shop.c#1", ""},
		{"alter table a rename to x_a", "14 normal blocks -shop.a#1", "DROP TABLE IF EXISTS `shop`.`a`"},
		{"drop table a", "4 normal blocks -shop.a#1", ""},
		{"drop table if exists a, b, missing", "4 normal blocks -shop.a#1 -shop.b#2", ""},
		{"drop table a, x_out, beyond.t", "4 normal blocks -shop.a#1", "DROP TABLE IF EXISTS `shop`.`a`"},
		{"drop table x_out", "nothing", ""},
		{"drop table a, missing", "4 normal blocks -shop.a#1", "DROP TABLE IF EXISTS `shop`.`a`"},
		{"truncate table a", "11 normal blocks shop.a#1>shop.a#6", ""},
		{"rename table a to c", "14 normal blocks shop.a#1>shop.c#1", ""},
		{"rename table a to t, b to a, t to b", "14 normal blocks shop.a#1>shop.b#1 shop.b#2>shop.a#2", ""},
		{"rename table a to x_t, b to a, x_t to b", "14 normal blocks shop.a#1>shop.b#1 shop.b#2>shop.a#2", ""},
		{"rename table a to beyond.a", "14 normal blocks -shop.a#1", "DROP TABLE IF EXISTS `shop`.`a`"},
		{"rename table beyond.t to c", "14 trigger +shop.c#5", "CREATE TABLE IF NOT EXISTS `shop`.`c` (`id` int(11) NULL) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"},
		{"rename table a to x_old, x_out to a", "14 normal blocks shop.a#1>shop.a#3", "DROP TABLE IF EXISTS `shop`.`a`;\nCREATE TABLE IF NOT EXISTS `shop`.`a` (`id` int(11) NOT NULL, PRIMARY KEY (`id`)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"},
		{"rename table a to c, beyond.t to beyond.u", "14 normal blocks shop.a#1>shop.c#1", "RENAME TABLE `shop`.`a` TO `shop`.`c`"},
		{"rename table v to w", "nothing", ""},
		{"create view w as select 1", "21 all blocks", ""},
		{"create view beyond.w as select 1", "nothing", ""},
		{"drop view v", "24 trigger", ""},
		{"drop view if exists missing", "nothing", ""},
		{"create sequence s", "nothing", ""},
		{"alter table a exchange partition p with table b", "42 normal blocks shop.a#1>shop.a#1 shop.b#2>shop.b#2", ""},
		{"alter table a exchange partition p with table x_out", "42 normal shop.a#1>shop.a#1", "ALTER TABLE `shop`.`a`"},
		{"alter table a truncate partition p", "23 normal shop.a#1>shop.a#1", ""},
		{"alter table a add partition (partition p values in (1))", "19 normal shop.a#1>shop.a#1", ""},
		{"create table c (id int) connection='mysql://root:secret@h/d/t' comment 'x'", "3 trigger +shop.c#6", "create table c (id int) connection='' comment 'x'"},
	}
	for _, c := range cases {
		f := newFeed(t, rules, setup...)
		d := f.apply(c.query)
		if got := told(d); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.query, got, c.want)
			continue
		}
		want := c.rewritten
		if want == "" {
			want = c.query
		}
		if d != nil && d.Query != want {
			t.Errorf("%s:\ngot query  %s\nwant query %s", c.query, d.Query, want)
		}
	}
}

// A statement that failed on the upstream has done a part of its work.
func TestFailedStatements(t *testing.T) {
	cases := []struct{ query, want, rewritten string }{
		{"create or replace table a (n int, primary key (nothing))", "4 normal blocks -shop.a#1", "DROP TABLE IF EXISTS `shop`.`a`"},
		{"create or replace table a (n unheard_of)", "4 normal blocks -shop.a#1", "DROP TABLE IF EXISTS `shop`.`a`"},
		{"create or replace table c (n int)", "nothing", ""},
		{"create table c (n int)", "nothing", ""},
		{"drop table a, missing", "4 normal blocks -shop.a#1", "DROP TABLE IF EXISTS `shop`.`a`"},
		{"drop database shop", "nothing", ""},
	}
	for _, c := range cases {
		f := newFeed(t, "*.*", "create table a (id int primary key)", "create table b (id int)")
		d, err := f.tracker.Apply(schema.Statement{CommitTs: 200, Default: "shop", Query: c.query, ErrorCode: 1072})
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := told(d); got != c.want || d != nil && d.Query != c.rewritten {
			t.Errorf("%s:\ngot  %s\nwant %s, %s", c.query, got, c.want, c.rewritten)
		}
	}
	f := newFeed(t, "*.*", "create table a (id int)")
	var u *schema.Unreadable
	if _, err := f.tracker.Apply(schema.Statement{CommitTs: 200, Default: "shop", Query: "alter table a add b int", ErrorCode: 1}); !errors.As(err, &u) {
		t.Errorf("a failed ALTER: got %v", err)
	}
}

// Rows that move without the stream carrying them are told of.
func TestWarnings(t *testing.T) {
	setup := []string{"create table a (id int primary key)", "create table b (id int primary key)", "create table x_out (id int primary key)"}
	cases := []struct {
		query string
		want  bool
	}{
		{"alter table a exchange partition p with table b", false},
		{"alter table a exchange partition p with table x_out", true},
		{"rename table a to x_old, x_out to a", true},
		{"rename table x_out to c", true},
		{"rename table a to c", false},
		{"alter table a convert partition p to table x_p", true},
		{"alter table a convert partition p to table p", false},
		{"alter table a convert table x_out to partition p values in (1)", true},
	}
	for _, c := range cases {
		d := newFeed(t, "shop.* !*.x_*", setup...).apply(c.query)
		if got := d != nil && d.Warning != ""; got != c.want {
			t.Errorf("%s: got a warning %v, want %v", c.query, got, c.want)
		}
	}
}

// What defines no table is passed over without a look, whatever it holds.
func TestOtherStatements(t *testing.T) {
	f := newFeed(t, "*.*")
	for _, query := range []string{
		"CREATE USER 'u'@'%' IDENTIFIED BY 'secret'", "ALTER USER u IDENTIFIED BY 'secret'", "GRANT ALL ON *.* TO u IDENTIFIED BY 'secret'",
		"SET PASSWORD FOR u = 'secret'", "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (PASSWORD 'secret')", "BEGIN", "COMMIT", "SAVEPOINT a",
		"XA START 'x'", "CREATE DEFINER=`r`@`%` TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN DROP TABLE b; END", "CREATE OR REPLACE FUNCTION f() RETURNS INT RETURN 1",
		"CREATE DEFINER = CURRENT_USER() PROCEDURE p() CREATE TABLE t (a int)", "CREATE AGGREGATE FUNCTION f RETURNS INT SONAME 'x'", "DROP USER u", "DROP TRIGGER IF EXISTS t",
		"RENAME USER a TO b", "FLUSH PRIVILEGES", "ANALYZE TABLE a", "TRUNCATE", "", "/* nothing */", "# nothing", "INSERT INTO a VALUES ('create table')",
		"CREATE USER 'unclosed", "/* unclosed", "CREATE PACKAGE p AS END", "DROP PREPARE x", "SET STATEMENT max_statement_time=1 FOR SELECT 1", "\x00\xff", "CREATE TABLESPACE ts",
	} {
		if d, err := f.try(query); d != nil || err != nil {
			t.Errorf("%s: got %v, %v", query, d, err)
		}
	}
}

// A statement that cannot be read leaves the definitions alone, names its tables, and shows none of its values.
func TestUnreadable(t *testing.T) {
	cases := []struct{ query, refs string }{
		{"create table z (a int, b nonsense(3) default 'secret')", "shop.z"},
		{"create table other.z (a int) as select * from q", "other.z"},
		{"alter table a add z unheard_of, rename to renamed", "shop.a,shop.renamed"},
		{"alter table a do something 'secret', rename renamed", "shop.a,shop.renamed"},
		{"alter table a add z int after missing", "shop.a"},
		{"alter table a drop missing", "shop.a"},
		{"alter table a add id int", "shop.a"},
		{"alter table a add z varchar(3) charset klingon", "shop.a"},
		{"alter table missing add z int", "shop.missing"},
		{"rename table missing to m2", "shop.missing,shop.m2"},
		{"create table z like missing", "shop.z"},
		{"truncate table missing", "shop.missing"},
		{"create table z (a int) password='secret' and more", "shop.z"},
	}
	for _, c := range cases {
		f := newFeed(t, "*.*", "create table a (id int primary key)")
		before := fmt.Sprint(f.tracker.Snapshot())
		d, err := f.try(c.query)
		var u *schema.Unreadable
		if !errors.As(err, &u) || d != nil {
			t.Errorf("%s: got %v, %v", c.query, d, err)
			continue
		}
		var refs []string
		for _, r := range u.Refs {
			refs = append(refs, r.String())
		}
		if got := strings.Join(refs, ","); got != c.refs {
			t.Errorf("%s: got refs %s, want %s", c.query, got, c.refs)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows a value: %v", c.query, err)
		}
		if after := fmt.Sprint(f.tracker.Snapshot()); after != before {
			t.Errorf("%s: the definitions changed", c.query)
		}
	}
}

func TestApplyRead(t *testing.T) {
	table := func(columns ...string) *schema.Table {
		t := &schema.Table{}
		for _, c := range columns {
			t.Columns = append(t.Columns, schema.Column{Name: c, Type: schema.Int, TypeName: "int", Length: 11})
		}
		return t
	}
	ref := func(name string) schema.Ref { return schema.Ref{Schema: "shop", Name: name} }
	cases := []struct {
		query   string
		read    map[schema.Ref]*schema.Table
		want    string
		columns map[string]string // by table: "name#id,..."
	}{
		{"create table z (a nonsense)", map[schema.Ref]*schema.Table{ref("z"): table("a")}, "3 trigger +shop.z#3", map[string]string{"z": "a#1"}},
		{"create table z (a nonsense)", nil, "3 trigger +shop.z#3", map[string]string{"z": ""}},
		{"alter table a add z nonsense", map[schema.Ref]*schema.Table{ref("a"): table("new", "id", "z")}, "5 normal shop.a#1>shop.a#1", map[string]string{"a": "new#3,id#1,z#4"}},
		{"alter table a add z nonsense", nil, "12 normal shop.a#1>shop.a#1", map[string]string{"a": "id#1,v#2"}},
		{"alter table a add z nonsense, rename to c", map[schema.Ref]*schema.Table{ref("c"): table("id", "v", "z")}, "14 normal blocks shop.a#1>shop.c#1", map[string]string{"c": "id#1,v#2,z#3"}},
		{"rename table missing to m2, a to missing", map[schema.Ref]*schema.Table{ref("m2"): table("q")}, "14 normal blocks shop.a#1>shop.missing#1 +shop.m2#3", map[string]string{"m2": "q#1", "missing": "id#1,v#2"}},
		{"truncate table missing", map[schema.Ref]*schema.Table{ref("missing"): table("q")}, "11 trigger +shop.missing#3", map[string]string{"missing": "q#1"}},
	}
	for _, c := range cases {
		f := newFeed(t, "*.*", "create table a (id int primary key, v int)", "create table b (id int)")
		if _, err := f.try(c.query); err == nil {
			t.Errorf("%s: got no error", c.query)
		}
		d, err := f.tracker.ApplyRead(schema.Statement{CommitTs: 500, Default: "shop", Query: c.query}, c.read)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := told(d); !strings.HasSuffix(got, strings.SplitN(c.want, " ", 2)[1]) {
			t.Errorf("%s:\ngot  %s\nwant %s", c.query, got, c.want)
		}
		for name, want := range c.columns {
			table := f.tracker.Lookup(ref(name))
			var columns []string
			for _, col := range table.Columns {
				columns = append(columns, fmt.Sprintf("%s#%d", col.Name, col.ID))
			}
			if got := strings.Join(columns, ","); got != want {
				t.Errorf("%s: got %s of %s, want %s", c.query, name, got, want)
			}
			if name != "missing" && !table.Unsure {
				t.Errorf("%s: %s is not marked unsure", c.query, name)
			}
		}
	}
}

// A new schema takes the session's collation_server, which may not be what the server has now.
func TestSchemaTakesTheSessionsDefault(t *testing.T) {
	k := schema.NewTracker(schema.Server{MariaDB: true, Charset: "latin1", Collation: "latin1_swedish_ci"}, everything{})
	for i, s := range []schema.Statement{
		{Query: "create database d", ServerCharset: "utf8mb4", ServerCollation: "utf8mb4_general_ci"},
		{Query: "create database e"},
		{Query: "create table d.t (a varchar(5))"}, {Query: "create table e.t (a varchar(5))"},
	} {
		s.CommitTs = uint64(10 + i)
		if _, err := k.Apply(s); err != nil {
			t.Fatal(err)
		}
	}
	for database, want := range map[string]string{"d": "utf8mb4", "e": "latin1"} {
		if got := k.Lookup(schema.Ref{Schema: database, Name: "t"}).Columns[0].Charset; got != want {
			t.Errorf("%s.t: got character set %s, want %s", database, got, want)
		}
	}
}

type everything struct{}

func (everything) Match(string, string) bool { return true }
func (everything) MatchSchema(string) bool   { return true }
