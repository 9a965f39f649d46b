// Package sources holds the contract between an upstream and the rest of Weir.
//
// An upstream is read once, into the relay log, as the bytes that it sent (Source.Pull); what walks the relay log
// later asks the source to make sense of the bytes (Walker) and of the rows (rows.Format). The commit-ts of a
// transaction is a recurrence over the stream alone, max(previous + 1, event time in ms << 18), so that each walk over
// the same bytes, from whichever Mark, gives the same numbers.
package sources

import (
	"context"
	"time"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// A Source is one upstream. Its methods may block; they are called from child actors and commands only.
type Source interface {
	// Start resolves where a new changefeed begins: "current", "earliest", "gtid:...", "file:pos" or a form of the
	// source's own. The Mark's Ts is the commit-ts that the recurrence goes on from.
	Start(ctx context.Context, at string) (relay.Mark, error)
	// Snapshot reads the definitions of all tables, of every schema but the server's own, as of the mark as near as the
	// upstream can tell, with ID, Version and Column.ID unset.
	Snapshot(ctx context.Context, at relay.Mark) ([]*schema.Table, error)
	// ReadTable reads one table's definition as it is now; schema.ErrNoTable if there is none.
	ReadTable(ctx context.Context, ref schema.Ref) (*schema.Table, error)
	// Server reads what the tracking of definitions must know of the upstream.
	Server(ctx context.Context) (schema.Server, error)
	// Pull appends the upstream's stream after the log's end to the log until ctx ends or an error stops it. It
	// reports each contact. An error that no retry can mend is, or wraps, a *Fatal.
	Pull(ctx context.Context, log *relay.Log, contact func(Contact)) error
	// Walker makes a walker over relay bytes that begin at the mark.
	Walker(at relay.Mark) Walker
	// Format reads the source's row images.
	Format() rows.Format
	// Head gives the upstream's position now, in the form of Contact.Position.
	Head(ctx context.Context) (string, error)
	// Goal reads a position that a user gave to end at, into the form of Contact.Position. It may lie ahead of the head.
	Goal(ctx context.Context, at string) (string, error)
	// Reached tells whether everything at or before the position goal (of Head) lies at or before position at
	// (of Contact, Commit or Mark).
	Reached(at, goal string) (bool, error)
	Close() error
}

// Contact tells that the upstream was heard from: at wall time At it had nothing, or more, after Position.
type Contact struct {
	At       time.Time
	Position string // source position of the last complete transaction appended, for example a GTID set
	CaughtUp bool   // the upstream has nothing beyond Position at the moment
}

// A Walker cuts relay bytes into transactions. It keeps the state between calls, so bytes may come in any pieces that
// hold whole events.
type Walker interface {
	// Walk calls h for what data holds, in order. An error of h ends the walk and is returned.
	Walk(data []byte, h Handler) error
}

// A Handler is told what a Walker finds. Slices borrow from the walked bytes and hold as long as those do, except
// that a RowsEvent itself is reused after the call.
type Handler interface {
	// Rows is one event of rows.
	Rows(e *RowsEvent) error
	// DDL is a statement at a commit-ts of its own; it is complete in itself: a Commit for the same commit-ts follows.
	DDL(s *schema.Statement) error
	// Commit ends the transaction at commitTs: what follows is later. wallMs is the upstream's wall time of it.
	// A Mark without a Position is no boundary to begin at: rows of the same transaction follow, at a later commit-ts.
	Commit(m relay.Mark, wallMs int64) error
}

// A RowsEvent is the rows of one operation on one table, as the source wrote them.
type RowsEvent struct {
	CommitTs uint64
	Ordinal  uint32 // counts the transaction's rows events from 0, over all tables
	Table    schema.Ref
	// Layout is the encoding of the columns, for rows.Format. Equal layouts have equal bytes.
	Layout []byte
	// Described is what the stream itself says of the table (names, key, signedness), nil where it says nothing.
	// Columns hold only what the stream told. Equal pointers mean the same description.
	Described *schema.Table
	Op        rows.Op
	Body      []byte
}

// Fatal is an error that no retry can mend. Its text names what, where and the fix.
type Fatal struct {
	Kind string // a stable word for tests and the error catalogue: "binlog-purged", "access-denied", ...
	Err  error
}

func (f *Fatal) Error() string { return f.Err.Error() }
func (f *Fatal) Unwrap() error { return f.Err }
