package schema_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/schema"
)

// described gives what a stream says of a table: everything with full, else types, signedness and character sets.
func described(t *schema.Table, full bool) *schema.Table {
	d := &schema.Table{}
	for _, c := range t.Columns {
		n := schema.Column{Type: c.Type, Unsigned: c.Unsigned, Charset: c.Charset, Nullable: c.Nullable}
		switch c.Type { // as the wire has them
		case schema.UUID, schema.Inet6, schema.Inet4:
			n.Type = schema.Binary
		}
		if full {
			n.Name, n.Elems, n.PK, n.Collation = c.Name, c.Elems, c.PK, c.Collation
		}
		d.Columns = append(d.Columns, n)
	}
	return d
}

const checked = "create table a (id int unsigned primary key, v varchar(10), e enum('x','y'), b blob, u uuid, t text charset latin1, unique (v))"

func TestCheck(t *testing.T) {
	f := newFeed(t, "*.*", checked)
	table := f.tracker.Lookup(schema.Ref{Schema: "shop", Name: "a"})
	cases := []struct {
		name   string
		full   bool
		change func(d *schema.Table)
		column string // "" for none, "*" for the table
	}{
		{"full", true, func(*schema.Table) {}, ""},
		{"minimal", false, func(*schema.Table) {}, ""},
		{"types alone", false, func(d *schema.Table) {
			for i := range d.Columns {
				d.Columns[i] = schema.Column{Type: d.Columns[i].Type}
			}
		}, ""},
		{"nothing told", false, func(d *schema.Table) { d.Columns = make([]schema.Column, 6) }, ""},
		{"a column more", true, func(d *schema.Table) { d.Columns = append(d.Columns, d.Columns[0]) }, "*"},
		{"name", true, func(d *schema.Table) { d.Columns[1].Name = "w" }, "v"},
		{"name in other case", true, func(d *schema.Table) { d.Columns[1].Name = "V" }, ""},
		{"signedness", true, func(d *schema.Table) { d.Columns[0].Unsigned = false }, "id"},
		{"signedness, minimal", false, func(d *schema.Table) { d.Columns[0].Unsigned = false }, "id"},
		{"type", false, func(d *schema.Table) { d.Columns[0].Type = schema.BigInt }, "id"},
		{"labels", true, func(d *schema.Table) { d.Columns[2].Elems = []string{"x", "z"} }, "e"},
		{"character set", false, func(d *schema.Table) { d.Columns[1].Charset = "latin1" }, "v"},
		{"character set's other name", false, func(d *schema.Table) { d.Columns[5].Charset = "latin1" }, ""},
		{"key", true, func(d *schema.Table) { d.Columns[0].PK, d.Columns[1].PK = false, true }, "id"},
		{"blob for text", false, func(d *schema.Table) { d.Columns[3].Type = schema.Text }, ""},
	}
	for _, c := range cases {
		d := described(table, c.full)
		c.change(d)
		err := schema.Check(table, d)
		var m *schema.Mismatch
		switch {
		case c.column == "" && err != nil, c.column != "" && !errors.As(err, &m):
			t.Errorf("%s: got %v", c.name, err)
		case c.column == "*" && m.Column != "", c.column != "" && c.column != "*" && m.Column != c.column:
			t.Errorf("%s: got column %q, want %q", c.name, m.Column, c.column)
		case err != nil && !strings.Contains(err.Error(), "shop.a"):
			t.Errorf("%s: the error does not name the table: %v", c.name, err)
		}
	}
}

func TestAdopt(t *testing.T) {
	f := newFeed(t, "*.*", checked)
	ref := schema.Ref{Schema: "shop", Name: "a"}
	table := f.tracker.Lookup(ref)
	d := described(table, true)
	d.Columns = append(d.Columns, schema.Column{Name: "n", Type: schema.BigInt, Unsigned: true, Nullable: true})
	d.Columns = slices.Delete(d.Columns, 2, 3)
	got := f.tracker.Adopt(ref, d, 900)
	if got == nil || got != f.tracker.Lookup(ref) {
		t.Fatal("the definition was not adopted")
	}
	if got.ID != table.ID || got.Version != table.Version || got.Unsure {
		t.Errorf("got id %d version %d unsure %v", got.ID, got.Version, got.Unsure)
	}
	var columns []string
	for _, c := range got.Columns {
		columns = append(columns, fmt.Sprintf("%s#%d %s", c.Name, c.ID, c.SQLType()))
	}
	want := "id#1 int(10) unsigned,v#2 varchar(10),b#4 blob,u#5 uuid,t#6 text,n#7 bigint unsigned"
	if s := strings.Join(columns, ","); s != want {
		t.Errorf("got columns %s, want %s", s, want)
	}
	if !slices.Equal(got.Handle, []int{0}) || len(got.Indexes) != 2 {
		t.Errorf("got handle %v, indexes %v", got.Handle, got.Indexes)
	}
	if err := schema.Check(got, d); err != nil {
		t.Error(err)
	}
	if f.tracker.Adopt(ref, described(table, false), 901) != nil {
		t.Error("a description without names was adopted")
	}
	other := schema.Ref{Schema: "shop", Name: "unknown"}
	if got := f.tracker.Adopt(other, d, 902); got == nil || got.Version != 902 || got.ID == table.ID || got.Columns[0].ID != 1 {
		t.Errorf("an unknown table: got %+v", got)
	}
}

// The stream calls a unique key of NOT NULL columns the primary key, where there is no other.
func TestUniqueKeyInThePrimarysPlace(t *testing.T) {
	f := newFeed(t, "*.*", "create table u (a int, b int not null, c int not null, unique (a), unique (c, b))")
	ref := schema.Ref{Schema: "shop", Name: "u"}
	table := f.tracker.Lookup(ref)
	d := described(table, true)
	d.Columns[1].PK, d.Columns[2].PK = true, true
	if err := schema.Check(table, d); err != nil {
		t.Error(err)
	}
	got := f.tracker.Adopt(ref, d, 900)
	if got.Columns[1].PK || got.Columns[2].PK || !slices.Equal(got.Handle, []int{2, 1}) {
		t.Errorf("adopted: got columns %+v, handle %v", got.Columns, got.Handle)
	}
	d.Columns[2].PK = false
	if err := schema.Check(table, d); err == nil {
		t.Error("a key that the definition does not have: got no error")
	}
}

// The stream counts ROW END to the keys of a system-versioned table.
func TestKeyOfASystemVersionedTable(t *testing.T) {
	f := newFeed(t, "*.*", "create table v (a int primary key, b int) with system versioning", "create table w (a int not null, unique (a)) with system versioning")
	for _, name := range []string{"v", "w"} {
		ref := schema.Ref{Schema: "shop", Name: name}
		table := f.tracker.Lookup(ref)
		d := described(table, true)
		d.Columns[0].PK, d.Columns[len(d.Columns)-1].PK = true, true
		if err := schema.Check(table, d); err != nil {
			t.Error(err)
		}
		got := f.tracker.Adopt(ref, d, 900)
		if got.Columns[0].PK != (name == "v") || got.Columns[len(d.Columns)-1].PK || !slices.Equal(got.Handle, []int{0}) {
			t.Errorf("%s adopted: got columns %+v, handle %v", name, got.Columns, got.Handle)
		}
	}
}
