package replay

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A State is the tables that a reader of the output would have, by schema.table.
type State map[string]*Table

// A Table is the rows of one table.
type Table struct {
	Columns []Column
	key     []int
	rows    map[string][]Value // by key; nil for a table without one
	bag     map[string]int     // how often each row occurs, of a table without a key
	gone    map[string]bool    // keys whose last row was a delete
}

// Rows gives how often each row occurs, printed by Print: what two states are compared by.
func (t *Table) Rows() map[string]int {
	printed := map[string]int{}
	for row, n := range t.bag {
		printed[row] = n
	}
	for _, values := range t.rows {
		printed[Print(values)]++
	}
	return printed
}

// Print prints a row so that equal rows have equal text and others do not.
func Print(values []Value) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(' ')
		}
		if v.Null {
			b.WriteString("NULL")
		} else {
			b.WriteString(strconv.Quote(v.Text))
		}
	}
	return b.String()
}

func newTable(d *Definition) *Table {
	t := &Table{Columns: d.TableColumns, key: d.Key()}
	t.clear()
	return t
}

func (t *Table) clear() {
	t.rows, t.bag, t.gone = map[string][]Value{}, map[string]int{}, map[string]bool{}
}

func (t *Table) keyOf(values []Value) string {
	key := make([]Value, len(t.key))
	for i, at := range t.key {
		key[i] = values[at]
	}
	return Print(key)
}

// apply plays one row. The tables that existed at the start are not snapshot: an update or delete of a key that was
// never seen is as good as an insert or nothing. It returns the kind of problem, or "".
func (t *Table) apply(r *Row) (kind string) {
	if len(t.key) == 0 {
		return t.applyKeyless(r)
	}
	if r.Op == Update && r.Old != nil {
		delete(t.rows, t.keyOf(r.Old))
	}
	key := t.keyOf(r.Values)
	_, present := t.rows[key]
	switch {
	case r.Op == Insert && present:
		kind = KeyPresent
	case r.Op != Insert && t.gone[key]:
		kind = KeyAbsent
	}
	if r.Op == Delete {
		delete(t.rows, key)
	} else {
		t.rows[key] = r.Values
	}
	t.gone[key] = r.Op == Delete
	return kind
}

func (t *Table) applyKeyless(r *Row) (kind string) {
	if r.Op == Update && r.Old != nil {
		t.take(Print(r.Old))
	}
	if r.Op == Delete {
		t.take(Print(r.Values))
	} else {
		t.bag[Print(r.Values)]++
	}
	return ""
}

func (t *Table) take(row string) {
	if t.bag[row]--; t.bag[row] <= 0 {
		delete(t.bag, row)
	}
}

// reshape gives the rows the columns of d: a column is found again by its name; one that has no namesake, in a table
// whose number of columns did not change, by its place, as it was renamed; else it is new and has its default.
func (t *Table) reshape(d *Definition) {
	from := make([]int, len(d.TableColumns))
	for i, c := range d.TableColumns {
		from[i] = slices.IndexFunc(t.Columns, func(old Column) bool { return strings.EqualFold(old.Name, c.Name) })
		if from[i] < 0 && len(t.Columns) == len(d.TableColumns) {
			from[i] = i
		}
	}
	shape := func(old []Value) []Value {
		values := make([]Value, len(from))
		for i, at := range from {
			if at >= 0 {
				values[i] = old[at]
			} else {
				values[i] = d.TableColumns[i].initial()
			}
		}
		return values
	}
	next := newTable(d)
	for _, old := range t.rows {
		values := shape(old)
		next.add(values)
	}
	for row, n := range t.bag {
		values := shape(parse(row))
		for range n {
			next.add(values)
		}
	}
	*t = *next
}

func (t *Table) add(values []Value) {
	if len(t.key) == 0 {
		t.bag[Print(values)]++
	} else {
		t.rows[t.keyOf(values)] = values
	}
}

// parse undoes Print.
func parse(row string) (values []Value) {
	for row != "" {
		if rest, null := strings.CutPrefix(row, "NULL"); null {
			values, row = append(values, Value{Null: true}), strings.TrimPrefix(rest, " ")
			continue
		}
		quoted, err := strconv.QuotedPrefix(row)
		if err != nil {
			panic("replay: " + row + " was not made by Print")
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			panic("replay: " + row + " was not made by Print")
		}
		values, row = append(values, Value{Text: text}), strings.TrimPrefix(row[len(quoted):], " ")
	}
	return values
}

// initial is what ALTER TABLE ... ADD COLUMN gives the rows that are there.
func (c *Column) initial() Value {
	var text string
	switch {
	case len(c.Default) > 0 && string(c.Default) != "null":
		if json.Unmarshal(c.Default, &text) != nil {
			text = string(c.Default)
		}
		return Value{Text: text}
	case c.Nullable != "false":
		return Value{Null: true}
	case strings.HasSuffix(c.Type, "TEXT") || strings.HasSuffix(c.Type, "CHAR") || c.binary():
		return Value{}
	}
	return Value{Text: "0"}
}
