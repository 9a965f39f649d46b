// Package image reads the row images of MySQL's and MariaDB's binlog as typed values, without copying what stands in
// UTF-8 already.
//
// It reads full images (binlog_row_image=FULL) of rows events, versions 1 and 2, and is given:
//
//   - layout: the bytes of the TABLE_MAP event from its column count through its metadata block, both with their
//     packed lengths: a sub-slice of the event. Layout builds one, LayoutOf finds it.
//   - body: row images one after another as they stand in the event behind the bitmaps of present columns. An image is
//     a bitmap of the NULL columns and the values of the others. An insert or a delete has one per row, an update two,
//     before and after.
//
// It knows nothing of events, and does not follow the schema: the stream tells too little of a column (text or bytes,
// signed or not, the labels), so a plan is made from the table's definition, and the layout must agree with that.
// Whatever the bytes are, no error is missed by reading beyond them: every value's bounds are checked.
package image

import (
	"fmt"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// Format is the rows.Format of MySQL and MariaDB.
type Format struct{}

var _ rows.Format = Format{}

// Compile makes a plan for a table's rows. A layout that disagrees with the definition gives a *Mismatch.
func (Format) Compile(t *schema.Table, layout []byte) (rows.Plan, error) {
	fields, err := parseLayout(layout)
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", tableRef(t), err)
	}
	if len(fields) != len(t.Columns) {
		return nil, &Mismatch{Table: tableRef(t), Defined: countColumns(len(t.Columns)), Streamed: countColumns(len(fields))}
	}
	p := &plan{table: tableRef(t), bitmap: (len(fields) + 7) / 8, starts: make([]int, len(fields))}
	for i := range fields {
		col := &t.Columns[i]
		c, err := compileColumn(col, fields[i])
		if err != nil {
			return nil, describe(err, t, col, fields[i])
		}
		c.name = col.Name
		p.extents = append(p.extents, extent{prefix: uint8(c.prefix), width: int32(c.width)})
		p.banks[0] = append(p.banks[0], c)
		p.banks[1] = append(p.banks[1], c)
	}
	for _, i := range t.Handle {
		if i < 0 || i >= len(fields) {
			return nil, fmt.Errorf("read the columns of %s: its handle key names column %d of %d", tableRef(t), i, len(fields))
		}
		p.handle = append(p.handle, keyColumn{index: i, column: p.banks[0][i]})
	}
	p.strides = strides(p.extents, t.Handle)
	return p, nil
}

// A plan has two banks of columns, each with scratch space of its own, that take turns: so the values of an image hold
// until the next but one is read.
type plan struct {
	table  schema.Ref
	bitmap int
	banks  [2][]column
	turn   int
	handle []keyColumn
	// extents and strides are what Skip needs of the columns, close together.
	extents []extent
	strides []stride
	starts  []int // where each value of the handle key begins in the image that Skip reads; absent if NULL
	key     []byte
}

// A keyColumn is a column of the handle key with scratch space of its own.
type keyColumn struct {
	index  int
	column column
	value  rows.Value
}

const absent = -1

// Row implements rows.Plan.
func (p *plan) Row(body []byte, dst []rows.Value) (int, error) {
	columns := p.banks[p.turn]
	p.turn ^= 1
	if len(dst) != len(columns) {
		return 0, fmt.Errorf("read a row of %s: there is room for %d values of %d", p.table, len(dst), len(columns))
	}
	if len(body) < p.bitmap {
		return 0, p.tooShort()
	}
	pos := p.bitmap
	for i := range columns {
		if body[uint(i)>>3]>>(uint(i)&7)&1 != 0 {
			dst[i] = rows.Value{}
			continue
		}
		c := &columns[i]
		n := c.decode(c, body[pos:], &dst[i])
		if n < 0 {
			return 0, p.broken(c, pos, n)
		}
		pos += n
	}
	return pos, nil
}

// Skip implements rows.Plan. A table without a handle key hashes the whole image.
func (p *plan) Skip(body []byte) (int, uint64, error) {
	n, err := p.length(body)
	if err != nil {
		return 0, 0, err
	}
	if len(p.handle) == 0 {
		return n, rows.Hash(body[:n]), nil
	}
	p.key = p.key[:0]
	for i := range p.handle {
		k := &p.handle[i]
		k.value.Kind = rows.Null
		if start := p.starts[k.index]; start != absent {
			if m := k.column.decode(&k.column, body[start:n], &k.value); m < 0 {
				return 0, 0, p.broken(&k.column, start, m)
			}
		}
		p.key = rows.AppendKey(p.key, &k.value)
	}
	return n, rows.Hash(p.key), nil
}

// length walks over the image at the start of body without decoding it.
func (p *plan) length(body []byte) (int, error) {
	if len(body) < p.bitmap {
		return 0, p.tooShort()
	}
	if p.full(body[:p.bitmap]) {
		if n := walk(p.strides, body, p.bitmap, p.starts); n >= 0 {
			return n, nil
		}
	}
	pos := p.bitmap
	for i, e := range p.extents {
		if body[uint(i)>>3]>>(uint(i)&7)&1 != 0 {
			p.starts[i] = absent
			continue
		}
		p.starts[i] = pos
		n := e.size(body[pos:])
		if n < 0 {
			return 0, p.broken(&p.banks[0][i], pos, n)
		}
		pos += n
	}
	return pos, nil
}

// full tells that no column is NULL. The bits behind the last column's mean nothing.
func (p *plan) full(bitmap []byte) bool {
	last := len(bitmap) - 1
	for _, b := range bitmap[:max(last, 0)] {
		if b != 0 {
			return false
		}
	}
	return last < 0 || bitmap[last]<<(uint(8*len(bitmap)-len(p.extents))&7) == 0
}
