// Package replay reads what the storage sink wrote, as docs/formats.md publishes the format, and plays it to the state
// that a database would be in. It shares no code with the sink or the codecs: a test that compares Weir's output with
// the upstream through it would notice a mistake that both sides of a round trip have in common.
//
// It holds everything in memory, and it does not execute SQL: statements that change rows without row events other than
// TRUNCATE and DROP TABLE or DATABASE (DROP PARTITION, a converting MODIFY) are beyond it.
package replay

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An Output is one prefix of the storage sink.
type Output struct {
	// CheckpointTs is that of the metadata file: rows above it do not count yet.
	CheckpointTs uint64
	// Versions holds the table versions, by version, then schema and table.
	Versions []*Version
	// Databases holds the schema files of whole databases, by version.
	Databases []*Definition
	// Unindexed names the data files that no index makes visible; their rows are in no Version.
	Unindexed []string
	// Problems is what is wrong with the files themselves.
	Problems []Problem
}

// A Version is one version of one table, with its rows in the order in which a reader takes them.
type Version struct {
	Definition
	Rows []Row
}

// A Definition is a schema file.
type Definition struct {
	File         string `json:"-"`
	Table        string
	Schema       string
	Version      int
	TableVersion uint64
	Query        string
	Type         int
	TableColumns []Column
}

// A Column is a column of a schema file.
type Column struct {
	Name     string          `json:"ColumnName"`
	Type     string          `json:"ColumnType"`
	Default  json.RawMessage `json:"ColumnDefault"`
	Nullable string          `json:"ColumnNullable"`
	PK       string          `json:"ColumnIsPk"`
}

// Key gives the offsets of the primary key's columns.
func (d *Definition) Key() (key []int) {
	for i, c := range d.TableColumns {
		if c.PK == "true" {
			key = append(key, i)
		}
	}
	return key
}

// Name gives schema.table.
func (d *Definition) Name() string { return d.Schema + "." + d.Table }

// Op is what happened to a row.
type Op byte

// The operations.
const (
	Insert Op = 'I'
	Update Op = 'U'
	Delete Op = 'D'
)

// A Value is a column's value as text, or NULL. Binary values are the bytes themselves.
type Value struct {
	Text string
	Null bool
}

// A Row is one row of a data file.
type Row struct {
	Op       Op
	CommitTs uint64
	Values   []Value // by column of the Version
	Old      []Value // of an update, where the protocol tells: by column
	File     string
	Line     int // counts rows from 1

	// rank orders rows of one commit-ts that lie in files of several spans.
	rank uint32
}

// Where names the row's place, for error messages.
func (r *Row) Where() string { return fmt.Sprintf("%s row %d", r.File, r.Line) }

// A Problem is something in the output that must not be.
type Problem struct {
	Kind  string // one of the Problem kinds
	Where string
	Text  string
}

func (p Problem) String() string { return p.Kind + ": " + p.Where + ": " + p.Text }

// The kinds of problems.
const (
	MissingFile  = "missing file"  // an index names a file, or one before it, that does not exist
	Doubled      = "doubled row"   // the same commit-ts, operation and content twice in one table version
	Unordered    = "unordered row" // a commit-ts below an earlier one of the same sequence of files
	WrongVersion = "wrong version" // the row's commit-ts lies outside of its table version's life
	KeyPresent   = "key present"   // an insert of a key that is there
	KeyAbsent    = "key absent"    // an update or delete of a key that was deleted before
)

var (
	schemaFile = regexp.MustCompile(`^schema_(\d+)_(\d{10})\.json$`)
	dataFile   = regexp.MustCompile(`^CDC(_.+_)?(\d+)\.(csv|json)$`)
	indexFile  = regexp.MustCompile(`^CDC(_.+)?\.index$`)
)

// Read reads the output below dir.
func Read(dir string) (*Output, error) {
	o := &Output{}
	tree, err := walk(dir)
	if err != nil {
		return nil, err
	}
	if err := o.readMetadata(dir); err != nil {
		return nil, err
	}
	versions := map[string]*Version{} // by folder of the version
	for _, file := range tree.schemas {
		if err := o.readSchema(dir, file, versions); err != nil {
			return nil, err
		}
	}
	for _, s := range tree.sequences() {
		if err := o.readSequence(dir, s, versions); err != nil {
			return nil, err
		}
	}
	for _, v := range versions {
		// The sequences of a split table hold different keys, or one key's rows one after the other: commit order joins them.
		slices.SortStableFunc(v.Rows, func(a, b Row) int {
			return cmp.Or(cmp.Compare(a.CommitTs, b.CommitTs), cmp.Compare(a.rank, b.rank))
		})
		o.Versions = append(o.Versions, v)
	}
	slices.SortFunc(o.Versions, func(a, b *Version) int { return compareDefinitions(&a.Definition, &b.Definition) })
	slices.SortFunc(o.Databases, compareDefinitions)
	slices.Sort(o.Unindexed)
	return o, nil
}

// Table gives the versions of one table, by its name at the time, in order.
func (o *Output) Table(schema, table string) (versions []*Version) {
	for _, v := range o.Versions {
		if v.Schema == schema && v.Table == table {
			versions = append(versions, v)
		}
	}
	return versions
}

// Cut gives the output as it was when ts was the checkpoint, without its Problems.
func (o *Output) Cut(ts uint64) *Output {
	cut := &Output{CheckpointTs: ts}
	for _, v := range o.Versions {
		if v.TableVersion <= ts {
			cut.Versions = append(cut.Versions, v)
		}
	}
	for _, d := range o.Databases {
		if d.TableVersion <= ts {
			cut.Databases = append(cut.Databases, d)
		}
	}
	return cut
}

// Rows counts the rows at or below the checkpoint.
func (o *Output) Rows() (n int) {
	for _, v := range o.Versions {
		for i := range v.Rows {
			if v.Rows[i].CommitTs <= o.CheckpointTs {
				n++
			}
		}
	}
	return n
}

func (o *Output) readMetadata(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "metadata"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var m struct {
		CheckpointTs uint64 `json:"checkpoint-ts"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("read metadata: %w", err)
	}
	o.CheckpointTs = m.CheckpointTs
	return nil
}

func (o *Output) readSchema(dir, file string, versions map[string]*Version) error {
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	d := Definition{File: file}
	if err := json.Unmarshal(data, &d); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	named, err := strconv.ParseUint(schemaFile.FindStringSubmatch(path.Base(file))[1], 10, 64)
	if err != nil || named != d.TableVersion {
		return fmt.Errorf("read %s: its name and its TableVersion %d differ", file, d.TableVersion)
	}
	home := path.Dir(path.Dir(file)) // {schema}/{table}/meta/schema_... or {schema}/meta/schema_...
	if !strings.Contains(home, "/") {
		o.Databases = append(o.Databases, &d)
		return nil
	}
	folder := path.Join(home, strconv.FormatUint(d.TableVersion, 10))
	if other := versions[folder]; other != nil {
		return fmt.Errorf("read %s: %s defines the same version", file, other.File)
	}
	versions[folder] = &Version{Definition: d}
	return nil
}

// readSequence reads the files 1 to the index of one sequence. Dates begin new ones, so order is checked per date.
func (o *Output) readSequence(dir string, s sequence, versions map[string]*Version) error {
	v := versions[s.version]
	if v == nil {
		return fmt.Errorf("read %s: no schema file defines this version", s.folder)
	}
	last := s.last(dir)
	for n, file := range s.files {
		if n > last {
			o.Unindexed = append(o.Unindexed, file)
		}
	}
	continues, err := s.continues(dir)
	if err != nil {
		return err
	}
	var before uint64
	for n := 1; n <= last; n++ {
		file, ok := s.files[n]
		if !ok {
			o.problem(MissingFile, s.folder, fmt.Sprintf("the index goes to %d, file %d is not there", last, n))
			continue
		}
		rows, err := readData(dir, file, &v.Definition)
		if err != nil {
			return err
		}
		for i := range rows {
			if rows[i].CommitTs < before {
				o.problem(Unordered, rows[i].Where(), fmt.Sprintf("commit-ts %d after %d", rows[i].CommitTs, before))
			}
			before = rows[i].CommitTs
			rows[i].rank = continues.rank(before, n)
		}
		v.Rows = append(v.Rows, rows...)
	}
	return nil
}

func readData(dir, file string, d *Definition) ([]Row, error) {
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	read := readCSV
	if strings.HasSuffix(file, ".json") {
		read = readCanalJSON
	}
	rows, err := read(data, d)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	for i := range rows {
		rows[i].File, rows[i].Line = file, i+1
	}
	return rows, nil
}

func (o *Output) problem(kind, where, text string) {
	o.Problems = append(o.Problems, Problem{Kind: kind, Where: where, Text: text})
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compareDefinitions(a, b *Definition) int {
	if c := compare(a.TableVersion, b.TableVersion); c != 0 {
		return c
	}
	return strings.Compare(a.Name(), b.Name())
}
