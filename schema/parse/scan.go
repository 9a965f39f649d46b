package parse

import (
	"strings"
	"unicode/utf8"
)

// Options tell how the server that wrote a statement reads it.
type Options struct {
	MariaDB bool
	// Version is the server's, as version comments number it: 101106 is 10.11.6, 80036 is 8.0.36. 0 opens every
	// version comment.
	Version int
	// AnsiQuotes makes "x" a name; NoBackslash makes \ an ordinary character of strings.
	AnsiQuotes, NoBackslash bool
	RealIsFloat             bool
}

type class uint8

const (
	end     class = iota
	word          // unquoted: a keyword or a name
	quoted        // a quoted name
	text          // a string, unescaped
	number        // digits, with point and exponent
	bits          // 0x.., x'..', b'..': text holds the bytes
	mark          // one character of punctuation
	illegal       // what no server would have taken; the statement is unreadable
)

type token struct {
	class    class
	text     string // as meant: unquoted, unescaped
	upper    string // of a word: in upper case
	from, to int    // in the query
	adjoined bool   // no space before it
}

// A scanner cuts a statement into tokens: comments are gone, version comments that the server executes are open.
type scanner struct {
	query  string
	at     int
	opt    Options
	opened int // version comments open at the moment
	afterp bool
}

// scan cuts the whole query. The last token is of class end.
func scan(query string, opt Options) []token {
	s := &scanner{query: query, opt: opt}
	tokens := make([]token, 0, len(query)/5+2)
	for {
		before := s.at
		ok := s.space()
		if !ok {
			tokens = append(tokens, token{class: illegal, from: s.at, to: s.at})
		}
		t := s.next()
		t.adjoined = before == t.from
		tokens = append(tokens, t)
		s.afterp = t.class == mark && t.text == "."
		if t.class == end {
			return tokens
		}
	}
}

func (s *scanner) peek(offset int) byte {
	if s.at+offset < len(s.query) {
		return s.query[s.at+offset]
	}
	return 0
}

// space passes white space and comments; false means that a comment has no end.
func (s *scanner) space() bool {
	for s.at < len(s.query) {
		c := s.query[s.at]
		switch {
		case c == ' ' || c >= 9 && c <= 13 || c == 0:
			s.at++
		case c == '#':
			s.line()
		case c == '-' && s.peek(1) == '-' && (s.peek(2) <= ' '):
			s.line()
		case c == '*' && s.peek(1) == '/' && s.opened > 0:
			s.at += 2
			s.opened--
		case c == '/' && s.peek(1) == '*':
			if !s.comment() {
				return false
			}
		default:
			return true
		}
	}
	return s.opened == 0
}

func (s *scanner) line() {
	if i := strings.IndexByte(s.query[s.at:], '\n'); i >= 0 {
		s.at += i + 1
		return
	}
	s.at = len(s.query)
}

// comment passes a comment, or opens a version comment that the server executes.
func (s *scanner) comment() bool {
	rest := s.query[s.at+2:]
	maria := strings.HasPrefix(rest, "M!")
	if maria {
		rest = rest[1:]
	}
	if !strings.HasPrefix(rest, "!") || maria && !s.opt.MariaDB {
		return s.pass()
	}
	rest = rest[1:]
	digits, version := 0, 0
	for digits < len(rest) && digits < 6 && rest[digits] >= '0' && rest[digits] <= '9' {
		version = version*10 + int(rest[digits]-'0')
		digits++
	}
	if digits < 5 {
		digits, version = 0, 0
	}
	if !s.executes(version, maria) {
		return s.pass()
	}
	s.at = len(s.query) - len(rest) + digits
	s.opened++
	return true
}

// executes tells whether the server executes a version comment. MariaDB leaves MySQL's from 5.7 on alone.
func (s *scanner) executes(version int, maria bool) bool {
	if s.opt.MariaDB && !maria && version >= 50700 && version <= 99999 {
		return false
	}
	if !s.opt.MariaDB && version > 99999 {
		return false
	}
	return s.opt.Version == 0 || version <= s.opt.Version
}

// pass skips a comment with what is nested in it.
func (s *scanner) pass() bool {
	depth := 0
	nests := strings.HasPrefix(s.query[s.at+2:], "!") || strings.HasPrefix(s.query[s.at+2:], "M!")
	for s.at < len(s.query) {
		switch {
		case s.query[s.at] == '/' && s.peek(1) == '*' && (depth == 0 || nests):
			depth++
			s.at += 2
		case s.query[s.at] == '*' && s.peek(1) == '/':
			depth--
			s.at += 2
			if depth == 0 {
				return true
			}
		default:
			s.at++
		}
	}
	return false
}

func (s *scanner) next() token {
	from := s.at
	if from >= len(s.query) {
		return token{class: end, from: from, to: from}
	}
	c := s.query[from]
	next := s.peek(1)
	switch {
	case c == '`':
		return s.quotes('`', quoted, false)
	case c == '"' && s.opt.AnsiQuotes:
		return s.quotes('"', quoted, false)
	case c == '\'' || c == '"':
		return s.strings()
	case (c == 'x' || c == 'X') && next == '\'' && !s.afterp:
		return s.radix(from+2, 4, '\'')
	case (c == 'b' || c == 'B') && next == '\'' && !s.afterp:
		return s.radix(from+2, 1, '\'')
	case (c == 'n' || c == 'N') && next == '\'' && !s.afterp:
		s.at++
		t := s.strings()
		t.from = from
		return t
	case c == '0' && next == 'x' && !s.afterp && isHex(s.peek(2)):
		return s.radix(from+2, 4, 0)
	case c == '0' && next == 'b' && !s.afterp && (s.peek(2) == '0' || s.peek(2) == '1'):
		return s.radix(from+2, 1, 0)
	case c >= '0' && c <= '9' && !s.afterp, c == '.' && next >= '0' && next <= '9' && !s.afterName():
		if t, ok := s.number(); ok {
			return t
		}
	}
	if isWord(c) {
		for s.at < len(s.query) && isWord(s.query[s.at]) {
			s.at++
		}
		w := s.query[from:s.at]
		return token{class: word, text: w, upper: strings.ToUpper(w), from: from, to: s.at}
	}
	_, size := utf8.DecodeRuneInString(s.query[from:])
	s.at += size
	return token{class: mark, text: s.query[from:s.at], from: from, to: s.at}
}

// afterName tells that the point at the scanner's place separates names: a name ends right before it.
func (s *scanner) afterName() bool {
	if s.at == 0 {
		return false
	}
	c := s.query[s.at-1]
	return c == '`' || c == '"' || isWord(c)
}

// number reads digits; it declines what goes on as a name, as 1st does.
func (s *scanner) number() (token, bool) {
	i := s.at
	digits := func() {
		for i < len(s.query) && s.query[i] >= '0' && s.query[i] <= '9' {
			i++
		}
	}
	digits()
	if i < len(s.query) && s.query[i] == '.' {
		i++
		digits()
	}
	if i < len(s.query) && (s.query[i] == 'e' || s.query[i] == 'E') {
		j := i + 1
		if j < len(s.query) && (s.query[j] == '+' || s.query[j] == '-') {
			j++
		}
		if j < len(s.query) && s.query[j] >= '0' && s.query[j] <= '9' {
			i = j
			digits()
		}
	}
	if i < len(s.query) && isWord(s.query[i]) {
		return token{}, false
	}
	t := token{class: number, text: s.query[s.at:i], from: s.at, to: i}
	s.at = i
	return t, true
}

// strings reads a string and the strings that follow it: the server joins them.
func (s *scanner) strings() token {
	t := s.quotes(s.query[s.at], text, !s.opt.NoBackslash)
	for t.class == text {
		at, opened := s.at, s.opened
		if !s.space() || s.at == at || s.at >= len(s.query) ||
			s.query[s.at] != '\'' && (s.query[s.at] != '"' || s.opt.AnsiQuotes) {
			s.at, s.opened = at, opened
			break
		}
		more := s.quotes(s.query[s.at], text, !s.opt.NoBackslash)
		more.text, more.from = t.text+more.text, t.from
		t = more
	}
	return t
}

func (s *scanner) quotes(quote byte, as class, escapes bool) token {
	from := s.at
	var b strings.Builder
	for s.at++; s.at < len(s.query); s.at++ {
		switch c := s.query[s.at]; {
		case c == quote && s.peek(1) == quote:
			s.at++
			b.WriteByte(quote)
		case c == quote:
			s.at++
			return token{class: as, text: b.String(), from: from, to: s.at}
		case c == '\\' && escapes && s.at+1 < len(s.query):
			s.at++
			unescape(&b, s.query[s.at])
		default:
			b.WriteByte(c)
		}
	}
	return token{class: illegal, from: from, to: s.at}
}

func unescape(b *strings.Builder, c byte) {
	switch c {
	case '0':
		b.WriteByte(0)
	case 'b':
		b.WriteByte('\b')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'Z':
		b.WriteByte(26)
	case '%', '_':
		b.WriteByte('\\')
		b.WriteByte(c)
	default:
		b.WriteByte(c)
	}
}

// radix reads hexadecimal (4 bits a digit) or binary (1) digits into bytes, up to the closing quote if there is one.
func (s *scanner) radix(first int, width uint, quote byte) token {
	from, i := s.at, first
	for i < len(s.query) && isHex(s.query[i]) {
		i++
	}
	digits := s.query[first:i]
	if quote != 0 {
		if i >= len(s.query) || s.query[i] != quote {
			s.at = len(s.query)
			return token{class: illegal, from: from, to: s.at}
		}
		i++
	}
	s.at = i
	per := int(8 / width)
	digits = strings.Repeat("0", (per-len(digits)%per)%per) + digits
	out := make([]byte, 0, len(digits)/per)
	for ; digits != ""; digits = digits[per:] {
		var v byte
		for _, d := range []byte(digits[:per]) {
			v = v<<width | hexDigit(d)
		}
		out = append(out, v)
	}
	return token{class: bits, text: string(out), from: from, to: i}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexDigit(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= utf8.RuneSelf
}
