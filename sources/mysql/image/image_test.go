package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// orders is a table of eleven columns such as people have, and its layout.
func orders() (*schema.Table, []byte) {
	t := &schema.Table{Schema: "shop", Name: "orders", Handle: []int{0}, Columns: []schema.Column{
		{Name: "id", Type: schema.BigInt, TypeName: "bigint", Unsigned: true, PK: true},
		{Name: "customer", Type: schema.Int, TypeName: "int"},
		{Name: "email", Type: schema.VarChar, TypeName: "varchar", Charset: "utf8mb4", Length: 100},
		{Name: "title", Type: schema.VarChar, TypeName: "varchar", Charset: "utf8mb4", Length: 60},
		{Name: "state", Type: schema.TinyInt, TypeName: "tinyint"},
		{Name: "quantity", Type: schema.MediumInt, TypeName: "mediumint"},
		{Name: "price", Type: schema.Decimal, TypeName: "decimal", Precision: 12, Scale: 2},
		{Name: "weight", Type: schema.Double, TypeName: "double"},
		{Name: "created", Type: schema.DateTime, TypeName: "datetime"},
		{Name: "changed", Type: schema.Timestamp, TypeName: "timestamp", Scale: 3},
		{Name: "note", Type: schema.Text, TypeName: "text", Charset: "utf8mb4", Nullable: true},
	}}
	return t, Layout(
		[]byte{8, 3, 15, 15, 1, 9, 246, 5, 18, 17, 252},
		[]byte{0x90, 0x01, 0xF0, 0x00, 12, 2, 8, 0, 3, 2},
	)
}

// order is the image of a row of orders, of 172 bytes.
func order(id int) []byte {
	b := []byte{0, 0xF8}
	b = binary.LittleEndian.AppendUint64(b, uint64(id))
	b = binary.LittleEndian.AppendUint32(b, uint32(id*7))
	email := fmt.Sprintf("customer.%08d@example.com", id)
	b = append(binary.LittleEndian.AppendUint16(b, uint16(len(email))), email...)
	title := fmt.Sprintf("order %08d of something nice", id)
	b = append(append(b, byte(len(title))), title...)
	b = append(b, 3, 5, 0, 0)
	b = append(b, 0x80, 0, 0, byte(id>>8), byte(id), 99)
	b = binary.LittleEndian.AppendUint64(b, 0x3ff3c0ca428c59fb)
	b = append(b, 0x99, 0xB2, 0xBB, 0x7E, 0xFB)
	b = append(b, 0x65, 0xE0, 0x5C, 0x04, 0x1E, 0xD2)
	note := strings.Repeat("n", 172-2-len(b))
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(note))), note...)
}

func compiled(t testing.TB, table *schema.Table, layout []byte) rows.Plan {
	t.Helper()
	plan, err := Format{}.Compile(table, layout)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestRow(t *testing.T) {
	table, layout := orders()
	plan := compiled(t, table, layout)
	body := order(123456)
	values := make([]rows.Value, len(table.Columns))
	n, err := plan.Row(body, values)
	if err != nil || n != 172 {
		t.Fatalf("Row = %d, %v", n, err)
	}
	var got []string
	for i := range values {
		got = append(got, show(&values[i], &table.Columns[i]))
	}
	want := []string{"123456", "864192", "customer.00123456@example.com", "order 00123456 of something nice", "3", "5", "57920.99",
		"1.2345678901234567", "2024-02-29 23:59:59", "2024-02-29 10:27:16.789", got[10]}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// An update's two images are held together: the first's values must outlive the reading of the second.
func TestRowHoldsTwoImages(t *testing.T) {
	table := &schema.Table{Schema: "s", Name: "t", Columns: []schema.Column{
		{Name: "d", Type: schema.Decimal, Precision: 4, Scale: 2},
		{Name: "l", Type: schema.VarChar, Charset: "latin1", Length: 9},
	}}
	plan := compiled(t, table, Layout([]byte{246, 15}, []byte{4, 2, 9, 0}))
	body := []byte{0xFC, 0x80 | 12, 34, 2, 0xE9, 'a', 0xFC, 0x80 | 56, 78, 1, 0xEA}
	var before, after [2]rows.Value
	n, err := plan.Row(body, before[:])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Row(body[n:], after[:]); err != nil {
		t.Fatal(err)
	}
	if _, _, err := plan.Skip(body); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s %s %s %s", before[0].Bytes, before[1].Bytes, after[0].Bytes, after[1].Bytes)
	if want := "12.34 éa 56.78 ê"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRowBorrows(t *testing.T) {
	table, layout := orders()
	body := order(1)
	values := make([]rows.Value, len(table.Columns))
	if _, err := compiled(t, table, layout).Row(body, values); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(body, []byte("customer."))
	if &values[2].Bytes[0] != &body[at] {
		t.Error("UTF-8 text is copied")
	}
	if cap(values[2].Bytes) != len(values[2].Bytes) {
		t.Error("appending to a value would overwrite the image")
	}
}

func TestRowAllocatesNothing(t *testing.T) {
	table, layout := orders()
	plan := compiled(t, table, layout)
	body := order(1)
	values := make([]rows.Value, len(table.Columns))
	if n := testing.AllocsPerRun(100, func() {
		_, _ = plan.Row(body, values)
		_, _, _ = plan.Skip(body)
	}); n != 0 {
		t.Errorf("%v allocations a row, want none", n)
	}
}

// Wherever an image is cut, Row and Skip say so, naming table and column.
func TestTruncated(t *testing.T) {
	table, layout := orders()
	plan := compiled(t, table, layout)
	body := order(1)
	values := make([]rows.Value, len(table.Columns))
	for n := range len(body) {
		_, err := plan.Row(body[:n], values)
		if err == nil || !strings.Contains(err.Error(), "shop.orders") {
			t.Fatalf("Row of %d bytes: %v", n, err)
		}
		if _, _, err = plan.Skip(body[:n]); err == nil {
			t.Fatalf("Skip of %d bytes: no error", n)
		}
	}
	_, err := plan.Row(body[:60], values)
	want := "read a row of shop.orders: column title at byte 45: it goes on beyond the end of the event; the event is damaged or the table's definition is of another time"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestMismatch(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(table *schema.Table)
		want   string
	}{
		{"added column", func(t *schema.Table) { t.Columns = t.Columns[:10] },
			"read shop.orders: the table's definition says 10 columns, the stream says 11 columns"},
		{"other integer", func(t *schema.Table) { t.Columns[0].Type, t.Columns[0].TypeName = schema.Int, "int" },
			"read shop.orders column id: the table's definition says INT, the stream says BIGINT"},
		{"other length", func(t *schema.Table) { t.Columns[2].Length = 50 },
			"read shop.orders column email: the table's definition says VARCHAR(50) CHARACTER SET utf8mb4, the stream says VARCHAR or VARBINARY of 400 bytes"},
		{"other character set", func(t *schema.Table) { t.Columns[2].Charset = "latin1" },
			"read shop.orders column email: the table's definition says VARCHAR(100) CHARACTER SET latin1, the stream says VARCHAR or VARBINARY of 400 bytes"},
		{"bytes", func(t *schema.Table) {
			t.Columns[2].Type, t.Columns[2].TypeName, t.Columns[2].Charset = schema.VarBinary, "varbinary", ""
		},
			"read shop.orders column email: the table's definition says VARBINARY(100), the stream says VARCHAR or VARBINARY of 400 bytes"},
		{"other scale", func(t *schema.Table) { t.Columns[6].Scale = 3 },
			"read shop.orders column price: the table's definition says DECIMAL(12,3), the stream says DECIMAL(12,2)"},
		{"other fraction", func(t *schema.Table) { t.Columns[9].Scale = 0 },
			"read shop.orders column changed: the table's definition says TIMESTAMP(0), the stream says TIMESTAMP(3)"},
		{"other blob", func(t *schema.Table) { t.Columns[10].Type, t.Columns[10].TypeName = schema.LongText, "longtext" },
			"read shop.orders column note: the table's definition says LONGTEXT CHARACTER SET utf8mb4, the stream says BLOB or TEXT with 2 bytes of length"},
		{"enum for integer", func(t *schema.Table) {
			t.Columns[4] = schema.Column{Name: "state", Type: schema.Enum, TypeName: "enum", Charset: "utf8mb4", Elems: []string{"a", "b"}}
		},
			"read shop.orders column state: the table's definition says ENUM of 2 labels CHARACTER SET utf8mb4, the stream says TINYINT"},
	} {
		table, layout := orders()
		c.change(table)
		_, err := Format{}.Compile(table, layout)
		var mismatch *Mismatch
		if !errors.As(err, &mismatch) || !strings.HasPrefix(err.Error(), c.want+"; ") {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(table *schema.Table)
		want   string
	}{
		{"unknown type", func(t *schema.Table) { t.Columns[0].Type, t.Columns[0].TypeName = schema.TypeUnknown, "xmltype" },
			`read shop.orders column id: its type "xmltype" is not known to this version; exclude the table with a filter rule`},
		{"unknown character set", func(t *schema.Table) { t.Columns[2].Charset = "klingon" },
			`read shop.orders column email: its character set "klingon" is not known to this version; convert the column to utf8mb4 or exclude the table with a filter rule`},
		{"handle beyond the columns", func(t *schema.Table) { t.Handle = []int{11} },
			"read the columns of shop.orders: its handle key names column 11 of 11"},
	} {
		table, layout := orders()
		c.change(table)
		if _, err := (Format{}).Compile(table, layout); err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
	table, layout := orders()
	for n := range len(layout) {
		if _, err := (Format{}).Compile(table, layout[:n]); err == nil {
			t.Errorf("a layout cut after %d bytes compiles", n)
		}
	}
	if _, err := (Format{}).Compile(table, append(layout, 0)); err == nil {
		t.Error("a layout with a byte more compiles")
	}
}

func TestLayoutOf(t *testing.T) {
	_, layout := orders()
	got, n := LayoutOf(append(layout[:len(layout):len(layout)], "the NULL bitmap and more"...))
	if !bytes.Equal(got, layout) || n != len(layout) {
		t.Errorf("LayoutOf = %x, %d, want %x", got, n, layout)
	}
	wide := Layout(bytes.Repeat([]byte{3}, 300), nil)
	if fields, err := parseLayout(wide); err != nil || len(fields) != 300 {
		t.Errorf("300 columns: %d, %v", len(fields), err)
	}
}

// The hash must not depend on what else the table has, nor on how wide the key is stored.
func TestSkipHashesTheKeyAlone(t *testing.T) {
	narrow := &schema.Table{Handle: []int{0, 1}, Columns: []schema.Column{
		{Name: "a", Type: schema.Int}, {Name: "b", Type: schema.VarChar, Charset: "latin1", Length: 9},
	}}
	wide := &schema.Table{Handle: []int{2, 1}, Columns: []schema.Column{
		{Name: "x", Type: schema.TinyInt}, {Name: "b", Type: schema.Char, Charset: "utf8mb4", Length: 9}, {Name: "a", Type: schema.BigInt, Unsigned: true},
	}}
	_, one, err := compiled(t, narrow, Layout([]byte{3, 15}, []byte{9, 0})).Skip([]byte{0xFC, 7, 0, 0, 0, 2, 'K', 0xE9})
	if err != nil {
		t.Fatal(err)
	}
	n, other, err := compiled(t, wide, Layout([]byte{1, 254, 8}, []byte{254, 36})).Skip([]byte{0xF9, 3, 'k', 0xC3, 0xA9, 7, 0, 0, 0, 0, 0, 0, 0, 99})
	if err != nil || n != 13 {
		t.Fatalf("Skip = %d, %v", n, err)
	}
	if one != other {
		t.Errorf("hashes %x and %x of one key differ", one, other)
	}
	_, another, err := compiled(t, narrow, Layout([]byte{3, 15}, []byte{9, 0})).Skip([]byte{0xFC, 8, 0, 0, 0, 2, 'K', 0xE9})
	if err != nil || another == one {
		t.Errorf("another key hashes to %x too, %v", another, err)
	}
}

// An image in which nothing is NULL is walked in larger steps, to the same end: wherever the columns of the key stand, and
// whatever stands in the bits behind the last column's.
func TestSkipOfImagesWithoutNull(t *testing.T) {
	table, layout := orders()
	for _, handle := range [][]int{{0}, {10}, {2, 6}, {9, 3, 0}, {4, 5}, {1}} {
		table.Handle = handle
		p := compiled(t, table, layout).(*plan)
		for id := range 100 {
			body := append(order(id*977), "more"...)
			n, hash, err := p.Skip(body)
			if err != nil || n != 172 {
				t.Fatalf("Skip = %d, %v", n, err)
			}
			body[1] &= 7
			if _, other, err := p.Skip(body); err != nil || other != hash {
				t.Fatalf("bits that mean nothing change the hash: %x, %x, %v", hash, other, err)
			}
			p.strides = []stride{{fixed: 1 << 30}} // never the end: column by column
			m, slow, err := p.Skip(body)
			if err != nil || m != n || slow != hash {
				t.Fatalf("key %v: %d bytes, hash %x; column by column %d, %x, %v", handle, n, hash, m, slow, err)
			}
			p.strides = strides(p.extents, handle)
		}
	}
}

func TestSkipWithoutKeyHashesTheRow(t *testing.T) {
	table, layout := orders()
	table.Handle = nil
	plan := compiled(t, table, layout)
	n, one, err := plan.Skip(append(order(1), "more"...))
	if err != nil || n != 172 {
		t.Fatalf("Skip = %d, %v", n, err)
	}
	_, same, _ := plan.Skip(order(1))
	_, other, _ := plan.Skip(order(2))
	if one != same || one == other {
		t.Errorf("hashes %x, %x of one row, %x of another", one, same, other)
	}
}

func benchmarkBody(n int) []byte {
	var body []byte
	for i := range n {
		body = append(body, order(i)...)
	}
	return body
}

func BenchmarkRow(b *testing.B) {
	table, layout := orders()
	plan := compiled(b, table, layout)
	const n = 1000
	body := benchmarkBody(n)
	values := make([]rows.Value, len(table.Columns))
	b.SetBytes(int64(len(body) / n))
	b.ReportAllocs()
	rest := body
	for b.Loop() {
		if len(rest) == 0 {
			rest = body
		}
		m, err := plan.Row(rest, values)
		if err != nil {
			b.Fatal(err)
		}
		rest = rest[m:]
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

func BenchmarkSkip(b *testing.B) {
	table, layout := orders()
	plan := compiled(b, table, layout)
	const n = 1000
	body := benchmarkBody(n)
	b.SetBytes(int64(len(body) / n))
	b.ReportAllocs()
	rest := body
	for b.Loop() {
		if len(rest) == 0 {
			rest = body
		}
		m, _, err := plan.Skip(rest)
		if err != nil {
			b.Fatal(err)
		}
		rest = rest[m:]
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

func BenchmarkDecimal(b *testing.B) {
	for _, p := range [][2]int{{10, 2}, {20, 5}, {65, 30}} {
		b.Run(fmt.Sprintf("%d,%d", p[0], p[1]), func(b *testing.B) {
			d := newDecimal(p[0], p[1])
			number := make([]byte, d.width())
			number[0], number[len(number)-1] = 0x80, 12
			number[len(number)/3] = 1
			text := make([]byte, 0, 80)
			for b.Loop() {
				d.append(text, number)
			}
		})
	}
}
