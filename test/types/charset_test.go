package types_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// texts are of many scripts. A character set that lacks some of their characters holds question marks for them.
var texts = []string{
	"plain ASCII \\ ~ ` ^ [ ] { } | @ $ # '' \"",
	"àéîõü ßÆØÅ ¡¿ £ § ©",
	"€ ‚ „ … † ‡ ‰ Š Œ Ž ™ ƒ",
	"žluťoučký kůň ŁĄĘŐŰ",
	"ÇĞİŞığş",
	"Āēģķļņ Õä Ųų",
	"Привет, мир ЃЄІЇЎ",
	"Ελληνικά άέή ΰ",
	"שלום",
	"مرحبا ١٢٣",
	"ไทย ฿",
	"საქართველო",
	"Հայերեն",
	"表示 ソ 能 予 テスト ｶﾀｶﾅ 日本",
	"许功盖 誠 你好 中国",
	"한국어 똠 뷁",
	"½ ± × ÷ ° ² ³ ¬ ¦",
	"─│┌┐└┘ █ ░",
	"\U0001F600 \U00020000 \U0010FFFD",
	"combining e\u0301 \u200b \ufeff \u00a0",
	"",
	"a b\tc\r\nd",
}

// labels are the parts of texts that a character set has whole, fit as labels of ENUM and SET.
func (s *session) labels(charset string) (labels []string) {
	s.t.Helper()
	var asked []string
	var candidates []string
	for _, text := range texts[:18] {
		for word := range strings.FieldsSeq(text) {
			if strings.ContainsAny(word, "'\",") || slices.ContainsFunc(candidates, func(c string) bool { return strings.EqualFold(c, word) }) {
				continue
			}
			candidates = append(candidates, word)
			asked = append(asked, fmt.Sprintf("CAST(CONVERT(CONVERT(%s USING %s) USING utf8mb4) AS BINARY) = CAST(%[1]s AS BINARY)", literal(word), charset))
		}
	}
	for i, same := range s.query("SELECT " + strings.Join(asked, ", "))[0] {
		if *same == "1" {
			labels = append(labels, candidates[i])
		}
	}
	return labels[:min(len(labels), 60)]
}

// Each character set of the server, in columns that name it, in columns that have it from their table, and in columns
// that have it from the database.
func TestEveryCharset(t *testing.T) {
	s := connect(t)
	var recorders []*recorder
	for _, row := range s.query("SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS ORDER BY 1") {
		recorders = append(recorders, s.speak(*row[0])...)
	}
	t.Parallel()
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			o := follows[protocol](t)
			checkAll(t, protocol, o, recorders)
		})
	}
}

// speak fills tables with text of a character set.
func (s *session) speak(charset string) []*recorder {
	s.t.Helper()
	var of, labels string
	elems := "'a', 'b'" // labels are no bytes
	if charset != "binary" {
		quoted := []string{}
		for _, label := range s.labels(charset) {
			quoted = append(quoted, literal(label))
		}
		elems = strings.Join(quoted, ", ")
	}
	of = " CHARACTER SET " + charset
	labels = of
	if charset == "binary" {
		labels = ""
	}
	columns := func(of, labels string) string {
		return fmt.Sprintf("c CHAR(60)%[1]s, v VARCHAR(100)%[1]s, t TINYTEXT%[1]s, m MEDIUMTEXT%[1]s, e ENUM(%[3]s)%[2]s, s SET(%[3]s)%[2]s", of, labels, elems)
	}
	database := "charset_" + charset
	s.exec("CREATE DATABASE "+database+of,
		"CREATE TABLE "+database+".named (n INT PRIMARY KEY, "+columns(of, labels)+") CHARACTER SET utf8mb4",
		"CREATE TABLE "+database+".by_table (n INT PRIMARY KEY, "+columns("", labels)+") CHARSET = "+charset,
		"CREATE TABLE "+database+".by_database (n INT PRIMARY KEY, "+columns("", labels)+")",
		// No labels here: the server keeps their bytes, which mean something else then.
		"CREATE TABLE "+database+".converted (n INT PRIMARY KEY, c CHAR(60), v VARCHAR(100), t TINYTEXT, m MEDIUMTEXT, e INT, s INT) CHARACTER SET utf8mb4",
		"ALTER TABLE "+database+".converted CONVERT TO"+of)
	var recorders []*recorder
	for _, table := range []string{"named", "by_table", "by_database", "converted"} {
		r := s.record(database, table, true)
		if table == "converted" {
			r.version = 1
		}
		s.fill(database+"."+table, elems)
		r.note()
		s.exec("UPDATE " + database + "." + table + " SET v = CONCAT(v, c)")
		r.note()
		recorders = append(recorders, r)
	}
	return recorders
}

// fill puts a row in for each text.
func (s *session) fill(table, elems string) {
	s.t.Helper()
	count := strings.Count(elems, "', '") + 1
	var rows []string
	for i, text := range texts {
		lit := literal(text)
		if utf8.RuneCountInString(text) > 60 {
			s.t.Fatalf("%q is too long for the columns", text)
		}
		rows = append(rows, fmt.Sprintf("(%d, %s, %[2]s, %[2]s, %[2]s, %d, %d)", i, lit, 1+i%count, 1+i%2<<(i%min(count, 30))))
	}
	s.exec("INSERT INTO " + table + " VALUES " + strings.Join(rows, ", "))
}

// A client's character set is that of the statements: names, labels, defaults and comments come in it.
var clients = []struct {
	charset string
	encode  map[rune]string // what is not ASCII
	label   string
}{
	{"latin1", map[rune]string{'é': "\xe9", '€': "\x80"}, "é€"},
	{"cp1251", map[rune]string{'П': "\xcf", 'я': "\xff"}, "Пя"},
	{"koi8r", map[rune]string{'П': "\xf0", 'я': "\xd1"}, "Пя"},
	{"gbk", map[rune]string{'許': "\xd4\x53", '誠': "\xd5\x5c"}, "許誠"},
	{"big5", map[rune]string{'許': "\xb3\x5c", '功': "\xa5\x5c"}, "許功"},
	{"sjis", map[rune]string{'表': "\x95\x5c", 'ソ': "\x83\x5c", 'ﾃ': "\xc3"}, "表ソﾃ"},
	{"cp932", map[rune]string{'表': "\x95\x5c", '能': "\x94\x5c"}, "表能"},
	{"ujis", map[rune]string{'表': "\xc9\xbd", '示': "\xbc\xa8"}, "表示"},
	{"euckr", map[rune]string{'한': "\xc7\xd1"}, "한"},
	{"utf8mb3", map[rune]string{'ž': "ž"}, "ž"},
}

func TestStatementsOfEveryClient(t *testing.T) {
	s := connect(t)
	s.exec("CREATE DATABASE clients")
	var recorders []*recorder
	for _, c := range clients {
		say := func(text string) string {
			var b strings.Builder
			for _, r := range text {
				if raw, special := c.encode[r]; special {
					b.WriteString(raw)
				} else {
					b.WriteRune(r)
				}
			}
			return b.String()
		}
		table := c.charset + "_" + c.label
		s.exec("SET NAMES "+c.charset,
			say(fmt.Sprintf("CREATE TABLE clients.`%s` (n INT PRIMARY KEY, `%s` VARCHAR(20) DEFAULT '%[2]s' COMMENT '%[2]s', e ENUM('%[2]s', 'x') CHARACTER SET utf8mb4, f SET('y', '%[2]s') CHARACTER SET ucs2)", table, c.label)),
			"SET NAMES utf8mb4")
		r := s.record("clients", table, true)
		s.exec("SET NAMES "+c.charset,
			say(fmt.Sprintf("INSERT INTO clients.`%s` VALUES (1, '%s', '%[2]s', '%[2]s')", table, c.label)),
			say(fmt.Sprintf("INSERT INTO clients.`%s` (n) VALUES (2)", table)),
			"SET NAMES utf8mb4")
		r.note()
		if got := r.now["csv"]["1"][1].Text; got != c.label {
			t.Fatalf("the test says %q in %s, where it means %q", got, c.charset, c.label)
		}
		recorders = append(recorders, r)
	}
	t.Parallel()
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			o := follows[protocol](t)
			checkAll(t, protocol, o, recorders)
		})
	}
}
