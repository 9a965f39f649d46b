package feed

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources/mysql/image"
)

// A kind is a type of column that these tests write images of.
type kind uint8

const (
	integer kind = iota
	bigInt
	text
	latin
	decimal
	double
	blob
	kinds
)

func (k kind) column(i int) schema.Column {
	c := [...]schema.Column{
		integer: {Type: schema.Int, TypeName: "int"},
		bigInt:  {Type: schema.BigInt, TypeName: "bigint"},
		text:    {Type: schema.VarChar, TypeName: "varchar", Charset: "utf8mb4", Collation: "utf8mb4_general_ci", Length: 100},
		latin:   {Type: schema.VarChar, TypeName: "varchar", Charset: "latin1", Collation: "latin1_swedish_ci", Length: 9},
		decimal: {Type: schema.Decimal, TypeName: "decimal", Precision: 4, Scale: 2},
		double:  {Type: schema.Double, TypeName: "double"},
		blob:    {Type: schema.Blob, TypeName: "blob"},
	}[k]
	c.Name = fmt.Sprintf("c%d", i)
	return c
}

// wire gives the column's type and metadata in a layout.
func (k kind) wire() (byte, []byte) {
	switch k {
	case integer:
		return 3, nil
	case bigInt:
		return 8, nil
	case text:
		return 15, []byte{0x90, 0x01}
	case latin:
		return 15, []byte{9, 0}
	case decimal:
		return 246, []byte{4, 2}
	case double:
		return 5, []byte{8}
	}
	return 252, []byte{2}
}

// A shape says what a table looks like.
type shape struct {
	columns  []kind
	handle   []int
	nullable map[int]bool
}

// A made is a table with what is needed to write images of its rows.
type made struct {
	shape
	table  *schema.Table
	layout []byte
}

func (s shape) table() made {
	t := &schema.Table{ID: 1, Version: 5, Schema: "s", Name: "t", Handle: s.handle}
	var types, metadata []byte
	for i, k := range s.columns {
		c := k.column(i)
		c.Nullable = s.nullable[i]
		t.Columns = append(t.Columns, c)
		w, m := k.wire()
		types, metadata = append(types, w), append(metadata, m...)
	}
	return made{shape: s, table: t, layout: image.Layout(types, metadata)}
}

// A value is a column's value, both as the stream writes it and as a sink would read it.
type value struct {
	wire []byte // nil is NULL; without the length in front
	read rows.Value
}

func intValue(n int64) value {
	return value{binary.LittleEndian.AppendUint64(nil, uint64(n)), rows.Value{Kind: rows.Int, Num: uint64(n)}}
}

func textValue(s string) value {
	return value{append([]byte{}, s...), rows.Value{Kind: rows.Text, Bytes: []byte(s)}}
}

// image appends the image of a row.
func (m made) image(dst []byte, row []value) []byte {
	bitmap := make([]byte, (len(row)+7)/8)
	for i := len(row); i < 8*len(bitmap); i++ {
		bitmap[i/8] |= 1 << (i % 8)
	}
	for i, v := range row {
		if v.wire == nil {
			bitmap[i/8] |= 1 << (i % 8)
		}
	}
	dst = append(dst, bitmap...)
	for i, v := range row {
		if v.wire == nil {
			continue
		}
		switch m.columns[i] {
		case integer:
			dst = append(dst, v.wire[:4]...)
		case text, blob:
			dst = append(binary.LittleEndian.AppendUint16(dst, uint16(len(v.wire))), v.wire...)
		case latin:
			dst = append(append(dst, byte(len(v.wire))), v.wire...)
		default:
			dst = append(dst, v.wire...)
		}
	}
	return dst
}

// key gives the hash of a row's handle key, from its values alone.
func (m made) key(row []value) uint64 {
	var key []byte
	for _, i := range m.handle {
		key = rows.AppendKey(key, &row[i].read)
	}
	return rows.Hash(key)
}

// A source makes rows up.
type source struct{ *rand.Rand }

func newSource(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 1))} }

// value makes a value of one of so many up.
func (r source) value(k kind, most int) value {
	n := r.IntN(most)
	switch k {
	case integer, bigInt:
		return intValue(int64(n - most/2))
	case text:
		return textValue([]string{"a", "A", "a ", "é", "e", "", "名前", "b"}[n%8] + string(make([]byte, n/8)))
	case latin:
		return value{[]byte{'L' | 0x20*byte(n&1), 0xE9, byte('a' + n/2%20)}, rows.Value{Kind: rows.Text, Bytes: fmt.Appendf(nil, "%cé%c", 'L'|0x20*byte(n&1), 'a'+n/2%20)}}
	case decimal:
		whole, part := n%100, n/100%100
		return value{[]byte{0x80 | byte(whole), byte(part)}, rows.Value{Kind: rows.Decimal, Scale: 2, Bytes: fmt.Appendf(nil, "%d.%02d", whole, part)}}
	case double:
		bits := math.Float64bits(float64(n) / 4)
		return value{binary.LittleEndian.AppendUint64(nil, bits), rows.Value{Kind: rows.Double, Num: bits}}
	}
	bytes := make([]byte, n*7%300)
	return value{bytes, rows.Value{Kind: rows.Binary, Bytes: bytes}}
}
