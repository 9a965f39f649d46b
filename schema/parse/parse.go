package parse

// Parse reads a statement. A statement of the verb Other is not looked into any further.
//
// If a table's statement cannot be read to its end, the error is a *SyntaxError and the Statement tells its verb and, if
// those could be read, its tables.
func Parse(query string, opt Options) (st *Statement, err error) {
	r := &reader{query: query, tokens: scan(query, opt), opt: opt, st: &Statement{}}
	defer func() {
		if p := recover(); p != nil {
			syntax, ok := p.(*SyntaxError)
			if !ok {
				panic(p)
			}
			r.salvage()
			st, err = r.st, syntax
		}
	}()
	r.statement()
	if r.st.Verb == Other {
		return &Statement{}, nil
	}
	r.secrets()
	for r.takesMark(";") {
	}
	if r.cur().class != end && !r.st.Select && r.st.Verb != CreateView && r.st.Verb != CreateSequence && r.st.Verb != AlterSequence {
		r.fail()
	}
	return r.st, nil
}

// secrets notes the strings of the options that may hold a credential. Inside of parentheses such words are names.
func (r *reader) secrets() {
	depth := 0
	for i := range r.tokens {
		t := &r.tokens[i]
		switch {
		case t.isMark("("):
			depth++
		case t.isMark(")"):
			depth--
		case depth == 0 && t.is("PASSWORD", "CONNECTION"):
			for j := i + 1; j < len(r.tokens) && j <= i+2; j++ {
				if r.tokens[j].class == text {
					r.st.Secrets = append(r.st.Secrets, [2]int{r.tokens[j].from, r.tokens[j].to})
				}
			}
		}
	}
}

// salvage finds what must be known of a statement that could not be read: its secrets, and a table's new name.
func (r *reader) salvage() {
	r.secrets()
	if r.st.Verb != AlterTable {
		return
	}
	depth := 0
	for ; r.cur().class != end; r.at++ {
		switch t := r.cur(); {
		case t.isMark("("):
			depth++
		case t.isMark(")"):
			depth--
		case depth == 0 && t.is("RENAME") && !r.ahead(1).is("COLUMN", "INDEX", "KEY"):
			r.at++
			_ = r.takes("TO") || r.takes("AS") || r.takesMark("=")
			if n, ok := r.tryTable(); ok {
				r.st.RenamedTo = &n
			}
			return
		}
	}
}

func (r *reader) tryTable() (n Name, ok bool) {
	if !r.isName() {
		return n, false
	}
	if r.ahead(1).isMark(".") && r.ahead(2).class != word && r.ahead(2).class != quoted {
		return n, false
	}
	return r.table(), true
}

// ParseType reads a column's type as information_schema.COLUMNS.COLUMN_TYPE gives it.
func ParseType(columnType string, opt Options) (spec TypeSpec, err error) {
	r := &reader{query: columnType, tokens: scan(columnType, opt), opt: opt, st: &Statement{}}
	defer func() {
		if p := recover(); p != nil {
			syntax, ok := p.(*SyntaxError)
			if !ok {
				panic(p)
			}
			err = syntax
		}
	}()
	spec = r.typeSpec()
	if r.cur().class != end {
		r.fail()
	}
	return spec, nil
}

func (r *reader) statement() {
	if r.takes("SET", "STATEMENT") {
		for !r.sees("FOR") {
			if r.cur().class == end || r.cur().class == illegal {
				return
			}
			r.at++
		}
		r.at++
	}
	switch {
	case r.takes("CREATE"):
		r.create()
	case r.takes("ALTER"):
		r.alter()
	case r.takes("DROP"):
		r.drop()
	case r.takes("RENAME", "TABLE"), r.takes("RENAME", "TABLES"):
		r.rename()
	case r.cur().is("TRUNCATE") && (r.ahead(1).class == word || r.ahead(1).class == quoted):
		r.at++
		r.takes("TABLE")
		r.st.Verb = TruncateTable
		r.st.Tables = []Name{r.table()}
		r.wait()
	}
}

// create reads CREATE's modifiers, which stand in many orders, and what is created.
func (r *reader) create() {
	st := r.st
	unique, special := false, false
	for {
		switch t := r.cur(); {
		case r.takes("OR", "REPLACE"):
			st.OrReplace = true
		case r.takes("TEMPORARY"):
			st.Temporary = true
		case t.is("ALGORITHM") && r.ahead(1).isMark("="):
			r.at += 3
		case t.is("DEFINER") && r.ahead(1).isMark("="):
			r.at += 2
			r.definer()
		case r.takes("SQL", "SECURITY"):
			r.advance()
		case r.takes("UNIQUE"):
			unique = true
		case r.takes("ONLINE"), r.takes("OFFLINE"):
		case t.is("FULLTEXT", "SPATIAL", "VECTOR") && r.ahead(1).is("INDEX"):
			r.at++
			special = true
		case r.takes("TABLE"):
			st.Verb = CreateTable
			r.createTable()
			return
		case r.takes("VIEW"):
			st.Verb = CreateView
			st.IfNotExists = r.ifNotExists()
			st.Tables = []Name{r.table()}
			return
		case r.takes("DATABASE"), r.takes("SCHEMA"):
			st.Verb = CreateSchema
			st.IfNotExists = r.ifNotExists()
			st.Schema = r.name()
			r.schemaOptions()
			return
		case r.takes("SEQUENCE"):
			st.Verb = CreateSequence
			st.IfNotExists = r.ifNotExists()
			st.Tables = []Name{r.table()}
			if r.takes("LIKE") {
				r.like()
			}
			return
		case r.takes("INDEX"):
			r.createIndex(&Index{Unique: unique, Special: special})
			return
		default:
			return
		}
	}
}

// definer passes user@host, CURRENT_USER and their like.
func (r *reader) definer() {
	r.advance()
	if r.takesMark("(") {
		r.takesMark(")")
	}
	if r.takesMark("@") {
		r.advance()
		for r.cur().adjoined && (r.cur().isMark(".") || r.ahead(-1).isMark(".")) {
			r.advance()
		}
	}
}

func (r *reader) createIndex(ix *Index) {
	st := r.st
	st.Verb = AlterTable
	a := Action{Do: AddIndex, Index: ix, If: r.ifNotExists()}
	ix.Name = r.name()
	r.using(ix)
	r.wants("ON")
	st.Tables = []Name{r.table()}
	r.wait()
	r.indexBody(ix)
	st.Actions = []Action{a}
	r.onlineOptions()
}

// onlineOptions passes ALGORITHM, LOCK and WAIT behind an index statement.
func (r *reader) onlineOptions() {
	for r.wait() || r.takesAny("ALGORITHM", "LOCK") {
		if r.takesMark("=") || r.ahead(-1).is("ALGORITHM", "LOCK") {
			r.name()
		}
	}
}

func (r *reader) schemaOptions() {
	for r.cur().class != end && !r.cur().isMark(";") {
		r.takes("DEFAULT")
		switch {
		case r.takesCharset():
			r.st.Charset = r.charset()
		case r.takes("COLLATE"):
			r.st.Collate = r.charset()
		case r.takes("COMMENT"):
			r.takesMark("=")
			r.text()
		case r.takes("ENCRYPTION"):
			r.takesMark("=")
			r.advance()
		case r.takes("READ", "ONLY"):
			r.takesMark("=")
			r.advance()
		default:
			r.fail()
		}
	}
}

func (r *reader) alter() {
	st := r.st
	for {
		switch t := r.cur(); {
		case r.takes("ONLINE"), r.takes("OFFLINE"), r.takes("IGNORE"):
		case t.is("ALGORITHM") && r.ahead(1).isMark("="):
			r.at += 3
		case t.is("DEFINER") && r.ahead(1).isMark("="):
			r.at += 2
			r.definer()
		case r.takes("SQL", "SECURITY"):
			r.advance()
		case r.takes("TABLE"):
			st.Verb = AlterTable
			r.alterTable()
			return
		case r.takes("VIEW"):
			st.Verb = CreateView
			st.OrReplace = true
			st.Tables = []Name{r.table()}
			return
		case r.takes("DATABASE"), r.takes("SCHEMA"):
			st.Verb = AlterSchema
			if !r.cur().is("DEFAULT", "CHARSET", "CHARACTER", "CHAR", "COLLATE", "UPGRADE", "COMMENT", "READ", "ENCRYPTION") {
				st.Schema = r.name()
			}
			r.schemaOptions()
			return
		case r.takes("SEQUENCE"):
			st.Verb = AlterSequence
			st.IfExists = r.ifExists()
			st.Tables = []Name{r.table()}
			return
		default:
			return
		}
	}
}

func (r *reader) drop() {
	st := r.st
	st.Temporary = r.takes("TEMPORARY")
	switch {
	case r.takes("TABLE"), r.takes("TABLES"):
		r.dropList(DropTable)
	case r.takes("VIEW"):
		r.dropList(DropView)
	case r.takes("SEQUENCE"):
		r.dropList(DropSequence)
	case r.takes("DATABASE"), r.takes("SCHEMA"):
		st.Verb = DropSchema
		st.IfExists = r.ifExists()
		st.Schema = r.name()
	case r.takes("ONLINE", "INDEX"), r.takes("OFFLINE", "INDEX"), r.takes("INDEX"):
		st.Verb = AlterTable
		a := Action{Do: DropIndex, If: r.ifExists()}
		a.Name = r.name()
		r.wants("ON")
		st.Tables = []Name{r.table()}
		st.Actions = []Action{a}
		r.onlineOptions()
	}
}

func (r *reader) dropList(v Verb) {
	st := r.st
	st.Verb = v
	st.IfExists = r.ifExists()
	for {
		st.Tables = append(st.Tables, r.table())
		if !r.takesMark(",") {
			break
		}
	}
	r.wait()
	_ = r.takes("RESTRICT") || r.takes("CASCADE")
	r.wait()
}

func (r *reader) rename() {
	st := r.st
	st.Verb = RenameTable
	st.IfExists = r.ifExists()
	for {
		from := r.table()
		r.wait()
		r.wants("TO")
		st.Renames = append(st.Renames, Rename{From: from, To: r.table()})
		if !r.takesMark(",") {
			return
		}
	}
}
