package mysql

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/weir-cdc/weir/rows/charset"
)

// collationList holds the ids and names of collations that MariaDB and MySQL share, and MariaDB's own below 2048.
//
//go:embed collations.txt
var collationList string

var collationNames = sync.OnceValue(func() map[int]string {
	names := make(map[int]string, 512)
	for line := range strings.Lines(collationList) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.Atoi(id); err == nil {
			names[n] = name
		}
	}
	// MySQL's gb18030; its numbers above 250 are otherwise utf8mb4's.
	names[248], names[249], names[250] = "gb18030_chinese_ci", "gb18030_bin", "gb18030_unicode_520_ci"
	return names
})

// uca1400 holds the character sets of MariaDB's collations from 2048 on, 256 for each.
var uca1400 = [...]string{"utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"}

// charsetOf gives the character set of a collation's id, "" if it is unknown.
func charsetOf(id int) string {
	if name, ok := collationNames()[id]; ok {
		set, _, _ := strings.Cut(name, "_")
		if set == "utf8" {
			return "utf8mb3"
		}
		return set
	}
	switch {
	case id >= 2048 && (id-2048)/256 < len(uca1400):
		return uca1400[(id-2048)/256]
	case id >= 255 && id <= 400:
		return "utf8mb4"
	}
	return ""
}

// collationOf gives the name of a collation's id, "" if it is unknown.
func collationOf(id int) string { return collationNames()[id] }

// toUTF8 converts text of a character set; what is unknown here is taken as UTF-8.
func toUTF8(set string, text []byte) string {
	if d, ok := charset.Named(set); ok {
		return string(d.Append(nil, text))
	}
	return string(text)
}
