package parse

// sees an index definition?
func (r *reader) seesIndex() bool {
	t := r.cur()
	switch {
	case t.is("PRIMARY"):
		return r.ahead(1).is("KEY")
	case t.is("UNIQUE", "INDEX", "KEY", "FOREIGN", "CONSTRAINT", "CHECK"):
		return true
	case t.is("FULLTEXT", "SPATIAL", "VECTOR"):
		n := r.ahead(1)
		return n.is("INDEX", "KEY") || n.isMark("(") || n.class == quoted || n.class == word && !types[n.upper] && synonyms[n.upper] == ""
	case t.is("PERIOD"):
		return r.ahead(1).is("FOR")
	}
	return false
}

// indexElement reads an index, a constraint or a period.
func (r *reader) indexElement() Action {
	symbol := ""
	if r.takes("CONSTRAINT") {
		// MariaDB lets a condition stand behind the word.
		r.ifNotExists()
		if !r.cur().is("PRIMARY", "UNIQUE", "FOREIGN", "CHECK") || r.ahead(1).is("PRIMARY", "UNIQUE", "FOREIGN", "CHECK") {
			symbol = r.name()
		}
	}
	switch {
	case r.takes("PRIMARY", "KEY"):
		ix := &Index{Name: "PRIMARY", Primary: true, Unique: true}
		a := Action{Do: AddIndex, Index: ix, If: r.ifNotExists()}
		if r.isName() && !r.sees("USING") && !r.sees("TYPE") {
			r.name()
		}
		r.indexBody(ix)
		return a
	case r.takes("UNIQUE"):
		_ = r.takes("INDEX") || r.takes("KEY")
		return r.namedIndex(&Index{Name: symbol, Unique: true})
	case r.takesAny("FULLTEXT", "SPATIAL", "VECTOR"):
		_ = r.takes("INDEX") || r.takes("KEY")
		return r.namedIndex(&Index{Special: true})
	case r.takesAny("INDEX", "KEY"):
		return r.namedIndex(&Index{})
	case r.takes("FOREIGN", "KEY"):
		ix := &Index{Name: symbol}
		a := Action{Do: AddForeignKey, Index: ix, If: r.ifNotExists(), Name: symbol}
		if r.isName() {
			name := r.name()
			if symbol == "" {
				ix.Name = name
			}
		}
		r.parts(ix)
		r.wants("REFERENCES")
		r.references()
		return a
	case r.sees("CHECK"):
		r.check()
		return Action{}
	case r.takes("PERIOD", "FOR"):
		a := Action{Do: AddPeriod, If: r.ifNotExists(), Name: r.name()}
		r.wantsMark("(")
		from := r.name()
		r.wantsMark(",")
		a.Index = &Index{Parts: []Part{{Column: from}, {Column: r.name()}}}
		r.wantsMark(")")
		return a
	}
	r.fail()
	return Action{}
}

// namedIndex reads [IF NOT EXISTS] [name] [USING x] (parts) options.
func (r *reader) namedIndex(ix *Index) Action {
	a := Action{Do: AddIndex, Index: ix, If: r.ifNotExists()}
	if r.isName() && !(r.cur().is("USING", "TYPE") && r.ahead(1).is("BTREE", "HASH", "RTREE")) {
		ix.Name = r.name()
	}
	r.indexBody(ix)
	return a
}

func (r *reader) indexBody(ix *Index) {
	r.using(ix)
	r.parts(ix)
	r.indexOptions(ix)
}

func (r *reader) using(ix *Index) bool {
	if r.cur().is("USING", "TYPE") && r.ahead(1).is("BTREE", "HASH", "RTREE") {
		ix.Hash = r.ahead(1).is("HASH")
		r.at += 2
		return true
	}
	return false
}

func (r *reader) parts(ix *Index) {
	r.wantsMark("(")
	for {
		switch {
		case r.cur().isMark("("):
			r.parens()
			ix.Parts = append(ix.Parts, Part{})
			_ = r.takes("ASC") || r.takes("DESC")
		default:
			name := r.name()
			if r.takes("WITHOUT", "OVERLAPS") {
				ix.Overlap = name
				break
			}
			p := Part{Column: name}
			if r.takesMark("(") {
				p.Length = r.integer()
				r.wantsMark(")")
			}
			_ = r.takes("ASC") || r.takes("DESC")
			ix.Parts = append(ix.Parts, p)
		}
		if r.takesMark(")") {
			return
		}
		r.wantsMark(",")
	}
}

func (r *reader) indexOptions(ix *Index) {
	for {
		switch {
		case r.using(ix):
		case r.takes("KEY_BLOCK_SIZE"), r.takes("ENGINE_ATTRIBUTE"), r.takes("SECONDARY_ENGINE_ATTRIBUTE"):
			r.takesMark("=")
			r.advance()
		case r.takes("COMMENT"):
			r.takesMark("=")
			r.text()
		case r.takes("WITH", "PARSER"):
			r.name()
		case r.takes("VISIBLE"), r.takes("INVISIBLE"), r.takes("IGNORED"), r.takes("NOT", "IGNORED"):
		case r.takes("CLUSTERING"):
			r.takesMark("=")
			r.name()
		case r.cur().class == word && r.ahead(1).isMark("=") && !r.cur().is("ALGORITHM", "LOCK"):
			r.at += 2
			r.advance()
		default:
			return
		}
	}
}
