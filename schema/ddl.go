package schema

// A Statement is a DDL statement as the stream carries it.
type Statement struct {
	CommitTs uint64
	// Default is the session's default schema: unqualified names belong to it.
	Default string
	Query   string // UTF-8
	SQLMode uint64 // the server's sql_mode bits for this statement (ANSI_QUOTES, NO_BACKSLASH_ESCAPES matter); 0 if unknown
	// Charset and Collation are the session's character_set_client and collation names, or "".
	Charset, Collation string
	// ServerCharset and ServerCollation are what the session gave a schema that says neither, or "".
	ServerCharset, ServerCollation string
	// ErrorCode is the error with which the statement ended on the upstream, 0 if it did its work. A server writes such a
	// statement when it has done a part: CREATE OR REPLACE has dropped the old table, DROP has dropped what there was.
	ErrorCode uint16
}

// Kind is what a DDL statement does; its numbers are those of the schema file's Type (docs/formats.md).
type Kind uint8

// The kinds that readers of the storage format know.
const (
	CreateSchema      Kind = 1
	DropSchema        Kind = 2
	CreateTable       Kind = 3
	DropTable         Kind = 4
	AddColumn         Kind = 5
	DropColumn        Kind = 6
	AddIndex          Kind = 7
	DropIndex         Kind = 8
	AddForeignKey     Kind = 9
	DropForeignKey    Kind = 10
	TruncateTable     Kind = 11
	ModifyColumn      Kind = 12
	RenameTable       Kind = 14
	SetDefault        Kind = 15
	TableComment      Kind = 17
	RenameIndex       Kind = 18
	AddPartition      Kind = 19
	DropPartition     Kind = 20
	CreateView        Kind = 21
	TableCharset      Kind = 22
	TruncatePartition Kind = 23
	DropView          Kind = 24
	SchemaCharset     Kind = 26
	AddPrimaryKey     Kind = 32
	DropPrimaryKey    Kind = 33
	ExchangePartition Kind = 42
)

// Influence is the scope of a DDL: which dispatchers must meet at it.
type Influence uint8

// The scopes, as docs/barrier.md defines them.
const (
	Trigger      Influence = iota // the table trigger alone
	Normal                        // the tables in Change.Before, and the trigger where tables come, go or move
	DatabaseWide                  // every table of one schema, and the trigger
	All                           // every table, and the trigger
)

// A DDL is a statement resolved against the definitions: what it does to which replicated tables.
// A statement that touches no replicated table yields no DDL.
type DDL struct {
	CommitTs  uint64
	Kind      Kind
	Query     string // the statement, never one that may carry a credential
	Schema    string // the default schema under which Query runs
	Influence Influence
	// Database is the schema of a DatabaseWide DDL or of CREATE DATABASE.
	Database string
	// Blocks tells that more than one dispatcher may have to meet at it; see docs/barrier.md "What blocks".
	Blocks  bool
	Changes []Change
	// Warning, if not empty, tells what an operator must know: rows that this statement moved without the stream
	// carrying them.
	Warning string
}

// A Change is what a DDL does to one table. Before nil: the table is added. After nil: it is dropped.
// TRUNCATE gives Before and After with different IDs; ALTER and RENAME keep the ID and raise the Version.
// Before == After, the same pointer: the table is only read, by CREATE TABLE ... LIKE.
type Change struct {
	Before, After *Table
}

// NeedsTrigger tells that the DDL adds, drops or renames tables, or has no table of its own.
func (d *DDL) NeedsTrigger() bool {
	if d.Influence != Normal {
		return true
	}
	for _, c := range d.Changes {
		if c.Before == nil || c.After == nil || c.Before.ID != c.After.ID ||
			c.Before.Schema != c.After.Schema || c.Before.Name != c.After.Name {
			return true
		}
	}
	return false
}
