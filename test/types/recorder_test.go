package types_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/test/replay"
)

// protocols are those that each value is compared through.
var protocols = []string{"csv", "canal-json"}

// A field is a column as information_schema describes it.
type field struct {
	name, dataType, columnType string
	nullable, key              bool
}

// fields reads the columns of a table, in order.
func (s *session) fields(schema, table string) (fields []field) {
	s.t.Helper()
	of := fmt.Sprintf(" WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s", literal(schema), literal(table))
	key := map[string]bool{}
	for _, row := range s.query("SELECT COLUMN_NAME FROM information_schema.STATISTICS" + of + " AND INDEX_NAME = 'PRIMARY'") {
		key[*row[0]] = true
	}
	for _, row := range s.query("SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, GENERATION_EXPRESSION FROM information_schema.COLUMNS" + of + " ORDER BY ORDINAL_POSITION") {
		ends := row[4] != nil && *row[4] == "ROW END" // which the server adds to the key
		fields = append(fields, field{*row[0], *row[1], *row[2], *row[3] == "YES", key[*row[0]] && !ends})
	}
	if fields == nil {
		s.t.Fatalf("there is no table %s.%s", schema, table)
	}
	return fields
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func literal(text string) string {
	return "'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(text) + "'"
}

// isSingle tells the FLOAT without fraction digits: the server shows six digits of it, the output has all.
func (f *field) isSingle() bool { return f.dataType == "float" && !strings.Contains(f.columnType, "(") }

// isBinary tells the types whose values are bytes.
func (f *field) isBinary() bool {
	switch f.dataType {
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point", "linestring", "polygon",
		"multipoint", "multilinestring", "multipolygon", "geometrycollection":
		return true
	}
	return false
}

// selects gives the SQL that shows the column in the form that a protocol writes it in.
func (f *field) selects(protocol string) string {
	name := quote(f.name)
	switch {
	case f.isBinary():
		return "HEX(" + name + ")"
	case f.isSingle():
		return "CAST(" + name + " AS DOUBLE)"
	case f.columnType == "year(2)": // the output has four digits
		return name + " + IF(" + name + " < 70, 2000, 1900)"
	case f.dataType == "bit", f.dataType == "year", strings.HasSuffix(f.columnType, "zerofill"):
		return name + " + 0"
	case f.dataType == "enum", f.dataType == "set":
		if protocol == "canal-json" { // of 64 labels the server would show a signed number
			return "CAST(" + name + " + 0 AS UNSIGNED)"
		}
		return "CONVERT(" + name + " USING utf8mb4)"
	case strings.HasSuffix(f.dataType, "char"), strings.HasSuffix(f.dataType, "text"):
		return "CONVERT(" + name + " USING utf8mb4)"
	}
	return "CAST(" + name + " AS CHAR CHARACTER SET utf8mb4)"
}

// shown makes a value of what selects showed.
func (f *field) shown(text *string) (replay.Value, error) {
	switch {
	case text == nil:
		return replay.Value{Null: true}, nil
	case f.isBinary():
		raw, err := hex.DecodeString(*text)
		return replay.Value{Text: string(raw)}, err
	}
	return f.comparable(replay.Value{Text: *text})
}

// comparable gives a value in the one form that equal values have.
func (f *field) comparable(v replay.Value) (replay.Value, error) {
	if v.Null || !f.isSingle() {
		return v, nil
	}
	n, err := strconv.ParseFloat(v.Text, 64)
	if err != nil {
		return v, err
	}
	return replay.Value{Text: fmt.Sprintf("float bits %x", math.Float32bits(float32(n)))}, nil
}

// contents reads a table in a protocol's form: its rows by the value of their column n.
func (s *session) contents(schema, table, protocol string) map[string][]replay.Value {
	s.t.Helper()
	fields := s.fields(schema, table)
	selects := make([]string, len(fields))
	for i := range fields {
		selects[i] = fields[i].selects(protocol)
	}
	at := slices.IndexFunc(fields, func(f field) bool { return f.name == "n" })
	rows := map[string][]replay.Value{}
	for _, row := range s.query("SELECT " + strings.Join(selects, ", ") + " FROM " + quote(schema) + "." + quote(table)) {
		values := make([]replay.Value, len(row))
		for i, text := range row {
			var err error
			if values[i], err = fields[i].shown(text); err != nil {
				s.t.Fatalf("%s.%s.%s: %v", schema, table, fields[i].name, err)
			}
		}
		rows[values[at].Text] = values
	}
	return rows
}

// A recorder notes the row events that one version of a table must have. Its table has a column n, that tells the rows
// apart, whether it is a key or not.
type recorder struct {
	session       *session
	schema, table string
	fields        []field
	keyed         bool                                 // an update tells its row by a key
	version       int                                  // which version of the table in the files it is, from 0
	now           map[string]map[string][]replay.Value // what the table holds, by protocol and n
	want          map[string]map[string]int            // the events, printed, by protocol
}

// record begins to note the changes of a table.
func (s *session) record(schema, table string, keyed bool) *recorder {
	s.t.Helper()
	r := &recorder{session: s, schema: schema, table: table, fields: s.fields(schema, table), keyed: keyed}
	r.now, r.want = map[string]map[string][]replay.Value{}, map[string]map[string]int{}
	for _, p := range protocols {
		r.now[p], r.want[p] = s.contents(schema, table, p), map[string]int{}
	}
	return r
}

// note compares the table with what it held before: what differs are the events since.
func (r *recorder) note() {
	r.session.t.Helper()
	for _, p := range protocols {
		before, after := r.now[p], r.session.contents(r.schema, r.table, p)
		for n, old := range before {
			if next, there := after[n]; !there {
				r.add(p, event(replay.Delete, old, nil))
			} else if replay.Print(old) != replay.Print(next) {
				r.update(p, old, next)
			}
		}
		for n, next := range after {
			if _, there := before[n]; !there {
				r.add(p, event(replay.Insert, next, nil))
			}
		}
		r.now[p] = after
	}
}

func (r *recorder) update(protocol string, old, next []replay.Value) {
	switch {
	case protocol == "canal-json":
		r.add(protocol, event(replay.Update, next, old))
	case r.keyed:
		r.add(protocol, event(replay.Update, next, nil))
	default:
		r.add(protocol, event(replay.Delete, old, nil))
		r.add(protocol, event(replay.Insert, next, nil))
	}
}

func (r *recorder) add(protocol, event string) { r.want[protocol][event]++ }

// event prints a row event.
func event(op replay.Op, values, old []replay.Value) string {
	text := string(op) + " " + replay.Print(values)
	if old != nil {
		text += " was " + replay.Print(old)
	}
	return text
}
