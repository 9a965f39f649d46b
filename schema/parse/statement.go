// Package parse reads the DDL statements of MySQL and MariaDB as far as they say what a table looks like: names,
// columns, types, keys, character sets. What cannot change that (storage engine, partition bounds, checks, comments
// of tables) is passed over.
//
// It knows no table: what a statement means for the definitions that exist is the business of package schema. The one
// invariant: a statement is read exactly, or it is an error; nothing inside a column's definition is ever guessed.
package parse

// A Verb is what a statement does.
type Verb uint8

// The verbs. Other stands for all that defines no table, schema or view; its text may hold a credential.
const (
	Other Verb = iota
	CreateTable
	AlterTable
	DropTable
	RenameTable
	TruncateTable
	CreateSchema
	AlterSchema
	DropSchema
	CreateView
	DropView
	CreateSequence
	AlterSequence
	DropSequence
)

// A Name is a table's name; Schema is "" where the statement leaves it to the session.
type Name struct{ Schema, Table string }

// A Rename is one pair of RENAME TABLE.
type Rename struct{ From, To Name }

// A Statement is what was read. Index statements are AlterTable.
type Statement struct {
	Verb        Verb
	OrReplace   bool
	IfExists    bool
	IfNotExists bool
	Temporary   bool
	Schema      string // of the schema's statements; "" is the session's
	// Tables are the tables, views or sequences named: one, but for DROP.
	Tables  []Name
	Renames []Rename
	Like    *Name
	// Select tells CREATE TABLE ... SELECT: the columns follow from a query.
	Select  bool
	Actions []Action // elements of CREATE TABLE, actions of ALTER TABLE
	// Options of the table or schema.
	Charset, Collate string
	Engine           string // as far as CREATE TABLE says, in upper case
	// Secrets are the places in the query of strings that may hold a credential.
	Secrets [][2]int
	// RenamedTo is the new name that ALTER TABLE gives, also where the rest of it could not be read.
	RenamedTo *Name
}

// Do is what an Action does.
type Do uint8

// The actions.
const (
	Nothing Do = iota // changes no definition
	AddColumn
	ModifyColumn // under the same name
	ChangeColumn // Name becomes Column.Name
	RenameColumn // Name becomes To
	DropColumn
	SetDefault
	SetVisible // Invisible tells which
	AddIndex
	DropIndex
	DropPrimary
	DropConstraint
	RenameIndex // Name becomes To
	AddForeignKey
	DropForeignKey
	AddPeriod
	RenameTo     // Table
	Convert      // to Charset, Collate
	TableCharset // default Charset, Collate
	Comment
	AddPartition
	DropPartition
	TruncatePartition
	ExchangePartition // with Table
	PartitionToTable  // Table is made of a partition
	TableToPartition  // Table becomes a partition
	AddVersioning
	DropVersioning
)

// An Action is one part of an ALTER TABLE, or one element of a CREATE TABLE.
type Action struct {
	Do        Do
	If        bool // IF EXISTS or IF NOT EXISTS
	Name, To  string
	Column    *Column
	Position  Position
	Index     *Index
	Table     Name
	Default   *Default
	Invisible bool

	Charset, Collate string
}

// A Position is where a column goes: First, behind After, or where it is (the end, for a new one).
type Position struct {
	First bool
	After string
}

// An Index is a key, as written.
type Index struct {
	Name    string
	Primary bool
	Unique  bool
	Hash    bool // USING HASH
	Special bool // FULLTEXT, SPATIAL or VECTOR
	Parts   []Part
	Overlap string // the period of WITHOUT OVERLAPS
}

// A Part is one part of an Index; Column is "" for an expression.
type Part struct {
	Column string
	Length int // of a prefix; 0 for the whole
}

// A Default is a column's default.
type Default struct {
	Null       bool
	Text       string // the literal's value, or the expression as written
	Expression bool
	Bytes      bool // Text is the bytes of x'..' or b'..'
	Number     bool
	From, To   int // in the query
}

// A Column is a column's definition, as written.
type Column struct {
	Name string
	Type TypeSpec

	NotNull, Null bool
	Default       *Default
	AutoIncrement bool
	PrimaryKey    bool
	Unique        bool
	References    bool
	Generated     bool
	RowStart      bool
	RowEnd        bool
	Invisible     bool
	Versioned     bool // WITH SYSTEM VERSIONING
	Comment       string
}

// A TypeSpec is a data type, as written. Name is the type's own name in upper case, synonyms resolved.
type TypeSpec struct {
	Name     string
	Length   int // -1 if not given
	Scale    int // -1 if not given
	Elems    []string
	Unsigned bool
	ZeroFill bool
	Charset  string
	Collate  string
	Binary   bool // the BINARY attribute: the character set's binary collation
	National bool
	Serial   bool // SERIAL: NOT NULL AUTO_INCREMENT UNIQUE
	JSON     bool // the JSON of a server for which that is a LONGTEXT
}
