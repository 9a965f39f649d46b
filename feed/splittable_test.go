package feed

import (
	"strings"
	"testing"

	"github.com/weir-cdc/weir/schema"
)

func TestSplittable(t *testing.T) {
	columns := []schema.Column{
		{Name: "id", Type: schema.BigInt},
		{Name: "code", Type: schema.VarChar, Charset: "utf8mb4", Collation: "utf8mb4_general_ci"},
		{Name: "sign", Type: schema.Char, Charset: "utf8mb4", Collation: "utf8mb4_nopad_bin"},
		{Name: "word", Type: schema.VarChar, Charset: "ascii", Collation: "ascii_general_ci"},
		{Name: "hash", Type: schema.VarBinary},
		{Name: "bytes", Type: schema.VarChar, Charset: "binary", Collation: "binary"},
		{Name: "kind", Type: schema.Enum, Charset: "utf8mb4", Collation: "utf8mb4_general_ci"},
	}
	primary := func(columns ...int) schema.Index {
		return schema.Index{Name: "PRIMARY", Primary: true, Unique: true, Columns: columns}
	}
	unique := func(columns ...int) schema.Index { return schema.Index{Name: "second", Unique: true, Columns: columns} }
	with := func(x schema.Index, change func(*schema.Index)) schema.Index {
		change(&x)
		return x
	}
	partial := func(x *schema.Index) { x.Partial = true }
	for _, c := range []struct {
		name           string
		handle         []int
		indexes        []schema.Index
		change         func(*schema.Table)
		anywhere, sqls string // what the reason holds
	}{
		{name: "primary key", handle: []int{0}, indexes: []schema.Index{primary(0), {Name: "plain", Columns: []int{1}}}},
		{name: "unique key for a primary key", handle: []int{0}, indexes: []schema.Index{unique(0)}},
		{name: "composite", handle: []int{0, 4}, indexes: []schema.Index{primary(0, 4)}},
		{name: "no key", anywhere: "neither a primary key", sqls: "neither a primary key"},
		{name: "nullable unique key", indexes: []schema.Index{unique(1)}, anywhere: "neither a primary key", sqls: "neither a primary key"},
		{name: "view", handle: []int{0}, change: func(t *schema.Table) { t.View = true }, anywhere: "no rows", sqls: "no rows"},
		{name: "second unique key", handle: []int{0}, indexes: []schema.Index{primary(0), unique(1)}, sqls: "unique key second"},
		{name: "unique by expression", handle: []int{0}, sqls: "unique key second",
			indexes: []schema.Index{primary(0), with(unique(), func(x *schema.Index) { x.Expression = true })}},
		{name: "second unique key with the first in it", handle: []int{0}, indexes: []schema.Index{primary(0), unique(1, 0)}},
		{name: "the same with a prefix", handle: []int{0}, sqls: "unique key second",
			indexes: []schema.Index{primary(0), with(unique(1, 0), partial)}},
		{name: "primary key over a prefix", handle: []int{4}, indexes: []schema.Index{with(primary(4), partial)}, sqls: "key PRIMARY is over a prefix"},
		{name: "text without case", handle: []int{0, 1}, indexes: []schema.Index{primary(0, 1)}, sqls: `column code has the collation "utf8mb4_general_ci"`},
		{name: "text by its bytes", handle: []int{2}, indexes: []schema.Index{primary(2)}},
		{name: "ASCII", handle: []int{3}, indexes: []schema.Index{primary(3)}},
		{name: "bytes and labels", handle: []int{4, 5, 6}, indexes: []schema.Index{primary(4, 5, 6)}},
	} {
		table := &schema.Table{Name: "t", Columns: columns, Handle: c.handle, Indexes: c.indexes}
		if c.change != nil {
			c.change(table)
		}
		for _, want := range []struct {
			sql    bool
			reason string
		}{{false, c.anywhere}, {true, c.sqls}} {
			got, ok := Splittable(table, want.sql)
			if ok != (want.reason == "") || ok != (got == "") || !strings.Contains(got, want.reason) {
				t.Errorf("%s, sql %v: got %q, %v, want %q", c.name, want.sql, got, ok, want.reason)
			}
		}
	}
}
