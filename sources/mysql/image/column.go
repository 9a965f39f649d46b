package image

import (
	"encoding/binary"
	"fmt"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/rows/charset"
	"github.com/weir-cdc/weir/schema"
)

// A column is how one column's values are read. Which step reads them is decided once, by compileColumn.
type column struct {
	name   string
	decode step
	kind   rows.Kind
	scale  uint8
	prefix int // bytes of the length in front of the value; 0 if each takes width bytes
	width  int // bytes of a value, with its padding

	finish  finisher         // makes a value of the bytes behind a length
	inner   finisher         // what finish goes on with, if it only unpacks
	text    *charset.Decoder // of text in other than UTF-8
	decimal decimal
	elems   uint64 // how many labels ENUM or SET has

	scratch  []byte
	unpacked []byte
	inflater inflater
	fault    string
}

// A step reads the value at the start of b into v, and returns how many bytes it took, or short or corrupt.
type step func(c *column, b []byte, v *rows.Value) int

// A finisher makes a value of the bytes behind a length. It tells whether it could; if not it has set c.fault.
type finisher func(c *column, raw []byte, v *rows.Value) bool

// size returns how many bytes the value at the start of b takes, or short.
func (c *column) size(b []byte) int {
	return extent{prefix: uint8(c.prefix), width: int32(c.width)}.size(b)
}

// An extent tells how long a column's values are: prefix bytes of length in front, or else width bytes.
type extent struct {
	prefix uint8
	width  int32
}

// size returns how many bytes the value at the start of b takes, or short.
func (e extent) size(b []byte) int {
	n := int(e.width)
	switch e.prefix {
	case 0:
	case 1:
		if len(b) < 1 {
			return short
		}
		n = 1 + int(b[0])
	case 2:
		if len(b) < 2 {
			return short
		}
		n = 2 + int(binary.LittleEndian.Uint16(b))
	default:
		if len(b) < int(e.prefix) {
			return short
		}
		n = int(e.prefix) + int(littleEndian(b[:e.prefix]))
	}
	if n > len(b) {
		return short
	}
	return n
}

// compileColumn makes the reader of a column: errMismatch if field is no encoding of the definition's type.
func compileColumn(col *schema.Column, f field) (column, error) {
	switch col.Type {
	case schema.TinyInt, schema.SmallInt, schema.MediumInt, schema.Int, schema.BigInt:
		return integerColumn(col, f)
	case schema.Float, schema.Double:
		return floatColumn(col, f)
	case schema.Decimal:
		return decimalColumn(col, f)
	case schema.Bit, schema.Year, schema.Enum, schema.Set:
		return numberColumn(col, f)
	case schema.Date, schema.Time, schema.DateTime, schema.Timestamp:
		return temporalColumn(col, f)
	case schema.Char, schema.VarChar, schema.TinyText, schema.Text, schema.MediumText, schema.LongText,
		schema.Binary, schema.VarBinary, schema.TinyBlob, schema.Blob, schema.MediumBlob, schema.LongBlob,
		schema.JSON, schema.Geometry, schema.Vector:
		return stringColumn(col, f)
	case schema.UUID, schema.Inet4, schema.Inet6:
		return addressColumn(col, f)
	}
	return column{}, fmt.Errorf("its type %q is not known to this version; exclude the table with a filter rule", col.TypeName)
}

// fixed makes a column whose values take width bytes each.
func fixed(kind rows.Kind, width int, decode step) column {
	return column{kind: kind, width: width, decode: decode}
}

// littleEndian reads a number of up to eight bytes.
func littleEndian(b []byte) uint64 {
	var n uint64
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n
}

// bigEndian reads a number of up to eight bytes.
func bigEndian(b []byte) uint64 {
	var n uint64
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}
