package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/schema/parse"
)

// A Selection tells which tables a changefeed replicates; a *filter.Filter is one.
type Selection interface {
	Match(schema, table string) bool
	// MatchSchema tells whether a table of the schema could be selected.
	MatchSchema(schema string) bool
}

// A Tracker holds the definitions of all tables as of one position of the stream, and moves on with each DDL
// statement. It holds tables that the changefeed does not replicate too, for a RENAME may bring them in and a CREATE
// TABLE ... LIKE may copy them; only what Apply returns, and Tables, follows the selection.
//
// From the same state the same statements give the same definitions, ids and versions. It is not safe for concurrent
// use.
type Tracker struct {
	server  Server
	selects Selection
	next    TableID // the last id given
	tables  map[Ref]*Table
	schemas map[string]text // with the default character set of new tables
	touched touched
}

// NewTracker makes a Tracker without tables, for an upstream with these facts.
func NewTracker(server Server, selects Selection) *Tracker {
	return &Tracker{server: server, selects: selects, tables: map[Ref]*Table{}, schemas: map[string]text{}}
}

// Load takes a snapshot of definitions, as FromServer reads it, made at version. It gives ids in the order of names. The
// tables' slices are taken over.
func (k *Tracker) Load(tables []*Table, version uint64) {
	sorted := slices.Clone(tables)
	slices.SortFunc(sorted, func(a, b *Table) int { return compareRefs(a.Ref(), b.Ref()) })
	for _, read := range sorted {
		t := *read
		if t.OfSchema() {
			k.schemas[k.schemaKey(t.Schema)] = text{t.Charset, t.Collation}
			continue
		}
		if _, ok := k.schemas[k.schemaKey(t.Schema)]; !ok {
			k.schemas[k.schemaKey(t.Schema)] = k.serverDefault()
		}
		k.next++
		t.ID, t.Version, t.Created = k.next, version, version
		numberColumns(&t)
		k.tables[k.key(t.Ref())] = &t
	}
}

func (k *Tracker) serverDefault() text { return text{k.server.Charset, k.server.Collation} }

// numberColumns gives the columns of a table that was read their ids.
func numberColumns(t *Table) {
	t.Columns = slices.Clone(t.Columns)
	hidden := int64(0)
	for i := range t.Columns {
		if t.Columns[i].Hidden {
			hidden--
			t.Columns[i].ID = hidden
			continue
		}
		t.MaxColumnID++
		t.Columns[i].ID = t.MaxColumnID
	}
}

// key folds a name as the server compares names.
func (k *Tracker) key(r Ref) Ref {
	if k.server.LowerCase {
		return Ref{strings.ToLower(r.Schema), strings.ToLower(r.Name)}
	}
	return r
}

func (k *Tracker) schemaKey(s string) string { return k.key(Ref{Schema: s}).Schema }

// Server gives the facts of the upstream that statements are read by.
func (k *Tracker) Server() Server { return k.server }

// Lookup gives the definition of a table, replicated or not; nil if there is none.
func (k *Tracker) Lookup(ref Ref) *Table { return k.tables[k.key(ref)] }

// Replicates tells whether the changefeed takes the table's rows.
func (k *Tracker) Replicates(t *Table) bool {
	return t != nil && t.HasRows() && k.selects.Match(t.Schema, t.Name)
}

// Tables gives the replicated tables, ordered by name.
func (k *Tracker) Tables() []*Table {
	var tables []*Table
	for _, t := range k.tables {
		if k.Replicates(t) {
			tables = append(tables, t)
		}
	}
	slices.SortFunc(tables, func(a, b *Table) int { return compareRefs(a.Ref(), b.Ref()) })
	return tables
}

func compareRefs(a, b Ref) int {
	if c := strings.Compare(a.Schema, b.Schema); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// Unreadable is the error of a statement whose effect on the definitions could not be worked out. The definitions are as
// before; read those of Refs from the upstream and call ApplyRead.
type Unreadable struct {
	Refs   []Ref
	Kind   Kind
	Query  string // without credentials
	Reason error  // names no value of the statement
}

func (u *Unreadable) Error() string {
	names := make([]string, len(u.Refs))
	for i, r := range u.Refs {
		names[i] = r.String()
	}
	return fmt.Sprintf("track the definition of %s: %v; read it from the upstream", strings.Join(names, ", "), u.Reason)
}

func (u *Unreadable) Unwrap() error { return u.Reason }

// Apply moves the definitions on by one statement. It returns what the statement does to replicated tables and views,
// nil if nothing, or an *Unreadable. A statement that is no DDL of tables is not looked into.
func (k *Tracker) Apply(s Statement) (*DDL, error) {
	st, syntax := parse.Parse(s.Query, k.server.parsing(s.SQLMode))
	if st.Verb == parse.Other || st.Temporary {
		return nil, nil
	}
	e := k.edit(s, st)
	err := syntax
	if err == nil || s.ErrorCode != 0 {
		err = e.apply()
	}
	if err == nil {
		return e.commit(), nil
	}
	refs := e.refs()
	if len(refs) == 0 {
		// Views, schemas and sequences hold no rows: what cannot be read of them is no danger.
		return nil, nil
	}
	return nil, &Unreadable{Refs: refs, Kind: e.kind(), Query: e.query(), Reason: err}
}

// ApplyRead moves the definitions on by a statement that Apply could not read, with the definitions of its Refs as they
// are in the upstream now. A table that is missing there has been dropped or renamed since: an older definition is then
// kept. Such definitions may be newer than the statement and are marked Unsure.
func (k *Tracker) ApplyRead(s Statement, read map[Ref]*Table) (*DDL, error) {
	st, _ := parse.Parse(s.Query, k.server.parsing(s.SQLMode))
	if st.Verb == parse.Other || st.Temporary {
		return nil, nil
	}
	e := k.edit(s, st)
	e.takeRead(read)
	return e.commit(), nil
}

// ErrNoTable tells that there is no such table.
var ErrNoTable = errors.New("schema: no such table")
