package canaljson

import (
	"encoding/binary"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	return append(appendText(append(dst, '"'), []byte(s)), '"')
}

// appendText appends what stands between the quotes of a JSON string for s, which should be UTF-8: each byte that is no
// part of it becomes U+FFFD.
func appendText(dst, s []byte) []byte {
	i := plain(s)
	if i == len(s) {
		return append(dst, s...)
	}
	written := 0
	for i < len(s) {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = appendEscape(append(dst, s[written:i]...), c)
			i++
			written = i
		} else if r, size := utf8.DecodeRune(s[i:]); r == utf8.RuneError && size == 1 {
			dst = append(append(dst, s[written:i]...), "\ufffd"...)
			i++
			written = i
		} else {
			i += size
			if i < len(s) && s[i] >= utf8.RuneSelf {
				continue
			}
		}
		i += plain(s[i:])
	}
	return append(dst, s[written:]...)
}

// appendLatin1 appends what stands between the quotes of a JSON string whose characters are the bytes of s.
func appendLatin1(dst, s []byte) []byte {
	for len(s) > 0 {
		n := plain(s)
		dst = append(dst, s[:n]...)
		s = s[n:]
		for len(s) > 0 && !passes[s[0]] {
			if c := s[0]; c < utf8.RuneSelf {
				dst = appendEscape(dst, c)
			} else {
				dst = append(dst, 0xc0|c>>6, 0x80|c&0x3f)
			}
			s = s[1:]
		}
	}
	return dst
}

// appendEscape appends the escape of an ASCII character that may not stand for itself.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// passes tells the ASCII characters that stand for themselves in a JSON string.
var passes = func() (table [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// plain counts the bytes at the start of s that stand for themselves, eight at a time.
func plain(s []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		quote, slash := w^ones*'"', w^ones*'\\'
		// A high bit is set where a byte of w is above 127, below 32, a quote or a backslash, and perhaps in bytes above the first such.
		if (w|(w-ones*' ')|(quote-ones)|(slash-ones))&highs != 0 {
			break
		}
	}
	for i < len(s) && passes[s[i]] {
		i++
	}
	return i
}
