package schema

import (
	"strings"

	"github.com/weir-cdc/weir/schema/parse"
)

// A Server is what the meaning of a DDL statement depends on, apart from the tables: facts of the upstream server.
type Server struct {
	MariaDB bool `json:"mariadb"`
	// Version numbers the release as version comments do: 101106 is 10.11.6, 80036 is 8.0.36.
	Version int `json:"version"`
	// Charset and Collation are what CREATE DATABASE gives a schema by default.
	Charset   string `json:"charset"`
	Collation string `json:"collation"`
	// UTF8 is what the server calls the character set utf8: "utf8mb3" or, if old, "utf8".
	UTF8 string `json:"utf8"`
	// ImplicitTimestamp tells explicit_defaults_for_timestamp=OFF: a TIMESTAMP is NOT NULL unless said otherwise.
	ImplicitTimestamp bool `json:"implicit_timestamp"`
	// LowerCase tells lower_case_table_names other than 0: table names do not differ in letter case.
	LowerCase bool `json:"lower_case"`
	// Collations gives the default collation of the character sets where it is not the usual one.
	Collations map[string]string `json:"collations,omitempty"`
}

// The bits of sql_mode that change how a statement reads.
const (
	modeRealAsFloat    = 1
	modeANSIQuotes     = 4
	modeMSSQL          = 1 << 10
	modeOracle         = 1 << 9
	modeMaxDB          = 1 << 12
	modeNoBackslash    = 1 << 20
	modesWithOwnTypes  = modeOracle | modeMSSQL | modeMaxDB
	innodbKeyLimit     = 3072
	maxVarcharBytes    = 65535
	implicitDecimal    = 10
	defaultFieldLength = 1
)

// parsing gives how a statement under the sql_mode is to be read.
func (v *Server) parsing(mode uint64) parse.Options {
	return parse.Options{
		MariaDB: v.MariaDB, Version: v.Version,
		AnsiQuotes:  mode&modeANSIQuotes != 0,
		NoBackslash: mode&modeNoBackslash != 0,
		RealIsFloat: mode&modeRealAsFloat != 0,
	}
}

// hasWidths tells that the server reports display widths of all integers, as MySQL did before 8.0.19.
func (v *Server) hasWidths() bool { return v.MariaDB || v.Version > 0 && v.Version < 80019 }

// A charset is a character set of the servers.
type charset struct {
	collation string // the default one
	maxLen    int    // bytes of a character
}

var charsets = map[string]charset{
	"armscii8": {"armscii8_general_ci", 1}, "ascii": {"ascii_general_ci", 1}, "big5": {"big5_chinese_ci", 2}, "binary": {"binary", 1},
	"cp1250": {"cp1250_general_ci", 1}, "cp1251": {"cp1251_general_ci", 1}, "cp1256": {"cp1256_general_ci", 1}, "cp1257": {"cp1257_general_ci", 1},
	"cp850": {"cp850_general_ci", 1}, "cp852": {"cp852_general_ci", 1}, "cp866": {"cp866_general_ci", 1}, "cp932": {"cp932_japanese_ci", 2},
	"dec8": {"dec8_swedish_ci", 1}, "eucjpms": {"eucjpms_japanese_ci", 3}, "euckr": {"euckr_korean_ci", 2}, "gb18030": {"gb18030_chinese_ci", 4},
	"gb2312": {"gb2312_chinese_ci", 2}, "gbk": {"gbk_chinese_ci", 2}, "geostd8": {"geostd8_general_ci", 1}, "greek": {"greek_general_ci", 1},
	"hebrew": {"hebrew_general_ci", 1}, "hp8": {"hp8_english_ci", 1}, "keybcs2": {"keybcs2_general_ci", 1}, "koi8r": {"koi8r_general_ci", 1},
	"koi8u": {"koi8u_general_ci", 1}, "latin1": {"latin1_swedish_ci", 1}, "latin2": {"latin2_general_ci", 1}, "latin5": {"latin5_turkish_ci", 1},
	"latin7": {"latin7_general_ci", 1}, "macce": {"macce_general_ci", 1}, "macroman": {"macroman_general_ci", 1}, "sjis": {"sjis_japanese_ci", 2},
	"swe7": {"swe7_swedish_ci", 1}, "tis620": {"tis620_thai_ci", 1}, "ucs2": {"ucs2_general_ci", 2}, "ujis": {"ujis_japanese_ci", 3},
	"utf16": {"utf16_general_ci", 4}, "utf16le": {"utf16le_general_ci", 4}, "utf32": {"utf32_general_ci", 4}, "utf8": {"utf8_general_ci", 3},
	"utf8mb3": {"utf8mb3_general_ci", 3}, "utf8mb4": {"utf8mb4_general_ci", 4},
}

// A text is a character set with a collation.
type text struct{ charset, collation string }

// charsetName gives the name under which the server reports a character set.
func (v *Server) charsetName(name string) string {
	switch {
	case name == "utf8" && v.UTF8 != "":
		return v.UTF8
	case name == "utf8mb3" && v.UTF8 == "utf8":
		return v.UTF8
	}
	return name
}

// defaultCollation gives a character set's default collation.
func (v *Server) defaultCollation(name string) string {
	if c, ok := v.Collations[name]; ok {
		return c
	}
	if name == "utf8mb4" && !v.MariaDB {
		return "utf8mb4_0900_ai_ci"
	}
	return charsets[name].collation
}

// resolve applies CHARACTER SET and COLLATE, either of them empty if absent, to what is inherited. It is false if it
// knows no such character set.
func (v *Server) resolve(set, collate string, inherited text) (text, bool) {
	if set == "default" {
		set = inherited.charset
	}
	if collate == "default" {
		collate = ""
	}
	if set == "" && collate == "" {
		return inherited, true
	}
	set = v.charsetName(set)
	if collate == "" {
		_, known := charsets[set]
		return text{set, v.defaultCollation(set)}, known
	}
	if strings.HasPrefix(collate, "uca1400_") { // it stands in many character sets
		if set == "" {
			set = inherited.charset
		}
		return text{set, set + "_" + collate}, true
	}
	prefix, rest, _ := strings.Cut(collate, "_")
	prefix = v.charsetName(prefix)
	if rest != "" {
		collate = prefix + "_" + rest
	}
	_, known := charsets[prefix]
	return text{prefix, collate}, known
}
