package storage

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

// A layout says where things lie. It does no I/O.
type layout struct {
	root        string
	extension   string
	dates       dateFormat
	digits      int
	tableIDPath bool
}

func (o *options) layout() layout {
	return layout{root: o.dir, extension: o.codec.Extension(), dates: o.dates, digits: o.digits, tableIDPath: o.tableIDPath}
}

// Names at the root that are no database's.
const (
	metadataFile  = "metadata"
	syncpointsDir = "syncpoints"
	ownerFile     = ".weir.json"
	lockFile      = ".weir.lock"
	metaDir       = "meta"
)

// database is the directory of a database. A name of digits alone gives way to the tables' ids where those are at
// the root.
func (l layout) database(name string) string {
	return filepath.Join(l.root, escapeReserved(name, func(name string) bool {
		return name == metadataFile || name == syncpointsDir || l.tableIDPath && isNumber(name)
	}))
}

// table is the directory of a table.
func (l layout) table(t *schema.Table) string {
	if l.tableIDPath {
		return filepath.Join(l.root, strconv.FormatInt(int64(t.ID), 10))
	}
	return filepath.Join(l.database(t.Schema), escapeReserved(t.Name, func(name string) bool { return name == metaDir }))
}

// version is the directory of a table version.
func (l layout) version(t *schema.Table) string {
	return filepath.Join(l.table(t), strconv.FormatUint(t.Version, 10))
}

// A series is the numbered data files that one span writes in one table version.
type series struct {
	layout
	dir   string // of the version
	span  sinks.SpanKey
	claim sinks.Token // of the dispatcher that writes; zero where one process has the folder to itself
}

// name is what the series' files begin with.
func (s series) name() string {
	if s.span.Whole() {
		return "CDC"
	}
	return fmt.Sprintf("CDC_%016x%016x", s.span.Start, s.span.End)
}

func (s series) file(number uint64) string {
	prefix := s.name()
	if !s.span.Whole() {
		prefix += "_"
	}
	return fmt.Sprintf("%s%0*d%s", prefix, s.digits, number, s.extension)
}

// number undoes file.
func (s series) number(file string) (uint64, bool) {
	rest, ok := strings.CutPrefix(file, s.name())
	if ok && !s.span.Whole() {
		rest, ok = strings.CutPrefix(rest, "_")
	}
	if !ok {
		return 0, false
	}
	digits, ok := strings.CutSuffix(rest, s.extension)
	if !ok || !isNumber(digits) {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

func (s series) data(date string, number uint64) string {
	return filepath.Join(s.dir, date, s.file(number))
}

// writing is where a data file lies until it is committed. Where the folder is shared that is a name which no other
// dispatcher's file ever has; so one that has lost its span writes to files that nobody reads.
func (s series) writing(date string, number uint64) string {
	if s.claim.IsZero() {
		return s.data(date, number)
	}
	return filepath.Join(s.dir, metaDir, fmt.Sprintf("%s@%s@%s@%0*d%s", s.name(), s.claim, date, s.digits, number, temporary))
}

// written undoes writing, as far as it concerns whose the file is.
func (s series) written(name string) (series, bool) {
	parts := strings.SplitN(name, "@", 3)
	if len(parts) < 3 {
		return s, false
	}
	var err error
	other := s
	if other.claim, err = sinks.ParseToken(parts[1]); err != nil {
		return s, false
	}
	span, ok := s.spanOf(parts[0])
	other.span = span
	return other, ok
}

// spanOf undoes name.
func (s series) spanOf(name string) (sinks.SpanKey, bool) {
	k := sinks.SpanKey{Table: s.span.Table}
	if name == "CDC" {
		return k, true
	}
	hex, ok := strings.CutPrefix(name, "CDC_")
	if !ok || len(hex) != 32 {
		return k, false
	}
	var err1, err2 error
	k.Start, err1 = strconv.ParseUint(hex[:16], 16, 64)
	k.End, err2 = strconv.ParseUint(hex[16:], 16, 64)
	return k, err1 == nil && err2 == nil
}

func (s series) index(date string) string {
	return filepath.Join(s.dir, date, metaDir, s.name()+".index")
}

func (s series) record() string { return filepath.Join(s.dir, metaDir, s.name()+".json") }

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
