package image

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/rows/charset"
)

// Each character set that the server has is read, each character of it as the server converts it.
func TestCharsetsAgainstServer(t *testing.T) {
	run(t, "SET NAMES utf8mb4; CREATE DATABASE IF NOT EXISTS t; USE t; "+
		"CREATE TEMPORARY TABLE front(x VARBINARY(3)); CREATE TEMPORARY TABLE last(x VARBINARY(1)); "+
		"INSERT INTO last SELECT UNHEX(LPAD(HEX(seq), 2, '0')) FROM seq_0_to_255")
	t.Cleanup(func() { run(t, "DROP TEMPORARY TABLE front, last") })
	for _, row := range texts(t, "SELECT CHARACTER_SET_NAME, MAXLEN FROM information_schema.CHARACTER_SETS ORDER BY 1") {
		name := row[0]
		if name == "binary" {
			continue
		}
		d, ok := charset.Named(name)
		if !ok {
			t.Errorf("%s is not known", name)
			continue
		}
		if got := fmt.Sprint(d.MaxLen()); got != row[1] {
			t.Errorf("%s: longest character %s, want %s", name, got, row[1])
		}
		if d.Borrows() {
			continue
		}
		checkConversion(t, d, prefixes(name, d.MaxLen()))
	}
}

// prefixes gives what stands before a character's last byte: everything, or of the Unicode encodings, read by rule, a
// sample.
func prefixes(name string, maxLen int) [][]byte {
	switch name {
	case "ucs2":
		return [][]byte{{0x00}, {0x01}, {0x20}, {0xD7}, {0xE0}, {0xFF}}
	case "utf16":
		return [][]byte{{0x00}, {0x01}, {0xD7}, {0xE0}, {0xFF}, {0xD8, 0x3D, 0xDE}, {0xDB, 0xFF, 0xDF}}
	case "utf16le":
		return [][]byte{{0x41}, {0xAC}, {0x3D, 0xD8, 0x00}}
	case "utf32":
		return [][]byte{{0, 0, 0}, {0, 0, 1}, {0, 1, 0xF6}, {0, 0x10, 0xFF}}
	}
	all := [][]byte{{}}
	if maxLen > 1 {
		for lead := 0x80; lead < 0x100; lead++ {
			all = append(all, []byte{byte(lead)})
		}
	}
	if maxLen > 2 {
		for second := 0xA1; second < 0xFF; second++ {
			all = append(all, []byte{0x8F, byte(second)})
		}
	}
	return all
}

// checkConversion compares every sequence of a prefix and a byte that is one character to the server.
func checkConversion(t *testing.T, d *charset.Decoder, prefixes [][]byte) {
	t.Helper()
	var insert strings.Builder
	for _, prefix := range prefixes {
		fmt.Fprintf(&insert, ", (x'%X')", prefix)
	}
	run(t, "TRUNCATE front; INSERT INTO front VALUES"+insert.String()[1:])
	answers := texts(t, strings.ReplaceAll(`SELECT raw, CAST(CONVERT(CONVERT(raw USING charset) USING utf8mb4) AS BINARY)
		FROM (SELECT CONCAT(front.x, last.x) AS raw FROM front, last) AS sequences
		WHERE CHAR_LENGTH(CONVERT(raw USING charset)) = 1`, "charset", d.Name()))
	if len(answers) < 128 {
		t.Errorf("%s: the server tells only %d characters", d.Name(), len(answers))
	}
	for _, answer := range answers {
		if got := string(d.Append(nil, []byte(answer[0]))); got != answer[1] {
			t.Errorf("%s %X = %q, want %q", d.Name(), answer[0], got, answer[1])
		}
	}
}
