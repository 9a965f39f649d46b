// Package rows holds what a row is between the source's bytes and the sink's encoding: typed values that borrow
// the source's bytes, decoded once, straight into the encoding. It knows no wire format: a Format, which the
// source brings, compiles a table's definition into a Plan, and the Plan reads row images.
package rows

import "github.com/weir-cdc/weir/schema"

// Kind is the representation of a Value.
type Kind uint8

// The representations. Which one a column has follows from its schema.Type; Null may stand anywhere.
const (
	Null      Kind = iota
	Int            // Num as int64
	Uint           // Num
	Float          // Num = IEEE 754 single bits (math.Float32bits), zero-extended; Scale = (m,d)'s digits or NoScale
	Double         // Num = IEEE 754 double bits; Scale likewise
	Decimal        // Bytes = its text, all Scale fraction digits: "-12.340"
	Text           // Bytes = UTF-8 (converted from the column's charset); also UUID, INET4, INET6 as the server prints them
	Binary         // Bytes = raw, BINARY(n) padded with zero bytes to n; also GEOMETRY (SRID + WKB) and VECTOR
	Date           // Num packed by PackDate; may be the zero date or have zero month or day
	Time           // Num = int64 microseconds, signed; Scale = fraction digits
	DateTime       // Num packed by PackDateTime; Scale = fraction digits; may be a zero date
	Timestamp      // Num = int64 microseconds since the Unix epoch; 0 is the zero date '0000-00-00 00:00:00'; Scale
	Year           // Num 0, or 1901 to 2155
	Bit            // Num, the low schema.Column.Length bits
	Enum           // Num = 1-based index into Elems; 0 is the error value ''
	Set            // Num = bit mask over Elems
	JSON           // Bytes = its text in UTF-8
)

// NoScale is the Scale of a FLOAT or DOUBLE that is declared without fraction digits: as many are shown as it takes.
const NoScale = 31

// A Value is one column's value. Num counts for the kinds that say so, Bytes for the others; the rest is left over
// from other values. Bytes borrows from the row image or the Plan's scratch space: it holds until the next row but one
// is read, so that an update's two images can be held together, and must not be kept longer or changed.
type Value struct {
	Kind  Kind
	Scale uint8
	Num   uint64
	Bytes []byte
}

// IsNull tells NULL.
func (v *Value) IsNull() bool { return v.Kind == Null }

// PackDate packs a calendar date, zero parts allowed: year 0 to 9999, month 0 to 12, day 0 to 31.
func PackDate(year, month, day int) uint64 { return uint64(year)<<9 | uint64(month)<<5 | uint64(day) }

// UnpackDate undoes PackDate.
func UnpackDate(n uint64) (year, month, day int) {
	return int(n >> 9), int(n >> 5 & 15), int(n & 31)
}

// PackDateTime packs a date of PackDate with a time of day in microseconds since midnight.
func PackDateTime(date uint64, micros uint64) uint64 { return date<<37 | micros }

// UnpackDateTime undoes PackDateTime.
func UnpackDateTime(n uint64) (date uint64, micros uint64) { return n >> 37, n & (1<<37 - 1) }

// Op is what happened to a row.
type Op uint8

// The operations.
const (
	Insert Op = 1
	Update Op = 2 // row images come in pairs: before, after
	Delete Op = 3
)

// A Format reads the row images of one kind of source.
type Format interface {
	// Compile makes a Plan for a table's rows. layout is what the source's stream says of the columns' encoding
	// (for MySQL: the table map's types and metadata); a disagreement with t is an error that names the column.
	Compile(t *schema.Table, layout []byte) (Plan, error)
}

// A Plan decodes row images of one table version. It is not safe for concurrent use: it owns scratch space.
type Plan interface {
	// Row decodes the row image at the start of body into dst, which has len(t.Columns), and returns how many bytes it
	// took. The values borrow from body and from the plan until the next call but one.
	Row(body []byte, dst []Value) (n int, err error)
	// Skip returns the length in bytes of the row image at the start of body, and the 64-bit hash of its handle key.
	Skip(body []byte) (n int, hash uint64, err error)
}
