package charset

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

func appendUCS2(dst, src []byte) []byte {
	for ; len(src) >= 2; src = src[2:] {
		dst = appendScalar(dst, rune(binary.BigEndian.Uint16(src)))
	}
	return appendRest(dst, src)
}

func appendUTF16(dst, src []byte) []byte   { return appendUnits(dst, src, binary.BigEndian.Uint16) }
func appendUTF16LE(dst, src []byte) []byte { return appendUnits(dst, src, binary.LittleEndian.Uint16) }

func appendUnits(dst, src []byte, unit func([]byte) uint16) []byte {
	for len(src) >= 2 {
		r := rune(unit(src))
		src = src[2:]
		if utf16.IsSurrogate(r) && len(src) >= 2 {
			if pair := utf16.DecodeRune(r, rune(unit(src))); pair != utf8.RuneError {
				r, src = pair, src[2:]
			}
		}
		dst = appendScalar(dst, r)
	}
	return appendRest(dst, src)
}

func appendUTF32(dst, src []byte) []byte {
	for ; len(src) >= 4; src = src[4:] {
		if u := binary.BigEndian.Uint32(src); u <= utf8.MaxRune {
			dst = appendScalar(dst, rune(u))
		} else {
			dst = append(dst, '?')
		}
	}
	return appendRest(dst, src)
}

// appendScalar appends a character, or '?' for a lone surrogate.
func appendScalar(dst []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(dst, '?')
	}
	return utf8.AppendRune(dst, r)
}

// appendRest stands in for the bytes of a character cut short.
func appendRest(dst, src []byte) []byte {
	if len(src) > 0 {
		dst = append(dst, '?')
	}
	return dst
}
