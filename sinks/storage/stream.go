package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

// bufferBytes is how much encoded data waits in memory before it goes to the file.
const bufferBytes = 1 << 20

// A stream writes the rows of one span in one table version. It belongs to one worker.
type stream struct {
	series
	dispatcher string // that claimed the span; "" where the folder is not shared
	table      *schema.Table
	decoder    *sinks.Decoder
	encoder    codec.Encoder
	superseded uint64 // commit-ts of a later DDL that is finished: all rows of this version up to there are down; or 0
	partly     []cover
	others     []sinks.Position // up to which series of other spans are complete, and this one had not come
	continues  []continuation   // see record; not changed in place, for files on their way to durable hold it too
	accepted   sinks.Position   // rows at or below are encoded, or were complete before
	date       string           // of the newest file
	day        uint64           // since the epoch: another one may be another date
	number     uint64           // of the newest file
	open       *dataFile        // nil if no file is being written
	buffer     []byte           // encoded, not yet in the file
	idle       int              // ticks without a row
	row        codec.Row
}

// A dataFile is a data file that is not yet durable.
type dataFile struct {
	stream  *stream
	date    string
	number  uint64
	size    int64 // bytes in the file
	last    sinks.Position
	file    *os.File // nil while its handle is let go
	acks    map[string]uint64
	durable bool
}

// openStream prepares a stream from what is on disk: it puts the schema file if the version has none, finds whether a
// later DDL is finished, and recovers the series. Where the folder is shared it claims the span for the dispatcher.
func (o *options) openStream(env *sinks.Env, t *schema.Table, span sinks.SpanKey, dispatcher string) (*stream, error) {
	l := o.layout()
	s := &stream{series: series{layout: l, dir: l.version(t), span: span}, table: t}
	if env.Shared {
		var err error
		if s.claim, err = claimOf(dispatcher); err != nil {
			return nil, err
		}
		s.dispatcher = dispatcher
	}
	versions, err := schemaVersions(l.table(t))
	if err != nil {
		return nil, err
	}
	if len(versions) > 0 && versions[len(versions)-1] > t.Version {
		i, _ := slices.BinarySearch(versions, t.Version+1)
		s.superseded = versions[i]
		return s, nil
	}
	if !slices.Contains(versions, t.Version) { // a table that was there at the start
		if err := o.putSchema(env, l.table(t), tableSchema(t, o.columnID)); err != nil {
			return nil, err
		}
	}
	if err := makeDir(filepath.Join(s.dir, metaDir)); err != nil {
		return nil, err
	}
	got, err := s.restore(env)
	if err != nil {
		return nil, err
	}
	s.date, s.number = got.last.Date, got.last.Number
	s.accepted, s.partly = got.floor, got.partly
	s.others, s.continues = got.others, got.last.Continues
	s.decoder = sinks.NewDecoder(env.Format, t)
	s.encoder = o.codec.Table(t)
	return s, nil
}

// claimOf is the token of a dispatcher that shares the folder.
func claimOf(dispatcher string) (sinks.Token, error) {
	claim, err := sinks.ParseToken(dispatcher)
	if err != nil {
		return claim, &sinks.Fatal{Err: fmt.Errorf("claim a span: %w: nodes of different versions of Weir share the folder, or this is a bug", err)}
	}
	return claim, nil
}

// restore recovers the series.
func (s series) restore(env *sinks.Env) (recovered, error) {
	if env.Shared {
		return s.claimed(env)
	}
	if err := env.Permitted(); err != nil {
		return recovered{}, err
	}
	all, err := s.neighbours()
	if err != nil {
		return recovered{}, err
	}
	return s.recover(all)
}

// fresh gives what of the chunks is not in files yet. The result does not share with the stream.
func (s *stream) fresh(chunks []*messages.Chunk) ([]*messages.Chunk, error) {
	if s.superseded > 0 {
		return nil, s.allDown(chunks)
	}
	chunks = sinks.After(chunks, s.accepted)
	if len(s.partly) == 0 {
		return chunks, nil
	}
	kept := make([]*messages.Chunk, 0, len(chunks))
	for _, c := range chunks {
		left, err := s.uncovered(c)
		if err != nil {
			return nil, err
		}
		kept = append(kept, left...)
	}
	return kept, nil
}

// allDown checks that a superseded version gets repeated rows only: one that commits above the DDL that ended the version
// was filed under the wrong one, and would be lost to every reader.
func (s *stream) allDown(chunks []*messages.Chunk) error {
	for _, c := range chunks {
		if c.CommitTs > s.superseded {
			return &sinks.Fatal{Err: fmt.Errorf("a row of table %s.%s at commit-ts %d is of version %d, which the DDL at commit-ts %d ended: "+
				"the definitions went wrong; create the changefeed again with an empty folder", s.table.Schema, s.table.Name,
				c.CommitTs, s.table.Version, s.superseded)}
		}
	}
	return nil
}

// full tells whether the next row begins a new file: the open one has its size, or the row another date.
func (s *stream) full(commitTs uint64, size int64) bool {
	if s.open == nil {
		return false
	}
	return s.open.size+int64(len(s.buffer)) >= size || s.day != dayOf(commitTs) && s.date != s.dates.of(commitTs)
}

func dayOf(commitTs uint64) uint64 { return (commitTs >> 18) / (24 * 60 * 60 * 1000) }

// begin starts the next data file.
func (s *stream) begin(commitTs uint64) error {
	date := s.dates.of(commitTs)
	number := s.number + 1
	if date != s.date {
		number = 1
	}
	if err := makeDir(filepath.Join(s.dir, date, metaDir)); err != nil {
		return err
	}
	f, err := os.OpenFile(s.writing(date, number), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	s.date, s.number, s.day = date, number, dayOf(commitTs)
	s.open = &dataFile{stream: s, date: date, number: number, file: f, acks: map[string]uint64{}}
	return nil
}

// encode appends a chunk's rows to the buffer, and counts them. Only a row that cannot be encoded fails, and that for good.
func (s *stream) encode(c *messages.Chunk, now time.Time) (count uint64, err error) {
	s.row.CommitTs = c.CommitTs
	s.row.WallMs = int64(c.CommitTs >> 18)
	s.row.BuildMs = now.UnixMilli()
	err = s.decoder.Rows(c, func(op rows.Op, old, new []rows.Value) error {
		count++
		s.row.Op, s.row.Old, s.row.New = op, old, new
		buffer, err := s.encoder.Row(s.buffer, &s.row)
		s.buffer = buffer
		return err
	})
	if err != nil && !sinks.IsFatal(err) {
		err = &sinks.Fatal{Err: fmt.Errorf("encode a row of table %s.%s (version %d): %w", s.table.Schema, s.table.Name, s.table.Version, err)}
	}
	if err != nil {
		return count, err
	}
	s.accepted = sinks.PositionOf(c)
	s.open.last = s.accepted
	s.goesOn(s.accepted)
	return count, nil
}

// goesOn notes a row that continues a transaction which a series of another span has begun.
func (s *stream) goesOn(at sinks.Position) {
	if len(s.others) == 0 {
		return
	}
	for _, p := range s.others {
		if p.CommitTs == at.CommitTs && p.Ordinal < at.Ordinal {
			s.continues = append(slices.Clip(s.continues), continuation{at, s.open.date, s.open.number})
			break
		}
	}
	s.others = slices.DeleteFunc(s.others, func(p sinks.Position) bool { return p.Compare(at) < 0 })
}

// drain writes the buffer to the file. After an error the file is cut to what it had, and the buffer is whole: so drain
// can be called again.
func (s *stream) drain() error {
	if len(s.buffer) == 0 {
		return nil
	}
	f := s.open
	if f.file == nil {
		file, err := os.OpenFile(s.writing(f.date, f.number), os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) && !s.claim.IsZero() {
			return fmt.Errorf("%w: it removed %s", errFenced, s.writing(f.date, f.number))
		}
		if err != nil {
			return err
		}
		f.file = file
	}
	if _, err := f.file.WriteAt(s.buffer, f.size); err != nil {
		return errors.Join(err, f.file.Truncate(f.size))
	}
	f.size += int64(len(s.buffer))
	s.buffer = s.buffer[:0]
	return nil
}

// letGo closes the open file's handle; drain opens it again.
func (s *stream) letGo() error {
	if s.open == nil || s.open.file == nil {
		return nil
	}
	err := s.open.file.Close()
	s.open.file = nil
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return nil
}
