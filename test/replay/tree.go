package replay

import (
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

// A tree is the names of the files below a prefix, slash-separated, that a reader looks at.
type tree struct {
	schemas []string
	data    []string
	indexes []string
}

// A sequence is the data files of one directory, or of one dispatcher in it, that count from 1.
type sequence struct {
	folder  string
	version string // the folder of the table version: folder, or its parent where dates are separated
	index   string
	files   map[int]string
}

// A continuations is what the record of a split table's span tells of transactions that another span's files begin.
type continuations []struct {
	CommitTs uint64 `json:"commit-ts"`
	Ordinal  uint32 `json:"ordinal"`
	Date     string `json:"date"`
	Number   int    `json:"number"`
}

// continues reads the sequence's continuations, from the record beside the indexes: those of its own date.
func (s *sequence) continues(dir string) (continuations, error) {
	name := strings.TrimSuffix(path.Base(s.index), ".index") + ".json"
	data, err := os.ReadFile(filepath.Join(dir, s.version, "meta", name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var record struct{ Continues continuations }
	if err := json.Unmarshal(data, &record); err != nil {
		return nil, fmt.Errorf("read the record %s: %w", name, err)
	}
	day := strings.TrimPrefix(strings.TrimPrefix(s.folder, s.version), "/")
	mine := record.Continues[:0]
	for _, c := range record.Continues {
		if c.Date == day {
			mine = append(mine, c)
		}
	}
	return mine, nil
}

// rank gives the place, among the rows of a commit-ts, of those in a file: behind the rows of all lower ranks.
func (all continuations) rank(commitTs uint64, file int) (rank uint32) {
	for _, c := range all {
		if c.CommitTs == commitTs && c.Number <= file {
			rank = max(rank, c.Ordinal)
		}
	}
	return rank
}

func walk(dir string) (*tree, error) {
	t := &tree{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		// A meta folder may hold files of the writer's own too, whose names are free.
		switch base, meta := path.Base(rel), path.Base(path.Dir(rel)) == "meta"; {
		case meta && schemaFile.MatchString(base):
			t.schemas = append(t.schemas, rel)
		case meta && indexFile.MatchString(base):
			t.indexes = append(t.indexes, rel)
		case !meta && dataFile.MatchString(base):
			t.data = append(t.data, rel)
		}
		return nil
	})
	return t, err
}

// sequences gives the sequences in the order in which a reader takes them: dates ascend by name.
func (t *tree) sequences() []sequence {
	found := map[string]*sequence{}
	at := func(folder, index string) *sequence {
		if found[index] == nil {
			found[index] = &sequence{folder: folder, version: versionFolder(folder), index: index, files: map[int]string{}}
		}
		return found[index]
	}
	for _, index := range t.indexes {
		at(path.Dir(path.Dir(index)), index)
	}
	for _, file := range t.data {
		folder := path.Dir(file)
		match := dataFile.FindStringSubmatch(path.Base(file))
		s := at(folder, path.Join(folder, "meta", "CDC"+strings.TrimSuffix(match[1], "_")+".index"))
		if n, err := strconv.Atoi(match[2]); err == nil {
			s.files[n] = file
		}
	}
	var all []sequence
	for _, s := range found {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b sequence) int { return strings.Compare(a.index, b.index) })
	return all
}

var date = regexp.MustCompile(`^\d{4}(-\d{2}){0,2}$`)

// versionFolder takes the date off: a commit-ts has many more digits than a year.
func versionFolder(folder string) string {
	if date.MatchString(path.Base(folder)) {
		return path.Dir(folder)
	}
	return folder
}

// last reads the number of the last complete file, 0 if there is no index yet.
func (s *sequence) last(dir string) int {
	data, err := os.ReadFile(filepath.Join(dir, s.index))
	if err != nil {
		return 0
	}
	match := dataFile.FindStringSubmatch(strings.TrimSuffix(string(data), "\n"))
	if match == nil {
		return 0
	}
	n, err := strconv.Atoi(match[2])
	if err != nil {
		return 0
	}
	return n
}
