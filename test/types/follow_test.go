package types_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weir-cdc/weir/test/replay"
	"github.com/weir-cdc/weir/test/weir"
)

// An output is what weir wrote, and the first message of each file of canal-json.
type output struct {
	*replay.Output
	messages map[string]string
}

func (o *output) readMessages(t *testing.T, folder string) {
	t.Helper()
	for _, v := range o.Versions {
		for _, row := range v.Rows[:min(len(v.Rows), 1)] {
			data, err := os.ReadFile(filepath.Join(folder, row.File))
			if err != nil {
				t.Fatal(err)
			}
			o.messages[row.File], _, _ = strings.Cut(string(data), "\r\n")
		}
	}
}

// followFrom runs weir from a position over the databases of the rules until now, and reads its files.
func followFrom(t *testing.T, protocol, from, tables string, settings ...string) *output {
	t.Helper()
	f := weir.NewChangefeed(t, server, protocol, append([]string{"--start-at", from, "--tables", tables}, settings...)...)
	f.CatchUp()
	o, err := replay.Read(f.Out)
	if err != nil {
		t.Fatal(err)
	}
	_, problems, err := o.Final()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	w := &output{o, map[string]string{}}
	if protocol == "canal-json" {
		w.readMessages(t, f.Out)
	}
	return w
}

// follows keeps what weir wrote of all that the tests wrote, by protocol.
var follows = map[string]func(t *testing.T) *output{"csv": followOnce("csv"), "canal-json": followOnce("canal-json")}

// followOnce gives a function that follows the server's whole binlog when it is first called: all tests have written by
// then, see the package comment.
func followOnce(protocol string) func(t *testing.T) *output {
	var once sync.Once
	var o *output
	return func(t *testing.T) *output {
		t.Helper()
		once.Do(func() { o = followFrom(t, protocol, "earliest", "*.*") })
		if o == nil {
			t.Fatal("weir has failed in another test")
		}
		return o
	}
}

// check compares a version of a table with what was recorded of it.
func (r *recorder) check(t *testing.T, protocol string, v *replay.Version) {
	t.Helper()
	name := r.schema + "." + r.table
	if !r.checkColumns(t, name, v) {
		return
	}
	got := map[string]int{}
	for i := range v.Rows {
		row := &v.Rows[i]
		got[event(row.Op, r.comparable(t, row.Values), r.comparable(t, row.Old))]++
	}
	if diff := r.diff(got, r.want[protocol]); diff != "" {
		t.Errorf("%s by %s: %s", name, protocol, diff)
	}
}

func (r *recorder) comparable(t *testing.T, values []replay.Value) []replay.Value {
	t.Helper()
	if values == nil {
		return nil
	}
	same := make([]replay.Value, len(values))
	for i, v := range values {
		var err error
		if same[i], err = r.fields[i].comparable(v); err != nil {
			t.Errorf("%s.%s.%s: %v", r.schema, r.table, r.fields[i].name, err)
		}
	}
	return same
}

// checkColumns compares the schema file with information_schema.
func (r *recorder) checkColumns(t *testing.T, name string, v *replay.Version) bool {
	t.Helper()
	if len(v.TableColumns) != len(r.fields) {
		t.Errorf("%s has %d columns in the files, want %d: %v", name, len(v.TableColumns), len(r.fields), v.TableColumns)
		return false
	}
	for i, f := range r.fields {
		c := v.TableColumns[i]
		want := replay.Column{Name: f.name, Type: strings.ToUpper(f.dataType)}
		if strings.Contains(f.columnType, "unsigned") {
			want.Type += " UNSIGNED"
		}
		if !f.nullable {
			want.Nullable = "false"
		}
		if f.key {
			want.PK = "true"
		}
		if c.Name != want.Name || c.Type != want.Type || c.Nullable != want.Nullable || c.PK != want.PK {
			t.Errorf("%s column %d is {%s %s nullable=%q pk=%q} in the files, want {%s %s nullable=%q pk=%q}", name, i,
				c.Name, c.Type, c.Nullable, c.PK, want.Name, want.Type, want.Nullable, want.PK)
		}
	}
	return true
}

// diff tells how the events differ: where one that is missing resembles one that is extra, by their values.
func (r *recorder) diff(got, want map[string]int) string {
	var missing, extra []string
	for e, n := range want {
		if got[e] < n {
			missing = append(missing, e)
		}
	}
	for e, n := range got {
		if want[e] < n {
			extra = append(extra, e)
		}
	}
	if len(missing)+len(extra) == 0 {
		return ""
	}
	slices.Sort(missing)
	slices.Sort(extra)
	var b strings.Builder
	fmt.Fprintf(&b, "%d events are missing, %d too many", len(missing), len(extra))
	for i := range min(3, max(len(missing), len(extra))) {
		var m, x string
		if i < len(missing) {
			m = missing[i]
		}
		if i < len(extra) {
			x = extra[i]
		}
		at := 0
		for at < len(m) && at < len(x) && m[at] == x[at] {
			at++
		}
		at = max(0, at-60)
		fmt.Fprintf(&b, "\n  want ...%.200s\n   got ...%.200s", m[min(at, len(m)):], x[min(at, len(x)):])
	}
	return b.String()
}

// checkAll compares what was recorded with the files. Each table has as many versions as its last record says.
func checkAll(t *testing.T, protocol string, o *output, recorders []*recorder) {
	t.Helper()
	count := map[string]int{}
	for _, r := range recorders {
		name := r.schema + "." + r.table
		count[name] = max(count[name], r.version+1)
	}
	for _, r := range recorders {
		versions, want := o.Table(r.schema, r.table), count[r.schema+"."+r.table]
		if len(versions) != want {
			t.Errorf("%s.%s has %d versions in the files, want %d", r.schema, r.table, len(versions), want)
			continue
		}
		r.check(t, protocol, versions[r.version])
		if protocol == "canal-json" {
			r.checkTypes(t, o.messages, versions[r.version])
		}
	}
}

// checkTypes compares what a canal-json message says of its table with information_schema.
func (r *recorder) checkTypes(t *testing.T, messages map[string]string, v *replay.Version) {
	t.Helper()
	if len(v.Rows) == 0 {
		t.Errorf("%s.%s has no rows in the files", r.schema, r.table)
		return
	}
	var got struct {
		PkNames   []string
		MysqlType map[string]string
		SQLType   map[string]int
	}
	if err := json.Unmarshal([]byte(messages[v.Rows[0].File]), &got); err != nil {
		t.Fatal(err)
	}
	var key []string
	for _, f := range r.fields {
		if f.key {
			key = append(key, f.name)
		}
		want := f.dataType
		for _, word := range []string{" unsigned", " zerofill"} {
			if strings.Contains(f.columnType, word) && f.dataType != "year" {
				want += word
			}
		}
		if _, told := got.SQLType[f.name]; !told || got.MysqlType[f.name] != want {
			t.Errorf("%s.%s.%s: mysqlType is %q, want %q; sqlType told: %v", r.schema, r.table, f.name, got.MysqlType[f.name], want, told)
		}
	}
	if slices.Sort(key); !slices.Equal(slices.Sorted(slices.Values(got.PkNames)), key) {
		t.Errorf("%s.%s: pkNames is %q, want %q", r.schema, r.table, got.PkNames, key)
	}
}
