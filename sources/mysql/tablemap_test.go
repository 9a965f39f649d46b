package mysql

import (
	"encoding/hex"
	"strings"
	"testing"
)

// In what MariaDB tells of character sets GEOMETRY counts, as UUID and INET6 do: the columns behind it have theirs.
// A server wrote this table map, of (a UUID, b INET4, g POINT, c INET6, d VARCHAR(10) CHARACTER SET latin1, d2 likewise,
// e BINARY(16)).
func TestCharsetsBehindGeometry(t *testing.T) {
	content, err := hex.DecodeString("017800017600" + "07fefefffe0f0ffe0d" + "fe10fe0404fe100a000a00fe10" + "7f" + "02053f04080508" + "070101")
	if err != nil {
		t.Fatal(err)
	}
	m, ok := parseTableMap(content, true)
	if !ok || m.described == nil {
		t.Fatalf("the table map is not understood: %v", m)
	}
	var got []string
	for _, c := range m.described.Columns {
		got = append(got, c.Charset)
	}
	if got, want := strings.Join(got, " "), "binary binary binary binary latin1 latin1 binary"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
