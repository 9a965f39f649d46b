package image

import (
	"testing"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// allKinds is a table with a column for each way of reading.
func allKinds() (*schema.Table, []byte) {
	var columns []schema.Column
	var types, meta []byte
	add := func(c schema.Column, t wire, m ...byte) {
		columns = append(columns, c)
		types = append(types, byte(t))
		meta = append(meta, m...)
	}
	add(schema.Column{Type: schema.MediumInt}, wireInt24)
	add(schema.Column{Type: schema.Decimal, Precision: 65, Scale: 30}, wireNewDecimal, 65, 30)
	add(schema.Column{Type: schema.Float}, wireFloat, 4)
	add(schema.Column{Type: schema.Bit, Length: 17}, wireBit, 1, 2)
	add(schema.Column{Type: schema.Year}, wireYear)
	add(schema.Column{Type: schema.Enum, Elems: []string{"a"}}, wireString, byte(wireEnum), 1)
	add(schema.Column{Type: schema.Set, Elems: make([]string, 64)}, wireString, byte(wireSet), 8)
	add(schema.Column{Type: schema.Date}, wireDate)
	add(schema.Column{Type: schema.Time, Scale: 5}, wireTime2, 5)
	add(schema.Column{Type: schema.Time}, wireTime)
	add(schema.Column{Type: schema.Time, Scale: 2}, wireTime)
	add(schema.Column{Type: schema.DateTime, Scale: 3}, wireDateTime2, 3)
	add(schema.Column{Type: schema.DateTime}, wireDateTime)
	add(schema.Column{Type: schema.DateTime, Scale: 6}, wireDateTime)
	add(schema.Column{Type: schema.Timestamp, Scale: 6}, wireTimestamp2, 6)
	add(schema.Column{Type: schema.Timestamp}, wireTimestamp)
	add(schema.Column{Type: schema.Timestamp, Scale: 4}, wireTimestamp)
	add(schema.Column{Type: schema.Char, Charset: "gbk", Length: 10}, wireString, 254, 20)
	add(schema.Column{Type: schema.VarChar, Charset: "utf8mb4", Length: 100}, wireVarChar, 0x90, 1)
	add(schema.Column{Type: schema.Binary, Length: 10}, wireString, 254, 10)
	add(schema.Column{Type: schema.Text, Charset: "utf16le"}, wireBlob, 2)
	add(schema.Column{Type: schema.LongBlob}, wireBlob, 4)
	add(schema.Column{Type: schema.MediumBlob}, wireBlobCompressed, 3)
	add(schema.Column{Type: schema.VarChar, Charset: "latin1", Length: 50}, wireVarCharCompressed, 51, 0)
	add(schema.Column{Type: schema.JSON}, wireJSON, 4)
	add(schema.Column{Type: schema.Geometry}, wireGeometry, 4)
	add(schema.Column{Type: schema.Vector}, wireVector, 4)
	add(schema.Column{Type: schema.UUID}, wireString, 254, 16)
	add(schema.Column{Type: schema.Inet4}, wireString, 254, 4)
	add(schema.Column{Type: schema.Inet6}, wireString, 254, 16)
	t := &schema.Table{Schema: "s", Name: "t", Columns: columns}
	for i := range columns {
		t.Handle = append(t.Handle, i)
	}
	return t, Layout(types, meta)
}

// Whatever the image, reading it ends in values or an error; and where Row finds values, Skip finds the same length.
func FuzzRow(f *testing.F) {
	table, layout := allKinds()
	f.Add([]byte{0, 0, 0, 0xC0, 1, 2, 3})
	f.Add([]byte{0xFF, 0xFF, 0x3F, 0xC1, 12, 0, 0, 0x8A, 2, 0x58, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8})
	for i := range table.Columns { // an image with that column alone
		image := []byte{0xFF, 0xFF, 0xFF, 0xFF}
		image[i/8] &^= 1 << (i % 8)
		f.Add(append(image, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31))
		f.Add(append(image, make([]byte, 40)...))
	}
	values := make([]rows.Value, len(table.Columns))
	var text []byte
	f.Fuzz(func(t *testing.T, body []byte) {
		plan := compiled(t, table, layout)
		n, err := plan.Row(body, values)
		if err != nil {
			return
		}
		if skipped, _, err := plan.Skip(body); err != nil || skipped != n {
			t.Errorf("Row takes %d bytes, Skip %d, %v", n, skipped, err)
		}
		for i := range values {
			text = append(text[:0], show(&values[i], &table.Columns[i])...)
		}
	})
}

func FuzzLayout(f *testing.F) {
	table, layout := allKinds()
	f.Add(layout)
	f.Fuzz(func(t *testing.T, layout []byte) {
		_, _ = Format{}.Compile(table, layout)
		_, n := LayoutOf(layout)
		if n > len(layout) {
			t.Errorf("LayoutOf takes %d bytes of %d", n, len(layout))
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add(document([]member{{"a", int16(1)}, {"b", []any{int16(1), 2.5, "x", opaque{sqlType: wireTime, data: make([]byte, 8)}}}}))
	f.Fuzz(func(t *testing.T, doc []byte) { _, _ = decodeJSON(doc) })
}
