package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/sinks"
)

// A record tells the last complete data file of a series, and how far that makes its span complete.
type record struct {
	Span     spanRange      `json:"span"`
	Date     string         `json:"date,omitempty"`
	Number   uint64         `json:"number"`
	Size     int64          `json:"size"`
	Complete sinks.Position `json:"complete"`
}

// A spanRange is a span's start and end in hexadecimal: JSON numbers of 64 bits don't survive every reader.
type spanRange struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

func rangeOf(k sinks.SpanKey) spanRange {
	return spanRange{strconv.FormatUint(k.Start, 16), strconv.FormatUint(k.End, 16)}
}

func (r spanRange) key(table int64) (sinks.SpanKey, error) {
	start, err1 := strconv.ParseUint(r.Start, 16, 64)
	end, err2 := strconv.ParseUint(r.End, 16, 64)
	return sinks.SpanKey{Table: table, Start: start, End: end}, errors.Join(err1, err2)
}

// A recovered is what the disk says of a series.
type recovered struct {
	last   record // zero if the series has no file yet
	floor  sinks.Position
	partly []cover // records of other ranges above floor
}

// A cover is a range whose rows up to a position are in files of other series of the table version.
type cover struct {
	span sinks.SpanKey
	upTo sinks.Position
}

// recover brings a series to the state of its record and reads what it and its overlapping neighbours hold.
func (s series) recover() (recovered, error) {
	names, err := namesIn(filepath.Join(s.dir, metaDir))
	if err != nil {
		return recovered{}, err
	}
	var got recovered
	var found bool
	for _, name := range names {
		if !strings.HasPrefix(name, "CDC") || !strings.HasSuffix(name, ".json") {
			continue
		}
		r, err := readRecord(filepath.Join(s.dir, metaDir, name))
		if err != nil {
			return recovered{}, err
		}
		if name == s.name()+".json" {
			got.last, found = r, true
		}
		if err := got.add(r, s.span); err != nil {
			return recovered{}, fmt.Errorf("read %s: %w", filepath.Join(s.dir, metaDir, name), err)
		}
	}
	got.partly = slices.DeleteFunc(got.partly, func(c cover) bool { return c.upTo.Compare(got.floor) <= 0 })
	if found {
		if err := s.publish(got.last); err != nil {
			return recovered{}, err
		}
	}
	return got, s.clean(got.last, found)
}

// add counts a record in: for the whole span, or for the part that it covers.
func (g *recovered) add(r record, span sinks.SpanKey) error {
	key, err := r.Span.key(span.Table)
	switch {
	case err != nil:
		return &sinks.Fatal{Err: fmt.Errorf("its span is damaged: restore the file: %w", err)}
	case key.Covers(span):
		if r.Complete.Compare(g.floor) > 0 {
			g.floor = r.Complete
		}
	case key.Overlaps(span):
		g.partly = append(g.partly, cover{key, r.Complete})
	}
	return nil
}

func readRecord(path string) (record, error) {
	var r record
	data, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, &sinks.Fatal{Err: fmt.Errorf("%s is damaged (%w): restore it, or start over in an empty folder", path, err)}
	}
	return r, nil
}

// publish moves the index up to the record, if a crash came between the two. A data file that a reader removed, or
// that expired, has no index to move.
func (s series) publish(r record) error {
	path := s.data(r.Date, r.Number)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Size() != r.Size {
		return &sinks.Fatal{Err: fmt.Errorf("%s has %d bytes, its record says %d: restore it, or start over in an empty folder",
			path, info.Size(), r.Size)}
	}
	index := s.index(r.Date)
	if content, err := os.ReadFile(index); err == nil && string(content) == s.indexLine(r.Number) {
		return nil
	}
	return putDurable(index, []byte(s.indexLine(r.Number)))
}

func (s series) indexLine(number uint64) string { return s.file(number) + "\n" }

// clean removes the series' data files above the record: nobody counts them, and their rows come again.
func (s series) clean(last record, found bool) error {
	dates := []string{""}
	if s.dates != "" {
		names, err := namesIn(s.dir)
		if err != nil {
			return err
		}
		dates = slices.DeleteFunc(names, func(name string) bool { return !s.dates.is(name) || name < last.Date })
	}
	for _, date := range dates {
		above := uint64(0)
		if found && date == last.Date {
			above = last.Number
		}
		if err := s.cleanDate(date, above); err != nil {
			return err
		}
	}
	return nil
}

func (s series) cleanDate(date string, above uint64) error {
	if above == 0 {
		there, err := exists(s.index(date))
		if err != nil {
			return err
		}
		if there {
			return &sinks.Fatal{Err: fmt.Errorf("%s counts files that %s does not know: restore the record, or start over in an empty folder",
				s.index(date), s.record())}
		}
	}
	names, err := namesIn(filepath.Join(s.dir, date))
	if err != nil {
		return err
	}
	for _, name := range names {
		if n, ok := s.number(name); ok && n > above {
			if err := os.Remove(filepath.Join(s.dir, date, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
