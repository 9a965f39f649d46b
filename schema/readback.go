package schema

import (
	"slices"
	"strings"

	"github.com/weir-cdc/weir/schema/parse"
)

// takeRead applies a statement by the definitions that were read back for it. A name without one has none in the upstream
// by now: then an older definition stays, or an empty one that the stream's own description must fill.
func (e *edit) takeRead(read map[Ref]*Table) {
	switch e.st.Verb {
	case parse.CreateTable, parse.TruncateTable:
		r := e.ref(e.st.Tables[0])
		if e.st.IfNotExists && e.lookup(r) != nil {
			return
		}
		e.add(r, e.unsure(r, read[r]))
	case parse.AlterTable:
		e.alterRead(read)
	case parse.RenameTable:
		e.renameRead(read)
	}
}

// unsure gives a new table as it was read, or an empty definition.
func (e *edit) unsure(r Ref, read *Table) *Table {
	t := &Table{}
	if read != nil {
		*t = *read
	} else {
		cs := e.schemaDefault(r.Schema)
		t.Charset, t.Collation = cs.charset, cs.collation
	}
	t.Unsure, t.MaxColumnID = true, 0
	numberColumns(t)
	return t
}

func (e *edit) alterRead(read map[Ref]*Table) {
	from := e.ref(e.st.Tables[0])
	to := from
	if e.st.RenamedTo != nil {
		to = e.ref(*e.st.RenamedTo)
	}
	old, now := e.lookup(from), read[to]
	if old == nil {
		if now != nil || e.lookup(to) == nil {
			e.add(to, e.unsure(to, now))
		}
		return
	}
	t := &Table{}
	*t = *old
	if now != nil {
		*t = *now
		t.ID = old.ID
		keepColumnIDs(t, old)
	}
	t.Unsure = true
	if to == from {
		e.set(to, t)
		return
	}
	e.move(t, from, to)
}

// renameRead renames where a table was not known, or one stood in the way that the server did not have.
func (e *edit) renameRead(read map[Ref]*Table) {
	for _, p := range e.st.Renames {
		from, to := e.ref(p.From), e.ref(p.To)
		t := e.lookup(from)
		if t == nil {
			e.add(from, e.unsure(from, nil))
			t = e.lookup(from)
		}
		e.move(t, from, to)
	}
	for _, r := range e.order {
		if t := e.tables[r]; t != nil && t.HasRows() && len(t.Columns) == 0 && read[r] != nil {
			id := t.ID
			t = e.unsure(r, read[r])
			t.ID = id
			e.set(r, t)
		}
	}
}

// keepColumnIDs gives the columns of a definition the ids that columns of their names had.
func keepColumnIDs(t, old *Table) {
	ids := make(map[string]int64, len(old.Columns))
	for i := range old.Columns {
		ids[strings.ToLower(old.Columns[i].Name)] = old.Columns[i].ID
	}
	t.MaxColumnID = old.MaxColumnID
	t.Columns = slices.Clone(t.Columns)
	hidden := int64(0)
	for i := range t.Columns {
		c := &t.Columns[i]
		switch id := ids[strings.ToLower(c.Name)]; {
		case c.Hidden:
			hidden--
			c.ID = hidden
		case id > 0:
			c.ID = id
		default:
			t.MaxColumnID++
			c.ID = t.MaxColumnID
		}
	}
}
