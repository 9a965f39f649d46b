package mysql

import (
	"bytes"
	"slices"

	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources/mysql/image"
)

// A tableMap is a TABLE_MAP event's content, kept as long as the stream repeats it.
type tableMap struct {
	content   []byte // of the event, behind the table id
	ref       schema.Ref
	layout    []byte
	described *schema.Table
}

// tableMaps holds the table maps that a walk has met: by id for the rows that refer to them, and by content so that
// the same description is the same pointer.
type tableMaps struct {
	byID      map[uint64]*tableMap
	byContent map[string]*tableMap
	last      uint64
	lastMap   *tableMap
}

// manyTables bounds how many table maps are remembered.
const manyTables = 8192

func newTableMaps() tableMaps {
	return tableMaps{byID: map[uint64]*tableMap{}, byContent: map[string]*tableMap{}}
}

// find gives the table map of an id, nil if there is none.
func (m *tableMaps) find(id uint64) *tableMap {
	if m.lastMap != nil && m.last == id {
		return m.lastMap
	}
	t := m.byID[id]
	m.last, m.lastMap = id, t
	return t
}

// note takes a TABLE_MAP event of MariaDB or MySQL; false if it makes no sense.
func (m *tableMaps) note(e []byte, mariaDB bool) bool {
	if len(e) < rowsFixed {
		return false
	}
	id, content := tableID(e), e[rowsFixed:]
	if t := m.find(id); t != nil && bytes.Equal(t.content, content) {
		return true
	}
	t, ok := m.byContent[string(content)]
	if !ok {
		if t, ok = parseTableMap(bytes.Clone(content), mariaDB); !ok {
			return false
		}
		m.byContent[string(content)] = t
	}
	m.byID[id] = t
	m.last, m.lastMap = id, t
	return true
}

// compact forgets all when there is much; at the end of a group nothing refers to a table map any more.
func (m *tableMaps) compact() {
	if len(m.byID) > manyTables || len(m.byContent) > manyTables {
		clear(m.byID)
		clear(m.byContent)
		m.lastMap = nil
	}
}

// parseTableMap reads schema, name, types, metadata, and what optional metadata there is.
func parseTableMap(content []byte, mariaDB bool) (*tableMap, bool) {
	t := &tableMap{content: content}
	b := content
	for _, name := range []*string{&t.ref.Schema, &t.ref.Name} {
		if len(b) < 2 || len(b) < 2+int(b[0]) {
			return nil, false
		}
		*name = string(b[1 : 1+int(b[0])])
		b = b[2+int(b[0]):]
	}
	layout, n := image.LayoutOf(b)
	if n == 0 {
		return nil, false
	}
	t.layout, b = layout[:n:n], b[n:]
	columns, n := lenenc(layout)
	types := layout[n : n+int(columns)]
	nulls := (int(columns) + 7) / 8
	if len(b) < nulls {
		return nil, false
	}
	d := description{types: types, fields: realTypes(types, layout[n+int(columns):]), mariaDB: mariaDB}
	t.described = d.read(t.ref, b[:nulls], b[nulls:])
	return t, true
}

// The wire types that the optional metadata tells about.
const (
	typeDecimal    = 0
	typeTiny       = 1
	typeDouble     = 5
	typeLongLong   = 8
	typeInt24      = 9
	typeYear       = 13
	typeVarchar    = 15
	typeNewDecimal = 246
	typeEnum       = 247
	typeSet        = 248
	typeTinyBlob   = 249
	typeBlob       = 252
	typeVarString  = 253
	typeString     = 254
	typeGeometry   = 255

	typeBlobCompressed    = 140
	typeVarcharCompressed = 141
)

// realTypes gives the types with STRING resolved to ENUM and SET, which its metadata tells. meta begins with the
// metadata's length.
func realTypes(types, meta []byte) []byte {
	fields := slices.Clone(types)
	_, n := lenenc(meta)
	meta = meta[n:]
	for i, t := range types {
		size := metadataSize(t)
		if len(meta) < size {
			return fields
		}
		if t == typeString && (meta[0] == typeEnum || meta[0] == typeSet) {
			fields[i] = meta[0]
		}
		meta = meta[size:]
	}
	return fields
}

// metadataSize gives how many bytes of metadata a column of a wire type has.
func metadataSize(t byte) int {
	switch t {
	case 4, typeDouble, typeBlob, typeTinyBlob, 250, 251, typeGeometry, 245, 242, 17, 18, 19, typeBlobCompressed:
		return 1
	case typeVarchar, 16, typeNewDecimal, typeEnum, typeSet, typeString, typeVarString, typeVarcharCompressed:
		return 2
	}
	return 0
}

// A description collects a table map's optional metadata.
type description struct {
	types, fields []byte
	mariaDB       bool
	columns       []schema.Column
	indexes       []schema.Index
	told          bool
}

// The fields of the optional metadata.
const (
	metaSignedness     = 1
	metaDefaultCharset = 2
	metaColumnCharset  = 3
	metaColumnName     = 4
	metaSetLabels      = 5
	metaEnumLabels     = 6
	metaGeometryType   = 7
	metaSimpleKey      = 8
	metaPrefixedKey    = 9
	metaEnumSetDefault = 10
	metaEnumSetColumns = 11
	metaColumnVisible  = 12
	metaFieldsKnown    = metaColumnVisible
)

// read gives what the stream says of the table, nil if it says nothing. Text that depends on a column's character set
// comes last.
func (d *description) read(ref schema.Ref, nulls, optional []byte) *schema.Table {
	var parts [metaFieldsKnown + 1][]byte
	for len(optional) > 1 {
		field := optional[0]
		size, n := lenenc(optional[1:])
		if n == 0 || uint64(len(optional)-1-n) < size {
			break
		}
		optional = optional[1+n:]
		if int(field) < len(parts) {
			parts[field] = optional[:size]
			d.told = d.told || size > 0
		}
		optional = optional[size:]
	}
	if !d.told {
		return nil
	}
	d.columns = make([]schema.Column, len(d.types))
	for i := range d.columns {
		d.columns[i].Nullable = nulls[i/8]>>(i%8)&1 == 1
		d.columns[i].Length = -1
	}
	d.signedness(parts[metaSignedness])
	d.charsets(parts[metaDefaultCharset], parts[metaColumnCharset], d.isText)
	d.charsets(parts[metaEnumSetDefault], parts[metaEnumSetColumns], isLabelType)
	d.names(parts[metaColumnName])
	d.labels(parts[metaSetLabels], typeSet)
	d.labels(parts[metaEnumLabels], typeEnum)
	d.geometry(parts[metaGeometryType])
	d.key(parts[metaSimpleKey], false)
	d.key(parts[metaPrefixedKey], true)
	if visible := parts[metaColumnVisible]; len(visible) == len(nulls) {
		for i := range d.columns {
			d.columns[i].Invisible = visible[i/8]<<(i%8)&0x80 == 0
		}
	}
	t := &schema.Table{Schema: ref.Schema, Name: ref.Name, Columns: d.columns, Indexes: d.indexes}
	if len(d.indexes) > 0 {
		t.Handle = d.indexes[0].Columns
	}
	return t
}

// isNumeric tells the types that signedness is told for.
func isNumeric(t byte) bool {
	return t <= typeDouble && t >= typeTiny || t == typeDecimal || t == typeLongLong || t == typeInt24 || t == typeNewDecimal || t == typeYear
}

// isText tells the types that a character set is told for, apart from ENUM and SET: MariaDB counts GEOMETRY among them.
func (d *description) isText(t byte) bool {
	return d.mariaDB && t == typeGeometry || t == typeString || t == typeVarString || t == typeVarchar || t >= typeTinyBlob && t <= typeBlob ||
		t == typeBlobCompressed || t == typeVarcharCompressed
}

func isLabelType(t byte) bool { return t == typeEnum || t == typeSet }

func (d *description) signedness(bits []byte) {
	at := 0
	for i, t := range d.fields {
		if !isNumeric(t) {
			continue
		}
		if at/8 >= len(bits) {
			return
		}
		d.columns[i].Unsigned = bits[at/8]<<(at%8)&0x80 != 0
		at++
	}
}

// charsets reads the character sets of the columns of some types: a default with its exceptions, or one for each.
func (d *description) charsets(byDefault, each []byte, of func(byte) bool) {
	var columns []*schema.Column
	for i, t := range d.fields {
		if of(t) {
			columns = append(columns, &d.columns[i])
		}
	}
	if len(each) > 0 {
		for _, c := range columns {
			id, n := lenenc(each)
			if n == 0 {
				return
			}
			each = each[n:]
			c.Charset, c.Collation = charsetOf(int(id)), collationOf(int(id))
		}
		return
	}
	id, n := lenenc(byDefault)
	if n == 0 {
		return
	}
	for _, c := range columns {
		c.Charset, c.Collation = charsetOf(int(id)), collationOf(int(id))
	}
	for byDefault = byDefault[n:]; len(byDefault) > 0; {
		index, n1 := lenenc(byDefault)
		id, n2 := lenenc(byDefault[n1:])
		if n1 == 0 || n2 == 0 || index >= uint64(len(columns)) {
			return
		}
		columns[index].Charset, columns[index].Collation = charsetOf(int(id)), collationOf(int(id))
		byDefault = byDefault[n1+n2:]
	}
}

// text reads a string with its length in front.
func text(b []byte) (s, rest []byte, ok bool) {
	size, n := lenenc(b)
	if n == 0 || uint64(len(b)-n) < size {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}

func (d *description) names(b []byte) {
	for i := range d.columns {
		name, rest, ok := text(b)
		if !ok {
			return
		}
		d.columns[i].Name, b = string(name), rest
	}
}

// labels reads the labels of the ENUM or SET columns, in their character sets.
func (d *description) labels(b []byte, of byte) {
	for i, t := range d.fields {
		if t != of {
			continue
		}
		count, n := lenenc(b)
		if n == 0 {
			return
		}
		b = b[n:]
		for range count {
			label, rest, ok := text(b)
			if !ok {
				return
			}
			d.columns[i].Elems, b = append(d.columns[i].Elems, toUTF8(d.columns[i].Charset, label)), rest
		}
	}
}

var geometryNames = [...]string{"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"}

func (d *description) geometry(b []byte) {
	for i, t := range d.fields {
		if t != typeGeometry {
			continue
		}
		kind, n := lenenc(b)
		if n == 0 {
			return
		}
		b = b[n:]
		d.columns[i].Type = schema.Geometry
		if int(kind) < len(geometryNames) {
			d.columns[i].TypeName = geometryNames[kind]
		}
	}
}

// key reads the primary key: columns, in the prefixed form each with the length of its prefix.
func (d *description) key(b []byte, prefixed bool) {
	if len(b) == 0 {
		return
	}
	index := schema.Index{Name: "PRIMARY", Primary: true, Unique: true}
	for len(b) > 0 {
		column, n := lenenc(b)
		if n == 0 || column >= uint64(len(d.columns)) {
			return
		}
		b = b[n:]
		if prefixed {
			length, n := lenenc(b)
			if n == 0 {
				return
			}
			b = b[n:]
			index.Partial = index.Partial || length > 0
		}
		index.Columns = append(index.Columns, int(column))
		d.columns[column].PK = true
	}
	d.indexes = append(d.indexes, index)
}
