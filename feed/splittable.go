package feed

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/schema"
)

// Splittable tells whether a table's rows may go through more than one dispatcher, and if not why. It holds for one version of the
// definition: a DDL can end it.
//
// Any sink asks for a handle key: without one the same row may be there twice, and nothing says which of them is meant.
//
// A sink that keeps every image with its (commit-ts, ordinal), as files do, asks for no more. There a row is known by its
// key's bytes: an update from 'e' to 'é' may become a delete in one span and an insert in another. Who reads it orders all
// by (commit-ts, ordinal), and where it goes on into a database that holds both equal, deletes before inserts.
//
// A sink that executes rows in a database (sql) asks for more, since its dispatchers run side by side and the database
// compares keys by its own rules. Two rows of different spans must never meet there. So no second unique key, where a
// value may pass from a row in one span to a row in another; and no handle key that the database may hold equal to one
// of another span: the hash (rows.AppendKey) ignores no more of a text than the case of ASCII letters and trailing
// spaces, so the column's collation may ignore no more either; and a key over a prefix ignores what lies behind it. What is
// left for such a sink to mind: an update across spans arrives as a delete from one dispatcher and an insert from another, in any order, but never
// of keys that are equal to the database; and its downstream table must have no keys and collations but the source's.
func Splittable(t *schema.Table, sql bool) (reason string, ok bool) {
	switch {
	case !t.HasRows():
		return "it has no rows to split", false
	case len(t.Handle) == 0:
		return "it has neither a primary key nor a unique key of NOT NULL columns", false
	}
	if sql {
		if reason := clashes(t); reason != "" {
			return reason, false
		}
	}
	return "", true
}

// clashes tells how rows of two spans could meet in a database, "" if they can not.
func clashes(t *schema.Table) string {
	for i := range t.Indexes {
		x := &t.Indexes[i]
		switch {
		case !x.Primary && !x.Unique, implied(x, t.Handle):
		case x.Partial && slices.Equal(x.Columns, t.Handle):
			return fmt.Sprintf("its key %s is over a prefix, which may be equal for values that are not", x.Name)
		default:
			return fmt.Sprintf("its unique key %s may pass a value from one row to another", x.Name)
		}
	}
	for _, i := range t.Handle {
		if c := &t.Columns[i]; isText(c) && !comparesAsHashed(c.Collation) {
			return fmt.Sprintf("its key column %s has the collation %q, which may hold values equal that differ; one ending in _bin would do",
				c.Name, c.Collation)
		}
	}
	return ""
}

// implied tells that a unique key can not clash where the handle key does not: it has all columns of that, and may have more.
func implied(x *schema.Index, handle []int) bool {
	return !x.Partial && !slices.ContainsFunc(handle, func(i int) bool { return !slices.Contains(x.Columns, i) })
}

func isText(c *schema.Column) bool {
	return c.Type >= schema.Char && c.Type <= schema.LongText && c.Charset != "binary"
}

// comparesAsHashed tells that what a collation holds equal has equal hashes: it ignores nothing but what the hash ignores.
func comparesAsHashed(collation string) bool {
	return strings.HasSuffix(collation, "_bin") || collation == "ascii_general_ci" || collation == "ascii_general_nopad_ci"
}
