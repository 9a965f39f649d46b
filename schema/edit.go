package schema

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weir-cdc/weir/schema/parse"
)

// An edit is one statement on its way into the definitions: it gathers what changes, and commit alone touches the
// Tracker, so that a statement that cannot be applied leaves no trace.
type edit struct {
	k  *Tracker
	s  Statement
	st *parse.Statement

	next    TableID
	tables  map[Ref]*Table // changed names; nil: gone
	order   []Ref          // of tables, first touch first
	schemas map[string]*text
	source  *Table // that CREATE TABLE ... LIKE reads
	moves   []move
	warning string
}

// A move is one pair of a RENAME TABLE with the table that it moved.
type move struct {
	id       TableID
	from, to Ref
}

func (k *Tracker) edit(s Statement, st *parse.Statement) *edit {
	return &edit{k: k, s: s, st: st, next: k.next, tables: map[Ref]*Table{}, schemas: map[string]*text{}}
}

func (e *edit) ref(n parse.Name) Ref {
	r := Ref{Schema: n.Schema, Name: n.Table}
	if r.Schema == "" {
		r.Schema = e.s.Default
	}
	return e.k.key(r)
}

func (e *edit) schema() string {
	if e.st.Schema == "" {
		return e.k.schemaKey(e.s.Default)
	}
	return e.k.schemaKey(e.st.Schema)
}

func (e *edit) lookup(r Ref) *Table {
	if t, ok := e.tables[r]; ok {
		return t
	}
	return e.k.tables[r]
}

// set puts a definition, or none, under a name.
func (e *edit) set(r Ref, t *Table) {
	if _, ok := e.tables[r]; !ok {
		e.order = append(e.order, r)
	}
	if t != nil {
		t.Schema, t.Name, t.Version = r.Schema, r.Name, e.s.CommitTs
	}
	e.tables[r] = t
}

// add puts a new table under a name: it gets an id of its own.
func (e *edit) add(r Ref, t *Table) {
	e.next++
	t.ID, t.Created = e.next, e.s.CommitTs
	e.set(r, t)
}

// schemaDefault gives the default character set of new tables.
func (e *edit) schemaDefault(schema string) text {
	if cs, ok := e.k.schemas[schema]; ok {
		return cs
	}
	return e.k.serverDefault()
}

func (e *edit) apply() error {
	if e.s.ErrorCode != 0 {
		return e.applyFailed()
	}
	switch e.st.Verb {
	case parse.CreateTable:
		return e.createTable()
	case parse.AlterTable:
		return e.alterTable()
	case parse.DropTable, parse.DropView, parse.DropSequence:
		return e.drop()
	case parse.RenameTable:
		return e.rename()
	case parse.TruncateTable:
		return e.truncate()
	case parse.CreateSchema, parse.AlterSchema:
		return e.setSchema()
	case parse.DropSchema:
		e.dropSchema()
	case parse.CreateView:
		e.createView()
	case parse.CreateSequence:
		e.createSequence()
	}
	return nil
}

// applyFailed applies what a statement that failed on the upstream has done all the same.
func (e *edit) applyFailed() error {
	switch e.st.Verb {
	case parse.CreateTable, parse.CreateView, parse.CreateSequence:
		if !e.st.OrReplace {
			return nil
		}
		return e.drop()
	case parse.DropTable, parse.DropView, parse.DropSequence:
		return e.drop()
	case parse.CreateSchema, parse.AlterSchema, parse.DropSchema:
		return nil
	}
	return fmt.Errorf("it ended with error %d on the upstream", e.s.ErrorCode)
}

func (e *edit) createTable() error {
	st := e.st
	r := e.ref(st.Tables[0])
	if st.IfNotExists && e.lookup(r) != nil {
		return nil
	}
	if st.Like != nil {
		return e.createLike(r)
	}
	if st.Select {
		return errors.New("its columns follow from a query")
	}
	cs, ok := e.k.server.resolve(st.Charset, st.Collate, e.schemaDefault(r.Schema))
	if !ok {
		return fmt.Errorf("character set %q, collation %q is not known", st.Charset, st.Collate)
	}
	if err := e.ownTypes(); err != nil {
		return err
	}
	d := e.k.server.open(&Table{Charset: cs.charset, Collation: cs.collation})
	if err := d.create(st.Actions, st.Engine); err != nil {
		return err
	}
	t, err := d.finish()
	if err != nil {
		return err
	}
	e.add(r, t)
	return nil
}

// ownTypes refuses column definitions under a sql_mode that gives type names another meaning.
func (e *edit) ownTypes() error {
	if e.k.server.MariaDB && e.s.SQLMode&modesWithOwnTypes != 0 {
		return errors.New("its sql_mode is that of another database")
	}
	return nil
}

func (e *edit) createLike(r Ref) error {
	from := e.ref(*e.st.Like)
	source := e.lookup(from)
	if source == nil {
		return fmt.Errorf("the definition of %s is not known", from)
	}
	d := e.k.server.open(source)
	d.table.MaxColumnID = 0
	for _, c := range d.columns {
		c.ID = 0
	}
	d.sorts = true
	t, err := d.finish()
	if err != nil {
		return err
	}
	if e.k.Replicates(source) && from != r {
		e.source = source
	}
	e.add(r, t)
	return nil
}

func (e *edit) alterTable() error {
	st := e.st
	r := e.ref(st.Tables[0])
	old := e.lookup(r)
	switch {
	case old == nil && st.IfExists:
		return nil
	case old == nil:
		return errors.New("the table is not known")
	case old.View || old.Sequence:
		return e.alterRename(r, old)
	case len(st.Actions) == 0:
		return nil // ALTER TABLE t: nothing to do
	case len(old.Columns) == 0:
		return errors.New("the definition is not known")
	}
	if slices.ContainsFunc(st.Actions, func(a parse.Action) bool { return a.Column != nil }) {
		if err := e.ownTypes(); err != nil {
			return err
		}
	}
	if len(st.Actions) == 1 && st.Actions[0].Do == parse.RenameTo {
		return e.alterRename(r, old)
	}
	d := e.k.server.open(old)
	if err := d.alter(st.Actions, e.schemaDefault(r.Schema)); err != nil {
		return err
	}
	t, err := d.finish()
	if err != nil {
		return err
	}
	e.set(r, t)
	for i := range st.Actions {
		e.alterOther(&st.Actions[i], t)
	}
	return e.alterRename(r, t)
}

// alterOther applies an action that touches a second table.
func (e *edit) alterOther(a *parse.Action, t *Table) {
	if a.Table == (parse.Name{}) {
		return
	}
	other := e.ref(a.Table)
	switch a.Do {
	case parse.PartitionToTable:
		c := *t
		c.Columns = slices.Clone(t.Columns)
		e.add(other, &c)
	case parse.TableToPartition:
		e.set(other, nil)
	case parse.ExchangePartition:
		if o := e.lookup(other); o != nil {
			c := *o
			e.set(other, &c)
		}
	}
	replicated := e.k.Replicates(t)
	if o := e.k.Lookup(other); a.Do != parse.PartitionToTable && replicated != (o != nil && e.k.Replicates(o)) ||
		a.Do == parse.PartitionToTable && replicated != e.k.Replicates(e.lookup(other)) {
		e.warning = fmt.Sprintf("rows moved between %s and %s without the stream carrying them, and only one of the two is replicated: "+
			"its copy downstream is no longer complete; replicate both, or copy the table again", t.Ref(), other)
	}
}

// alterRename applies ALTER TABLE's RENAME TO.
func (e *edit) alterRename(r Ref, t *Table) error {
	if e.st.RenamedTo == nil {
		return nil
	}
	to := e.ref(*e.st.RenamedTo)
	if to == r {
		return nil
	}
	if e.lookup(to) != nil {
		return fmt.Errorf("%s exists", to)
	}
	e.move(t, r, to)
	return nil
}

// drop drops what there is. That a name is not known does no harm: the server dropped it.
func (e *edit) drop() error {
	for _, n := range e.st.Tables {
		if r := e.ref(n); e.lookup(r) != nil {
			e.set(r, nil)
		}
	}
	return nil
}

func (e *edit) rename() error {
	for _, p := range e.st.Renames {
		from, to := e.ref(p.From), e.ref(p.To)
		t := e.lookup(from)
		switch {
		case t == nil && e.st.IfExists:
			continue
		case t == nil:
			return fmt.Errorf("%s is not known", from)
		case e.lookup(to) != nil:
			return fmt.Errorf("%s exists", to)
		}
		e.move(t, from, to)
	}
	return nil
}

func (e *edit) move(t *Table, from, to Ref) {
	c := *t
	e.set(from, nil)
	e.set(to, &c)
	e.moves = append(e.moves, move{t.ID, from, to})
}

func (e *edit) truncate() error {
	r := e.ref(e.st.Tables[0])
	old := e.lookup(r)
	if old == nil {
		return errors.New("the table is not known")
	}
	c := *old
	e.add(r, &c)
	return nil
}

func (e *edit) setSchema() error {
	name := e.schema()
	_, exists := e.k.schemas[name]
	inherited := e.k.serverDefault()
	if e.s.ServerCharset != "" && e.s.ServerCollation != "" {
		inherited = text{e.s.ServerCharset, e.s.ServerCollation}
	}
	if e.st.Verb == parse.AlterSchema {
		inherited = e.schemaDefault(name)
	} else if exists && e.st.IfNotExists {
		return nil
	}
	cs, ok := e.k.server.resolve(e.st.Charset, e.st.Collate, inherited)
	if !ok {
		return fmt.Errorf("character set %q, collation %q is not known", e.st.Charset, e.st.Collate)
	}
	if exists && e.st.OrReplace {
		e.dropSchema()
	}
	e.schemas[name] = &cs
	return nil
}

func (e *edit) dropSchema() {
	name := e.schema()
	for r := range e.k.tables {
		if r.Schema == name {
			e.set(r, nil)
		}
	}
	slices.SortFunc(e.order, compareRefs)
	e.schemas[name] = nil
}

func (e *edit) createView() {
	r := e.ref(e.st.Tables[0])
	if old := e.lookup(r); old != nil && !old.View || e.st.IfNotExists && old != nil {
		return
	}
	e.add(r, &Table{View: true})
}

func (e *edit) createSequence() {
	r := e.ref(e.st.Tables[0])
	if e.st.IfNotExists && e.lookup(r) != nil {
		return
	}
	e.add(r, &Table{Sequence: true})
}

// refs gives the tables whose definitions the statement changes, as far as it could be read.
func (e *edit) refs() []Ref {
	var refs []Ref
	add := func(r Ref) {
		if !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	switch e.st.Verb {
	case parse.CreateTable, parse.AlterTable, parse.TruncateTable:
		for _, n := range e.st.Tables {
			add(e.ref(n))
		}
		if e.st.Verb == parse.AlterTable && e.st.RenamedTo != nil {
			add(e.ref(*e.st.RenamedTo))
		}
	case parse.RenameTable:
		for _, p := range e.st.Renames {
			add(e.ref(p.From))
			add(e.ref(p.To))
		}
	}
	return refs
}
