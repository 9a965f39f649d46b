package schema

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/schema/parse"
)

// systemSchemas are the server's own, as a list for IN.
const systemSchemas = "('mysql','information_schema','performance_schema','sys')"

// Facts reads from a live server what the Tracker must know of it.
func Facts(ctx context.Context, db *sql.DB) (Server, error) {
	var v Server
	var version, lower, explicit string
	err := db.QueryRowContext(ctx, "SELECT @@version, @@character_set_server, @@collation_server, @@lower_case_table_names, @@explicit_defaults_for_timestamp").
		Scan(&version, &v.Charset, &v.Collation, &lower, &explicit)
	if err != nil {
		return v, fmt.Errorf("read the server's settings: %w", err)
	}
	v.MariaDB = strings.Contains(strings.ToLower(version), "mariadb")
	v.Version = versionNumber(version, v.MariaDB)
	v.LowerCase = lower != "0"
	v.ImplicitTimestamp = explicit == "0" || strings.EqualFold(explicit, "OFF")
	rows, err := db.QueryContext(ctx, "SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS")
	if err != nil {
		return v, fmt.Errorf("read the server's character sets: %w", err)
	}
	defer rows.Close()
	v.UTF8 = "utf8"
	for rows.Next() {
		var set, collation string
		if err := rows.Scan(&set, &collation); err != nil {
			return v, fmt.Errorf("read the server's character sets: %w", err)
		}
		if set == "utf8mb3" {
			v.UTF8 = set
		}
		if v.defaultCollation(set) != collation {
			if v.Collations == nil {
				v.Collations = map[string]string{}
			}
			v.Collations[set] = collation
		}
	}
	return v, rows.Err()
}

// versionNumber reads "10.11.6-MariaDB-log" or, behind a replication prefix, "5.5.5-10.4.1-MariaDB".
func versionNumber(version string, mariaDB bool) int {
	if mariaDB {
		version = strings.TrimPrefix(version, "5.5.5-")
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return 0
	}
	return major*10000 + minor*100 + patch
}

// FromServer reads the definitions of all tables, views and sequences of all schemas but the server's own, and each
// schema's defaults (Table.OfSchema), in the order of names. ID, Version and Column.ID are unset.
func FromServer(ctx context.Context, db *sql.DB, v Server) ([]*Table, error) {
	s := &snapshot{ctx: ctx, db: db, server: v, tables: map[Ref]*reading{}}
	if err := s.readSchemas(); err != nil {
		return nil, err
	}
	return s.read("TABLE_SCHEMA NOT IN " + systemSchemas)
}

// ReadTable reads one definition, ErrNoTable if there is no such table.
func ReadTable(ctx context.Context, db *sql.DB, v Server, ref Ref) (*Table, error) {
	s := &snapshot{ctx: ctx, db: db, server: v, tables: map[Ref]*reading{}}
	tables, err := s.read("TABLE_SCHEMA = ? AND TABLE_NAME = ?", ref.Schema, ref.Name)
	if err != nil {
		return nil, err
	}
	if len(tables) == 0 {
		return nil, fmt.Errorf("read the definition of %s: %w", ref, ErrNoTable)
	}
	return tables[0], nil
}

// A snapshot is a read of definitions in progress.
type snapshot struct {
	ctx    context.Context
	db     *sql.DB
	server Server
	tables map[Ref]*reading
	extra  []*Table // the schemas
}

// A reading is a table as far as it has been read.
type reading struct {
	table   *Table
	engine  string
	offsets map[string]int
	indexes map[string]int
}

// each runs a query and scans every row of it into dst before calling f.
func (s *snapshot) each(what, query string, args []any, dst []any, f func() error) error {
	rows, err := s.db.QueryContext(s.ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dst...); err != nil {
			return fmt.Errorf("read %s: %w", what, err)
		}
		if err := f(); err != nil {
			return fmt.Errorf("read %s: %w", what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

func (s *snapshot) readSchemas() error {
	var t Table
	return s.each("the schemas", "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA "+
		"WHERE SCHEMA_NAME NOT IN "+systemSchemas, nil, []any{&t.Schema, &t.Charset, &t.Collation}, func() error {
		c := t
		s.extra = append(s.extra, &c)
		return nil
	})
}

func (s *snapshot) read(where string, args ...any) ([]*Table, error) {
	for _, step := range []func(string, []any) error{s.readTables, s.readColumns, s.readIndexes} {
		if err := step(where, args); err != nil {
			return nil, err
		}
	}
	tables := s.extra
	for _, r := range s.tables {
		t := r.table
		if t.HasRows() {
			s.server.finishRead(t)
		}
		tables = append(tables, t)
	}
	slices.SortFunc(tables, func(a, b *Table) int { return compareRefs(a.Ref(), b.Ref()) })
	return tables, nil
}

// finishRead adds what the server does not show.
func (v *Server) finishRead(t *Table) {
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		ix.Partial = ix.Partial && !ix.Hash
		if ix.Unique && t.SystemVersioned { // the server adds ROW END, which no statement told
			ix.Columns = slices.DeleteFunc(ix.Columns, func(c int) bool { return t.Columns[c].System == "end" })
		}
		for _, c := range ix.Columns {
			t.Columns[c].PK = t.Columns[c].PK || ix.Primary
		}
	}
	t.hide()
	t.Handle = handle(t)
}

func (s *snapshot) readTables(where string, args []any) error {
	var schema, name, kind string
	var engine, collation sql.NullString
	return s.each("the tables", "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_COLLATION FROM information_schema.TABLES WHERE "+where, args,
		[]any{&schema, &name, &kind, &engine, &collation}, func() error {
			t := &Table{Schema: schema, Name: name}
			t.View = strings.HasSuffix(kind, "VIEW")
			t.Sequence = kind == "SEQUENCE"
			t.SystemVersioned = kind == "SYSTEM VERSIONED"
			if cs, ok := s.server.resolve("", collation.String, text{}); ok && t.HasRows() {
				t.Charset, t.Collation = cs.charset, collation.String
			}
			s.tables[t.Ref()] = &reading{table: t, engine: engine.String, offsets: map[string]int{}, indexes: map[string]int{}}
			return nil
		})
}

// The columns of a column's row.
type columnRow struct {
	schema, table, name        string
	position                   int
	columnType, nullable       string
	charset, collation, preset sql.NullString
	extra, comment, generation sql.NullString
}

// readColumns leaves the sorting to us: the server would sort on disk.
func (s *snapshot) readColumns(where string, args []any) error {
	var c columnRow
	err := s.each("the columns", "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, COLLATION_NAME, "+
		"COLUMN_DEFAULT, EXTRA, COLUMN_COMMENT, GENERATION_EXPRESSION FROM information_schema.COLUMNS WHERE "+where, args,
		[]any{&c.schema, &c.table, &c.name, &c.position, &c.columnType, &c.nullable, &c.charset, &c.collation, &c.preset, &c.extra, &c.comment, &c.generation},
		func() error {
			r := s.tables[Ref{c.schema, c.table}]
			if r == nil || !r.table.HasRows() {
				return nil // made since, or a view's
			}
			column, err := s.server.columnOf(&c)
			if err != nil {
				return fmt.Errorf("%s.%s.%s: %w", c.schema, c.table, c.name, err)
			}
			column.ID = int64(c.position)
			r.table.Columns = append(r.table.Columns, *column)
			return nil
		})
	for _, r := range s.tables {
		slices.SortFunc(r.table.Columns, func(a, b Column) int { return int(a.ID - b.ID) })
		for i := range r.table.Columns {
			r.table.Columns[i].ID = 0
			r.offsets[r.table.Columns[i].Name] = i
		}
	}
	return err
}

// columnOf makes a Column of information_schema's row.
func (v *Server) columnOf(r *columnRow) (*Column, error) {
	opt := v.parsing(0)
	spec, err := parse.ParseType(r.columnType, opt)
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", r.columnType, err)
	}
	spec.Charset, spec.Collate = r.charset.String, r.collation.String
	c := &Column{Name: r.name, Nullable: r.nullable == "YES", Comment: r.comment.String}
	if err := v.setType(c, spec, text{}); err != nil {
		return nil, err
	}
	if r.collation.Valid {
		c.Charset, c.Collation = r.charset.String, r.collation.String
	}
	extra := strings.ToUpper(r.extra.String)
	generation := strings.ToUpper(r.generation.String)
	c.AutoIncrement = strings.Contains(extra, "AUTO_INCREMENT")
	c.Invisible = strings.Contains(extra, "INVISIBLE")
	c.Generated = strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED") || strings.Contains(extra, "PERSISTENT")
	switch {
	case c.Generated && generation == "ROW START":
		c.System = "start"
	case c.Generated && generation == "ROW END":
		c.System = "end"
	}
	c.Default = v.defaultOf(c, r, extra)
	return c, nil
}

// defaultOf reads COLUMN_DEFAULT: with MariaDB an SQL expression, with MySQL the bare value.
func (v *Server) defaultOf(c *Column, r *columnRow, extra string) *string {
	if !r.preset.Valid || c.Generated {
		return nil
	}
	preset := r.preset.String
	if !v.MariaDB {
		d := &parse.Default{Text: preset, Expression: strings.Contains(extra, "DEFAULT_GENERATED"), Number: true}
		return defaultValue(c, d)
	}
	if d := parse.ParseDefault(preset, v.parsing(0)); d != nil {
		return defaultValue(c, d)
	}
	return &preset
}

func (s *snapshot) readIndexes(where string, args []any) error {
	var schema, table, name, kind string
	var nonUnique int
	var column sql.NullString
	var prefix sql.NullInt64
	// Without ORDER BY MariaDB gives a table's keys in its own order, which decides on the handle.
	order := ""
	if !s.server.MariaDB {
		order = " ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
	}
	err := s.each("the indexes", "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART, INDEX_TYPE FROM information_schema.STATISTICS WHERE "+where+order, args,
		[]any{&schema, &table, &name, &nonUnique, &column, &prefix, &kind}, func() error {
			r := s.tables[Ref{schema, table}]
			if r == nil {
				return nil
			}
			i, ok := r.indexes[name]
			if !ok {
				i = len(r.table.Indexes)
				r.indexes[name] = i
				ix := Index{Name: name, Unique: nonUnique == 0, Primary: name == "PRIMARY"}
				ix.Hash = s.server.MariaDB && kind == "HASH" && ix.Unique && r.engine != "MEMORY"
				r.table.Indexes = append(r.table.Indexes, ix)
			}
			ix := &r.table.Indexes[i]
			offset, known := r.offsets[column.String]
			if !known {
				ix.Expression = true
				return nil
			}
			ix.Columns = append(ix.Columns, offset)
			ix.Partial = ix.Partial || prefix.Valid && ix.Unique
			return nil
		})
	if err == nil && !s.server.MariaDB {
		s.sortIndexes()
	}
	return err
}

// sortIndexes puts the indexes of a server that gives them by name into an order that does not depend on it.
func (s *snapshot) sortIndexes() {
	for _, r := range s.tables {
		d := s.server.open(r.table)
		d.sortIndexes()
		ordered := make([]Index, len(d.indexes))
		for i, x := range d.indexes {
			ordered[i] = r.table.Indexes[r.indexes[x.Name]]
		}
		r.table.Indexes = ordered
	}
}
