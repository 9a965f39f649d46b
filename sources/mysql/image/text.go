package image

import (
	"encoding/binary"
	"fmt"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/rows/charset"
	"github.com/weir-cdc/weir/schema"
)

// stringColumn reads what has a length in front: text, bytes, and what is stored like them.
func stringColumn(col *schema.Column, f field) (column, error) {
	c, err := contents(col)
	if err != nil {
		return column{}, err
	}
	var fits bool
	switch col.Type {
	case schema.Char, schema.Binary:
		c.prefix, fits = lengthBytes(f.length), f.wire == wireString && fitsLength(col, &c, f.length)
	case schema.VarChar, schema.VarBinary:
		fits = c.varChar(col, f)
	case schema.TinyText, schema.TinyBlob:
		fits = c.blob(f, 1)
	case schema.Text, schema.Blob:
		fits = c.blob(f, 2)
	case schema.MediumText, schema.MediumBlob:
		fits = c.blob(f, 3)
	case schema.LongText, schema.LongBlob:
		fits = c.blob(f, 4)
	case schema.JSON:
		fits = c.json(f)
	case schema.Geometry:
		c.prefix, fits = f.length, f.wire == wireGeometry && 0 < f.length && f.length <= 4
	case schema.Vector:
		fits = c.vector(f)
	}
	if !fits {
		return column{}, errMismatch
	}
	c.chooseStep()
	return c, nil
}

// contents tells what to make of the bytes of a string.
func contents(col *schema.Column) (column, error) {
	switch col.Type {
	case schema.Binary:
		return column{kind: rows.Binary, width: max(col.Length, 0), finish: padZeros}, nil
	case schema.VarBinary, schema.TinyBlob, schema.Blob, schema.MediumBlob, schema.LongBlob, schema.Geometry, schema.Vector:
		return column{kind: rows.Binary}, nil
	}
	c := column{kind: rows.Text}
	if col.Type == schema.JSON {
		c.kind = rows.JSON
	}
	name := col.Charset
	if col.Type == schema.JSON && name == "" {
		name = "utf8mb4"
	}
	if name == "binary" {
		c.kind = rows.Binary
		return c, nil
	}
	decoder, known := charset.Named(name)
	if !known {
		return column{}, fmt.Errorf("its character set %q is not known to this version; convert the column to utf8mb4 or exclude the table with a filter rule", name)
	}
	c.text = decoder
	if !decoder.Borrows() {
		c.finish = convert
	}
	return c, nil
}

// fitsLength tells whether a column of so many bytes is the definition's, so far as that knows its length.
func fitsLength(col *schema.Column, c *column, bytes int) bool {
	if col.Length < 0 {
		return true
	}
	perChar := 1
	if c.text != nil {
		perChar = c.text.MaxLen()
	}
	return bytes == col.Length*perChar
}

// lengthBytes tells how many bytes the length of a CHAR or VARCHAR takes.
func lengthBytes(most int) int {
	if most < 256 {
		return 1
	}
	return 2
}

func (c *column) varChar(col *schema.Column, f field) bool {
	c.prefix = lengthBytes(f.length)
	switch f.wire {
	case wireVarChar, wireVarString:
		return fitsLength(col, c, f.length)
	case wireVarCharCompressed: // has a byte more, for the header
		c.unpack(f.length)
		return fitsLength(col, c, f.length-1)
	}
	return false
}

func (c *column) blob(f field, prefix int) bool {
	c.prefix = prefix
	if f.wire == wireBlobCompressed {
		c.unpack(1<<(8*prefix) - 1)
	}
	return f.length == prefix && (f.wire == wireBlob || f.wire == wireBlobCompressed)
}

// json: MySQL's own binary format, or MariaDB's text.
func (c *column) json(f field) bool {
	if f.wire == wireJSON {
		c.prefix, c.finish = f.length, jsonText
		return 0 < f.length && f.length <= 4
	}
	return c.blob(f, f.length) && 0 < f.length && f.length <= 4
}

// vector: MySQL has a type, MariaDB writes a VARBINARY.
func (c *column) vector(f field) bool {
	if f.wire == wireVarChar || f.wire == wireVarString {
		c.prefix = lengthBytes(f.length)
		return true
	}
	c.prefix = f.length
	return (f.wire == wireVector || f.wire == wireBlob) && 0 < f.length && f.length <= 4
}

// unpack makes the column one of compressed values of at most so many bytes.
func (c *column) unpack(most int) {
	c.inflater.most = most
	c.inner, c.finish = c.finish, inflate
}

// chooseStep takes the shortest way for the column's prefix.
func (c *column) chooseStep() {
	switch {
	case c.finish != nil:
		c.decode = finishStep
	case c.prefix == 1:
		c.decode = borrow1Step
	case c.prefix == 2:
		c.decode = borrow2Step
	default:
		c.decode = borrowStep
	}
}

func borrow1Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 1 {
		return short
	}
	n := 1 + int(b[0])
	if n > len(b) {
		return short
	}
	v.Kind, v.Bytes = c.kind, b[1:n:n]
	return n
}

func borrow2Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 2 {
		return short
	}
	n := 2 + int(binary.LittleEndian.Uint16(b))
	if n > len(b) {
		return short
	}
	v.Kind, v.Bytes = c.kind, b[2:n:n]
	return n
}

func borrowStep(c *column, b []byte, v *rows.Value) int {
	n := c.size(b)
	if n < 0 {
		return short
	}
	v.Kind, v.Bytes = c.kind, b[c.prefix:n:n]
	return n
}

func finishStep(c *column, b []byte, v *rows.Value) int {
	n := c.size(b)
	if n < 0 {
		return short
	}
	v.Kind = c.kind
	if !c.finish(c, b[c.prefix:n:n], v) {
		return corrupt
	}
	return n
}

// convert gives the text in UTF-8.
func convert(c *column, raw []byte, v *rows.Value) bool {
	v.Bytes, c.scratch = c.text.Text(c.scratch, raw)
	return true
}

// padZeros gives back the zero bytes that the server cut off a BINARY's end.
func padZeros(c *column, raw []byte, v *rows.Value) bool {
	if len(raw) < c.width {
		c.scratch = append(c.scratch[:0], raw...)
		for len(c.scratch) < c.width {
			c.scratch = append(c.scratch, 0)
		}
		raw = c.scratch
	}
	v.Bytes = raw
	return true
}
