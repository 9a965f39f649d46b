package filter

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Error is a rule that cannot be read.
type Error struct {
	Rule   string
	Column int // 1-based, in characters; 0 if the whole rule is meant
	What   string
	Fix    string
}

func (e *Error) Error() string {
	where := ""
	switch {
	case e.Column > 0:
		where = fmt.Sprintf(" rule %q, character %d:", e.Rule, e.Column)
	case e.Rule != "":
		where = fmt.Sprintf(" rule %q:", e.Rule)
	}
	return fmt.Sprintf("table filter:%s %s; %s", where, e.What, e.Fix)
}

// A pattern matches one name.
type pattern struct {
	re  *regexp.Regexp
	all bool
}

func (p *pattern) match(name string) bool { return p.all || p.re.MatchString(name) }
func (p *pattern) any() bool              { return p.all }

// A reader walks over one rule.
type reader struct {
	rule string
	at   int // in bytes
	flag string
}

func parseRule(text string, caseSensitive bool) (rule, error) {
	var r rule
	rd := &reader{rule: strings.TrimSpace(text), flag: "(?is)"}
	if caseSensitive {
		rd.flag = "(?s)"
	}
	if rd.rule == "" {
		return r, &Error{Rule: text, What: "it is empty", Fix: "remove it, or write schema.table"}
	}
	if rd.rule[0] == '@' {
		return r, rd.fail("rules from a file are not supported", "list the rules themselves")
	}
	if rd.rule[0] == '!' {
		r.exclude = true
		rd.at++
	}
	var err error
	if r.schema, err = rd.pattern("schema"); err != nil {
		return r, err
	}
	if rd.at >= len(rd.rule) {
		return r, rd.fail("the table's part is missing", fmt.Sprintf("write %q for all tables of the schema", rd.rule+".*"))
	}
	if rd.rule[rd.at] != '.' {
		return r, rd.fail(fmt.Sprintf("%q stands where the dot between schema and table should", rd.rune()), "quote the name, or separate the rules")
	}
	rd.at++
	if r.table, err = rd.pattern("table"); err != nil {
		return r, err
	}
	if rd.at < len(rd.rule) {
		return r, rd.fail(fmt.Sprintf("%q stands after the table's pattern", rd.rune()),
			"a rule is schema.table: quote names that hold special characters, and give each rule by itself")
	}
	return r, nil
}

func (rd *reader) rune() rune {
	r, _ := utf8.DecodeRuneInString(rd.rule[rd.at:])
	return r
}

func (rd *reader) fail(what, fix string) *Error { return rd.failAt(rd.at, what, fix) }

func (rd *reader) failAt(at int, what, fix string) *Error {
	return &Error{Rule: rd.rule, Column: utf8.RuneCountInString(rd.rule[:at]) + 1, What: what, Fix: fix}
}

// pattern reads the pattern at the reader's place; part names it in errors.
func (rd *reader) pattern(part string) (pattern, error) {
	if rd.at < len(rd.rule) {
		switch c := rd.rule[rd.at]; c {
		case '/':
			return rd.regex()
		case '"', '`':
			return rd.quoted(c)
		}
	}
	return rd.wildcard(part)
}

func (rd *reader) regex() (pattern, error) {
	start := rd.at
	var b strings.Builder
	for rd.at++; rd.at < len(rd.rule); rd.at++ {
		switch c := rd.rule[rd.at]; {
		case c == '/':
			rd.at++
			re, err := regexp.Compile(rd.flag + b.String())
			if err != nil {
				return pattern{}, rd.failAt(start, "the regular expression is wrong: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "),
					"use the syntax of Go's regexp package")
			}
			return pattern{re: re}, nil
		case c == '\\' && rd.at+1 < len(rd.rule) && rd.rule[rd.at+1] == '/':
			rd.at++
			b.WriteByte('/')
		case c == '\\' && rd.at+1 < len(rd.rule):
			b.WriteString(rd.rule[rd.at : rd.at+2])
			rd.at++
		default:
			b.WriteByte(c)
		}
	}
	return pattern{}, rd.failAt(start, "the regular expression has no end", "close it with /")
}

func (rd *reader) quoted(quote byte) (pattern, error) {
	start := rd.at
	var b strings.Builder
	for rd.at++; rd.at < len(rd.rule); rd.at++ {
		c := rd.rule[rd.at]
		if c != quote {
			b.WriteByte(c)
			continue
		}
		if rd.at++; rd.at >= len(rd.rule) || rd.rule[rd.at] != quote {
			return rd.compile(start, regexp.QuoteMeta(b.String()))
		}
		b.WriteByte(quote) // a doubled quote stands for one
	}
	return pattern{}, rd.failAt(start, "the quoted name has no end", fmt.Sprintf("close it with %c", quote))
}

func (rd *reader) wildcard(part string) (pattern, error) {
	start := rd.at
	var b strings.Builder
	for rd.at < len(rd.rule) && rd.rule[rd.at] != '.' {
		c := rd.rune()
		size := utf8.RuneLen(c)
		if c == utf8.RuneError {
			size = 1
		}
		switch {
		case c == '*':
			b.WriteString(".*")
		case c == '?':
			b.WriteByte('.')
		case c == '[':
			class, err := rd.class()
			if err != nil {
				return pattern{}, err
			}
			b.WriteString(class)
			continue
		case c == '\\':
			if rd.at+1 >= len(rd.rule) {
				return pattern{}, rd.fail(`nothing follows the \`, "write the character to take literally after it")
			}
			rd.at++
			c, size = utf8.DecodeRuneInString(rd.rule[rd.at:])
			b.WriteString(regexp.QuoteMeta(string(c)))
		case c == '_' || c == '$' || c == '-' || unicode.IsLetter(c) || unicode.IsDigit(c) || c >= utf8.RuneSelf && c != utf8.RuneError:
			b.WriteString(regexp.QuoteMeta(string(c)))
		default:
			return pattern{}, rd.fail(fmt.Sprintf("%q has no meaning in a %s pattern", c, part), `quote the name as "..." or `+"`...`, or put a \\ before the character")
		}
		rd.at += size
	}
	switch rd.rule[start:rd.at] {
	case "":
		return pattern{}, rd.fail("the "+part+"'s part is empty", "write * for any "+part)
	case "*":
		return pattern{all: true}, nil
	}
	return rd.compile(start, b.String())
}

// class reads [a-z] or [!a-z].
func (rd *reader) class() (string, error) {
	start := rd.at
	end := strings.IndexByte(rd.rule[start:], ']')
	if end < 0 {
		return "", rd.fail("the character class has no end", "close it with ]")
	}
	inner := rd.rule[start+1 : start+end]
	negate := ""
	if strings.HasPrefix(inner, "!") || strings.HasPrefix(inner, "^") {
		negate, inner = "^", inner[1:]
	}
	if inner == "" {
		return "", rd.fail("the character class is empty", "name the characters, as in [a-z]")
	}
	class := "[" + negate + strings.NewReplacer(`\`, `\\`, "[", `\[`, "^", `\^`, "&", `\&`).Replace(inner) + "]"
	if _, err := regexp.Compile(class); err != nil {
		return "", rd.fail("the character class is wrong: its range runs backwards", "write the lower end first, as in [a-z]")
	}
	rd.at = start + end + 1
	return class, nil
}

// compile anchors a translated pattern.
func (rd *reader) compile(start int, translated string) (pattern, error) {
	re, err := regexp.Compile(rd.flag + "^(?:" + translated + ")$")
	if err != nil {
		return pattern{}, rd.failAt(start, "the pattern is wrong: "+err.Error(), "quote the name")
	}
	return pattern{re: re}, nil
}
