package image

import (
	"encoding/binary"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

const (
	second = 1_000_000 // in microseconds
	day    = 86_400 * second
)

// pow10 holds the powers of ten up to a second's microseconds.
var pow10 = [...]uint64{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000}

// A temporalType is how values of a type with a time of day are written: in the newer format, whose fraction takes a byte
// for two digits; in the older one without a fraction; and in MariaDB's own with one, which shares the older's type number.
type temporalType struct {
	newer, older           wire
	newerWidth, olderWidth int
	hiresWidth             [7]int
	newerStep, olderStep   step
	hiresStep              step
}

func temporalTypeOf(t schema.Type) temporalType {
	switch t {
	case schema.Time:
		return temporalType{wireTime2, wireTime, 3, 3, [7]int{0, 4, 4, 5, 5, 5, 6}, time2Step, oldTimeStep, hiresTimeStep}
	case schema.DateTime:
		return temporalType{wireDateTime2, wireDateTime, 5, 8, [7]int{0, 6, 6, 7, 7, 7, 8}, dateTime2Step, oldDateTimeStep, hiresDateTimeStep}
	}
	return temporalType{wireTimestamp2, wireTimestamp, 4, 4, [7]int{0, 5, 5, 6, 6, 7, 7}, timestamp2Step, oldTimestampStep, hiresTimestampStep}
}

func temporalColumn(col *schema.Column, f field) (column, error) {
	if col.Type == schema.Date {
		if f.wire != wireDate && f.wire != wireNewDate {
			return column{}, errMismatch
		}
		return fixed(rows.Date, 3, dateStep), nil
	}
	t := temporalTypeOf(col.Type)
	c := column{scale: uint8(col.Scale)}
	switch {
	case col.Scale < 0 || col.Scale > 6:
		return column{}, errMismatch
	case f.wire == t.newer && f.digits == col.Scale:
		c.width, c.decode = t.newerWidth+(col.Scale+1)/2, t.newerStep
	case f.wire == t.older && col.Scale == 0:
		c.width, c.decode = t.olderWidth, t.olderStep
	case f.wire == t.older:
		c.width, c.decode = t.hiresWidth[col.Scale], t.hiresStep
	default:
		return column{}, errMismatch
	}
	return c, nil
}

func dateStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < 3 {
		return short
	}
	n := uint64(uint24(b))
	if n>>9 > 9999 || n>>5&15 > 12 {
		c.fault = "it is no date"
		return corrupt
	}
	v.Kind, v.Num = rows.Date, n
	return 3
}

// fraction reads a fraction of a second that follows in the newer formats, two digits to a byte, in microseconds.
func fraction(b []byte) uint64 {
	switch len(b) {
	case 0:
		return 0
	case 1:
		return uint64(b[0]) * 10_000
	case 2:
		return uint64(binary.BigEndian.Uint16(b)) * 100
	}
	return bigEndian(b)
}

// timestamp2Step: four bytes of seconds, and the fraction.
func timestamp2Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	v.Kind, v.Scale = rows.Timestamp, c.scale
	v.Num = uint64(binary.BigEndian.Uint32(b))*second + fraction(b[4:c.width])
	return c.width
}

// dateTime2Step: from the high bit, 1 (set), 17 bits of year*13+month, 5 of day, 5 of hour, 6 of minute, 6 of second; and
// the fraction.
func dateTime2Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	n := uint64(b[0])<<32 | uint64(binary.BigEndian.Uint32(b[1:]))
	days := n >> 17 & (1<<22 - 1)
	months := days >> 5
	date := months/13<<9 | months%13<<5 | days&31
	clock := (n>>12&31*60+n>>6&63)*60 + n&63
	return c.dateTime(v, date, clock*second+fraction(b[5:c.width]))
}

// dateTime sets v, if it is within the days that there are.
func (c *column) dateTime(v *rows.Value, date, micros uint64) int {
	if date>>9 > 9999 || micros >= day {
		c.fault = "it is no date and time"
		return corrupt
	}
	v.Kind, v.Scale, v.Num = rows.DateTime, c.scale, rows.PackDateTime(date, micros)
	return c.width
}

// time2Step: three bytes and the fraction are one number, offset so that it compares as bytes: 10 bits of hour, 6 of
// minute, 6 of second and the fraction in its units, negative as a whole.
func time2Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	bits := uint(8 * (c.width - 3))
	n := int64(bigEndian(b[:c.width])) - 0x800000<<bits
	sign := int64(1)
	if n < 0 {
		n, sign = -n, -1
	}
	clock := n >> bits
	units := uint64(n & (1<<bits - 1))
	switch c.width {
	case 4:
		units *= 10_000
	case 5:
		units *= 100
	}
	micros := ((clock>>12&1023*60+clock>>6&63)*60+clock&63)*second + int64(units)
	v.Kind, v.Scale, v.Num = rows.Time, c.scale, uint64(sign*micros)
	return c.width
}

// oldTimestampStep: four bytes of seconds.
func oldTimestampStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < 4 {
		return short
	}
	v.Kind, v.Scale, v.Num = rows.Timestamp, 0, uint64(binary.LittleEndian.Uint32(b))*second
	return 4
}

// oldTimeStep: three bytes, signed, whose decimal digits are hhhmmss.
func oldTimeStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < 3 {
		return short
	}
	n := int64(int32(uint24(b)<<8) >> 8)
	v.Kind, v.Scale = rows.Time, 0
	v.Num = uint64((n/10000*3600 + n/100%100*60 + n%100) * second)
	return 3
}

// oldDateTimeStep: eight bytes whose decimal digits are yyyymmddhhmmss.
func oldDateTimeStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < 8 {
		return short
	}
	n := binary.LittleEndian.Uint64(b)
	date, clock := n/1_000_000, n%1_000_000
	if month := date / 100 % 100; month > 12 || date/10000 > 9999 || date%100 > 31 {
		c.fault = "it is no date and time"
		return corrupt
	}
	packed := rows.PackDate(int(date/10000), int(date/100%100), int(date%100))
	return c.dateTime(v, packed, (clock/10000*3600+clock/100%100*60+clock%100)*second)
}

// hiresTimestampStep: MariaDB's own format, four bytes of seconds and the fraction in its units.
func hiresTimestampStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	units := bigEndian(b[4:c.width])
	v.Kind, v.Scale = rows.Timestamp, c.scale
	v.Num = uint64(binary.BigEndian.Uint32(b))*second + units*pow10[6-c.scale]
	return c.width
}

// hiresTimeStep: MariaDB's own format, units of the fraction since the least time there is, -838:59:59 less a second.
func hiresTimeStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	const zero = (838*3600 + 59*60 + 59 + 1) * second
	n := bigEndian(b[:c.width])
	if n > 2*zero/pow10[6-c.scale] {
		c.fault = "it is no time"
		return corrupt
	}
	v.Kind, v.Scale, v.Num = rows.Time, c.scale, n*pow10[6-c.scale]-zero
	return c.width
}

// hiresDateTimeStep: MariaDB's own format, one number of mixed base: year, 13 months, 32 days, 24, 60, 60 and the units
// of the fraction.
func hiresDateTimeStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	n := bigEndian(b[:c.width])
	units := pow10[c.scale]
	micros := n % (86_400 * units) * pow10[6-c.scale]
	days := n / (86_400 * units)
	months := days / 32
	if months/13 > 9999 {
		c.fault = "it is no date and time"
		return corrupt
	}
	return c.dateTime(v, rows.PackDate(int(months/13), int(months%13), int(days%32)), micros)
}
