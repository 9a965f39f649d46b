package csv

import (
	"bytes"
	"strings"
)

// An enclosure makes a string's bytes safe between delimiters: by quotes, or by backslashes if there is no quote.
type enclosure struct {
	quote     byte // 0: none
	delimiter string
}

func newEnclosure(o Options) enclosure {
	e := enclosure{delimiter: o.Delimiter}
	if o.Quote != "" {
		e.quote = o.Quote[0]
	}
	return e
}

// leaves tells that a string of this alphabet needs no change but the quotes around it.
func (e enclosure) leaves(alphabet string) bool {
	if e.quote != 0 {
		return strings.IndexByte(alphabet, e.quote) < 0
	}
	return !strings.ContainsAny(alphabet, `\`+"\r\n"+e.delimiter[:1])
}

func (e enclosure) append(dst, s []byte) []byte {
	if e.quote == 0 {
		return e.escape(dst, s)
	}
	dst = append(dst, e.quote)
	for {
		i := bytes.IndexByte(s, e.quote)
		if i < 0 {
			break
		}
		dst = append(append(dst, s[:i+1]...), e.quote)
		s = s[i+1:]
	}
	return append(append(dst, s...), e.quote)
}

// escape writes a backslash before each backslash and each byte of a delimiter, and \r and \n for line breaks. The last
// bytes of s must not run together with the delimiter that follows either.
func (e enclosure) escape(dst, s []byte) []byte {
	for len(s) > 0 {
		switch c := s[0]; {
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c == e.delimiter[0] && len(s) < len(e.delimiter):
			dst = append(dst, '\\', c)
		case len(s) >= len(e.delimiter) && string(s[:len(e.delimiter)]) == e.delimiter:
			for _, d := range []byte(e.delimiter) {
				dst = append(dst, '\\', d)
			}
			s = s[len(e.delimiter):]
			continue
		default:
			dst = append(dst, c)
		}
		s = s[1:]
	}
	return dst
}
