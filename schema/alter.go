package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/schema/parse"
)

// create fills an empty draft with the elements of CREATE TABLE.
func (d *draft) create(elements []parse.Action, engine string) error {
	if err := d.addColumns(elements, nil); err != nil {
		return err
	}
	if err := d.addKeys(elements); err != nil {
		return err
	}
	if engine == "MEMORY" || engine == "HEAP" { // its own indexes are hashes
		for _, x := range d.indexes {
			x.hashed = false
		}
	}
	return nil
}

// alter applies the actions of ALTER TABLE as the server orders them: first what concerns old columns and keys, under
// their old names; then new columns and places, as written; then new keys.
func (d *draft) alter(actions []parse.Action, schemaDefault text) error {
	if has(actions, parse.Convert) && has(actions, parse.TableCharset) {
		return errors.New("it sets the character set twice")
	}
	for i := range actions {
		if err := d.alterCharset(&actions[i], schemaDefault); err != nil {
			return err
		}
	}
	moved, err := d.changeOld(actions)
	if err != nil {
		return err
	}
	if err := d.addColumns(actions, moved); err != nil {
		return err
	}
	return d.addKeys(actions)
}

func has(actions []parse.Action, do parse.Do) bool {
	return slices.ContainsFunc(actions, func(a parse.Action) bool { return a.Do == do })
}

// define makes a column for this table.
func (d *draft) define(def *parse.Column) (*Column, error) {
	if d.converts && def.Type.Charset != "binary" && !def.Type.Binary {
		converted := *def
		converted.Type.Charset, converted.Type.Collate, converted.Type.JSON, converted.Type.National = "", "", false, false
		def = &converted
	}
	return d.server.define(def, d.inherited())
}

func (d *draft) alterCharset(a *parse.Action, schemaDefault text) error {
	if a.Do != parse.TableCharset && a.Do != parse.Convert {
		return nil
	}
	inherited := d.inherited()
	if a.Charset == "default" {
		inherited = schemaDefault
	}
	cs, ok := d.server.resolve(a.Charset, a.Collate, inherited)
	if !ok {
		return fmt.Errorf("character set %q, collation %q is not known", a.Charset, a.Collate)
	}
	d.table.Charset, d.table.Collation = cs.charset, cs.collation
	if a.Do == parse.Convert {
		d.converts = true
		for _, c := range d.columns {
			d.server.convert(c, cs)
		}
	}
	return nil
}

// convert changes a column's character set as CONVERT TO does. A TEXT that may then outgrow its type takes the next.
func (v *Server) convert(c *Column, cs text) {
	if !isText(c.Type) || v.MariaDB && c.Charset == "binary" {
		return
	}
	before, after := charsets[c.Charset].maxLen, charsets[cs.charset].maxLen
	c.Charset, c.Collation = cs.charset, cs.collation
	name := strings.ToUpper(c.TypeName)
	switch {
	case cs.charset == "binary":
		if name = parse.Bytes(name); name == "" {
			return
		}
	case c.Type == VarChar && c.Length*after > maxVarcharBytes:
		name, c.Length = family("TEXT", c.Length*after), -1
	case limit(c.Type) > 0 && after > before:
		name = family("TEXT", limit(c.Type)/before*after)
	}
	c.Type, c.TypeName = typeByName[name], strings.ToLower(name)
}

// changeOld applies what names columns and keys that existed before. It returns the columns that are to move, by the
// place of their action.
func (d *draft) changeOld(actions []parse.Action) (moved map[int]*Column, err error) {
	old := make(map[string]*Column, len(d.columns))
	for _, c := range d.columns {
		old[strings.ToLower(c.Name)] = c
	}
	if err := d.dropKeys(actions); err != nil {
		return nil, err
	}
	moved = map[int]*Column{}
	for i := range actions {
		a := &actions[i]
		switch a.Do {
		case parse.DropColumn, parse.ModifyColumn, parse.ChangeColumn, parse.RenameColumn, parse.SetDefault, parse.SetVisible:
		default:
			continue
		}
		c := old[strings.ToLower(a.Name)]
		switch {
		case c != nil:
		case a.If:
			continue
		default:
			return nil, fmt.Errorf("column %s does not exist", a.Name)
		}
		if err := d.changeColumn(c, a); err != nil {
			return nil, err
		}
		if a.Position != (parse.Position{}) {
			moved[i] = c
		}
	}
	return moved, nil
}

func (d *draft) changeColumn(c *Column, a *parse.Action) error {
	switch a.Do {
	case parse.DropColumn:
		d.dropColumn(c)
	case parse.RenameColumn:
		c.Name = a.To
	case parse.SetDefault:
		c.Default = defaultValue(c, a.Default)
	case parse.SetVisible:
		c.Invisible = a.Invisible
	default:
		n, err := d.define(a.Column)
		if err != nil {
			return err
		}
		n.ID = c.ID
		*c = *n
	}
	return nil
}

// dropKeys drops indexes and keys.
func (d *draft) dropKeys(actions []parse.Action) error {
	for i := range actions {
		a := &actions[i]
		name := a.Name
		switch a.Do {
		case parse.DropPrimary:
			name = "PRIMARY"
		case parse.DropIndex:
		case parse.DropConstraint:
			// A constraint may be a check or a foreign key, which no definition holds.
			if x := d.index(name); x != nil && x.Unique {
				d.dropIndex(x)
			}
			continue
		case parse.RenameIndex:
			if x := d.index(name); x != nil {
				x.Name = a.To
			} else if !a.If {
				return fmt.Errorf("index %s does not exist", name)
			}
			continue
		default:
			continue
		}
		x := d.index(name)
		if x == nil && !a.If {
			return fmt.Errorf("index %s does not exist", name)
		}
		if x != nil {
			d.dropIndex(x)
		}
	}
	return nil
}

// addColumns puts new and moved columns at their places, in the order written.
func (d *draft) addColumns(actions []parse.Action, moved map[int]*Column) error {
	for i := range actions {
		a := &actions[i]
		c := moved[i]
		switch {
		case c != nil:
			d.columns = slices.DeleteFunc(d.columns, func(o *Column) bool { return o == c })
		case a.Do != parse.AddColumn:
			continue
		case a.If && d.column(a.Column.Name) != nil:
			continue
		default:
			var err error
			if c, err = d.define(a.Column); err != nil {
				return err
			}
			d.table.SystemVersioned = d.table.SystemVersioned || a.Column.Versioned
		}
		if err := d.place(c, a.Position); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) place(c *Column, at parse.Position) error {
	i := len(d.columns)
	switch {
	case at.First:
		i = 0
	case at.After != "":
		i = slices.IndexFunc(d.columns, func(o *Column) bool { return strings.EqualFold(o.Name, at.After) }) + 1
		if i == 0 {
			return fmt.Errorf("column %s, behind which %s goes, does not exist", at.After, c.Name)
		}
	}
	d.columns = slices.Insert(d.columns, i, c)
	return nil
}

// addKeys applies what concerns the table as a whole, then adds keys, those of columns' attributes too, in the order
// written.
func (d *draft) addKeys(actions []parse.Action) error {
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
	for i := range actions {
		var err error
		switch a := &actions[i]; a.Do {
		case parse.AddColumn, parse.ModifyColumn, parse.ChangeColumn:
			err = d.addColumnKeys(a)
		case parse.AddIndex, parse.AddForeignKey:
			err = d.addKey(a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) addKey(a *parse.Action) error {
	if a.If && a.Index.Name != "" && d.index(a.Index.Name) != nil {
		return nil
	}
	x, err := d.keyOf(a.Index)
	if err != nil {
		return err
	}
	if x.foreign = a.Do == parse.AddForeignKey; x.foreign && d.index(x.Name) != nil {
		x.Name = ""
	}
	return d.addIndex(x)
}

// addColumnKeys adds the keys that a column's attributes ask for. The server adds them too where ADD COLUMN IF NOT EXISTS
// finds the column there.
func (d *draft) addColumnKeys(a *parse.Action) error {
	c := d.column(a.Column.Name)
	if c == nil {
		return nil
	}
	var err error
	add := func(x *draftIndex) {
		x.columns = []*Column{c}
		if err == nil {
			err = d.addIndex(x)
		}
	}
	if a.Column.PrimaryKey {
		add(&draftIndex{Index: Index{Primary: true, Unique: true}})
	}
	if a.Column.Unique {
		add(&draftIndex{Index: Index{Unique: true}})
	}
	if a.Column.References && d.server.MariaDB {
		add(&draftIndex{foreign: true})
	}
	return err
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
