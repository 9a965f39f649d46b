package rows

import (
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"
)

// Hash gives the place of a handle key in its table's key space: the 64-bit xxHash of what AppendKey made of the key's
// values, in the order of schema.Table.Handle.
func Hash(key []byte) uint64 { return xxhash.Sum64(key) }

// AppendKey appends a value of a handle key in a form that is the same for equal keys, whichever version of the table
// the row was written under: an INT hashes like the BIGINT it was widened to, text like the same text in another
// character set, DECIMAL 1.5 like 1.50.
//
// Text is folded as most collations compare it, without case of ASCII letters and trailing spaces. What only some
// collations hold equal, as é and e, is not folded: such keys are equal to the server and may still hash differently.
func AppendKey(dst []byte, v *Value) []byte {
	switch v.Kind {
	case Null:
		return append(dst, 0)
	case Text:
		return append(appendFolded(dst, v.Bytes), 0)
	case Decimal:
		return append(append(dst, trimFraction(v.Bytes)...), 0)
	case Binary, JSON:
		dst = binary.LittleEndian.AppendUint64(dst, uint64(len(v.Bytes)))
		return append(dst, v.Bytes...)
	case Float:
		return appendKeyDouble(dst, float64(math.Float32frombits(uint32(v.Num))))
	case Double:
		return appendKeyDouble(dst, math.Float64frombits(v.Num))
	}
	return binary.LittleEndian.AppendUint64(dst, v.Num)
}

func appendKeyDouble(dst []byte, f float64) []byte {
	if f == 0 {
		f = 0 // -0 equals 0
	}
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
}

func appendFolded(dst, text []byte) []byte {
	for len(text) > 0 && text[len(text)-1] == ' ' {
		text = text[:len(text)-1]
	}
	at := len(dst)
	dst = append(dst, text...)
	for i, c := range dst[at:] {
		if 'A' <= c && c <= 'Z' {
			dst[at+i] = c + ('a' - 'A')
		}
	}
	return dst
}

// trimFraction cuts zeros off a decimal's fraction, and the point with the last of them.
func trimFraction(decimal []byte) []byte {
	point := -1
	for i, c := range decimal {
		if c == '.' {
			point = i
		}
	}
	if point < 0 {
		return decimal
	}
	end := len(decimal)
	for decimal[end-1] == '0' {
		end--
	}
	if end == point+1 {
		end = point
	}
	return decimal[:end]
}
