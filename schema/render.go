package schema

import (
	"fmt"
	"slices"
	"strings"
)

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''", "\x00", `\0`, "\n", `\n`, "\r", `\r`).Replace(s) + "'"
}

func (r Ref) quoted() string { return quoteName(r.Schema) + "." + quoteName(r.Name) }

// SQLType gives the column's data type as SQL writes it, for example "int(10) unsigned" or "enum('a','b')", without
// its character set.
func (c *Column) SQLType() string {
	s := c.TypeName
	switch {
	case c.Type == Enum || c.Type == Set:
		quoted := make([]string, len(c.Elems))
		for i, e := range c.Elems {
			quoted[i] = quoteText(e)
		}
		s += "(" + strings.Join(quoted, ",") + ")"
	case c.Type == Decimal:
		s += fmt.Sprintf("(%d,%d)", c.Precision, c.Scale)
	case (c.Type == Float || c.Type == Double) && c.Length >= 0:
		s += fmt.Sprintf("(%d,%d)", c.Length, c.Scale)
	case (c.Type == Time || c.Type == DateTime || c.Type == Timestamp) && c.Scale > 0:
		s += fmt.Sprintf("(%d)", c.Scale)
	case c.Length >= 0:
		s += fmt.Sprintf("(%d)", c.Length)
	}
	if c.Unsigned {
		s += " unsigned"
	}
	if c.ZeroFill {
		s += " zerofill"
	}
	return s
}

// CreateStatement gives a CREATE TABLE that makes a table for the rows of this definition. It is no copy: generated
// columns are plain ones, since rows carry their values, and keys on expressions or prefixes, checks and storage are
// left out.
func (t *Table) CreateStatement() string {
	var parts []string
	for i := range t.Columns {
		if c := &t.Columns[i]; !c.Hidden {
			parts = append(parts, c.clause())
		}
	}
	for _, ix := range t.Indexes {
		if clause := t.keyClause(&ix); clause != "" {
			parts = append(parts, clause)
		}
	}
	s := "CREATE TABLE IF NOT EXISTS " + t.Ref().quoted() + " (" + strings.Join(parts, ", ") + ")"
	if t.Charset != "" {
		s += " DEFAULT CHARSET=" + t.Charset
	}
	if t.Collation != "" {
		s += " COLLATE=" + t.Collation
	}
	return s
}

func (c *Column) clause() string {
	s := quoteName(c.Name) + " " + c.SQLType()
	if isText(c.Type) && c.Charset != "" {
		s += " CHARACTER SET " + c.Charset + " COLLATE " + c.Collation
	}
	if c.Nullable {
		s += " NULL"
	} else {
		s += " NOT NULL"
	}
	switch {
	case c.Default == nil || limit(c.Type) > 0:
	case strings.HasPrefix(*c.Default, "CURRENT_TIMESTAMP") && c.Type >= Date && c.Type <= Timestamp:
		s += " DEFAULT " + *c.Default
	case c.Type == Bit:
		s += " DEFAULT " + *c.Default
	case !strings.ContainsAny(*c.Default, "()"):
		s += " DEFAULT " + quoteText(*c.Default)
	}
	if c.Comment != "" {
		s += " COMMENT " + quoteText(c.Comment)
	}
	return s
}

func (t *Table) keyClause(ix *Index) string {
	if ix.Partial || ix.Expression || ix.Hash || len(ix.Columns) == 0 {
		return ""
	}
	if slices.ContainsFunc(ix.Columns, func(i int) bool { return limit(t.Columns[i].Type) > 0 || t.Columns[i].Type == Geometry }) {
		return ""
	}
	names := make([]string, len(ix.Columns))
	for i, c := range ix.Columns {
		names[i] = quoteName(t.Columns[c].Name)
	}
	columns := " (" + strings.Join(names, ",") + ")"
	switch {
	case ix.Primary:
		return "PRIMARY KEY" + columns
	case ix.Unique:
		return "UNIQUE KEY " + quoteName(ix.Name) + columns
	}
	return "KEY " + quoteName(ix.Name) + columns
}
