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

// A record tells the last complete data file of a series, none if its number is 0, and how far that makes its span
// complete.
type record struct {
	Span     spanRange      `json:"span"`
	Date     string         `json:"date,omitempty"`
	Number   uint64         `json:"number"`
	Size     int64          `json:"size"`
	Complete sinks.Position `json:"complete"`
	// Continues lists where the series goes on with transactions that series of other spans have begun.
	Continues []continuation `json:"continues,omitempty"`
	// Claim is the dispatcher that writes the series, or was the last to, where the folder is shared.
	Claim sinks.Token `json:"claim,omitzero"`
}

// A continuation is a place where a series goes on with a transaction whose earlier rows, of the same keys perhaps, lie in
// a series of another span. A reader of a split table orders rows by commit-ts; for rows of this one, from this file of
// the series on, the ordinal comes next, and is 0 for others.
type continuation struct {
	sinks.Position
	Date   string `json:"date,omitempty"`
	Number uint64 `json:"number"`
}

func (r *record) line() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return append(data, '\n')
}

// A spanRange is a span's start and end in hexadecimal: JSON numbers of 64 bits don't survive every reader.
type spanRange struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

func (r spanRange) String() string { return "[" + r.Start + ", " + r.End + ")" }

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
	others []sinks.Position // up to which other series are complete
	partly []cover          // records of other ranges above floor
}

// A cover is a range whose rows up to a position are in files of other series of the table version.
type cover struct {
	span sinks.SpanKey
	upTo sinks.Position
}

// A neighbour is a series whose span overlaps, or the series itself, with its record.
type neighbour struct {
	series
	record record
}

// neighbours reads the records of the series that overlap this one.
func (s series) neighbours() ([]neighbour, error) {
	names, err := namesIn(filepath.Join(s.dir, metaDir))
	if err != nil {
		return nil, err
	}
	var all []neighbour
	for _, name := range names {
		stem, ok := strings.CutSuffix(name, ".json")
		if !ok {
			continue
		}
		other := s
		if other.span, ok = s.spanOf(stem); !ok || !other.span.Overlaps(s.span) {
			continue
		}
		r, err := readRecord(other.record())
		if err != nil {
			return nil, err
		}
		if named, err := r.Span.key(s.span.Table); err != nil || named != other.span {
			return nil, &sinks.Fatal{Err: fmt.Errorf("%s is damaged (its span is %s to %s): restore it, or start over in an empty folder",
				other.record(), r.Span.Start, r.Span.End)}
		}
		other.claim = r.Claim
		all = append(all, neighbour{other, r})
	}
	return all, nil
}

// recover brings a series, and those that overlap it, to the state of their records, and reads what they hold. A
// neighbour counts as much: its rows are dropped from here on, so its index must reach them. No span that overlaps this
// one is at work meanwhile, or (where the folder is shared) can make anything visible.
func (s series) recover(all []neighbour) (recovered, error) {
	var got recovered
	for _, n := range all {
		if err := errors.Join(n.publish(n.record, s.name()), n.clean(n.record)); err != nil {
			return recovered{}, err
		}
		got.add(n.record, n.span, s.span)
	}
	got.partly = slices.DeleteFunc(got.partly, func(c cover) bool { return c.upTo.Compare(got.floor) <= 0 })
	if got.last.Number > 0 {
		return got, nil
	}
	return got, s.clean(record{})
}

// add counts the record of another span in: for the whole of span, or for a part.
func (g *recovered) add(r record, other, span sinks.SpanKey) {
	if other == span {
		g.last = r
	} else {
		g.others = append(g.others, r.Complete)
	}
	if !other.Covers(span) {
		g.partly = append(g.partly, cover{other, r.Complete})
	} else if r.Complete.Compare(g.floor) > 0 {
		g.floor = r.Complete
	}
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
// that expired, has no index to move. Two spans that overlap this one may come at once, by different workers: they write
// the same, each under a name of its own in the meantime.
func (s series) publish(r record, by string) error {
	if r.Number == 0 {
		return nil
	}
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
	if err := makeDir(filepath.Dir(index)); err != nil {
		return err
	}
	if err := putVia(index, index+"."+by+temporary, []byte(s.indexLine(r.Number))); err != nil {
		return err
	}
	return syncDir(filepath.Dir(index))
}

func (s series) indexLine(number uint64) string { return s.file(number) + "\n" }

// clean removes the series' data files above the record: nobody counts them, and their rows come again.
func (s series) clean(last record) error {
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
		if date == last.Date {
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
