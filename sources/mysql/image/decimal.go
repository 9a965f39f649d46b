package image

import (
	"encoding/binary"
	"math/bits"
	"strconv"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// The server's limits of DECIMAL; a text may have a sign, a zero and a point more than digits.
const (
	maxPrecision = 65
	maxScale     = 38
	groupDigits  = 9
)

// groupBytes tells how many bytes a group of digits takes.
var groupBytes = [groupDigits + 1]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

// A decimal is the layout of a DECIMAL: groups of nine digits, four bytes each, big-endian, with what is left over
// first in front and last behind the point. Positive numbers have the first bit set, negative ones all others inverted.
type decimal struct {
	front, frontGroups int // before the point: how many digits are left over, and how many full groups follow
	back, backGroups   int // behind it: how many digits are left over, and how many full groups precede them
}

func newDecimal(precision, scale int) decimal {
	integer := precision - scale
	return decimal{integer % groupDigits, integer / groupDigits, scale % groupDigits, scale / groupDigits}
}

// width tells how many bytes a number takes.
func (d decimal) width() int {
	return groupBytes[d.front] + groupBytes[d.back] + 4*(d.frontGroups+d.backGroups)
}

func validDecimal(precision, scale int) bool {
	return 0 < precision && precision <= maxPrecision && 0 <= scale && scale <= maxScale && scale <= precision
}

func decimalColumn(col *schema.Column, f field) (column, error) {
	if f.wire != wireNewDecimal || f.length != col.Precision || f.digits != col.Scale || !validDecimal(f.length, f.digits) {
		return column{}, errMismatch
	}
	d := newDecimal(f.length, f.digits)
	c := fixed(rows.Decimal, d.width(), decimalStep)
	c.scale = uint8(f.digits)
	c.decimal = d
	return c, nil
}

func decimalStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	if c.scratch == nil {
		c.scratch = make([]byte, 0, maxPrecision+4)
	}
	text, ok := c.decimal.append(c.scratch, b[:c.width])
	if !ok {
		c.fault = "it is no decimal number"
		return corrupt
	}
	v.Kind, v.Scale, v.Bytes = rows.Decimal, c.scale, text
	return c.width
}

// append appends a number's text. It tells whether each group was one.
func (d *decimal) append(dst, b []byte) ([]byte, bool) {
	invert := uint32(0)
	if b[0]&0x80 == 0 {
		invert = ^invert
		dst = append(dst, '-')
	}
	first := uint32(0x80) // flips the sign bit back, in the first byte only
	next := func(digits int) uint32 {
		var n uint32
		size := groupBytes[digits]
		switch size {
		case 1:
			n = uint32(b[0])
		case 2:
			n = uint32(binary.BigEndian.Uint16(b))
		case 3:
			n = uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
		case 4:
			n = binary.BigEndian.Uint32(b)
		}
		bits := uint(8 * size)
		n = (n ^ invert ^ first<<(bits-8)) & uint32(1<<bits-1)
		first = 0
		b = b[size:]
		return n
	}
	ok := true
	start := len(dst)
	if d.front > 0 {
		n := next(d.front)
		ok = n < pow10u32[d.front]
		if n > 0 {
			dst = appendUint(dst, n)
		}
	}
	for range d.frontGroups {
		n := next(groupDigits)
		ok = ok && n < pow10u32[groupDigits]
		switch {
		case len(dst) > start:
			dst = appendPadded(dst, n, groupDigits)
		case n > 0:
			dst = appendUint(dst, n)
		}
	}
	if len(dst) == start {
		dst = append(dst, '0')
	}
	if d.backGroups+d.back > 0 {
		dst = append(dst, '.')
	}
	for range d.backGroups {
		n := next(groupDigits)
		ok = ok && n < pow10u32[groupDigits]
		dst = appendPadded(dst, n, groupDigits)
	}
	if d.back > 0 {
		n := next(d.back)
		ok = ok && n < pow10u32[d.back]
		dst = appendPadded(dst, n, d.back)
	}
	return dst, ok
}

var pow10u32 = [groupDigits + 1]uint32{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000}

// appendUint appends n, which has at most nine digits if the number is one.
func appendUint(dst []byte, n uint32) []byte {
	digits := (bits.Len32(n) * 1233) >> 12
	if digits > groupDigits {
		return strconv.AppendUint(dst, uint64(n), 10)
	}
	if n >= pow10u32[digits] {
		digits++
	}
	if digits > groupDigits {
		return strconv.AppendUint(dst, uint64(n), 10)
	}
	return appendPadded(dst, n, digits)
}

// appendPadded appends n in so many digits.
func appendPadded(dst []byte, n uint32, digits int) []byte {
	at := len(dst)
	dst = append(dst, "000000000"[:digits]...)
	for i := at + digits; i-at >= 2; i -= 2 {
		p := n % 100 * 2
		n /= 100
		dst[i-1], dst[i-2] = pairs[p+1], pairs[p]
	}
	if digits&1 != 0 {
		dst[at] = byte('0' + n%10)
	}
	return dst
}
