package schema

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A draft is a definition in the making: its indexes point at columns, so that columns may move and change names. The
// server's hidden columns are not in it; finish makes them anew.
type draft struct {
	server  *Server
	table   Table // without Columns, Indexes and Handle
	columns []*Column
	indexes []*draftIndex
	periods map[string][2]*Column
	// given holds the columns of indexes by the names that the statement takes from them, in lower case.
	given map[string]*Column
	// sorts tells that the server puts the keys into its order anew.
	sorts bool
	// converts tells CONVERT TO CHARACTER SET: columns that the same statement defines are converted too.
	converts bool
}

// A draftIndex is an index in the making.
type draftIndex struct {
	Index   // without Columns
	columns []*Column
	lengths []int // of prefixes, 0 for the whole column; nil if not known
	special bool  // FULLTEXT and its like stand last
	foreign bool  // made for a foreign key, unless another index serves it
	null    bool  // a part was nullable when the server came to the index
	hashed  bool  // USING HASH is asked for: it holds until the table is next altered
}

// open makes a draft of a definition.
func (v *Server) open(t *Table) *draft {
	d := &draft{server: v, table: *t, periods: map[string][2]*Column{}, given: map[string]*Column{}, sorts: !v.MariaDB}
	d.table.Columns, d.table.Indexes, d.table.Handle = nil, nil, nil
	at := make([]*Column, len(t.Columns))
	for i := range t.Columns {
		if t.Columns[i].Hidden {
			continue
		}
		c := t.Columns[i]
		at[i] = &c
		d.columns = append(d.columns, &c)
	}
	for _, ix := range t.Indexes {
		x := &draftIndex{Index: ix}
		for _, offset := range ix.Columns {
			x.columns = append(x.columns, at[offset])
		}
		x.Columns = nil
		d.indexes = append(d.indexes, x)
	}
	return d
}

func (d *draft) inherited() text { return text{d.table.Charset, d.table.Collation} }

// column finds a column by name, which never differs in letter case alone.
func (d *draft) column(name string) *Column {
	for _, c := range d.columns {
		if strings.EqualFold(c.Name, name) {
			return c
		}
	}
	return nil
}

func (d *draft) index(name string) *draftIndex {
	for _, x := range d.indexes {
		if strings.EqualFold(x.Name, name) {
			return x
		}
	}
	return nil
}

func (d *draft) dropIndex(x *draftIndex) {
	d.indexes = slices.DeleteFunc(d.indexes, func(o *draftIndex) bool { return o == x })
}

// dropColumn takes a column out of the table and of its indexes.
func (d *draft) dropColumn(c *Column) {
	d.columns = slices.DeleteFunc(d.columns, func(o *Column) bool { return o == c })
	kept := d.indexes[:0:0]
	for _, x := range d.indexes {
		if i := slices.Index(x.columns, c); i >= 0 {
			x.columns = slices.Delete(slices.Clone(x.columns), i, i+1)
			if i < len(x.lengths) {
				x.lengths = slices.Delete(slices.Clone(x.lengths), i, i+1)
			}
			if len(x.columns) == 0 && !x.Expression {
				continue
			}
		}
		kept = append(kept, x)
	}
	d.indexes = kept
}

// addIndex adds an index and names it as the server does if it has no name.
func (d *draft) addIndex(x *draftIndex) error {
	if x.Primary {
		x.Name = "PRIMARY"
	}
	if x.Name == "" {
		x.Name = d.indexName(x)
	}
	if d.index(x.Name) != nil {
		return fmt.Errorf("index %s exists", x.Name)
	}
	d.indexes = append(d.indexes, x)
	return nil
}

func (d *draft) indexName(x *draftIndex) string {
	base := "functional_index"
	if len(x.columns) > 0 {
		base = x.columns[0].Name
	}
	name := base
	for n := 2; d.index(name) != nil || strings.EqualFold(name, "PRIMARY"); n++ {
		name = base + "_" + strconv.Itoa(n)
	}
	return name
}

// natural tells that MariaDB cannot keep a unique key as a tree: a part is too long, or a BLOB without a prefix.
func (d *draft) natural(x *draftIndex) bool {
	if !x.Unique || x.Primary || !d.server.MariaDB {
		return false
	}
	if x.Partial && x.lengths == nil {
		return false // it has been a tree, and its prefixes stay as they are
	}
	total := 0
	for i, c := range x.columns {
		length := 0
		if i < len(x.lengths) {
			length = x.lengths[i]
		}
		switch {
		case limit(c.Type) > 0 && length == 0:
			return true
		case length > 0 && isText(c.Type):
			total += length * charsets[c.Charset].maxLen
		case length > 0:
			total += length
		case c.Type == Char || c.Type == VarChar:
			total += c.Length * charsets[c.Charset].maxLen
		case c.Type == Binary || c.Type == VarBinary:
			total += c.Length
		default:
			total += 8
		}
	}
	return total > innodbKeyLimit
}

// finish closes the draft: column IDs, hidden columns, order of the indexes, handle.
func (d *draft) finish() (*Table, error) {
	t := d.table
	if err := d.checkNames(); err != nil {
		return nil, err
	}
	for _, x := range d.indexes {
		was := x.Hash && x.lengths == nil
		x.Hash = x.Unique && (x.hashed || d.natural(x))
		if was && !x.Hash && len(x.columns) > 1 && slices.ContainsFunc(x.columns, func(c *Column) bool { return isText(c.Type) || isBytes(c.Type) }) {
			return nil, fmt.Errorf("index %s was a hash: which prefixes it is to have is not known", x.Name)
		}
		x.Partial = !x.Hash && x.Unique && d.partial(x)
		x.null = slices.ContainsFunc(x.columns, func(c *Column) bool { return c.Nullable })
		if x.Primary {
			for _, c := range x.columns {
				c.Nullable = false
			}
		}
	}
	d.coverForeignKeys()
	if d.sorts {
		d.sortIndexes()
	}
	for _, c := range d.columns {
		if c.ID == 0 {
			t.MaxColumnID++
			c.ID = t.MaxColumnID
		}
		c.PK = false
	}
	offsets := map[*Column]int{}
	for i, c := range d.columns {
		offsets[c] = i
	}
	for _, x := range d.indexes {
		ix := x.Index
		ix.Columns = make([]int, len(x.columns))
		for i, c := range x.columns {
			ix.Columns[i] = offsets[c]
			c.PK = c.PK || ix.Primary
		}
		t.Indexes = append(t.Indexes, ix)
	}
	for _, c := range d.columns {
		t.Columns = append(t.Columns, *c)
	}
	t.hide()
	t.Handle = handle(&t)
	return &t, nil
}

// partial tells whether a unique key covers only a prefix of a column, now that the columns have their types.
func (d *draft) partial(x *draftIndex) bool {
	return slices.ContainsFunc(x.columns, func(c *Column) bool {
		return c.Type == Geometry || x.Partial && (isBytes(c.Type) || isText(c.Type) && c.Type != Enum && c.Type != Set)
	})
}

func (d *draft) checkNames() error {
	seen := make(map[string]bool, len(d.columns))
	for _, c := range d.columns {
		name := strings.ToLower(c.Name)
		if seen[name] {
			return fmt.Errorf("column %s stands twice", c.Name)
		}
		seen[name] = true
	}
	if len(d.columns) == 0 {
		return errors.New("no column is left")
	}
	return nil
}

// coverForeignKeys drops the indexes made for foreign keys that another index begins with.
func (d *draft) coverForeignKeys() {
	kept := d.indexes[:0:0]
	for i, f := range d.indexes {
		covered := f.foreign && slices.ContainsFunc(d.indexes, func(x *draftIndex) bool {
			return x != f && !x.special && len(x.columns) >= len(f.columns) && slices.Equal(x.columns[:len(f.columns)], f.columns) &&
				(!x.foreign || slices.Index(d.indexes, x) < i)
		})
		if !covered {
			kept = append(kept, f)
		}
	}
	d.indexes = kept
}

// sortIndexes puts the indexes in the server's order, which decides on the handle: the primary key; unique keys, those
// without nullable columns first, then those of whole columns, hashes last; the rest as defined, FULLTEXT last.
func (d *draft) sortIndexes() {
	rank := func(x *draftIndex) int {
		switch {
		case x.Primary:
			return 0
		case !x.Unique && x.special:
			return 40
		case !x.Unique:
			return 30
		}
		if x.Hash {
			return 20
		}
		r := 10
		if x.Expression || x.null {
			r += 2
		}
		if x.Partial {
			r++
		}
		return r
	}
	sort.SliceStable(d.indexes, func(i, j int) bool { return rank(d.indexes[i]) < rank(d.indexes[j]) })
}

// hide appends the columns that the server keeps for itself; they always stand last.
func (t *Table) hide() {
	if t.SystemVersioned && !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.System != "" }) {
		for _, end := range []string{"start", "end"} {
			t.addHidden(Column{Name: "row_" + end, Type: Timestamp, TypeName: "timestamp", Length: -1, Scale: 6, System: end, Generated: true})
		}
	}
	n := 0
	for _, ix := range t.Indexes {
		if ix.Hash {
			n++
			t.addHidden(Column{Name: "DB_ROW_HASH_" + strconv.Itoa(n), Type: BigInt, TypeName: "bigint", Unsigned: true, Length: 20, Nullable: true, Generated: true})
		}
	}
}

// addHidden adds a hidden column. Its ID is negative, by its name's kind: no DDL ever names it.
func (t *Table) addHidden(c Column) {
	c.Hidden, c.Invisible = true, true
	c.ID = -1
	for _, o := range t.Columns {
		if o.Hidden {
			c.ID = min(c.ID, o.ID-1)
		}
	}
	t.Columns = append(t.Columns, c)
}

// handle gives the offsets of the handle key.
func handle(t *Table) []int {
	for _, ix := range t.Indexes {
		if !ix.Unique || ix.Expression || len(ix.Columns) == 0 {
			continue
		}
		if ix.Primary || !slices.ContainsFunc(ix.Columns, func(i int) bool { return t.Columns[i].Nullable }) {
			return slices.Clone(ix.Columns)
		}
	}
	return nil
}
