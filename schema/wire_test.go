package schema

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// fill gives every field below v a value of its own. A field that it can not set, or of a kind that it does not know, is an
// error: the wire form would lose it.
func fill(v reflect.Value, path string, r *rand.Rand) error {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				return fmt.Errorf("%s.%s is not exported: the wire form does not carry it", path, f.Name)
			}
			if err := fill(v.Field(i), path+"."+f.Name, r); err != nil {
				return err
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			if err := fill(v.Index(i), fmt.Sprintf("%s[%d]", path, i), r); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), path, r)
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d <&> \u2028 名前 \x00 \\\"", path, r.Uint64()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-int64(r.Uint64() >> 1))
	case reflect.Uint8:
		v.SetUint(1 + r.Uint64N(255))
	case reflect.Uint64:
		v.SetUint(r.Uint64() | 1<<63)
	default:
		return fmt.Errorf("%s is a %s, which the wire form is not tested with", path, v.Kind())
	}
	return nil
}

func transfer(t *testing.T, table *Table) *Table {
	t.Helper()
	b, err := EncodeTable(table)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeTable(b)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Every field of a definition is carried, one that is added to Table, Column or Index later too.
func TestWireCarriesEveryField(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	table := new(Table)
	if err := fill(reflect.ValueOf(table).Elem(), "Table", r); err != nil {
		t.Fatal(err)
	}
	if got := transfer(t, table); !reflect.DeepEqual(got, table) {
		t.Errorf("got\n%+v\nwant\n%+v", got, table)
	}
	// One field at a time, the rest zero: none stands in for another, none is lost in being alone.
	v := reflect.ValueOf(*table)
	for i := range v.NumField() {
		alone := new(Table)
		reflect.ValueOf(alone).Elem().Field(i).Set(v.Field(i))
		if got := transfer(t, alone); !reflect.DeepEqual(got, alone) {
			t.Errorf("%s alone: got\n%+v\nwant\n%+v", v.Type().Field(i).Name, got, alone)
		}
	}
	c := reflect.ValueOf(table.Columns[0])
	for i := range c.NumField() {
		alone := &Table{Columns: make([]Column, 1)}
		reflect.ValueOf(alone).Elem().FieldByName("Columns").Index(0).Field(i).Set(c.Field(i))
		if got := transfer(t, alone); !reflect.DeepEqual(got, alone) {
			t.Errorf("column's %s alone: got\n%+v\nwant\n%+v", c.Type().Field(i).Name, got, alone)
		}
	}
}

// What is nothing, what is empty, and what is no text stay what they are.
func TestWireKeepsWhatIsEmptyAndWhatIsNoText(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, table := range []*Table{
		{},
		{Columns: []Column{}, Indexes: []Index{}, Handle: []int{}},
		{Columns: []Column{{Default: text("")}, {Default: nil}, {Default: text("\xff\xfe\x00")}, {Default: text("null")}, {Elems: []string{}}, {Elems: []string{""}}}},
		{Name: "large", Columns: []Column{{Comment: strings.Repeat("x", 5*smallValue)}}},
	} {
		if got := transfer(t, table); !reflect.DeepEqual(got, table) {
			t.Errorf("got\n%+v\nwant\n%+v", got, table)
		}
	}
}

// A definition that an earlier version of the history wrote reads as before, and one without odd bytes is written as before.
func TestWireIsTheHistorysForm(t *testing.T) {
	b, err := json.Marshal(Column{Name: "a", Type: Int, TypeName: "int", Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	type plain Column
	want, err := json.Marshal(plain{Name: "a", Type: Int, TypeName: "int", Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != string(want) {
		t.Errorf("got %s, want %s", b, want)
	}
}

func TestDecodeTableRefuses(t *testing.T) {
	for _, b := range []string{"", "{", "no table", "\x1f\x8b"} {
		if _, err := DecodeTable([]byte(b)); err == nil {
			t.Errorf("%q is a definition", b)
		}
	}
}

func BenchmarkEncodeTable(b *testing.B) {
	table := &Table{ID: 1, Schema: "s", Name: "t"}
	for i := range 11 {
		table.Columns = append(table.Columns, Column{ID: int64(i), Name: fmt.Sprint("column", i), Type: Int, TypeName: "int"})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeTable(table); err != nil {
			b.Fatal(err)
		}
	}
}
