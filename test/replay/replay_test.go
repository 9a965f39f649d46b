package replay

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A prefix is an output that a test writes by hand.
type prefix struct {
	t   *testing.T
	dir string
}

func newPrefix(t *testing.T, checkpoint uint64) prefix {
	p := prefix{t, t.TempDir()}
	p.file("metadata", fmt.Sprintf(`{"checkpoint-ts":%d}`, checkpoint))
	return p
}

func (p prefix) file(name, content string) {
	p.t.Helper()
	full := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// table writes a schema file. Columns are "name TYPE", and "name TYPE pk" for the key.
func (p prefix) table(table string, version uint64, kind int, query string, columns ...string) {
	p.t.Helper()
	var list []string
	for _, c := range columns {
		f := strings.Fields(c)
		text := fmt.Sprintf(`{"ColumnName": %q, "ColumnType": %q`, f[0], f[1])
		if len(f) > 2 {
			text += `, "ColumnNullable": "false", "ColumnIsPk": "true"`
		}
		list = append(list, text+"}")
	}
	p.file(fmt.Sprintf("shop/%s/meta/schema_%d_0000000001.json", table, version), fmt.Sprintf(
		`{"Table": %q, "Schema": "shop", "Version": 1, "TableVersion": %d, "Query": %q, "Type": %d, "TableColumns": [%s], "TableColumnsTotal": %d}`,
		table, version, query, kind, strings.Join(list, ","), len(list)))
}

// rows writes CSV lines into file n of a version and indexes it.
func (p prefix) rows(table string, version uint64, n int, lines ...string) {
	p.t.Helper()
	folder := fmt.Sprintf("shop/%s/%d/2026-01-02/", table, version)
	p.file(fmt.Sprintf("%sCDC%020d.csv", folder, n), strings.Join(lines, "\r\n")+"\r\n")
	p.file(folder+"meta/CDC.index", fmt.Sprintf("CDC%020d.csv\n", n))
}

func (p prefix) read() *Output {
	p.t.Helper()
	o, err := Read(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	return o
}

func (p prefix) final() (State, []Problem) {
	p.t.Helper()
	state, problems, err := p.read().Final()
	if err != nil {
		p.t.Fatal(err)
	}
	return state, problems
}

// wantRows compares a table's final rows, printed and sorted.
func wantRows(t *testing.T, s State, name string, want ...string) {
	t.Helper()
	if s[name] == nil {
		t.Fatalf("table %s is not in the state", name)
	}
	var got []string
	for row, n := range s[name].Rows() {
		for range n {
			got = append(got, row)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

func wantKinds(t *testing.T, problems []Problem, want ...string) {
	t.Helper()
	var got []string
	for _, p := range problems {
		got = append(got, p.Kind)
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems: got %v, want %v", problems, want)
	}
}

func TestRowsAreAppliedInOrder(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("t", 10, 3, "CREATE TABLE t", "id INT pk", "note VARCHAR", "raw BLOB")
	p.rows("t", 10, 1,
		`"I","t","shop",11,1,"a ""quoted"", line`+"\r\n"+`two",\N`,
		`"I","t","shop",11,2,"\N","AAEC"`)
	p.rows("t", 10, 2,
		`"U","t","shop",12,1,"b",\N`,
		`"D","t","shop",13,2,"\N","AAEC"`,
		`"I","t","shop",14,3,"",""`,
		`"I","t","shop",101,4,"above the checkpoint",\N`)
	state, problems := p.final()
	wantKinds(t, problems)
	wantRows(t, state, "shop.t", `"1" "b" NULL`, `"3" "" ""`)
	first := p.read().Table("shop", "t")[0].Rows[0]
	if got, want := first.Values[1].Text, "a \"quoted\", line\r\ntwo"; got != want {
		t.Errorf("text: got %q, want %q", got, want)
	}
	if got, want := p.read().Table("shop", "t")[0].Rows[1].Values[2].Text, "\x00\x01\x02"; got != want {
		t.Errorf("bytes: got %q, want %q", got, want)
	}
	if got := p.read().Rows(); got != 5 {
		t.Errorf("rows up to the checkpoint: got %d, want 5", got)
	}
}

func TestDDL(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("t", 10, 0, "", "id INT pk")
	p.rows("t", 10, 1, `"I","t","shop",11,1`, `"I","t","shop",12,2`)
	p.table("t", 20, 5, "ALTER TABLE t ADD COLUMN n INT", "id INT pk", "n INT")
	p.rows("t", 20, 1, `"U","t","shop",21,2,7`)
	p.table("u", 30, 14, "RENAME TABLE t TO u", "id INT pk", "n INT")
	p.rows("u", 30, 1, `"D","u","shop",31,1,\N`)
	p.table("v", 40, 3, "CREATE TABLE v", "id INT pk")
	p.rows("v", 40, 1, `"I","v","shop",41,1`)
	p.table("v", 50, 11, "TRUNCATE v", "id INT pk")
	p.rows("v", 50, 1, `"I","v","shop",51,1`)
	p.table("w", 60, 3, "CREATE TABLE w", "id INT pk")
	p.table("w", 70, 4, "DROP TABLE w", "id INT pk")
	state, problems := p.final()
	wantKinds(t, problems)
	wantRows(t, state, "shop.u", `"2" "7"`)
	wantRows(t, state, "shop.v", `"1"`)
	if len(state) != 2 {
		t.Errorf("got tables %v, want u and v", state)
	}
}

func TestSwapInOneStatement(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("a", 10, 0, "", "id INT pk")
	p.table("b", 10, 0, "", "id INT pk")
	p.rows("a", 10, 1, `"I","a","shop",11,1`)
	p.rows("b", 10, 1, `"I","b","shop",12,2`)
	const swap = "RENAME TABLE `a` TO `x`, b TO shop.a, x TO b"
	p.table("a", 20, 14, swap, "id INT pk")
	p.table("b", 20, 14, swap, "id INT pk")
	p.rows("a", 20, 1, `"I","a","shop",21,3`)
	state, problems := p.final()
	wantKinds(t, problems)
	wantRows(t, state, "shop.a", `"2"`, `"3"`)
	wantRows(t, state, "shop.b", `"1"`)
}

func TestDropDatabase(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("t", 10, 3, "CREATE TABLE t", "id INT pk")
	p.file("shop/meta/schema_20_0000000001.json", `{"Schema": "shop", "TableVersion": 20, "Query": "DROP DATABASE shop", "Type": 2}`)
	state, problems := p.final()
	wantKinds(t, problems)
	if len(state) != 0 {
		t.Errorf("got %v, want no table", state)
	}
}

func TestUnindexedFilesDoNotCount(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("t", 10, 3, "CREATE TABLE t", "id INT pk")
	p.rows("t", 10, 1, `"I","t","shop",11,1`)
	p.file("shop/t/10/2026-01-02/CDC00000000000000000002.csv", `"I","t","shop",12,`)
	state, problems := p.final()
	wantKinds(t, problems)
	wantRows(t, state, "shop.t", `"1"`)
	if got := p.read().Unindexed; len(got) != 1 {
		t.Errorf("unindexed: got %v, want one file", got)
	}
}

func TestSplitTable(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("t", 10, 3, "CREATE TABLE t", "id INT pk")
	p.file("shop/t/10/CDC_d-1_000001.csv", `"I","t","shop",11,1`+"\r\n"+`"D","t","shop",13,1`+"\r\n")
	p.file("shop/t/10/meta/CDC_d-1.index", "CDC_d-1_000001.csv\n")
	p.file("shop/t/10/meta/CDC_1_2.json", "{}") // a record of the writer's own
	p.file("shop/t/10/CDC_d-2_000001.csv", `"I","t","shop",12,2`+"\r\n")
	p.file("shop/t/10/meta/CDC_d-2.index", "CDC_d-2_000001.csv\n")
	state, problems := p.final()
	wantKinds(t, problems)
	wantRows(t, state, "shop.t", `"2"`)
}

// TestSpansThatChange: a key's rows lie in the files of the whole table, then of a half, then of the whole again, and one
// transaction lies in all three.
func TestSpansThatChange(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("t", 10, 3, "CREATE TABLE t", "id INT pk", "n INT")
	const low = "CDC_00000000000000008000000000000000"
	const high = "CDC_80000000000000000000000000000000"
	folder := "shop/t/10/2026-01-02/"
	file := func(name string, lines ...string) { p.file(folder+name, strings.Join(lines, "\r\n")+"\r\n") }
	file("CDC000001.csv", `"I","t","shop",11,1,1`, `"I","t","shop",11,2,1`, `"I","t","shop",20,3,1`)
	file(low+"_000001.csv", `"U","t","shop",20,3,2`, `"D","t","shop",20,3,2`)
	file(high+"_000001.csv", `"D","t","shop",15,2,1`)
	file("CDC000002.csv", `"I","t","shop",20,3,3`, `"U","t","shop",21,1,4`, `"I","t","shop",21,2,5`)
	p.file(folder+"meta/CDC.index", "CDC000002.csv\n")
	p.file(folder+"meta/"+low+".index", low+"_000001.csv\n")
	p.file(folder+"meta/"+high+".index", high+"_000001.csv\n")
	p.file("shop/t/10/meta/CDC.json", `{"continues":[{"commit-ts":20,"ordinal":5,"date":"2026-01-02","number":2},{"commit-ts":20,"ordinal":9,"date":"2026-01-01","number":1}]}`)
	p.file("shop/t/10/meta/"+low+".json", `{"continues":[{"commit-ts":20,"ordinal":3,"date":"2026-01-02","number":1}]}`)
	state, problems := p.final()
	wantKinds(t, problems)
	wantRows(t, state, "shop.t", `"1" "4"`, `"2" "5"`, `"3" "3"`)
}

func TestProblems(t *testing.T) {
	cases := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"the same row twice", []string{`"U","t","shop",11,1,5`, `"U","t","shop",11,1,5`}, []string{Doubled}},
		{"an insert of a present key", []string{`"I","t","shop",11,1,5`, `"I","t","shop",12,1,6`}, []string{KeyPresent}},
		{"a delete after a delete", []string{`"D","t","shop",11,1,5`, `"D","t","shop",12,1,6`}, []string{KeyAbsent}},
		{"an update after a delete", []string{`"D","t","shop",11,1,5`, `"U","t","shop",12,1,6`}, []string{KeyAbsent}},
		{"an earlier commit-ts", []string{`"I","t","shop",12,1,5`, `"I","t","shop",11,2,5`}, []string{Unordered}},
		{"a row before its version", []string{`"I","t","shop",10,1,5`}, []string{WrongVersion}},
		{"a row after its version", []string{`"I","t","shop",20,1,5`}, []string{WrongVersion}},
		{"an unknown key's update and delete", []string{`"U","t","shop",11,1,5`, `"D","t","shop",12,2,6`}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := newPrefix(t, 100)
			p.table("t", 10, 0, "", "id INT pk", "n INT")
			p.rows("t", 10, 1, c.lines...)
			p.table("t", 20, 7, "CREATE INDEX i ON t (n)", "id INT pk", "n INT")
			_, problems := p.final()
			wantKinds(t, problems, c.want...)
		})
	}
	t.Run("a file that the index skips", func(t *testing.T) {
		p := newPrefix(t, 100)
		p.table("t", 10, 0, "", "id INT pk")
		p.rows("t", 10, 2, `"I","t","shop",11,1`)
		_, problems := p.final()
		wantKinds(t, problems, MissingFile)
	})
}

func TestKeylessRowsAreCounted(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("t", 10, 3, "CREATE TABLE t", "n INT")
	p.rows("t", 10, 1, `"I","t","shop",11,5`, `"I","t","shop",11,5`, `"I","t","shop",11,5`, `"D","t","shop",12,5`)
	state, problems := p.final()
	wantKinds(t, problems)
	wantRows(t, state, "shop.t", `"5"`, `"5"`)
}

func TestCanalJSON(t *testing.T) {
	p := newPrefix(t, 100)
	p.table("t", 10, 3, "CREATE TABLE t", "id INT pk", "raw BLOB", "n INT")
	p.file("shop/t/10/CDC000001.json", strings.Join([]string{
		`{"database":"shop","table":"t","isDdl":false,"type":"INSERT","old":null,"data":[{"id":"1","raw":"ÿ\u0000","n":null}],"_tidb":{"commitTs":11}}`,
		`{"database":"shop","table":"t","isDdl":false,"type":"UPDATE","old":[{"id":"1"}],"data":[{"id":"2","raw":"ÿ\u0000","n":"3"}],"_tidb":{"commitTs":12}}`,
		`{"database":"shop","table":"t","isDdl":false,"type":"INSERT","old":null,"data":[{"id":"3","raw":null,"n":"1"}],"_tidb":{"commitTs":12}}`,
		`{"database":"shop","table":"t","isDdl":false,"type":"DELETE","old":null,"data":[{"id":"3","raw":null,"n":"1"}],"_tidb":{"commitTs":13}}`,
	}, "\r\n")+"\r\n")
	p.file("shop/t/10/meta/CDC.index", "CDC000001.json\n")
	state, problems := p.final()
	wantKinds(t, problems)
	wantRows(t, state, "shop.t", `"2" "\xff\x00" "3"`)
}

func TestBadOutputIsAnError(t *testing.T) {
	cases := []struct{ name, line, want string }{
		{"too few fields", `"I","t","shop",11`, "fields"},
		{"a foreign row", `"I","other","shop",11,1`, "among those of shop.t"},
		{"an operation of no kind", `"X","t","shop",11,1`, "unknown operation"},
		{"a quote that never ends", `"I","t","shop",11,"1`, "within a quoted field"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := newPrefix(t, 100)
			p.table("t", 10, 3, "CREATE TABLE t", "id INT pk")
			p.rows("t", 10, 1, c.line)
			if _, err := Read(p.dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	t.Run("data without a schema file", func(t *testing.T) {
		p := newPrefix(t, 100)
		p.rows("t", 10, 1, `"I","t","shop",11,1`)
		if _, err := Read(p.dir); err == nil || !strings.Contains(err.Error(), "no schema file") {
			t.Errorf("got %v, want an error that names the schema file", err)
		}
	})
}

func TestDiff(t *testing.T) {
	if got := Diff(map[string]int{"a": 1}, map[string]int{"a": 1}); got != "" {
		t.Errorf("equal: got %q", got)
	}
	got := Diff(map[string]int{"a": 2, "b": 1}, map[string]int{"a": 1, "c": 1})
	want := "3 rows differ:\nextra   1x a\nextra   1x b\nmissing 1x c"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
