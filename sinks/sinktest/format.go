package sinktest

import (
	"encoding/binary"
	"errors"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// Format is a source's row format for tests: an image is the id in 8 bytes, the text's length as a varint, the text. The hash of
// a row's key is its id in the top byte, so a test knows which span has it: ids are below 256 where that matters.
type Format struct{}

var _ rows.Format = Format{}

// Compile checks nothing: all of the suite's tables have the same two columns.
func (Format) Compile(*schema.Table, []byte) (rows.Plan, error) { return plan{}, nil }

type plan struct{}

var errShort = errors.New("the row image is cut off")

func (p plan) Row(body []byte, dst []rows.Value) (int, error) {
	n, _, err := p.Skip(body)
	if err != nil {
		return 0, err
	}
	_, width := binary.Uvarint(body[8:])
	dst[0] = rows.Value{Kind: rows.Int, Num: binary.BigEndian.Uint64(body)}
	dst[1] = rows.Value{Kind: rows.Text, Bytes: body[8+width : n]}
	return n, nil
}

func (plan) Skip(body []byte) (int, uint64, error) {
	if len(body) < 9 {
		return 0, 0, errShort
	}
	length, width := binary.Uvarint(body[8:])
	n := 8 + width + int(length)
	if width <= 0 || len(body) < n {
		return 0, 0, errShort
	}
	return n, Hash(binary.BigEndian.Uint64(body)), nil
}

// Hash is the hash of a row's key.
func Hash(id uint64) uint64 { return id << 56 }

// Image is a row image.
func Image(id uint64, text string) []byte {
	b := binary.BigEndian.AppendUint64(nil, id)
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// Table is a table of the suite: id BIGINT primary key, v TEXT.
func Table(id schema.TableID, version uint64, database, name string) *schema.Table {
	return &schema.Table{ID: id, Version: version, Schema: database, Name: name, Charset: "utf8mb4", Handle: []int{0},
		Indexes: []schema.Index{{Name: "PRIMARY", Primary: true, Unique: true, Columns: []int{0}}},
		Columns: []schema.Column{
			{ID: 1, Name: "id", Type: schema.BigInt, TypeName: "bigint", Length: -1, PK: true},
			{ID: 2, Name: "v", Type: schema.Text, TypeName: "text", Charset: "utf8mb4", Length: -1, Nullable: true},
		}}
}

// Whole is the span of a whole table.
func Whole(t *schema.Table) *messages.Span { return &messages.Span{TableId: int64(t.ID)} }

// Insert is a chunk of inserted rows, each with the text v.
func Insert(commitTs uint64, ordinal uint32, v string, ids ...uint64) *messages.Chunk {
	c := &messages.Chunk{CommitTs: commitTs, Ordinal: ordinal, Op: messages.Op_OP_INSERT}
	for _, id := range ids {
		c.Body = append(c.Body, Image(id, v)...)
	}
	return c
}

// Batch is rows of a table version.
func Batch(t *schema.Table, chunks ...*messages.Chunk) *messages.RowBatch {
	b := &messages.RowBatch{TableId: int64(t.ID), TableVersion: t.Version, Chunks: chunks}
	for _, c := range chunks {
		b.Bytes += uint64(len(c.Body))
	}
	return b
}

// Ref names a table version in a DDL.
func Ref(t *schema.Table) *messages.TableRef {
	return &messages.TableRef{Id: int64(t.ID), Version: t.Version, Schema: t.Schema, Name: t.Name}
}

// A Row is a row as a downstream holds it.
type Row struct {
	Table    string // database.name
	CommitTs uint64
	ID       uint64
	V        string
}

// RowsOf gives the rows that a batch of inserts puts into a table.
func RowsOf(t *schema.Table, chunks ...*messages.Chunk) []Row {
	var all []Row
	values := make([]rows.Value, 2)
	for _, c := range chunks {
		for body := c.Body; len(body) > 0; {
			n, err := plan{}.Row(body, values)
			if err != nil {
				panic(err) // the suite made it
			}
			all = append(all, Row{t.Schema + "." + t.Name, c.CommitTs, values[0].Num, string(values[1].Bytes)})
			body = body[n:]
		}
	}
	return all
}
