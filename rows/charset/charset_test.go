package charset

import (
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ charset, bytes, want string }{
		{"latin1", "caf\xe9 \x80 \x81", "café € \u0081"},
		{"latin1", "plain", "plain"},
		{"LATIN2", "\xb1", "ą"},
		{"cp1250", "\x81", "?"},
		{"swe7", "@[]{", "ÉÄÅä"},
		{"koi8r", "\xf0\xf2", "ПР"},
		{"tis620", "\xa1", "ก"},
		{"utf8", "žluť", "žluť"},
		{"utf8mb4", "\U0001F600", "\U0001F600"},
		{"ucs2", "\x01\x7e\x00A\x00", "žA?"},
		{"utf16", "\xd8\x3d\xde\x00\x00A", "\U0001F600A"},
		{"utf16", "\xd8\x3d", "?"},
		{"utf16le", "\x3d\xd8\x00\xdeA\x00", "\U0001F600A"},
		{"utf32", "\x00\x01\xf6\x00\x00\x11\x00\x00", "\U0001F600?"},
		{"gbk", "\xc4\xe3\xba\xc3A", "你好A"},
		{"gb2312", "\xc4\xe3", "你"},
		{"big5", "\xa7A\xa6n", "你好"},
		{"sjis", "\x83e\\\xb1", "テ\\ｱ"},
		{"cp932", "\x87\x40", "①"},
		{"ujis", "\xa4\xa2\x8e\xb1\x8f\xb0\xa1", "あｱ丂"},
		{"eucjpms", "\xad\xa1", "①"},
		{"euckr", "\xb0\xa1\xb0", "가?"},
		{"gb18030", "\xc4\xe3\x94\x39\xfc\x36", "你\U0001F600"},
	} {
		d, ok := Named(c.charset)
		if !ok {
			t.Errorf("no character set %s", c.charset)
			continue
		}
		if got, _ := d.Text(nil, []byte(c.bytes)); string(got) != c.want {
			t.Errorf("%s %x = %q, want %q", c.charset, c.bytes, got, c.want)
		}
	}
}

func TestNamed(t *testing.T) {
	for _, name := range []string{"", "binary", "klingon"} {
		if _, ok := Named(name); ok {
			t.Errorf("a decoder for %q", name)
		}
	}
	d, ok := OfCollation("cp1250_czech_cs")
	if !ok || d.Name() != "cp1250" || d.MaxLen() != 1 || d.Borrows() {
		t.Errorf("OfCollation = %v, %v", d, ok)
	}
}

// What is claimed to hold ASCII as it stands must map it to itself.
func TestASCIIStandsForItself(t *testing.T) {
	for name, d := range decoders {
		if d.form != plainASCII {
			continue
		}
		for b := range byte(utf8.RuneSelf) {
			if got := d.append(nil, []byte{b}); len(got) != 1 || got[0] != b {
				t.Errorf("%s maps %#x to %q", name, b, got)
			}
		}
	}
}

// Zero-copy: what is UTF-8 as it stands is given back, not copied.
func TestTextBorrows(t *testing.T) {
	src := []byte("all ASCII")
	for _, name := range []string{"utf8mb4", "ascii", "latin1", "gbk"} {
		d, _ := Named(name)
		if got, _ := d.Text(nil, src); &got[0] != &src[0] {
			t.Errorf("%s copies", name)
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add([]byte("\x8f\xb0\xa1\x8f\xb0\x8f\x81\x30\x81"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for name, d := range decoders {
			if d.form != plainUTF8 && !utf8.Valid(d.Append(nil, src)) {
				t.Errorf("%s gives no UTF-8 for %x", name, src)
			}
		}
	})
}

func BenchmarkLatin1(b *testing.B) {
	d, _ := Named("latin1")
	src := []byte("na\xefve caf\xe9 of some length")
	var scratch []byte
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		_, scratch = d.Text(scratch, src)
	}
}

func BenchmarkGBK(b *testing.B) {
	d, _ := Named("gbk")
	src := []byte("\xc4\xe3\xba\xc3 \xc4\xe3\xba\xc3 hello")
	var scratch []byte
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		_, scratch = d.Text(scratch, src)
	}
}
