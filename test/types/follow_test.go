package types_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/replay"
	"github.com/weir-cdc/weir/test/weir"
)

// follow runs weir from a position over the databases of the rules until now, and reads its files.
func follow(t *testing.T, protocol, from, tables string, settings ...string) *replay.Output {
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
	return o
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
func checkAll(t *testing.T, protocol string, o *replay.Output, recorders []*recorder) {
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
	}
}
