package image

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/weir-cdc/weir/rows"
)

// The kinds of value in MySQL's binary JSON.
const (
	jsonSmallObject = 0
	jsonLargeObject = 1
	jsonSmallArray  = 2
	jsonLargeArray  = 3
	jsonLiteral     = 4
	jsonInt16       = 5
	jsonUint16      = 6
	jsonInt32       = 7
	jsonUint32      = 8
	jsonInt64       = 9
	jsonUint64      = 10
	jsonDouble      = 11
	jsonString      = 12
	jsonOpaque      = 15
)

// jsonDepth is the server's limit on nesting.
const jsonDepth = 100

// jsonText gives MySQL's binary JSON as the server prints it. An empty document, which an INSERT IGNORE may leave, is null
// to the server too.
func jsonText(c *column, raw []byte, v *rows.Value) bool {
	d := jsonDocument{text: c.scratch[:0], limit: 16*len(raw) + 256}
	if len(raw) == 0 {
		d.text = append(d.text, "null"...)
	} else if !d.value(raw[0], raw[1:], 0) {
		c.fault = "it is no JSON document in MySQL's binary form"
		return false
	}
	c.scratch, v.Bytes = d.text, d.text
	return true
}

// A jsonDocument is the text made so far. In a damaged document many entries may point to the same value: the limit, which
// no sound one reaches, keeps that from filling the memory.
type jsonDocument struct {
	text  []byte
	limit int
}

// value appends the value of a kind that begins at b. Containers hold offsets from their own beginning.
func (d *jsonDocument) value(kind byte, b []byte, depth int) bool {
	if len(d.text) > d.limit {
		return false
	}
	switch kind {
	case jsonSmallObject, jsonLargeObject, jsonSmallArray, jsonLargeArray:
		return depth < jsonDepth && d.container(kind, b, depth+1)
	case jsonString:
		s, _, ok := jsonCounted(b)
		d.quote(s)
		return ok
	case jsonOpaque:
		return d.opaque(b)
	case jsonInt64:
		if len(b) < 8 {
			return false
		}
		d.text = strconv.AppendInt(d.text, int64(binary.LittleEndian.Uint64(b)), 10)
	case jsonUint64:
		if len(b) < 8 {
			return false
		}
		d.text = strconv.AppendUint(d.text, binary.LittleEndian.Uint64(b), 10)
	case jsonDouble:
		if len(b) < 8 {
			return false
		}
		d.double(binary.LittleEndian.Uint64(b))
	case jsonInt32, jsonUint32:
		if len(b) < 4 {
			return false
		}
		return d.inline(kind, binary.LittleEndian.Uint32(b))
	default:
		if len(b) < 2 {
			return len(b) == 1 && kind == jsonLiteral && d.inline(kind, uint32(b[0]))
		}
		return d.inline(kind, uint32(binary.LittleEndian.Uint16(b)))
	}
	return true
}

// inline appends a value that is small enough to stand in its container's list of values.
func (d *jsonDocument) inline(kind byte, n uint32) bool {
	switch kind {
	case jsonLiteral:
		literals := [3]string{"null", "true", "false"}
		if n = n & 0xFF; n >= 3 {
			return false
		}
		d.text = append(d.text, literals[n]...)
	case jsonInt16:
		d.text = strconv.AppendInt(d.text, int64(int16(n)), 10)
	case jsonInt32:
		d.text = strconv.AppendInt(d.text, int64(int32(n)), 10)
	case jsonUint16, jsonUint32:
		d.text = strconv.AppendUint(d.text, uint64(n), 10)
	default:
		return false
	}
	return true
}

// container appends an object or an array: count and size, then of each key offset and length, then of each value kind and
// offset, or the value itself. All numbers take two bytes in a small container, four in a large one.
func (d *jsonDocument) container(kind byte, b []byte, depth int) bool {
	width := 2
	if kind == jsonLargeObject || kind == jsonLargeArray {
		width = 4
	}
	if len(b) < 2*width {
		return false
	}
	count, size := littleEndian(b[:width]), littleEndian(b[width:2*width])
	object := kind == jsonSmallObject || kind == jsonLargeObject
	entry := uint64(1 + width)
	values := uint64(2 * width)
	if object {
		values += count * uint64(width+2)
	}
	if size > uint64(len(b)) || values+count*entry > size {
		return false
	}
	b = b[:size]
	opening, closing := byte('['), byte(']')
	if object {
		opening, closing = '{', '}'
	}
	d.text = append(d.text, opening)
	for i := range count {
		if i > 0 {
			d.text = append(d.text, ", "...)
		}
		if object && !d.key(b, b[uint64(2*width)+i*uint64(width+2):], width) {
			return false
		}
		if !d.entry(b, b[values+i*entry:], width, depth) {
			return false
		}
	}
	d.text = append(d.text, closing)
	return true
}

// key appends the key whose offset and length stand at entry.
func (d *jsonDocument) key(container, entry []byte, width int) bool {
	from := littleEndian(entry[:width])
	to := from + uint64(binary.LittleEndian.Uint16(entry[width:]))
	if to > uint64(len(container)) || len(d.text) > d.limit {
		return false
	}
	d.quote(container[from:to])
	d.text = append(d.text, ": "...)
	return true
}

// entry appends the value whose kind and offset stand at entry.
func (d *jsonDocument) entry(container, entry []byte, width, depth int) bool {
	kind := entry[0]
	at := littleEndian(entry[1 : 1+width])
	switch kind {
	case jsonLiteral, jsonInt16, jsonUint16:
		return d.inline(kind, uint32(at))
	case jsonInt32, jsonUint32:
		if width == 4 {
			return d.inline(kind, uint32(at))
		}
	}
	return at <= uint64(len(container)) && d.value(kind, container[at:], depth)
}

// jsonCounted cuts off bytes with their number in front, seven bits to a byte, lowest first.
func jsonCounted(b []byte) (counted, rest []byte, ok bool) {
	var n uint64
	for i := 0; i < 5 && i < len(b); i++ {
		n |= uint64(b[i]&0x7F) << (7 * i)
		if b[i]&0x80 == 0 {
			b = b[i+1:]
			if n > uint64(len(b)) {
				return nil, nil, false
			}
			return b[:n], b[n:], true
		}
	}
	return nil, nil, false
}

// double appends a number so that it can be told from an integer.
func (d *jsonDocument) double(bits uint64) {
	at := len(d.text)
	if bits == 1<<63 { // the server keeps the sign of zero here
		d.text = append(d.text, '-')
	}
	d.text = rows.AppendDouble(d.text, bits, rows.NoScale)
	for _, c := range d.text[at:] {
		if c == '.' || c == 'e' {
			return
		}
	}
	d.text = append(d.text, ".0"...)
}

// quote appends a string, escaped as the server does: not what is beyond ASCII.
func (d *jsonDocument) quote(s []byte) {
	const hex = "0123456789abcdef"
	dst := append(d.text, '"')
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	d.text = append(append(dst, s[from:]...), '"')
}

// opaque appends a value of an SQL type: a decimal as a number, a time quoted, and all else in base64.
func (d *jsonDocument) opaque(b []byte) bool {
	if len(b) < 1 {
		return false
	}
	sqlType := wire(b[0])
	data, _, ok := jsonCounted(b[1:])
	if !ok {
		return false
	}
	switch sqlType {
	case wireNewDecimal:
		return d.opaqueDecimal(data)
	case wireDate, wireTime, wireDateTime, wireTimestamp:
		return d.opaqueTime(sqlType, data)
	}
	d.opaqueBytes(sqlType, data)
	return true
}

// opaqueDecimal: a byte of precision and one of scale in front of the number.
func (d *jsonDocument) opaqueDecimal(data []byte) bool {
	if len(data) < 2 || !validDecimal(int(data[0]), int(data[1])) {
		return false
	}
	number := newDecimal(int(data[0]), int(data[1]))
	data = data[2:]
	if len(data) < number.width() {
		return false
	}
	var ok bool
	d.text, ok = number.append(d.text, data)
	return ok
}

// opaqueTime: one number, in the bits below 24 microseconds, above them the fields of the binlog's newer formats.
func (d *jsonDocument) opaqueTime(sqlType wire, data []byte) bool {
	if len(data) < 8 {
		return false
	}
	packed := int64(binary.LittleEndian.Uint64(data))
	sign := int64(1)
	if packed < 0 {
		packed, sign = -packed, -1
	}
	if packed < 0 {
		return false
	}
	frac, clock, days := packed&(1<<24-1), packed>>24, uint64(packed>>41)
	hour, limit := clock>>12&31, int64(day)
	if sqlType == wireTime {
		hour, limit = clock>>12&1023, math.MaxInt64
	}
	micros := (hour*3600+clock>>6&63*60+clock&63)*second + frac
	months := days >> 5
	if micros >= limit || months/13 > 9999 {
		return false
	}
	date := rows.PackDate(int(months/13), int(months%13), int(days&31))
	d.text = append(d.text, '"')
	switch sqlType {
	case wireTime:
		d.text = rows.AppendTime(d.text, sign*micros, 6)
	case wireDate:
		d.text = rows.AppendDate(d.text, date)
	default:
		d.text = rows.AppendDateTime(d.text, rows.PackDateTime(date, uint64(micros)), 6)
	}
	d.text = append(d.text, '"')
	return true
}

// opaqueBytes: the server's base64 breaks its lines.
func (d *jsonDocument) opaqueBytes(sqlType wire, data []byte) {
	const lineBytes = 57 // 76 characters
	d.text = append(d.text, `"base64:type`...)
	d.text = strconv.AppendUint(d.text, uint64(sqlType), 10)
	d.text = append(d.text, ':')
	for len(data) > lineBytes {
		d.text = base64.StdEncoding.AppendEncode(d.text, data[:lineBytes])
		d.text = append(d.text, `\n`...)
		data = data[lineBytes:]
	}
	d.text = base64.StdEncoding.AppendEncode(d.text, data)
	d.text = append(d.text, '"')
}
