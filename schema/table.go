package schema

// Type is a column's logical type, independent of the upstream's wire encoding.
type Type uint8

// The column types of MariaDB and MySQL.
const (
	TypeUnknown Type = iota
	TinyInt
	SmallInt
	MediumInt
	Int
	BigInt
	Float
	Double
	Decimal
	Bit
	Year
	Date
	Time
	DateTime
	Timestamp
	Char
	VarChar
	TinyText
	Text
	MediumText
	LongText
	Binary
	VarBinary
	TinyBlob
	Blob
	MediumBlob
	LongBlob
	Enum
	Set
	JSON
	Geometry // GEOMETRY and its subtypes; Column.TypeName tells which
	UUID
	Inet4
	Inet6
	Vector
)

// A TableID names one incarnation of a table: CREATE and TRUNCATE take a new one, ALTER and RENAME keep it.
type TableID int64

// A Table is one version of a table's definition. It is immutable once published.
type Table struct {
	ID      TableID
	Version uint64 // commit-ts of the DDL that made this definition; the changefeed's start-ts if it existed then
	// Created is the commit-ts of the DDL that made the table under this ID; the changefeed's start-ts if it existed then.
	Created uint64
	Schema  string // UTF-8
	Name    string // UTF-8
	Charset string // default character set, for example "utf8mb4"
	// Collation is the default collation, for example "utf8mb4_general_ci".
	Collation string
	Columns   []Column
	// Indexes holds the unique and the plain indexes, the primary key first.
	Indexes []Index
	// Handle holds offsets into Columns of the handle key: the primary key, else the first unique key whose
	// columns are all NOT NULL, else nothing: then the whole row identifies itself.
	Handle []int
	// View tells that this is a view: it has no rows.
	View bool
	// SystemVersioned tells that the upstream emits history rows too.
	SystemVersioned bool
	// Sequence tells a MariaDB SEQUENCE, whose one row is not user data.
	Sequence bool
	// MaxColumnID is the highest Column.ID ever given in this table, so that a dropped column's is not given again.
	MaxColumnID int64
	// Unsure tells that the definition was read back from the upstream, which may have been past Version by then:
	// rows must be compared with what the stream says of them (Check), and the definition made from that (Adopt).
	Unsure bool
}

// OfSchema tells that this is no table but a schema's entry in a snapshot: it has no name, and its Charset and Collation
// are the defaults of new tables in Schema.
func (t *Table) OfSchema() bool { return t.Name == "" }

// HasRows tells that the upstream's stream carries rows of it which are user data: it is a table, no view, sequence or
// schema's entry.
func (t *Table) HasRows() bool { return !t.View && !t.Sequence && !t.OfSchema() }

// Ref gives the table's qualified name.
func (t *Table) Ref() Ref { return Ref{Schema: t.Schema, Name: t.Name} }

// A Column is one column of a Table, in the order of the row image.
type Column struct {
	ID        int64 // stable over renames; new for each added column
	Name      string
	Type      Type
	TypeName  string // as information_schema's DATA_TYPE says it, lower case: "int", "varchar", "point"
	Unsigned  bool
	ZeroFill  bool
	Charset   string // of text, ENUM and SET; "binary" for bytes; "" for the rest
	Collation string
	Length    int      // display length, or characters of CHAR/VARCHAR, or bytes of BINARY/VARBINARY; BIT's bits; -1 unset
	Precision int      // DECIMAL's digits; 0 elsewhere
	Scale     int      // DECIMAL's or FLOAT(m,d)'s fraction digits, or fractional-second digits of TIME, DATETIME, TIMESTAMP
	Elems     []string // labels of ENUM and SET, in UTF-8
	Nullable  bool
	PK        bool
	Default   *string // nil if none
	Generated bool    // VIRTUAL or STORED; its value stands in the row image all the same
	Invisible bool
	Comment   string
	// Hidden tells a column that the server keeps for itself: MariaDB's implicit row_start and row_end of a
	// system-versioned table, and DB_ROW_HASH_n. It stands in the row image, and no statement can set it.
	Hidden bool
	// System is "start" or "end" for the columns ROW START and ROW END of a system-versioned table.
	System        string
	AutoIncrement bool
}

// An Index is a key of a Table; Columns holds offsets into Table.Columns.
type Index struct {
	Name    string
	Primary bool
	Unique  bool
	Columns []int
	// Partial tells that a part of a unique key covers only a prefix of its column; Expression that a part is an expression, which
	// Columns leaves out; Hash that the key is kept as a hash, in a hidden column of MariaDB's.
	Partial    bool
	Expression bool
	Hash       bool
}

// A Ref names a table by its qualified name.
type Ref struct{ Schema, Name string }

// String gives schema.name, unquoted, for logs.
func (r Ref) String() string { return r.Schema + "." + r.Name }
