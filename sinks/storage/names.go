package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// nameBytes is how long a path element may get; file systems end at 255, and room is left for suffixes.
const nameBytes = 240

// Escape makes a path element of a database's or table's name: no two names make the same, and none leaves its
// directory. A slash, a percent sign, control characters and a dot in front become %XX, as in a URI; the empty name is a lone
// "%". A name too long for a file system is cut, and ends in "%~" and a hash of the whole. A plain name is itself.
func Escape(name string) string {
	return shorten(escape(name), name)
}

// escapeReserved escapes like Escape, and the first character too if the name is one that the layout has taken.
func escapeReserved(name string, taken func(string) bool) string {
	if taken(name) {
		return "%" + strings.ToUpper(hex.EncodeToString([]byte{name[0]})) + escape(name[1:])
	}
	return Escape(name)
}

func escape(name string) string {
	if name == "" {
		return "%"
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '/' || c == '%' || c < ' ' || c == 0x7f || (i == 0 && c == '.') {
			b.WriteByte('%')
			b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func shorten(escaped, name string) string {
	if len(escaped) <= nameBytes {
		return escaped
	}
	sum := sha256.Sum256([]byte(name))
	tail := "%~" + hex.EncodeToString(sum[:16])
	cut := nameBytes - len(tail)
	for cut > 0 && !utf8.RuneStart(escaped[cut]) {
		cut--
	}
	// A cut in the middle of %XX leaves a lone percent sign, which "%~" would make ambiguous to the eye only.
	return escaped[:cut] + tail
}
