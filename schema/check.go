package schema

import (
	"fmt"
	"slices"
	"strings"
)

// A Mismatch is the error of a definition that is not what the stream says of the table.
type Mismatch struct {
	Table  Ref
	Column string // "" if the table as a whole is meant
	Got    string // what the definition says
	Want   string // what the stream says
}

func (m *Mismatch) Error() string {
	where := "table " + m.Table.String()
	if m.Column != "" {
		where += " column " + m.Column
	}
	return fmt.Sprintf("%s: the tracked definition has %s, the upstream's binlog %s: a DDL statement was missed, or ran without the binlog; "+
		"remove the changefeed and create it again at the present position", where, m.Got, m.Want)
}

// Check compares a definition with what the stream itself says of the table (sources.RowsEvent.Described). What the
// stream did not tell, empty fields of described, is not compared. A disagreement is a *Mismatch.
func Check(t, described *Table) error {
	if len(t.Columns) != len(described.Columns) {
		return &Mismatch{t.Ref(), "", fmt.Sprintf("%d columns", len(t.Columns)), fmt.Sprint(len(described.Columns))}
	}
	described = withKeyOf(t, described)
	tells := toldOf(described)
	for i := range t.Columns {
		got, want := mismatch(&t.Columns[i], &described.Columns[i], tells)
		if got != want {
			return &Mismatch{t.Ref(), t.Columns[i].Name, got, want}
		}
	}
	return nil
}

// told is what a description speaks of at all, since false may mean "no" and "not told".
type told struct{ metadata, keys bool }

func toldOf(described *Table) told {
	var y told
	for i := range described.Columns {
		c := &described.Columns[i]
		y.metadata = y.metadata || c.Name != "" || c.Charset != "" || c.Unsigned
		y.keys = y.keys || c.PK
	}
	return y
}

// mismatch gives two different words if the columns disagree.
func mismatch(c, told *Column, tells told) (got, want string) {
	switch {
	case told.Name != "" && !strings.EqualFold(told.Name, c.Name):
		return "name " + c.Name, "name " + told.Name
	case told.Type != TypeUnknown && wireFamily(told.Type) != wireFamily(c.Type):
		return "type " + c.TypeName, "another type"
	case tells.metadata && isInteger(c.Type) && told.Unsigned != c.Unsigned:
		return signedness(c), signedness(told)
	case told.Charset != "" && c.Charset != "" && alias(told.Charset) != alias(c.Charset):
		return "character set " + c.Charset, told.Charset
	case told.Elems != nil && !slices.Equal(told.Elems, c.Elems):
		return "labels " + strings.Join(c.Elems, ","), strings.Join(told.Elems, ",")
	case tells.keys && told.PK != c.PK:
		return fmt.Sprint("in the primary key: ", c.PK), fmt.Sprint(told.PK)
	}
	return "", ""
}

// namesUniqueKey tells that what the stream calls the primary key is a unique key of a table that has no primary key: the
// server takes the first one of whole NOT NULL columns for it.
func namesUniqueKey(t, described *Table) bool {
	var key []string
	for i := range described.Columns {
		if described.Columns[i].PK {
			key = append(key, strings.ToLower(described.Columns[i].Name))
		}
	}
	slices.Sort(key)
	found := false
	for _, ix := range t.Indexes {
		names := make([]string, len(ix.Columns))
		for i, c := range ix.Columns {
			names[i] = strings.ToLower(t.Columns[c].Name)
		}
		slices.Sort(names)
		found = found || ix.Unique && slices.Equal(names, key)
	}
	return found && !slices.ContainsFunc(t.Indexes, func(ix Index) bool { return ix.Primary })
}

// withKeyOf gives a description whose primary key is what a definition calls so: the server adds ROW END to the keys of a
// system-versioned table, and takes a unique key where there is no primary one.
func withKeyOf(t, described *Table) *Table {
	d := *described
	d.Columns = slices.Clone(d.Columns)
	for i := range d.Columns {
		if i < len(t.Columns) && t.Columns[i].System == "end" {
			d.Columns[i].PK = false
		}
	}
	if namesUniqueKey(t, &d) {
		for i := range d.Columns {
			d.Columns[i].PK = false
		}
	}
	return &d
}

func isInteger(t Type) bool { return t >= TinyInt && t <= BigInt }

func signedness(c *Column) string {
	if c.Unsigned {
		return "unsigned"
	}
	return "signed"
}

func alias(charset string) string {
	if charset == "utf8" {
		return "utf8mb3"
	}
	return charset
}

// wireFamily joins the types that the stream's type codes do not tell apart.
func wireFamily(t Type) Type {
	switch t {
	case TinyBlob:
		return TinyText
	case Blob:
		return Text
	case MediumBlob:
		return MediumText
	case LongBlob:
		return LongText
	case Binary, UUID, Inet4, Inet6:
		return Char
	case VarBinary, Vector:
		return VarChar
	}
	return t
}

// Describes tells that a description names every column, so that Adopt can take it.
func Describes(described *Table) bool {
	return described != nil && len(described.Columns) > 0 &&
		!slices.ContainsFunc(described.Columns, func(c Column) bool { return c.Name == "" || c.Type == TypeUnknown })
}

// Adopt makes the definition of a table of what the stream says of it, for one that is Unsure or not known at all. What
// the stream does not tell is taken from the columns of the same names. It returns nil if the description does not name
// every column. The definition keeps id and version; a table not known gets a new id, and version.
//
// The caller adopts before it hands on a row of the table, so that a replay of the stream adopts at the same place.
func (k *Tracker) Adopt(ref Ref, described *Table, version uint64) *Table {
	if !Describes(described) {
		return nil
	}
	ref = k.key(ref)
	old := k.tables[ref]
	if old == nil {
		k.next++
		old = &Table{ID: k.next, Version: version, Created: version, Schema: ref.Schema, Name: ref.Name}
		if cs, ok := k.schemas[ref.Schema]; ok {
			old.Charset, old.Collation = cs.charset, cs.collation
		}
	}
	described = withKeyOf(old, described)
	t := *old
	t.Unsure = false
	t.Columns = make([]Column, len(described.Columns))
	for i := range described.Columns {
		t.Columns[i] = adopted(old, &described.Columns[i])
	}
	keepColumnIDs(&t, old)
	t.Indexes = adoptedIndexes(&t, old)
	t.Handle = handle(&t)
	k.tables[ref] = &t
	k.touch(ref)
	return &t
}

// adopted joins what the stream says of a column with what was known of it.
func adopted(old *Table, told *Column) Column {
	i := slices.IndexFunc(old.Columns, func(c Column) bool { return strings.EqualFold(c.Name, told.Name) })
	if i < 0 || wireFamily(old.Columns[i].Type) != wireFamily(told.Type) {
		c := *told
		c.Hidden = isHidden(c.Name)
		if c.TypeName == "" {
			c.TypeName = typeName(c.Type)
		}
		if c.Length == 0 {
			c.Length = -1
		}
		return c
	}
	c := old.Columns[i]
	c.Name, c.Unsigned, c.PK, c.Nullable = told.Name, told.Unsigned, told.PK, told.Nullable
	if told.Charset != "" && c.Charset != "" {
		c.Charset, c.Collation = told.Charset, told.Collation
	}
	if told.Elems != nil {
		c.Elems = told.Elems
	}
	return c
}

// isHidden tells the names that the server gives its hidden columns.
func isHidden(name string) bool { return strings.HasPrefix(name, "DB_ROW_HASH_") }

func typeName(t Type) string {
	for name, known := range typeByName {
		if known == t && t != Geometry {
			return strings.ToLower(name)
		}
	}
	return "geometry"
}

// adoptedIndexes gives the primary key that the stream tells of, and the other indexes whose columns are all there.
func adoptedIndexes(t, old *Table) []Index {
	var indexes []Index
	primary := Index{Name: "PRIMARY", Primary: true, Unique: true}
	for i := range t.Columns {
		if t.Columns[i].PK {
			primary.Columns = append(primary.Columns, i)
			t.Columns[i].Nullable = false
		}
	}
	for _, ix := range old.Indexes {
		kept := ix
		kept.Columns = nil
		for _, c := range ix.Columns {
			if i := slices.IndexFunc(t.Columns, func(n Column) bool { return n.Name == old.Columns[c].Name }); i >= 0 {
				kept.Columns = append(kept.Columns, i)
			}
		}
		switch {
		case len(kept.Columns) != len(ix.Columns):
		case ix.Primary && sameColumns(kept.Columns, primary.Columns):
			primary.Columns = kept.Columns // in the key's own order
		case !ix.Primary:
			indexes = append(indexes, kept)
		}
	}
	if len(primary.Columns) > 0 {
		indexes = append([]Index{primary}, indexes...)
	}
	return indexes
}

func sameColumns(a, b []int) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
