package storage

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

// A SchemaFile is the content of a schema_{version}_{checksum}.json (docs/formats.md).
type SchemaFile struct {
	Table        string
	Schema       string
	Version      uint64 // of the format: 1
	TableVersion uint64
	Query        string
	Type         schema.Kind
	TableColumns []SchemaColumn
	ColumnsTotal int `json:"TableColumnsTotal"`
}

// A SchemaColumn is one column of a SchemaFile.
type SchemaColumn struct {
	ID        string   `json:"ColumnId,omitempty"`
	Name      string   `json:"ColumnName"`
	Type      string   `json:"ColumnType"`
	Default   *string  `json:"ColumnDefault,omitempty"`
	Precision string   `json:"ColumnPrecision,omitempty"`
	Scale     string   `json:"ColumnScale,omitempty"`
	Nullable  string   `json:"ColumnNullable,omitempty"`
	IsPK      string   `json:"ColumnIsPk,omitempty"`
	Elems     []string `json:"ColumnElems,omitempty"`
}

// tableSchema describes a table version; a statement is set on it by the caller.
func tableSchema(t *schema.Table, columnID bool) *SchemaFile {
	written := codec.Columns(t)
	f := &SchemaFile{Table: t.Name, Schema: t.Schema, Version: 1, TableVersion: t.Version,
		TableColumns: make([]SchemaColumn, 0, len(written)), ColumnsTotal: len(written)}
	for _, i := range written {
		f.TableColumns = append(f.TableColumns, schemaColumn(&t.Columns[i], columnID))
	}
	return f
}

// databaseSchema describes a database's statement.
func databaseSchema(name string) *SchemaFile {
	return &SchemaFile{Schema: name, Version: 1, TableColumns: []SchemaColumn{}}
}

func schemaColumn(c *schema.Column, columnID bool) SchemaColumn {
	s := SchemaColumn{Name: c.Name, Type: columnType(c), Default: c.Default}
	if columnID {
		s.ID = strconv.FormatInt(c.ID, 10)
	}
	if !c.Nullable {
		s.Nullable = "false"
	}
	if c.PK {
		s.IsPK = "true"
	}
	s.Precision, s.Scale = columnSize(c)
	if c.Type == schema.Enum || c.Type == schema.Set {
		s.Elems = c.Elems
	}
	return s
}

var typeNames = map[schema.Type]string{
	schema.TinyInt: "TINYINT", schema.SmallInt: "SMALLINT", schema.MediumInt: "MEDIUMINT", schema.Int: "INT", schema.BigInt: "BIGINT",
	schema.Float: "FLOAT", schema.Double: "DOUBLE", schema.Decimal: "DECIMAL", schema.Bit: "BIT", schema.Year: "YEAR",
	schema.Date: "DATE", schema.Time: "TIME", schema.DateTime: "DATETIME", schema.Timestamp: "TIMESTAMP",
	schema.Char: "CHAR", schema.VarChar: "VARCHAR",
	schema.TinyText: "TINYTEXT", schema.Text: "TEXT", schema.MediumText: "MEDIUMTEXT", schema.LongText: "LONGTEXT",
	schema.Binary: "BINARY", schema.VarBinary: "VARBINARY",
	schema.TinyBlob: "TINYBLOB", schema.Blob: "BLOB", schema.MediumBlob: "MEDIUMBLOB", schema.LongBlob: "LONGBLOB",
	schema.Enum: "ENUM", schema.Set: "SET", schema.JSON: "JSON",
	schema.UUID: "UUID", schema.Inet4: "INET4", schema.Inet6: "INET6", schema.Vector: "VECTOR",
}

func columnType(c *schema.Column) string {
	name, known := typeNames[c.Type]
	if !known { // GEOMETRY's subtypes
		name = strings.ToUpper(c.TypeName)
	}
	if c.Unsigned {
		name += " UNSIGNED"
	}
	return name
}

// The length that a reader assumes where the definition says none.
var defaultLengths = map[schema.Type]int{
	schema.TinyInt: 4, schema.SmallInt: 6, schema.MediumInt: 9, schema.Int: 11, schema.BigInt: 20, schema.Float: 12, schema.Double: 22,
	schema.Bit: 1, schema.Year: 4, schema.Char: 1, schema.VarChar: 5, schema.Binary: 1, schema.VarBinary: 5,
	schema.TinyText: 255, schema.Text: 65535, schema.MediumText: 16777215, schema.LongText: -1,
	schema.TinyBlob: 255, schema.Blob: 65535, schema.MediumBlob: 16777215, schema.LongBlob: -1,
}

// columnSize gives ColumnPrecision and ColumnScale, "" where the type has none.
func columnSize(c *schema.Column) (precision, scale string) {
	length, sized := defaultLengths[c.Type]
	if sized && c.Length >= 0 {
		length = c.Length
	}
	switch c.Type {
	case schema.Decimal:
		return strconv.Itoa(c.Precision), strconv.Itoa(c.Scale)
	case schema.Time, schema.DateTime, schema.Timestamp:
		return "", positive(c.Scale)
	case schema.Float, schema.Double:
		return strconv.Itoa(length), positive(c.Scale)
	}
	if sized {
		return strconv.Itoa(length), ""
	}
	return "", ""
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// Checksum is what the file's name carries: over the definition alone, columns in the order of their names.
func (f *SchemaFile) Checksum() uint32 {
	columns := slices.Clone(f.TableColumns)
	slices.SortStableFunc(columns, func(a, b SchemaColumn) int { return cmp.Compare(a.Name, b.Name) })
	return crc32.ChecksumIEEE(indented(struct {
		Table        string
		Schema       string
		Version      uint64
		TableColumns []SchemaColumn
		ColumnsTotal int `json:"TableColumnsTotal"`
	}{f.Table, f.Schema, 0, columns, f.ColumnsTotal}))
}

// name is the file's name in its meta directory.
func (f *SchemaFile) name() string {
	return fmt.Sprintf("%s%010d.json", schemaPrefix(f.TableVersion), f.Checksum())
}

func schemaPrefix(version uint64) string { return fmt.Sprintf("schema_%d_", version) }

// putSchema writes a schema file below dir/meta unless that has one of this version: the first stands, and is the
// durable record that its statement is finished.
func (o *options) putSchema(env *sinks.Env, dir string, f *SchemaFile) error {
	meta := filepath.Join(dir, metaDir)
	return o.inTurn(env.Shared, meta, func() error {
		versions, err := schemaVersions(dir)
		if err != nil {
			return err
		}
		if slices.Contains(versions, f.TableVersion) {
			return syncDir(meta) // a crash may have come between the rename and its sync
		}
		if err := env.Permitted(); err != nil {
			return err
		}
		return putDurable(filepath.Join(meta, f.name()), indented(f))
	})
}

// schemaVersions lists the versions that have a schema file below dir/meta, in ascending order.
func schemaVersions(dir string) ([]uint64, error) {
	names, err := namesIn(filepath.Join(dir, metaDir))
	if err != nil {
		return nil, err
	}
	var versions []uint64
	for _, name := range names {
		var version uint64
		var sum uint32
		if n, _ := fmt.Sscanf(name, "schema_%d_%d.json", &version, &sum); n == 2 {
			versions = append(versions, version)
		}
	}
	slices.Sort(versions)
	return versions, nil
}

func indented(v any) []byte {
	data, err := json.MarshalIndent(v, "", "    ")
	if err != nil {
		panic(err) // strings and numbers only
	}
	return data
}
