package workload

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// Database is the schema that the workload lives in.
const Database = "bank"

// A branch is a table of accounts. Its first columns are always the same; others are added and dropped.
type branch struct {
	name     string
	columns  []column
	accounts []account
	indexed  bool // has the index by_owner
	serial   uint64
	revision uint64 // counts what changes the table map
}

// A column is one column of a branch.
type column struct {
	schema.Column
	cell cell
	slot int // in account.extras, of an added column
}

// A cell tells which part of an account a column holds.
type cell uint8

const (
	idCell cell = iota
	ownerCell
	balanceCell
	openedCell
	updatedCell
	numberCell // added, INT NOT NULL
	textCell   // added, VARCHAR(40) NULL
)

// An extra is the value of an added column.
type extra struct {
	null   bool
	number int64
	text   string
}

const (
	charset        = "utf8mb4"
	collation      = "utf8mb4_bin"
	collationID    = 46
	bytesPerLetter = 4
	noteLength     = 40
	ownerLength    = 50
	ownerMost      = 90 // above 63 letters a length takes two bytes
)

func (b *Bank) newBranch(name string) *branch {
	b.serial++
	text := func(name string, c cell, length int) column {
		return column{cell: c, Column: schema.Column{Name: name, Type: schema.VarChar, TypeName: "varchar",
			Charset: charset, Collation: collation, Length: length}}
	}
	other := func(name, typeName string, t schema.Type, c cell, length int) column {
		return column{cell: c, Column: schema.Column{Name: name, Type: t, TypeName: typeName, Length: length}}
	}
	br := &branch{name: name, serial: b.serial, columns: []column{
		other("id", "bigint", schema.BigInt, idCell, 20),
		text("owner", ownerCell, ownerLength),
		other("balance", "bigint", schema.BigInt, balanceCell, 20),
		other("opened", "date", schema.Date, openedCell, -1),
		other("updated", "timestamp", schema.Timestamp, updatedCell, -1),
	}}
	br.columns[0].PK = true
	br.columns[4].Scale = 3
	return br
}

// ref is the quoted, qualified name.
func (br *branch) ref() string { return quoted(br.name) }

func quoted(name string) string { return "`" + Database + "`.`" + name + "`" }

// create is the statement that makes the table.
func (br *branch) create() string {
	var defs []string
	for i := range br.columns {
		defs = append(defs, br.columns[i].definition())
	}
	return fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (`id`)) DEFAULT CHARACTER SET %s COLLATE %s",
		br.ref(), strings.Join(defs, ", "), charset, collation)
}

// definition is the column as a statement defines it.
func (c *column) definition() string {
	def := "`" + c.Name + "` " + strings.ToUpper(c.TypeName)
	switch {
	case c.Type == schema.VarChar:
		def += fmt.Sprintf("(%d) CHARACTER SET %s COLLATE %s", c.Length, c.Charset, c.Collation)
	case c.Scale > 0:
		def += fmt.Sprintf("(%d)", c.Scale)
	}
	if c.Nullable {
		def += " NULL"
	} else {
		def += " NOT NULL"
	}
	if c.cell == updatedCell {
		return def + " DEFAULT '1970-01-01 00:00:01.000'" // lest the server makes one of its own
	}
	if c.Default != nil {
		def += " DEFAULT '" + *c.Default + "'"
	}
	return def
}

// table is the definition, as a snapshot would read it.
func (br *branch) table() *schema.Table {
	t := &schema.Table{Schema: Database, Name: br.name, Charset: charset, Collation: collation, Handle: []int{br.offset(idCell)}}
	for _, c := range br.columns {
		t.Columns = append(t.Columns, c.Column)
		if c.cell == updatedCell {
			epoch := "1970-01-01 00:00:01.000"
			t.Columns[len(t.Columns)-1].Default = &epoch
		}
	}
	t.Indexes = append(t.Indexes, schema.Index{Name: "PRIMARY", Primary: true, Unique: true, Columns: t.Handle})
	if br.indexed {
		t.Indexes = append(t.Indexes, schema.Index{Name: "by_owner", Columns: []int{br.offset(ownerCell)}})
	}
	return t
}

func (br *branch) offset(c cell) int {
	return slices.IndexFunc(br.columns, func(col column) bool { return col.cell == c })
}

// values gives an account's row.
func (br *branch) values(a *account) []rows.Value {
	values := make([]rows.Value, len(br.columns))
	for i := range br.columns {
		values[i] = br.columns[i].value(a)
	}
	return values
}

func (c *column) value(a *account) rows.Value {
	switch c.cell {
	case idCell:
		return rows.Value{Kind: rows.Int, Num: uint64(a.id)}
	case ownerCell:
		return rows.Value{Kind: rows.Text, Bytes: []byte(a.owner)}
	case balanceCell:
		return rows.Value{Kind: rows.Int, Num: uint64(a.balance)}
	case openedCell:
		return rows.Value{Kind: rows.Date, Num: a.opened}
	case updatedCell:
		return rows.Value{Kind: rows.Timestamp, Num: uint64(a.updated * 1000), Scale: 3}
	}
	switch e := a.extras[c.slot]; {
	case e.null:
		return rows.Value{}
	case c.cell == numberCell:
		return rows.Value{Kind: rows.Int, Num: uint64(e.number)}
	default:
		return rows.Value{Kind: rows.Text, Bytes: []byte(e.text)}
	}
}

// remove takes an account out; the last one takes its place.
func (br *branch) remove(i int) {
	last := len(br.accounts) - 1
	br.accounts[i] = br.accounts[last]
	br.accounts[last] = account{}
	br.accounts = br.accounts[:last]
}

// extraColumns lists the offsets of the added columns.
func (br *branch) extraColumns() []int {
	var found []int
	for i, c := range br.columns {
		if c.cell == numberCell || c.cell == textCell {
			found = append(found, i)
		}
	}
	return found
}

// fresh is the value that rows get when their table gets the column.
func (c *column) fresh() extra {
	switch {
	case c.Default == nil:
		return extra{null: true}
	case c.cell == numberCell:
		return extra{number: int64((*c.Default)[0] - '0')}
	}
	return extra{text: *c.Default}
}

// defaults are the added columns' values of a new account.
func (br *branch) defaults() []extra {
	offsets := br.extraColumns()
	if len(offsets) == 0 {
		return nil
	}
	extras := make([]extra, len(offsets))
	for _, i := range offsets {
		extras[br.columns[i].slot] = br.columns[i].fresh()
	}
	return extras
}

// redraw gives extras with a new value in one of the added columns.
func (br *branch) redraw(extras []extra, roll *rand.Rand) []extra {
	offsets := br.extraColumns()
	c := br.columns[offsets[roll.IntN(len(offsets))]]
	extras = slices.Clone(extras)
	switch {
	case c.cell == numberCell:
		extras[c.slot] = extra{number: roll.Int64N(1<<32) - 1<<31}
	case roll.IntN(4) == 0:
		extras[c.slot] = extra{null: true}
	default:
		extras[c.slot] = extra{text: lastNames[roll.IntN(len(lastNames))]}
	}
	return extras
}

// addColumn puts a column at an offset, with its default in every row.
func (br *branch) addColumn(at int, c column) {
	c.slot = len(br.extraColumns())
	br.columns = slices.Insert(slices.Clone(br.columns), at, c)
	for i := range br.accounts {
		a := &br.accounts[i]
		a.extras = append(slices.Clone(a.extras), c.fresh())
	}
	br.revision++
}

// dropColumn takes an added column away.
func (br *branch) dropColumn(at int) {
	slot := br.columns[at].slot
	br.columns = slices.Delete(slices.Clone(br.columns), at, at+1)
	for _, i := range br.extraColumns() {
		if br.columns[i].slot > slot {
			br.columns[i].slot--
		}
	}
	for i := range br.accounts {
		a := &br.accounts[i]
		a.extras = slices.Delete(slices.Clone(a.extras), slot, slot+1)
	}
	br.revision++
}

func packedDay(ms int64) uint64 {
	y, m, d := time.UnixMilli(ms).UTC().Date()
	return rows.PackDate(y, int(m), d)
}
