package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/schema/parse"
)

// commit moves the Tracker on and says what that means for replicated tables.
func (e *edit) commit() *DDL {
	changes := e.changes()
	d := e.ddl(changes)
	e.k.next = e.next
	for r, t := range e.tables {
		e.k.touch(r)
		if t == nil {
			delete(e.k.tables, r)
			continue
		}
		e.k.tables[r] = t
		if _, ok := e.k.schemas[r.Schema]; !ok {
			e.k.schemas[r.Schema] = e.k.serverDefault()
			e.k.touch(Ref{Schema: r.Schema})
		}
	}
	for name, cs := range e.schemas {
		e.k.touch(Ref{Schema: name})
		if cs == nil {
			delete(e.k.schemas, name)
			continue
		}
		e.k.schemas[name] = *cs
	}
	return d
}

// changes pairs what tables were with what they become, by id, replicated or not. What is dropped and made anew under
// one name is one change.
func (e *edit) changes() []Change {
	var changes []Change
	at := map[TableID]int{}
	find := func(id TableID) *Change {
		i, ok := at[id]
		if !ok {
			i = len(changes)
			at[id] = i
			changes = append(changes, Change{})
		}
		return &changes[i]
	}
	for _, r := range e.order {
		if t := e.k.tables[r]; t != nil {
			find(t.ID).Before = t
		}
		if t := e.tables[r]; t != nil {
			find(t.ID).After = t
		}
	}
	return slices.DeleteFunc(changes, func(c Change) bool { return c.Before == nil && c.After == nil })
}

// selected leaves of a change what is replicated.
func (e *edit) selected(changes []Change) []Change {
	var kept []Change
	for _, c := range changes {
		if !e.k.Replicates(c.Before) {
			c.Before = nil
		}
		if !e.k.Replicates(c.After) {
			c.After = nil
		}
		if c.Before == nil && c.After == nil {
			continue
		}
		kept = append(kept, c)
	}
	return join(kept)
}

// join makes one change of a drop and an addition under the same name.
func join(changes []Change) []Change {
	dropped := map[Ref]int{}
	for i, c := range changes {
		if c.Before != nil && c.After == nil {
			dropped[c.Before.Ref()] = i
		}
	}
	gone := map[int]bool{}
	for i := range changes {
		c := &changes[i]
		if c.Before != nil || c.After == nil {
			continue
		}
		if j, ok := dropped[c.After.Ref()]; ok {
			c.Before = changes[j].Before
			gone[j] = true
		}
	}
	kept := changes[:0:0]
	for i, c := range changes {
		if !gone[i] {
			kept = append(kept, c)
		}
	}
	return kept
}

// ddl makes the DDL, nil if it concerns nothing that is replicated.
func (e *edit) ddl(all []Change) *DDL {
	d := &DDL{CommitTs: e.s.CommitTs, Kind: e.kind(), Query: e.query(), Schema: e.s.Default, Warning: e.warning}
	d.Changes = e.selected(all)
	switch e.st.Verb {
	case parse.CreateSchema, parse.AlterSchema, parse.DropSchema:
		return e.schemaDDL(d)
	case parse.CreateView, parse.DropView:
		return e.viewDDL(d, all)
	}
	if len(d.Changes) == 0 {
		return nil
	}
	d.Influence = Trigger
	if e.source != nil {
		d.Changes = append([]Change{{Before: e.source, After: e.source}}, d.Changes...)
	}
	if slices.ContainsFunc(d.Changes, func(c Change) bool { return c.Before != nil }) {
		d.Influence = Normal
		d.Blocks = len(d.Changes) > 1 || d.NeedsTrigger()
	}
	e.rewrite(d, all)
	return d
}

func (e *edit) schemaDDL(d *DDL) *DDL {
	d.Database = e.schema()
	_, known := e.k.schemas[d.Database]
	touched := len(e.schemas) > 0 && (known || e.st.Verb != parse.DropSchema)
	if !e.k.selects.MatchSchema(d.Database) || !touched {
		return nil
	}
	d.Influence, d.Blocks = DatabaseWide, true
	if e.st.Verb == parse.CreateSchema && !known {
		d.Influence, d.Blocks = Trigger, false
	}
	return d
}

func (e *edit) viewDDL(d *DDL, all []Change) *DDL {
	view := func(t *Table) bool { return t != nil && t.View && e.k.selects.Match(t.Schema, t.Name) }
	if !slices.ContainsFunc(all, func(c Change) bool { return view(c.Before) || view(c.After) }) {
		return nil
	}
	d.Changes = nil
	if e.st.Verb == parse.CreateView {
		d.Influence, d.Blocks = All, true
	}
	return d
}

// kind says what the statement does in one word: for several actions, the first that a reader of definitions minds.
func (e *edit) kind() Kind {
	switch e.st.Verb {
	case parse.CreateSchema:
		return CreateSchema
	case parse.AlterSchema:
		return SchemaCharset
	case parse.DropSchema:
		return DropSchema
	case parse.CreateTable, parse.CreateSequence:
		if e.s.ErrorCode != 0 {
			return DropTable
		}
		return CreateTable
	case parse.DropTable, parse.DropSequence:
		return DropTable
	case parse.RenameTable:
		return RenameTable
	case parse.TruncateTable:
		return TruncateTable
	case parse.CreateView:
		return CreateView
	case parse.DropView:
		return DropView
	}
	best := ModifyColumn
	rank := 3
	for i := range e.st.Actions {
		if k, r := kindOf(&e.st.Actions[i]); r < rank {
			best, rank = k, r
		}
	}
	return best
}

// kindOf gives an action's kind, and its rank: 0 for columns and names, 1 for keys and partitions, 2 for the rest.
func kindOf(a *parse.Action) (Kind, int) {
	switch a.Do {
	case parse.AddColumn:
		return AddColumn, 0
	case parse.DropColumn:
		return DropColumn, 0
	case parse.ModifyColumn, parse.ChangeColumn, parse.RenameColumn, parse.AddVersioning, parse.DropVersioning:
		return ModifyColumn, 0
	case parse.RenameTo:
		return RenameTable, 0
	case parse.AddIndex:
		if a.Index.Primary {
			return AddPrimaryKey, 1
		}
		return AddIndex, 1
	case parse.DropPrimary:
		return DropPrimaryKey, 1
	case parse.DropIndex, parse.DropConstraint:
		return DropIndex, 1
	case parse.RenameIndex:
		return RenameIndex, 1
	case parse.AddForeignKey:
		return AddForeignKey, 1
	case parse.DropForeignKey:
		return DropForeignKey, 1
	case parse.AddPartition, parse.TableToPartition:
		return AddPartition, 1
	case parse.DropPartition, parse.PartitionToTable:
		return DropPartition, 1
	case parse.TruncatePartition:
		return TruncatePartition, 1
	case parse.ExchangePartition:
		return ExchangePartition, 1
	case parse.Convert, parse.TableCharset:
		return TableCharset, 1
	case parse.SetDefault:
		return SetDefault, 2
	case parse.Comment:
		return TableComment, 2
	}
	return ModifyColumn, 3
}

// query gives the statement with empty strings where it may hold credentials.
func (e *edit) query() string {
	q, shift := e.s.Query, 0
	for _, place := range e.st.Secrets {
		from, to := place[0]+shift, place[1]+shift
		q = q[:from] + "''" + q[to:]
		shift += 2 - (to - from)
	}
	return q
}

// rewrite replaces the query of a statement that names tables which are not replicated: downstream they do not exist.
func (e *edit) rewrite(d *DDL, all []Change) {
	whole := e.source != nil || e.st.Like == nil || e.st.Verb != parse.CreateTable || e.k.Replicates(e.lookup(e.ref(*e.st.Like)))
	for _, c := range all {
		if c.Before != nil && c.Before.HasRows() && !e.k.Replicates(c.Before) || c.After != nil && c.After.HasRows() && !e.k.Replicates(c.After) {
			whole = false
		}
	}
	if e.st.Verb == parse.DropTable && !e.st.IfExists && len(all) < len(e.st.Tables) || e.s.ErrorCode != 0 {
		whole = false // the upstream had none of some name
	}
	if whole {
		return
	}
	if e.warning != "" {
		d.Query = "ALTER TABLE " + d.Changes[0].name().quoted() // does nothing
		return
	}
	var drops, adds []string
	inside := map[TableID]bool{}
	for _, c := range d.Changes {
		if c.After != nil && c.Before != nil && c.Before.ID == c.After.ID {
			inside[c.Before.ID] = true
			continue
		}
		if c.Before != nil {
			drops = append(drops, c.Before.Ref().quoted())
		}
		if c.After != nil {
			adds = append(adds, c.After.CreateStatement())
			e.cameIn(d, c.After)
		}
	}
	var parts []string
	if len(drops) > 0 {
		parts = append(parts, "DROP TABLE IF EXISTS "+strings.Join(drops, ", "))
	}
	if moves := e.movesOf(inside); len(moves) > 0 {
		parts = append(parts, "RENAME TABLE "+strings.Join(moves, ", "))
	}
	d.Query = strings.Join(append(parts, adds...), ";\n")
}

// cameIn warns of a table that a rename brought into the selection with the rows that it has.
func (e *edit) cameIn(d *DDL, t *Table) {
	if len(e.moves) > 0 {
		d.Warning = fmt.Sprintf("%s got its name from a table that is not replicated: the rows that it held before are not downstream; "+
			"replicate that table too, as online schema change needs, or copy it", t.Ref())
	}
}

func (e *edit) movesOf(inside map[TableID]bool) []string {
	var moves []string
	for _, m := range e.moves {
		if inside[m.id] {
			moves = append(moves, m.from.quoted()+" TO "+m.to.quoted())
		}
	}
	return moves
}

func (c Change) name() Ref {
	if c.After != nil {
		return c.After.Ref()
	}
	return c.Before.Ref()
}
