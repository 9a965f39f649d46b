package rows

import (
	"math"
	"strconv"
)

// AppendFloat appends a Float's Num as the server's SELECT prints it: six significant digits, or scale fraction digits.
// Not every FLOAT can be read back from six digits: what must be exact takes AppendFloatExact.
func AppendFloat(dst []byte, bits uint64, scale uint8) []byte {
	f := float64(math.Float32frombits(uint32(bits)))
	if scale < NoScale {
		return appendFixed(dst, f, scale)
	}
	if f == 0 { // -0 has no sign
		return append(dst, '0')
	}
	var buf [32]byte
	return appendShown(dst, strconv.AppendFloat(buf[:0], f, 'e', 5, 64))
}

// AppendFloatExact appends a Float's Num in as few digits as identify it.
func AppendFloatExact(dst []byte, bits uint64, scale uint8) []byte {
	f := math.Float32frombits(uint32(bits))
	if scale < NoScale {
		return appendFixed(dst, float64(f), scale)
	}
	if f == 0 { // -0 has no sign
		return append(dst, '0')
	}
	var buf [32]byte
	return appendShown(dst, strconv.AppendFloat(buf[:0], float64(f), 'e', -1, 32))
}

// AppendDouble appends a Double's Num as the server's SELECT prints it: in as few digits as identify it, or scale
// fraction digits.
func AppendDouble(dst []byte, bits uint64, scale uint8) []byte {
	f := math.Float64frombits(bits)
	if scale < NoScale {
		return appendFixed(dst, f, scale)
	}
	if f == 0 { // -0 has no sign
		return append(dst, '0')
	}
	var buf [32]byte
	return appendShown(dst, strconv.AppendFloat(buf[:0], f, 'e', -1, 64))
}

func appendFixed(dst []byte, f float64, scale uint8) []byte {
	if f == 0 {
		f = 0 // -0 has no sign
	}
	return strconv.AppendFloat(dst, f, 'f', int(scale), 64)
}

// The server writes a number with its point in place, if that takes no more than 15 zeros or integer digits, or if the
// digits go on past the point.
const plainDigits = 15

// appendShown appends sci, "-d.ddde-dd", in the server's choice of notation, without trailing zeros.
func appendShown(dst, sci []byte) []byte {
	if sci[0] == '-' {
		dst = append(dst, '-')
		sci = sci[1:]
	}
	if sci[0] > '9' || sci[0] == '+' {
		return append(dst, sci...)
	}
	e := len(sci) - 1
	for sci[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(sci[e+1:]))
	digits := sci[:1]
	if e > 1 {
		copy(sci[1:], sci[2:e])
		digits = sci[:e-1]
	}
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	point := exp + 1 // digits before the decimal point
	if point <= -plainDigits || point > plainDigits && len(digits) <= point {
		return appendScientific(dst, digits, exp)
	}
	return appendPlain(dst, digits, point)
}

func appendScientific(dst, digits []byte, exp int) []byte {
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	return strconv.AppendInt(append(dst, 'e'), int64(exp), 10)
}

func appendPlain(dst, digits []byte, point int) []byte {
	if point <= 0 {
		dst = append(dst, '0', '.')
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	if point >= len(digits) {
		dst = append(dst, digits...)
		for n := len(digits); n < point; n++ {
			dst = append(dst, '0')
		}
		return dst
	}
	dst = append(append(dst, digits[:point]...), '.')
	return append(dst, digits[point:]...)
}
