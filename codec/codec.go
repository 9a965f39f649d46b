// Package codec holds the contract between a row and its encoding: a Codec is a protocol with its options set, and
// gives an Encoder for each version of a table, which turns typed values into the protocol's bytes. Per-column work
// (names, labels, types) is done once, when the Encoder is made; a row then costs no allocation.
//
// A codec reads no clock and no configuration but its options: equal rows and options give equal bytes.
//
// The protocols register themselves; a program that imports codec/all has them all.
package codec

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// A Row is one change of one row, as an Encoder takes it. Old is set for Update and Delete, New for Insert and Update;
// each has one value for each column of the table, hidden ones included.
type Row struct {
	Op       rows.Op
	CommitTs uint64
	WallMs   int64 // the upstream's wall time of the commit, in Unix milliseconds
	BuildMs  int64 // the wall time of the encoding, in Unix milliseconds, from the caller's clock
	Old, New []rows.Value
}

// Same tells that two values of one column are the same, byte for byte.
func Same(a, b *rows.Value) bool {
	return a.Kind == b.Kind && a.Num == b.Num && bytes.Equal(a.Bytes, b.Bytes)
}

// Columns gives the offsets of a table's columns that a protocol writes: all but those that the server hides from
// everybody, which stand in the row image alone.
func Columns(t *schema.Table) []int {
	var offsets []int
	for i := range t.Columns {
		if !t.Columns[i].Hidden {
			offsets = append(offsets, i)
		}
	}
	return offsets
}

// An Encoder encodes the rows of one version of one table. It is for one goroutine at a time.
type Encoder interface {
	// Row appends r's encoding, its terminator included, to dst. With an error dst comes back as it was.
	Row(dst []byte, r *Row) ([]byte, error)
}

// A Codec is a protocol with its options. It is safe for concurrent use.
type Codec interface {
	// Protocol is the registered name, for example "csv".
	Protocol() string
	// Extension is what a file of this protocol ends in, with the dot.
	Extension() string
	// Table makes the Encoder of a table's version.
	Table(t *schema.Table) Encoder
}

// A Messenger is a Codec whose protocol also has messages of its own for what is no row.
type Messenger interface {
	// DDL appends the message of a statement.
	DDL(dst []byte, d *schema.DDL, wallMs, buildMs int64) []byte
	// Watermark appends the message that tells that everything at or before ts has been sent; nothing if the options
	// leave no place for it.
	Watermark(dst []byte, ts uint64, buildMs int64) []byte
}

// A Maker makes a Codec out of its options, and reports what is wrong with them.
type Maker func(o *Options) (Codec, error)

var makers = map[string]Maker{}

// Register makes a protocol known to Open. It is called from init functions only, and panics on a repeated name.
func Register(protocol string, m Maker) {
	if _, taken := makers[protocol]; taken {
		panic("codec: protocol " + protocol + " is registered twice")
	}
	makers[protocol] = m
}

// Protocols lists the registered names, sorted.
func Protocols() []string { return slices.Sorted(maps.Keys(makers)) }

// Open makes the codec of a protocol. Every one of opts must be an option of the protocol.
func Open(protocol string, opts url.Values) (Codec, error) {
	maker, ok := makers[protocol]
	if !ok {
		return nil, fmt.Errorf("unknown protocol %q: use one of %s", protocol, strings.Join(Protocols(), ", "))
	}
	o := &Options{protocol: protocol, values: opts}
	c, err := maker(o)
	if unread := o.check(); unread != nil {
		return nil, unread
	}
	if err != nil {
		return nil, fmt.Errorf("protocol %s: %w", protocol, err)
	}
	return c, nil
}
