package api

import (
	"fmt"
	"strings"
)

// A Table names a table of the upstream. Its text is schema.table; a name that holds a dot or a backquote is quoted as in SQL.
type Table struct{ Schema, Name string }

// ParseTable reads a table's text.
func ParseTable(text string) (Table, error) {
	schema, rest, ok := cutName(text)
	if ok && strings.HasPrefix(rest, ".") {
		if name, end, ok := cutName(rest[1:]); ok && end == "" {
			return Table{schema, name}, nil
		}
	}
	return Table{}, &Error{Code: InvalidRequest, What: fmt.Sprintf("%q is no table", text), Where: "table",
		Fix: "write schema.table, and a name that holds a dot in backquotes, as in `my.shop`.orders"}
}

// cutName takes one name, quoted or not, off the front.
func cutName(text string) (name, rest string, ok bool) {
	quoted, isQuoted := strings.CutPrefix(text, "`")
	if !isQuoted {
		end := strings.IndexAny(text, ".`")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], end > 0
	}
	var b strings.Builder
	for {
		part, after, closed := strings.Cut(quoted, "`")
		b.WriteString(part)
		if !closed {
			return "", "", false
		}
		if quoted, isQuoted = strings.CutPrefix(after, "`"); !isQuoted {
			return b.String(), after, b.Len() > 0
		}
		b.WriteByte('`')
	}
}

// String gives the text that ParseTable reads.
func (t Table) String() string { return quoteName(t.Schema) + "." + quoteName(t.Name) }

func quoteName(name string) string {
	if !strings.ContainsAny(name, ".`") {
		return name
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// MarshalText writes the text; that of no table is empty.
func (t Table) MarshalText() ([]byte, error) {
	if t == (Table{}) {
		return nil, nil
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads the text.
func (t *Table) UnmarshalText(text []byte) error {
	*t = Table{}
	if len(text) == 0 {
		return nil
	}
	parsed, err := ParseTable(string(text))
	if err == nil {
		*t = parsed
	}
	return err
}
