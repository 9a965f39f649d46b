package parse

import (
	"fmt"
	"strconv"
	"strings"
)

// A SyntaxError is a statement that Parse could not read to its end. What it names is known as far as Statement says.
type SyntaxError struct {
	Near string // a keyword or punctuation, never a value
}

func (e *SyntaxError) Error() string { return "statement is not understood near " + e.Near }

// A reader walks over tokens. A failed expectation unwinds by panic(*SyntaxError), recovered in Parse alone.
type reader struct {
	query  string
	tokens []token
	at     int
	opt    Options
	st     *Statement
}

func (r *reader) cur() *token { return &r.tokens[r.at] }

func (r *reader) ahead(n int) *token {
	if r.at+n < len(r.tokens) {
		return &r.tokens[r.at+n]
	}
	return &r.tokens[len(r.tokens)-1]
}

func (r *reader) advance() *token {
	t := r.cur()
	if t.class != end {
		r.at++
	}
	return t
}

// fail gives up. It shows words and punctuation only: strings and numbers are data.
func (r *reader) fail() {
	near := "the end"
	switch t := r.cur(); t.class {
	case word:
		near = fmt.Sprintf("%q at byte %d", t.upper, t.from)
	case mark:
		near = fmt.Sprintf("%q at byte %d", t.text, t.from)
	case end:
	default:
		near = fmt.Sprintf("byte %d", t.from)
	}
	panic(&SyntaxError{Near: near})
}

func (t *token) is(words ...string) bool {
	if t.class != word {
		return false
	}
	for _, w := range words {
		if t.upper == w {
			return true
		}
	}
	return false
}

func (t *token) isMark(m string) bool { return t.class == mark && t.text == m }

// sees tells whether these words come next.
func (r *reader) sees(words ...string) bool {
	for i, w := range words {
		if !r.ahead(i).is(w) {
			return false
		}
	}
	return true
}

// takes passes these words if they come next.
func (r *reader) takes(words ...string) bool {
	if !r.sees(words...) {
		return false
	}
	r.at += len(words)
	return true
}

// takesAny passes one of the words.
func (r *reader) takesAny(words ...string) bool {
	if r.cur().is(words...) {
		r.at++
		return true
	}
	return false
}

func (r *reader) takesMark(m string) bool {
	if r.cur().isMark(m) {
		r.at++
		return true
	}
	return false
}

func (r *reader) wants(words ...string) {
	if !r.takes(words...) {
		r.fail()
	}
}

func (r *reader) wantsMark(m string) {
	if !r.takesMark(m) {
		r.fail()
	}
}

func (r *reader) isName() bool { c := r.cur().class; return c == word || c == quoted }

func (r *reader) name() string {
	if !r.isName() {
		r.fail()
	}
	return r.advance().text
}

func (r *reader) table() Name {
	first := r.name()
	if r.takesMark(".") {
		return Name{Schema: first, Table: r.name()}
	}
	return Name{Table: first}
}

func (r *reader) integer() int {
	if r.cur().class != number {
		r.fail()
	}
	n, err := strconv.Atoi(r.cur().text)
	if err != nil {
		r.fail()
	}
	r.at++
	return n
}

func (r *reader) text() string {
	if r.cur().class != text {
		r.fail()
	}
	return r.advance().text
}

// parens passes a group in parentheses.
func (r *reader) parens() {
	r.wantsMark("(")
	for depth := 1; depth > 0; {
		switch t := r.cur(); {
		case t.class == end || t.class == illegal:
			r.fail()
		case t.isMark("("):
			depth++
		case t.isMark(")"):
			depth--
		}
		r.at++
	}
}

func (r *reader) ifExists() bool    { return r.takes("IF", "EXISTS") }
func (r *reader) ifNotExists() bool { return r.takes("IF", "NOT", "EXISTS") }

// wait passes NOWAIT or WAIT n.
func (r *reader) wait() bool {
	if r.takes("NOWAIT") {
		return true
	}
	if r.cur().is("WAIT") && r.ahead(1).class == number {
		r.at += 2
		return true
	}
	return false
}

// charset reads the name behind CHARACTER SET or COLLATE: a word, a string or BINARY.
func (r *reader) charset() string {
	r.takesMark("=")
	if r.cur().class == text {
		return strings.ToLower(r.advance().text)
	}
	return strings.ToLower(r.name())
}

// takesCharset passes CHARSET, CHARACTER SET or CHAR SET.
func (r *reader) takesCharset() bool {
	return r.takes("CHARSET") || r.takes("CHARACTER", "SET") || r.takes("CHAR", "SET")
}
