package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/schema/parse"
)

// wantedKeys gives the keys that the actions ask for, those of columns' attributes too, in the order written. The server
// tests IF NOT EXISTS on the keys as they were, whatever else the statement does, and on the keys written before; a
// column's IF NOT EXISTS holds for its keys too, but apart from it: there may be the column, but no such key.
func (d *draft) wantedKeys(actions []parse.Action) ([]parse.Action, error) {
	var keys []parse.Action
	for i := range actions {
		switch a := &actions[i]; a.Do {
		case parse.AddColumn, parse.ModifyColumn, parse.ChangeColumn:
			keys = append(keys, d.columnKeys(a)...)
		case parse.AddIndex, parse.AddForeignKey:
			keys = append(keys, *a)
		}
	}
	wanted := keys[:0:0]
	for i, k := range keys {
		if k.If && k.Do == parse.AddForeignKey {
			return nil, errors.New("which foreign keys exist is not known")
		}
		same := func(o parse.Action) bool {
			return o.Do == k.Do && o.Index.Primary == k.Index.Primary && o.Index.Unique == k.Index.Unique && strings.EqualFold(keyName(o.Index), keyName(k.Index))
		}
		if k.If && (d.index(keyName(k.Index)) != nil || slices.ContainsFunc(keys[:i], same)) {
			continue
		}
		wanted = append(wanted, k)
	}
	return wanted, nil
}

// keyName gives the name by which IF NOT EXISTS looks for a key: that of its first column if it has none.
func keyName(ix *parse.Index) string {
	switch {
	case ix.Primary:
		return "PRIMARY"
	case ix.Name == "" && len(ix.Parts) > 0:
		return ix.Parts[0].Column
	}
	return ix.Name
}

// columnKeys gives the keys that a column's attributes ask for.
func (d *draft) columnKeys(a *parse.Action) []parse.Action {
	var keys []parse.Action
	add := func(do parse.Do, ix parse.Index) {
		ix.Parts = []parse.Part{{Column: a.Column.Name}}
		keys = append(keys, parse.Action{Do: do, If: a.If && a.Do == parse.AddColumn, Index: &ix})
	}
	if a.Column.PrimaryKey {
		add(parse.AddIndex, parse.Index{Primary: true, Unique: true})
	}
	if a.Column.Unique && !(a.Column.PrimaryKey && d.server.MariaDB) {
		add(parse.AddIndex, parse.Index{Unique: true})
	}
	if a.Column.References && d.server.MariaDB {
		add(parse.AddForeignKey, parse.Index{})
	}
	return keys
}

// dropKeys drops and renames indexes and keys, all by the names that they had.
func (d *draft) dropKeys(actions []parse.Action) error {
	old := make(map[string]*draftIndex, len(d.indexes))
	for _, x := range d.indexes {
		old[strings.ToLower(x.Name)] = x
	}
	for i := range actions {
		a := &actions[i]
		name := a.Name
		switch a.Do {
		case parse.DropPrimary:
			name = "PRIMARY"
		case parse.DropIndex, parse.DropConstraint, parse.RenameIndex:
		default:
			continue
		}
		x := old[strings.ToLower(name)]
		switch {
		case a.Do == parse.DropConstraint:
			// A constraint may be a check or a foreign key, which no definition holds.
			if x != nil && x.Unique {
				d.dropIndex(x)
			}
		case x == nil && a.If:
		case x == nil:
			return fmt.Errorf("index %s does not exist", name)
		case a.Do == parse.RenameIndex:
			x.Name = a.To
		default:
			d.dropIndex(x)
		}
	}
	return nil
}

// rowKey gives the key that the server takes for the primary key, nil if there is none.
func (d *draft) rowKey() *draftIndex {
	for _, x := range d.indexes {
		nullable := slices.ContainsFunc(x.columns, func(c *Column) bool { return c.Nullable })
		if x.Primary || x.Unique && !x.Partial && !x.Hash && !x.Expression && !nullable {
			return x
		}
	}
	return nil
}

// takeName notes that a column of an index gives its name up.
func (d *draft) takeName(c *Column) {
	if slices.ContainsFunc(d.indexes, func(x *draftIndex) bool { return slices.Contains(x.columns, c) }) {
		d.given[strings.ToLower(c.Name)] = c
	}
}

// checkTaken refuses new columns that take the name of a column of an index: the server then puts them into the index.
// Where the column has only got another name and stands before the new one, the server finds it first.
func (d *draft) checkTaken() error {
	for i, c := range d.columns {
		o := d.given[strings.ToLower(c.Name)]
		if c.ID == 0 && o != nil && !slices.Contains(d.columns[:i], o) {
			return fmt.Errorf("column %s takes the name of an index's column", c.Name)
		}
	}
	return nil
}

// changeWhole applies what concerns the table as a whole.
func (d *draft) changeWhole(actions []parse.Action) error {
	for i := range actions {
		switch a := &actions[i]; a.Do {
		case parse.AddPeriod:
			if err := d.addPeriod(a); err != nil {
				return err
			}
		case parse.AddVersioning:
			d.table.SystemVersioned = true
		case parse.DropVersioning:
			d.table.SystemVersioned = false
		}
	}
	return nil
}

// addKeys adds new keys. MariaDB puts all keys into its order again when it does so, and when the row key loses a column
// or admits NULL, but else leaves them where they are.
func (d *draft) addKeys(keys []parse.Action) error {
	for i := range keys {
		a := &keys[i]
		x, err := d.keyOf(a.Index)
		if err != nil {
			return err
		}
		if x.foreign = a.Do == parse.AddForeignKey; x.foreign && d.index(x.Name) != nil {
			x.Name = ""
		}
		if err := d.addIndex(x); err != nil {
			return err
		}
		d.sorts = true
	}
	return nil
}

func (d *draft) addPeriod(a *parse.Action) error {
	if strings.EqualFold(a.Name, "SYSTEM_TIME") {
		return nil
	}
	var ends [2]*Column
	for i, part := range a.Index.Parts {
		if ends[i] = d.column(part.Column); ends[i] == nil {
			return fmt.Errorf("column %s of period %s does not exist", part.Column, a.Name)
		}
		ends[i].Nullable = false
	}
	d.periods[strings.ToLower(a.Name)] = ends
	return nil
}

// keyOf resolves an index as written.
func (d *draft) keyOf(ix *parse.Index) (*draftIndex, error) {
	x := &draftIndex{Index: Index{Name: ix.Name, Primary: ix.Primary, Unique: ix.Unique}, special: ix.Special}
	for _, part := range ix.Parts {
		if part.Column == "" {
			x.Expression = true
			continue
		}
		c := d.column(part.Column)
		if c == nil {
			return nil, fmt.Errorf("column %s of index %s does not exist", part.Column, ix.Name)
		}
		length := part.Length
		if length > 0 && (c.Type == Char || c.Type == VarChar || c.Type == Binary || c.Type == VarBinary) && length >= c.Length {
			length = 0 // the prefix is the whole
		}
		x.Partial = x.Partial || length > 0 && x.Unique
		x.columns = append(x.columns, c)
		x.lengths = append(x.lengths, length)
	}
	if ix.Overlap != "" {
		ends, ok := d.periods[strings.ToLower(ix.Overlap)]
		if !ok {
			return nil, fmt.Errorf("period %s of index %s is not known", ix.Overlap, ix.Name)
		}
		x.columns = append(x.columns, ends[1], ends[0])
	}
	x.hashed = ix.Hash && ix.Unique && !ix.Primary && d.server.MariaDB && !x.Partial
	return x, nil
}
