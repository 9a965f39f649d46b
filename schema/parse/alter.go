package parse

// alterTable reads what follows ALTER [ONLINE] [IGNORE] TABLE.
func (r *reader) alterTable() {
	st := r.st
	st.IfExists = r.ifExists()
	st.Tables = []Name{r.table()}
	r.wait()
	for r.cur().class != end && !r.cur().isMark(";") {
		if r.takesMark(",") {
			continue
		}
		r.action()
	}
}

func (r *reader) add(a Action) { r.st.Actions = append(r.st.Actions, a) }

// action reads one action; some give several (ADD with a list).
func (r *reader) action() {
	switch {
	case r.takes("ADD"):
		r.addAction()
	case r.takes("DROP"):
		r.dropAction()
	case r.takes("ALTER"):
		r.alterAction()
	case r.takes("CHANGE"):
		r.takes("COLUMN")
		a := Action{Do: ChangeColumn, If: r.ifExists()}
		a.Name = r.name()
		a.Column = r.columnDefinition()
		a.Position = r.position()
		r.add(a)
	case r.takes("MODIFY"):
		r.takes("COLUMN")
		a := Action{Do: ModifyColumn, If: r.ifExists()}
		a.Column = r.columnDefinition()
		a.Name = a.Column.Name
		a.Position = r.position()
		r.add(a)
	case r.takes("RENAME"):
		r.renameAction()
	case r.sees("CONVERT"):
		r.convertAction()
	case r.sees("PARTITION", "BY"):
		r.partitionBy()
		r.add(Action{})
	case r.takes("REMOVE", "PARTITIONING"), r.takes("FORCE"), r.takes("DISABLE", "KEYS"), r.takes("ENABLE", "KEYS"),
		r.takes("WITH", "VALIDATION"), r.takes("WITHOUT", "VALIDATION"), r.takes("SECONDARY_LOAD"), r.takes("SECONDARY_UNLOAD"),
		r.takes("DISCARD", "TABLESPACE"), r.takes("IMPORT", "TABLESPACE"):
		r.add(Action{})
	case r.takes("ORDER", "BY"):
		r.restOfStatement()
		r.add(Action{})
	case r.takesAny("ALGORITHM", "LOCK"):
		r.takesMark("=")
		r.name()
	case r.wait():
	case r.sees("EXCHANGE", "PARTITION"):
		r.at += 2
		a := Action{Do: ExchangePartition, Name: r.name()}
		r.wants("WITH", "TABLE")
		a.Table = r.table()
		r.add(a)
	case r.takes("TRUNCATE", "PARTITION"):
		r.restOfStatement()
		r.add(Action{Do: TruncatePartition})
	case r.cur().is("COALESCE", "REORGANIZE", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR", "DISCARD", "IMPORT") && r.ahead(1).is("PARTITION"):
		r.restOfStatement()
		r.add(Action{})
	case r.takes("UNION"):
		r.takesMark("=")
		r.parens()
		r.add(Action{})
	default:
		r.alterOption()
	}
}

// alterOption reads a table option among the actions.
func (r *reader) alterOption() {
	st := r.st
	comment := r.sees("COMMENT")
	st.Charset, st.Collate = "", ""
	if !r.option() {
		r.fail()
	}
	// The two options may stand side by side and then belong together.
	for r.sees("DEFAULT", "COLLATE") || r.sees("COLLATE") || st.Collate != "" && (r.sees("DEFAULT") || r.sees("CHARSET") || r.sees("CHARACTER")) {
		if !r.option() {
			r.fail()
		}
	}
	switch {
	case st.Charset != "" || st.Collate != "":
		r.add(Action{Do: TableCharset, Charset: st.Charset, Collate: st.Collate})
	case comment:
		r.add(Action{Do: Comment})
	default:
		r.add(Action{})
	}
	st.Charset, st.Collate = "", ""
}

// restOfStatement passes what no action can follow.
func (r *reader) restOfStatement() {
	for r.cur().class != end && !r.cur().isMark(";") {
		if r.cur().class == illegal {
			r.fail()
		}
		r.at++
	}
}

func (r *reader) position() Position {
	if r.takes("FIRST") {
		return Position{First: true}
	}
	if r.takes("AFTER") {
		return Position{After: r.name()}
	}
	return Position{}
}

func (r *reader) addAction() {
	switch {
	case r.takes("PARTITION"):
		r.restOfStatement()
		r.add(Action{Do: AddPartition})
	case r.takes("SYSTEM", "VERSIONING"):
		r.add(Action{Do: AddVersioning})
	case r.takes("COLUMN"):
		r.addColumns()
	case r.seesIndex():
		r.add(r.indexElement())
	default:
		r.addColumns()
	}
}

func (r *reader) addColumns() {
	exists := r.ifNotExists()
	if !r.takesMark("(") {
		c := r.columnDefinition()
		r.add(Action{Do: AddColumn, If: exists, Column: c, Position: r.position()})
		return
	}
	for {
		a := r.element()
		if a.Do == AddColumn {
			a.If = exists
		}
		r.add(a)
		if r.takesMark(")") {
			return
		}
		r.wantsMark(",")
	}
}

func (r *reader) dropAction() {
	named := func(do Do) {
		a := Action{Do: do, If: r.ifExists()}
		a.Name = r.name()
		_ = r.takes("RESTRICT") || r.takes("CASCADE")
		r.add(a)
	}
	switch {
	case r.takes("PRIMARY", "KEY"):
		r.add(Action{Do: DropPrimary})
	case r.takes("FOREIGN", "KEY"):
		named(DropForeignKey)
	case r.takes("PARTITION"):
		r.restOfStatement()
		r.add(Action{Do: DropPartition})
	case r.takes("SYSTEM", "VERSIONING"):
		r.add(Action{Do: DropVersioning})
	case r.takes("PERIOD", "FOR"):
		r.ifExists()
		r.name()
		r.add(Action{})
	case r.sees("CHECK") && (r.ahead(1).class == word || r.ahead(1).class == quoted):
		r.at++
		r.ifExists()
		r.name()
		r.add(Action{})
	case r.takes("INDEX"), r.takes("KEY"):
		named(DropIndex)
	case r.takes("CONSTRAINT"):
		named(DropConstraint)
	default:
		r.takes("COLUMN")
		named(DropColumn)
	}
}

func (r *reader) alterAction() {
	switch {
	case r.cur().is("INDEX", "KEY", "CHECK", "CONSTRAINT") && (r.ahead(1).class == word || r.ahead(1).class == quoted) && !r.ahead(1).is("SET", "DROP"):
		r.at++
		r.ifExists()
		r.name()
		if !(r.takes("NOT", "ENFORCED") || r.takes("NOT", "IGNORED") || r.takesAny("VISIBLE", "INVISIBLE", "IGNORED", "ENFORCED")) {
			r.fail()
		}
		r.add(Action{})
		return
	}
	r.takes("COLUMN")
	a := Action{If: r.ifExists(), Name: r.name()}
	switch {
	case r.takes("SET", "DEFAULT"):
		a.Do, a.Default = SetDefault, r.defaultValue()
	case r.takes("DROP", "DEFAULT"):
		a.Do = SetDefault
	case r.takes("SET", "VISIBLE"):
		a.Do = SetVisible
	case r.takes("SET", "INVISIBLE"):
		a.Do, a.Invisible = SetVisible, true
	default:
		r.fail()
	}
	r.add(a)
}

func (r *reader) renameAction() {
	if r.cur().is("COLUMN", "INDEX", "KEY") && (r.ahead(1).class == word || r.ahead(1).class == quoted) {
		a := Action{Do: RenameColumn}
		if !r.takes("COLUMN") {
			r.at++
			a.Do = RenameIndex
		}
		a.If = r.ifExists()
		a.Name = r.name()
		r.wants("TO")
		a.To = r.name()
		r.add(a)
		return
	}
	_ = r.takes("TO") || r.takes("AS") || r.takesMark("=")
	n := r.table()
	r.st.RenamedTo = &n
	r.add(Action{Do: RenameTo, Table: n})
}

func (r *reader) convertAction() {
	r.wants("CONVERT")
	switch {
	case r.takes("PARTITION"):
		a := Action{Do: PartitionToTable, Name: r.name()}
		r.wants("TO", "TABLE")
		a.Table = r.table()
		r.add(a)
		_ = r.takes("WITH", "VALIDATION") || r.takes("WITHOUT", "VALIDATION")
	case r.takes("TABLE"):
		r.add(Action{Do: TableToPartition, Table: r.table()})
		r.restOfStatement()
	default:
		r.wants("TO")
		if !r.takesCharset() {
			r.fail()
		}
		a := Action{Do: Convert, Charset: r.charset()}
		if r.takes("COLLATE") {
			a.Collate = r.charset()
		}
		r.add(a)
	}
}
