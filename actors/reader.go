package actors

import (
	"errors"
	"io"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

type (
	// read asks a reader for the next piece of the log, not beyond until.
	read struct {
		until   relay.Offset
		applied []feed.Applied // all DDL that the live walk has passed; for walks over the past
	}
	// readDone answers read. eof: the log has nothing more below until.
	readDone struct {
		cursor  int
		segment feed.Segment
		next    relay.Offset
		applied []feed.Applied // by this read, if it is the live walk
		eof     bool
	}
	// readFailed answers read: the walk is broken and its reader of no more use.
	readFailed struct {
		cursor int
		err    error
	}
)

// A reader is a feeder's child that does one walk over the relay log: it reads, parses, and cuts, one piece per
// request, and may block in doing so.
type reader struct {
	cursor int
	input  *relay.Reader
	walker sources.Walker
	cutter *feed.Cutter
	live   *feed.Live // of the live walk
	past   *feed.Past // of a walk over the past
	offset relay.Offset
}

// readBytes is how much of the log one request takes at most: a batch is never larger, but for a single larger event.
const readBytes = 1 << 20

func (r *reader) props() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return r })
}

func (r *reader) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *read:
		ctx.Send(ctx.Parent(), r.onRead(msg))
	case *actor.Stopping:
		r.input.Close()
	default:
		unexpected(ctx)
	}
}

func (r *reader) onRead(msg *read) any {
	if r.past != nil {
		r.past.Extend(msg.applied)
	}
	data, next, err := r.input.Next(readBytes, msg.until)
	if errors.Is(err, io.EOF) {
		return &readDone{cursor: r.cursor, next: r.offset, eof: true}
	}
	if err == nil {
		err = r.walker.Walk(data, r.cutter)
	}
	if err != nil {
		return &readFailed{cursor: r.cursor, err: err}
	}
	r.offset = next
	done := &readDone{cursor: r.cursor, segment: r.cutter.Take(len(data)), next: next}
	if r.live != nil {
		done.applied = r.live.TakeApplied()
	}
	return done
}
