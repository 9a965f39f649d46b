// Package charset converts text from the character sets of MariaDB and MySQL to UTF-8, character by character as the
// server does it: where the server has no counterpart, or the bytes are no text, stands a question mark.
//
// The tables were asked from a server; the Unicode encodings are read by rule. gb18030, which MySQL alone has, is taken
// from golang.org/x/text.
package charset

import (
	"strings"
	"unicode/utf8"
)

//go:generate go run ./gen -dsn root@tcp(127.0.0.1:3306)/

// A Decoder converts one character set to UTF-8. It is immutable and safe for concurrent use.
type Decoder struct {
	name   string
	maxLen int
	form   form
	append func(dst, src []byte) []byte
}

// form tells when bytes of a character set are UTF-8 as they stand.
type form uint8

const (
	encoded    form = iota // never
	plainASCII             // if all are below 128
	plainUTF8              // always
)

// Named gives the Decoder of a character set by the server's name for it: "latin1", "utf8mb4". Bytes, "binary", have none.
func Named(name string) (*Decoder, bool) {
	d, known := decoders[name]
	if !known {
		d, known = decoders[strings.ToLower(name)]
	}
	return d, known
}

// OfCollation gives the Decoder of a collation's character set by the collation's name: "latin1_swedish_ci".
func OfCollation(collation string) (*Decoder, bool) {
	name, _, _ := strings.Cut(collation, "_")
	return Named(name)
}

// Name gives the server's name of the character set.
func (d *Decoder) Name() string { return d.name }

// MaxLen gives the most bytes that a character takes, which the server multiplies a column's length by.
func (d *Decoder) MaxLen() int { return d.maxLen }

// Borrows tells whether Text always gives src itself: the character set is UTF-8 or a part of it.
func (d *Decoder) Borrows() bool { return d.form == plainUTF8 }

// Append appends src to dst in UTF-8.
func (d *Decoder) Append(dst, src []byte) []byte {
	if d.form == plainUTF8 {
		return append(dst, src...)
	}
	return d.append(dst, src)
}

// Text gives src in UTF-8: src itself if that is how it stands, else scratch, overwritten. Keep the second result as
// the scratch for the next call.
func (d *Decoder) Text(scratch, src []byte) (text, kept []byte) {
	if d.form == plainUTF8 || d.form == plainASCII && ascii(src) {
		return src, scratch
	}
	text = d.append(scratch[:0], src)
	return text, text
}

// String gives src in UTF-8.
func (d *Decoder) String(src string) string { return string(d.Append(nil, []byte(src))) }

func ascii(b []byte) bool {
	for len(b) >= 8 {
		if (b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7])&0x80 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

var decoders = register()

func register() map[string]*Decoder {
	m := map[string]*Decoder{}
	add := func(name string, maxLen int, f form, conv func(dst, src []byte) []byte) {
		m[name] = &Decoder{name: name, maxLen: maxLen, form: f, append: conv}
	}
	add("utf8mb4", 4, plainUTF8, nil)
	add("utf8mb3", 3, plainUTF8, nil)
	m["utf8"] = m["utf8mb3"]
	add("ascii", 1, plainUTF8, nil)
	add("ucs2", 2, encoded, appendUCS2)
	add("utf16", 4, encoded, appendUTF16)
	add("utf16le", 4, encoded, appendUTF16LE)
	add("utf32", 4, encoded, appendUTF32)
	add("gb18030", 4, plainASCII, appendGB18030)
	for name := range singleByte {
		f := plainASCII
		if name == "swe7" {
			f = encoded
		}
		add(name, 1, f, newSingle(name))
	}
	for name, maxLen := range multiByte {
		f := plainASCII
		add(name, maxLen, f, newMulti(name))
	}
	return m
}
