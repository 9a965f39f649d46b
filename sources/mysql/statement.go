package mysql

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

// A query is a QUERY event taken apart. Its slices borrow from the event.
type query struct {
	sqlMode uint64
	client  uint16 // collation id of the client's character set, 0 if unknown
	server  uint16 // that of the session's collation_server, which a new schema takes; 0 if unknown
	failed  uint16 // error with which the statement ended
	schema  []byte
	text    []byte
	textAt  int // of text, in the event
}

const queryFixed = headerSize + 13

// The status variables that come before those that matter, and those.
const (
	statusFlags      = 0
	statusSQLMode    = 1
	statusCatalog    = 2
	statusAutoInc    = 3
	statusCharset    = 4
	statusTimeZone   = 5
	statusCatalogNew = 6
)

// parseQuery takes a QUERY event apart.
func parseQuery(e []byte) (q query, ok bool) {
	if len(e) < queryFixed {
		return q, false
	}
	schema := int(e[headerSize+8])
	status := int(binary.LittleEndian.Uint16(e[headerSize+11:]))
	q.textAt = queryFixed + status + schema + 1
	if len(e) < q.textAt {
		return q, false
	}
	q.failed = binary.LittleEndian.Uint16(e[headerSize+9:])
	q.parseStatus(e[queryFixed : queryFixed+status])
	q.schema = e[queryFixed+status : q.textAt-1]
	q.text = e[q.textAt:]
	return q, true
}

// parseStatus reads sql_mode and character set; it stops at the first variable that it does not know.
func (q *query) parseStatus(b []byte) {
	for len(b) > 0 {
		size := 0
		switch b[0] {
		case statusFlags, statusAutoInc:
			size = 4
		case statusSQLMode:
			size = 8
			if len(b) > size {
				q.sqlMode = binary.LittleEndian.Uint64(b[1:])
			}
		case statusCharset:
			size = 6
			if len(b) > size {
				q.client = binary.LittleEndian.Uint16(b[1:])
				q.server = binary.LittleEndian.Uint16(b[5:])
			}
		case statusTimeZone, statusCatalogNew:
			if len(b) > 1 {
				size = 1 + int(b[1])
			}
		case statusCatalog:
			if len(b) > 1 {
				size = 2 + int(b[1])
			}
		default:
			return
		}
		if size == 0 || len(b) <= size {
			return
		}
		b = b[1+size:]
	}
}

// A statement is what a query's text does to the stream.
type statement uint8

const (
	other       statement = iota // of no concern to tables: passed over
	begin                        // BEGIN
	commit                       // COMMIT
	rollback                     // ROLLBACK
	savepoint                    // SAVEPOINT name
	rollbackTo                   // ROLLBACK TO name
	xaStart                      // XA START xid
	xaEnd                        // XA END xid
	xaCommit                     // XA COMMIT xid
	xaRollback                   // XA ROLLBACK xid
	definition                   // table, view, index, sequence or database DDL
	manipulates                  // rows, told as a statement
)

// classify reads as many words of a statement as it takes to know it, and gives what stands behind the last one read.
func classify(text []byte) (statement, words) {
	w := words{text: text}
	switch w.next() {
	case "BEGIN":
		return begin, w
	case "COMMIT":
		return commit, w
	case "START":
		if w.next() == "TRANSACTION" {
			return begin, w
		}
	case "SAVEPOINT":
		return savepoint, w
	case "ROLLBACK":
		return classifyRollback(w)
	case "XA":
		return classifyXA(w)
	case "CREATE", "ALTER", "DROP":
		return classifyObject(w)
	case "RENAME":
		if word := w.next(); word == "TABLE" || word == "TABLES" {
			return definition, w
		}
	case "TRUNCATE":
		return definition, w
	case "DELETE":
		return classifyDelete(w)
	case "INSERT", "UPDATE", "REPLACE", "LOAD", "WITH":
		return manipulates, w
	case "SET":
		if w.next() == "STATEMENT" && w.skipTo("FOR") {
			return classify(w.rest())
		}
	}
	return other, w
}

// classifyRollback reads on behind ROLLBACK.
func classifyRollback(w words) (statement, words) {
	word := w.next()
	if word == "WORK" {
		word = w.next()
	}
	if word != "TO" {
		return rollback, w
	}
	ahead := w
	if ahead.next() == "SAVEPOINT" && strings.TrimSpace(string(ahead.rest())) != "" {
		w = ahead
	}
	return rollbackTo, w
}

func classifyXA(w words) (statement, words) {
	switch w.next() {
	case "START", "BEGIN":
		return xaStart, w
	case "END":
		return xaEnd, w
	case "COMMIT":
		return xaCommit, w
	case "ROLLBACK":
		return xaRollback, w
	}
	return other, w
}

// classifyObject reads on behind CREATE, ALTER or DROP to the kind of object. A temporary table is nobody else's.
func classifyObject(w words) (statement, words) {
	for {
		switch w.next() {
		case "TABLE", "TABLES", "DATABASE", "SCHEMA", "VIEW", "INDEX", "SEQUENCE":
			return definition, w
		case "OR", "REPLACE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "ONLINE", "OFFLINE", "IGNORE", "SQL", "SECURITY", "INVOKER",
			"UNDEFINED", "MERGE", "TEMPTABLE":
		case "DEFINER":
			// DEFINER=user@host, DEFINER = `user`@`host`, or SQL SECURITY DEFINER.
			w.skipAccount()
		case "ALGORITHM":
			w.skipByte('=')
		default:
			return other, w
		}
	}
}

// classifyDelete tells MariaDB's DELETE HISTORY FROM t, which deletes no row that a plain SELECT shows. A table may have
// the name HISTORY, and then more follows.
func classifyDelete(w words) (statement, words) {
	ahead := w
	if ahead.next() != "HISTORY" || ahead.next() != "FROM" {
		return manipulates, w
	}
	ahead.identifier()
	if ahead.peek() == '.' {
		ahead.at++
		ahead.identifier()
	}
	word := ahead.next()
	if word == "BEFORE" || word == "PARTITION" || word == "" && len(ahead.rest()) == 0 {
		return other, ahead
	}
	return manipulates, w
}

// words reads a statement word by word, over blanks, comments, and the marks around version comments.
type words struct {
	text []byte
	at   int
}

// next gives the next word in upper case, or "" if something else comes.
func (w *words) next() string {
	w.skipBlanks()
	start := w.at
	for w.at < len(w.text) && isWordByte(w.text[w.at]) {
		w.at++
	}
	if w.at-start > 32 {
		return ""
	}
	return strings.ToUpper(string(w.text[start:w.at]))
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func (w *words) rest() []byte { return w.text[w.at:] }

func (w *words) peek() byte {
	if w.at < len(w.text) {
		return w.text[w.at]
	}
	return 0
}

func (w *words) has(prefix string) bool {
	return len(w.text)-w.at >= len(prefix) && string(w.text[w.at:w.at+len(prefix)]) == prefix
}

func (w *words) skipBlanks() {
	for w.at < len(w.text) {
		switch c := w.text[w.at]; {
		case c == ' ' || c >= '\t' && c <= '\r' || c == '(' || c == ';':
			w.at++
		case c == '#', w.has("-- "), w.has("--\t"), w.has("--\n"):
			w.skipPast("\n")
		case w.has("/*!"), w.has("/*M!"):
			w.skipPast("!")
			for w.at < len(w.text) && w.text[w.at] >= '0' && w.text[w.at] <= '9' {
				w.at++
			}
		case w.has("/*"):
			w.at += 2
			w.skipPast("*/")
		case w.has("*/"): // the end of a version comment
			w.at += 2
		default:
			return
		}
	}
}

// skipPast goes behind the next occurrence of mark, or to the end.
func (w *words) skipPast(mark string) {
	i := strings.Index(string(w.text[w.at:]), mark)
	if i < 0 {
		w.at = len(w.text)
		return
	}
	w.at += i + len(mark)
}

func (w *words) skipByte(c byte) {
	w.skipBlanks()
	if w.peek() == c {
		w.at++
	}
}

// skipQuoted goes over a quoted string or name that begins here; false if none does.
func (w *words) skipQuoted() bool {
	quote := w.peek()
	if quote != '\'' && quote != '"' && quote != '`' {
		return false
	}
	for w.at++; w.at < len(w.text); w.at++ {
		switch {
		case w.text[w.at] == '\\' && quote != '`':
			w.at++
		case w.text[w.at] == quote:
			w.at++
			if w.peek() != quote {
				return true
			}
		}
	}
	w.at = len(w.text)
	return true
}

// skipAccount goes over "=user@host" if it comes; the parts may be quoted, or be CURRENT_USER with or without ().
func (w *words) skipAccount() {
	w.skipBlanks()
	if w.peek() != '=' {
		return
	}
	w.at++
	for range 2 {
		w.skipBlanks()
		if !w.skipQuoted() {
			for w.at < len(w.text) && (isWordByte(w.text[w.at]) || w.text[w.at] == '$') {
				w.at++
			}
		}
		if w.has("()") {
			w.at += 2
		}
		w.skipBlanks()
		if w.peek() != '@' {
			return
		}
		w.at++
	}
}

// skipTo goes behind the next occurrence of a word outside quotes.
func (w *words) skipTo(word string) bool {
	for w.at < len(w.text) {
		w.skipBlanks()
		switch {
		case w.skipQuoted():
		case isWordByte(w.peek()):
			if w.next() == word {
				return true
			}
		default:
			w.at++
		}
	}
	return false
}

// name reads the name of a savepoint.
func (w *words) name() string { return strings.TrimSpace(string(w.rest())) }

// xid reads X'hex',X'hex',format into the form that XA_PREPARE events have.
func (w *words) xid() ([]byte, bool) {
	parts := strings.Split(strings.TrimSpace(string(w.rest())), ",")
	if len(parts) < 3 {
		return nil, false
	}
	global, ok1 := hexLiteral(parts[0])
	branch, ok2 := hexLiteral(parts[1])
	number, _, _ := strings.Cut(strings.TrimSpace(parts[2]), " ")
	format, err := strconv.ParseUint(number, 10, 32)
	if !ok1 || !ok2 || err != nil {
		return nil, false
	}
	return makeXID(uint32(format), global, branch), true
}

func hexLiteral(text string) ([]byte, bool) {
	text = strings.TrimSpace(text)
	if len(text) < 3 || text[0]|0x20 != 'x' || text[1] != '\'' || text[len(text)-1] != '\'' {
		return nil, false
	}
	b, err := hex.DecodeString(text[2 : len(text)-1])
	return b, err == nil
}

// makeXID gives the key of an XA transaction: what stands in the XA_PREPARE event.
func makeXID(format uint32, global, branch []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, format)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(global)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(branch)))
	return append(append(b, global...), branch...)
}

// ownSchemas are the server's own.
var ownSchemas = []string{"mysql", "information_schema", "performance_schema", "sys"}

// manipulatesOwn tells whether a statement on rows is on a table of one of the server's own schemas.
func manipulatesOwn(q *query) bool {
	w := words{text: q.text}
	for range 12 {
		switch w.next() {
		case "INTO", "UPDATE", "FROM", "TABLE":
			name := w.identifier()
			if w.peek() != '.' {
				return isOwnSchema(string(q.schema))
			}
			return isOwnSchema(name)
		case "":
			return false
		}
	}
	return false
}

func isOwnSchema(name string) bool {
	for _, own := range ownSchemas {
		if strings.EqualFold(own, name) {
			return true
		}
	}
	return false
}

// identifier reads a name, quoted or not.
func (w *words) identifier() string {
	w.skipBlanks()
	start := w.at
	if w.skipQuoted() {
		return strings.Trim(string(w.text[start:w.at]), "`\"")
	}
	for w.at < len(w.text) && (isWordByte(w.text[w.at]) || w.text[w.at] == '$' || w.text[w.at] >= 0x80) {
		w.at++
	}
	return string(w.text[start:w.at])
}
