package charset

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/binary"
	"io"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

//go:embed multibyte.zip
var multiByteTables []byte

// multiByte holds the longest character of each character set with a table in multibyte.zip.
var multiByte = map[string]int{
	"big5": 2, "cp932": 2, "euckr": 2, "gb2312": 2, "gbk": 2, "sjis": 2, "ujis": 3, "eucjpms": 3,
}

// pairBase and tripleBase tell where a table's part for pairs and for triples begins.
const (
	pairBase   = 256
	tripleBase = pairBase + 128*256
)

// newMulti gives the conversion of a character set with pairs, and triples behind 0x8F. Its table is read on first use.
func newMulti(name string) func(dst, src []byte) []byte {
	table := sync.OnceValue(func() []uint16 { return unpack(name) })
	return func(dst, src []byte) []byte {
		t := table()
		for i := 0; i < len(src); {
			r, n := next(t, src[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
		return dst
	}
}

// next gives the first character of src and how many bytes it took; src is not empty.
func next(t []uint16, src []byte) (rune, int) {
	b := src[0]
	if b < utf8.RuneSelf {
		return rune(t[b]), 1
	}
	if len(t) > tripleBase && b == 0x8F && len(src) > 2 && src[1] >= 128 && src[2] >= 128 {
		if u := t[tripleBase+(int(src[1])-128)*128+int(src[2])-128]; u != 0 {
			return rune(u), 3
		}
	}
	if len(src) > 1 {
		if u := t[pairBase+(int(b)-128)*256+int(src[1])]; u != 0 {
			return rune(u), 2
		}
	}
	if u := t[b]; u != 0 {
		return rune(u), 1
	}
	return '?', 1
}

// unpack reads a table. The archive is part of the program: that it cannot be read is a broken build.
func unpack(name string) []uint16 {
	archive, err := zip.NewReader(bytes.NewReader(multiByteTables), int64(len(multiByteTables)))
	if err != nil {
		panic(err)
	}
	file, err := archive.Open(name)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		panic(err)
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return units
}

// appendGB18030 converts what gb18030 leaves out to the replacement character.
func appendGB18030(dst, src []byte) []byte {
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(src)
	if err != nil {
		return append(dst, '?')
	}
	return append(dst, text...)
}
