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
	if err := d.changeWhole(elements); err != nil {
		return err
	}
	keys, err := d.wantedKeys(elements)
	if err != nil {
		return err
	}
	if err := d.addKeys(keys); err != nil {
		return err
	}
	d.sorts = true
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
	keys, err := d.wantedKeys(actions)
	if err != nil {
		return err
	}
	actions = d.wantedColumns(actions)
	rowKey := d.rowKey()
	if err := d.dropKeys(actions); err != nil {
		return err
	}
	var parts []*Column
	if slices.Contains(d.indexes, rowKey) {
		parts = rowKey.columns
	}
	moved, err := d.changeOld(actions)
	if err != nil {
		return err
	}
	if err := d.addColumns(actions, moved); err != nil {
		return err
	}
	if err := d.checkTaken(); err != nil {
		return err
	}
	d.sorts = d.sorts || slices.ContainsFunc(parts, func(c *Column) bool { return c.Nullable || !slices.Contains(d.columns, c) })
	if err := d.changeWhole(actions); err != nil {
		return err
	}
	return d.addKeys(keys)
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
			if err := d.server.convert(c, cs); err != nil {
				return err
			}
		}
	}
	return nil
}

// convert changes a column's character set as CONVERT TO does. A TEXT that may then outgrow its type takes the next.
func (v *Server) convert(c *Column, cs text) error {
	if !isText(c.Type) || v.MariaDB && c.Charset == "binary" {
		return nil
	}
	if !keepsLabels(c, cs.charset) {
		return fmt.Errorf("the labels of column %s may come out as others in character set %s", c.Name, cs.charset)
	}
	before, after := charsets[c.Charset].maxLen, charsets[cs.charset].maxLen
	c.Charset, c.Collation = cs.charset, cs.collation
	name := strings.ToUpper(c.TypeName)
	switch {
	case cs.charset == "binary":
		if name = parse.Bytes(name); name == "" {
			return nil
		}
	case c.Type == VarChar && c.Length*after > maxVarcharBytes:
		name, c.Length = family("TEXT", c.Length*after), -1
	case limit(c.Type) > 0 && after > before:
		name = family("TEXT", limit(c.Type)/before*after)
	}
	c.Type, c.TypeName = typeByName[name], strings.ToLower(name)
	return nil
}

// keepsLabels tells that ENUM's and SET's labels stay the same in another character set: the server takes their bytes over
// as they are.
func keepsLabels(c *Column, charset string) bool {
	if c.Elems == nil || c.Charset == charset || isUTF8(c.Charset) && isUTF8(charset) {
		return true
	}
	return holdsASCII(c.Charset) && holdsASCII(charset) && !strings.ContainsFunc(strings.Join(c.Elems, ""), func(r rune) bool { return r >= 0x80 })
}

func isUTF8(charset string) bool { return strings.HasPrefix(charset, "utf8") }

// holdsASCII tells a character set in which the bytes of ASCII mean the same.
func holdsASCII(charset string) bool {
	switch charset {
	case "ucs2", "utf16", "utf16le", "utf32", "swe7":
		return false
	}
	return true
}

// wantedColumns leaves out the new columns that IF NOT EXISTS finds there: in the table as it was, whatever else the
// statement does, or written before.
func (d *draft) wantedColumns(actions []parse.Action) []parse.Action {
	taken := make(map[string]bool, len(d.columns))
	for _, c := range d.columns {
		taken[strings.ToLower(c.Name)] = true
	}
	wanted := actions[:0:0]
	for _, a := range actions {
		if a.Do == parse.AddColumn && a.If && taken[strings.ToLower(a.Column.Name)] {
			continue
		}
		if a.Column != nil {
			taken[strings.ToLower(a.Column.Name)] = true
		}
		wanted = append(wanted, a)
	}
	return wanted
}

// changeOld applies what names columns that existed before. It returns the columns that are to move, by the
// place of their action.
func (d *draft) changeOld(actions []parse.Action) (moved map[int]*Column, err error) {
	old := make(map[string]*Column, len(d.columns))
	for _, c := range d.columns {
		old[strings.ToLower(c.Name)] = c
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
		if !slices.Contains(d.columns, c) {
			return nil, fmt.Errorf("column %s is changed after it is dropped", a.Name)
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
		d.takeName(c)
		d.dropColumn(c)
	case parse.RenameColumn:
		d.takeName(c)
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
		d.takeName(c)
		n.ID = c.ID
		*c = *n
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
