package parse

import "strings"

// createTable reads what follows CREATE [OR REPLACE] [TEMPORARY] TABLE.
func (r *reader) createTable() {
	st := r.st
	st.IfNotExists = r.ifNotExists()
	st.Tables = []Name{r.table()}
	r.wait()
	if r.takes("LIKE") {
		r.like()
		return
	}
	if r.cur().isMark("(") && r.ahead(1).is("LIKE") && r.ahead(2).class != mark {
		r.at += 2
		r.like()
		r.wantsMark(")")
		return
	}
	if r.cur().isMark("(") && !r.seesQuery(1) {
		r.elements()
	}
	r.tableOptions()
}

func (r *reader) like() {
	n := r.table()
	r.st.Like = &n
}

// seesQuery tells that a query begins n tokens ahead.
func (r *reader) seesQuery(n int) bool {
	for r.ahead(n).isMark("(") {
		n++
	}
	return r.ahead(n).is("SELECT", "VALUES", "TABLE") || r.ahead(n).is("WITH") && !r.ahead(n+1).is("SYSTEM")
}

func (r *reader) elements() {
	r.wantsMark("(")
	for {
		r.st.Actions = append(r.st.Actions, r.element())
		if r.takesMark(")") {
			return
		}
		r.wantsMark(",")
	}
}

func (r *reader) element() Action {
	if r.seesIndex() {
		return r.indexElement()
	}
	return Action{Do: AddColumn, Column: r.columnDefinition()}
}

// tableOptions reads the options behind CREATE TABLE's elements, the partitions and a query.
func (r *reader) tableOptions() {
	st := r.st
	for {
		switch t := r.cur(); {
		case t.class == end || t.isMark(";"):
			return
		case t.class == illegal:
			r.fail()
		case r.takesMark(","):
		case r.seesQuery(0) || t.is("AS") || t.is("IGNORE", "REPLACE") && (r.seesQuery(1) || r.ahead(1).is("AS")):
			st.Select = true
			return
		case r.takes("WITH", "SYSTEM", "VERSIONING"):
			st.Actions = append(st.Actions, Action{Do: AddVersioning})
		case r.sees("PARTITION", "BY"):
			r.partitionBy()
		case r.takes("START", "TRANSACTION"):
		default:
			if !r.option() {
				r.fail()
			}
		}
	}
}

// option reads one table option.
func (r *reader) option() bool {
	st := r.st
	from := r.at
	r.takes("DEFAULT")
	switch {
	case r.takesCharset():
		st.Charset = r.charset()
		return true
	case r.takes("COLLATE"):
		st.Collate = r.charset()
		return true
	case r.takesAny("PASSWORD", "CONNECTION"):
		r.takesMark("=")
		r.text()
		return true
	case r.takes("DATA", "DIRECTORY"), r.takes("INDEX", "DIRECTORY"):
		r.takesMark("=")
		r.text()
		return true
	case r.takes("STORAGE") && r.takesAny("DISK", "MEMORY"):
		return true
	case r.takes("UNION"):
		r.takesMark("=")
		r.parens()
		return true
	case r.cur().class == word || r.cur().class == quoted && r.ahead(1).isMark("="):
		r.at++
		if r.takesMark("=") || options[r.ahead(-1).upper] {
			if r.ahead(-2).is("ENGINE") || r.ahead(-1).is("ENGINE") {
				st.Engine = strings.ToUpper(r.cur().text)
			}
			r.optionValue()
			return true
		}
	}
	r.at = from
	return false
}

// options may stand without the equals sign.
var options = map[string]bool{
	"ENGINE": true, "TYPE": true, "AUTO_INCREMENT": true, "AVG_ROW_LENGTH": true, "CHECKSUM": true, "TABLE_CHECKSUM": true, "PAGE_CHECKSUM": true,
	"COMMENT": true, "DELAY_KEY_WRITE": true, "ENCRYPTION": true, "ENCRYPTED": true, "INSERT_METHOD": true, "KEY_BLOCK_SIZE": true,
	"MAX_ROWS": true, "MIN_ROWS": true, "PACK_KEYS": true, "PAGE_COMPRESSED": true, "PAGE_COMPRESSION_LEVEL": true, "ROW_FORMAT": true,
	"SEQUENCE": true, "STATS_AUTO_RECALC": true, "STATS_PERSISTENT": true, "STATS_SAMPLE_PAGES": true, "TABLESPACE": true, "TRANSACTIONAL": true,
	"COMPRESSION": true, "AUTOEXTEND_SIZE": true, "ENGINE_ATTRIBUTE": true, "SECONDARY_ENGINE": true, "SECONDARY_ENGINE_ATTRIBUTE": true,
}

func (r *reader) optionValue() {
	_ = r.takesMark("-") || r.takesMark("+")
	switch r.cur().class {
	case word, quoted, text, number, bits:
		r.at++
	default:
		r.fail()
	}
}

// partitionBy passes the partitions: they hold no query and no comma outside of parentheses but between options.
func (r *reader) partitionBy() {
	r.at += 2
	for {
		switch t := r.cur(); {
		case t.class == end || t.isMark(";") || t.isMark(",") || t.isMark(")") || t.is("AS") || r.seesQuery(0) || t.is("IGNORE", "REPLACE"):
			return
		case t.class == illegal:
			r.fail()
		case t.isMark("("):
			r.parens()
		default:
			r.at++
		}
	}
}
