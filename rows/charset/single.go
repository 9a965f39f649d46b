package charset

import (
	"sync"
	"unicode/utf8"
)

// newSingle gives the conversion of a character set whose characters are single bytes. Its table is made on first use.
func newSingle(name string) func(dst, src []byte) []byte {
	table := sync.OnceValue(func() *[256][4]byte { return spell(singleByte[name]) })
	return func(dst, src []byte) []byte {
		t := table()
		for _, b := range src {
			u := &t[b]
			dst = append(dst, u[:u[3]]...)
		}
		return dst
	}
}

// spell gives each byte's character in UTF-8, with its length in the fourth byte.
func spell(chars string) *[256][4]byte {
	var t [256][4]byte
	b := 0
	for _, r := range chars {
		t[b][3] = byte(utf8.EncodeRune(t[b][:3], r))
		b++
	}
	return &t
}
