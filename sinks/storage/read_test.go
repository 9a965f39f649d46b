package storage_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/sinks/sinktest"
	"github.com/weir-cdc/weir/sinks/storage"
)

// readRows reads a folder as a consumer does: index files, then the data files that they count, by version and date.
func readRows(t testing.TB, dir string) []sinktest.Row {
	t.Helper()
	var all []sinktest.Row
	for _, index := range find(t, dir, func(path string) bool { return strings.HasSuffix(path, ".index") }) {
		for _, file := range counted(t, index) {
			all = append(all, readFile(t, file)...)
		}
	}
	return all
}

var numbered = regexp.MustCompile(`^(CDC(?:_[0-9a-f]{32}_)?)(\d+)(\..*)$`)

// counted lists the data files 1 to the index.
func counted(t testing.TB, index string) []string {
	t.Helper()
	line, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	parts := numbered.FindStringSubmatch(strings.TrimSuffix(string(line), "\n"))
	if parts == nil {
		t.Fatalf("%s holds %q, which names no data file", index, line)
	}
	last, err := strconv.Atoi(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for n := 1; n <= last; n++ {
		digits := strconv.Itoa(n)
		digits = strings.Repeat("0", len(parts[2])-len(digits)) + digits
		files = append(files, filepath.Join(filepath.Dir(filepath.Dir(index)), parts[1]+digits+parts[3]))
	}
	return files
}

func readFile(t testing.TB, path string) []sinktest.Row {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	rows := make([]sinktest.Row, 0, len(lines))
	for _, l := range lines {
		commitTs, err1 := strconv.ParseUint(l[3], 10, 64)
		id, err2 := strconv.ParseUint(l[4], 10, 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: a line of %q", path, l)
		}
		rows = append(rows, sinktest.Row{Table: l[2] + "." + l[1], CommitTs: commitTs, ID: id, V: l[5]})
	}
	return rows
}

// find lists the files that match, in the order of their paths.
func find(t testing.TB, dir string, match func(string) bool) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && match(path) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// readSchemas reads all schema files, by path, and checks their names against their content.
func readSchemas(t testing.TB, dir string) map[string]*storage.SchemaFile {
	t.Helper()
	files := map[string]*storage.SchemaFile{}
	for _, path := range find(t, dir, func(path string) bool { return strings.HasPrefix(filepath.Base(path), "schema_") }) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f := &storage.SchemaFile{}
		if err := json.Unmarshal(data, f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		parts := strings.Split(strings.TrimSuffix(filepath.Base(path), ".json"), "_")
		if parts[1] != strconv.FormatUint(f.TableVersion, 10) || len(parts[2]) != 10 {
			t.Errorf("%s holds version %d", path, f.TableVersion)
		}
		if sum, err := strconv.ParseUint(parts[2], 10, 32); err != nil || uint32(sum) != f.Checksum() {
			t.Errorf("%s: its checksum is %d", path, f.Checksum())
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		files[rel] = f
	}
	return files
}
