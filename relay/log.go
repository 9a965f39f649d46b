// Package relay is the relay log: the bytes that an upstream sent, on local disk, as an append-only log that many may
// read while one appends. It knows nothing of what the bytes say; it knows blocks of them, and marks, which are the
// boundaries between transactions that whoever appends has found.
//
// It is soft state: everything in it can be had again from the upstream. So an append is not synced. After a crash of
// the process the log is whole but for a torn last block, which Open cuts off; after a crash of the machine Open
// verifies all of it and cuts at the first block that did not reach the disk. A block whose checksum is wrong for
// another reason is a *CorruptError; the mending is to Reset the log (or Clear it, when Open says so) to a mark that
// the changefeed has stored.
//
// The invariant: what a Reader returned for an offset never changes as long as the log is not Reset.
package relay

import (
	"errors"
	"os"
	"sync"
)

// Options bound a Log.
type Options struct {
	// MaxBytes is the size of the files above which Append answers ErrFull at transaction boundaries; 0 is no bound.
	MaxBytes int64
	// SegmentBytes is the size above which a new segment file begins; 0 is 64 MiB. It is lowered to a quarter of
	// MaxBytes, so that Trim can always make room.
	SegmentBytes int64
}

// A Block is what one Append adds: whole events of the upstream, in the order of its stream.
type Block struct {
	Data []byte
	// Start is the boundary that the block begins at; it must be set exactly when the log's end is a boundary.
	Start *Mark
	// End is the boundary that the block ends at, nil when it ends inside a transaction.
	End *Mark
}

// A Log is the relay log of one upstream. Append and Reset are for one caller at a time; everything else, and the
// Readers, may be used at the same time from anywhere.
type Log struct {
	dir     string
	options Options
	lock    *os.File

	writing sync.Mutex // held by whoever changes files: Append, Reset, Trim, Close
	active  *os.File   // the last segment
	scratch []byte

	mu       sync.RWMutex // guards what follows
	segments []*segment   // ascending; the last is the active one; empty until the first Reset
	end      Offset
	tailAt   Offset
	tail     Mark
	size     int64
	hooks    map[int]func(Offset)
	nextHook int
	freed    chan struct{}
	closed   bool
}

// Tail gives the last boundary in the log: the upstream is read on from there. A log that was never Reset has the zero
// Mark.
func (l *Log) Tail() (Offset, Mark) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.tailAt, l.tail
}

// End gives the offset behind the last byte. It lies beyond Tail's when the log ends inside a transaction.
func (l *Log) End() Offset {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.end
}

// Size gives the bytes that the log takes on disk.
func (l *Log) Size() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.size
}

// Dir gives the log's folder. Files in it whose names end in ".spool" belong to whoever appends; Open removes them.
func (l *Log) Dir() string { return l.dir }

// Notify has hook called after each Append with the new end, by the appending goroutine: it must be quick. The
// returned function takes the hook away.
func (l *Log) Notify(hook func(end Offset)) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := l.nextHook
	l.nextHook++
	l.hooks[id] = hook
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.hooks, id)
	}
}

// Freed gives a channel that is closed the next time that Trim or Reset makes room, or the log is closed: whoever met
// ErrFull waits for it. Ask for it before the Append.
func (l *Log) Freed() <-chan struct{} {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.freed
}

// Append adds a block. At a boundary, and when the log is over its MaxBytes, it answers ErrFull and adds nothing; the
// rest of a transaction that has begun is always taken, so one larger than MaxBytes goes through. An error of the disk
// is a *DiskError: nothing was added, and the same Append may be tried again.
func (l *Log) Append(b Block) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.admit(b); err != nil {
		return err
	}
	if s := l.last(); s.bytes >= l.options.SegmentBytes && s.bytes > s.headBytes {
		if err := l.roll(l.end, l.tailAt, l.tail, false); err != nil {
			return err
		}
	}
	s := l.last()
	header := l.appendHeader(l.scratch[:0], b)
	l.scratch = header
	if err := l.write(s, header, b.Data); err != nil {
		return err
	}
	l.publish(s, int64(len(header)+len(b.Data)), b)
	return nil
}

// admit checks that the block continues the log and that there is room for it.
func (l *Log) admit(b Block) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.closed:
		return ErrClosed
	case len(l.segments) == 0:
		return ErrNoMark
	case len(b.Data) == 0:
		return errors.New("relay: append an empty block")
	case (b.Start != nil) != (l.end == l.tailAt), b.Start != nil && b.Start.Ts != l.tail.Ts:
		return errors.New("relay: the block does not begin where the log ends")
	case b.End != nil && b.End.Ts < l.tail.Ts:
		return errors.New("relay: the block's end mark lies before the log's")
	case b.Start != nil && l.options.MaxBytes > 0 && l.size >= l.options.MaxBytes:
		return ErrFull
	}
	return nil
}

// write puts a block behind the segment's last one. Small blocks go in one call.
func (l *Log) write(s *segment, header, data []byte) error {
	if len(data) <= smallBlock {
		header = append(header, data...)
		l.scratch = header
		data = nil
	}
	_, err := l.active.WriteAt(header, s.bytes)
	if err == nil && len(data) > 0 {
		_, err = l.active.WriteAt(data, s.bytes+int64(len(header)))
	}
	if err != nil {
		// What was written in part must not be found by a later Open; the next write goes over it in any case.
		_ = l.active.Truncate(s.bytes)
		return l.diskError("append", err)
	}
	return nil
}

// publish makes the written block visible to readers.
func (l *Log) publish(s *segment, bytes int64, b Block) {
	l.mu.Lock()
	l.end += Offset(len(b.Data))
	s.bytes += bytes
	s.end = l.end
	l.size += bytes
	if b.End != nil {
		l.tailAt, l.tail = l.end, *b.End
		s.note(entry{at: l.end, file: s.bytes, mark: l.tail})
	}
	end := l.end
	hooks := make([]func(Offset), 0, 4)
	for _, hook := range l.hooks {
		hooks = append(hooks, hook)
	}
	l.mu.Unlock()
	for _, hook := range hooks {
		hook(end)
	}
}

// Reset drops all that the log holds and begins it again at the mark. Offsets go on above the old ones, so a Reader of
// the old log meets ErrTrimmed.
func (l *Log) Reset(m Mark) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.RLock()
	old, at, closed := l.segments, l.end+1, l.closed
	l.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if err := l.roll(at, at, m, true); err != nil {
		return err
	}
	l.mu.Lock()
	l.segments = l.segments[len(old):]
	l.end, l.tailAt, l.tail = at, at, m
	l.mu.Unlock()
	return l.remove(old)
}

// Trim drops the segments that lie wholly below the newest boundary at or before commit-ts ts: nobody will Seek below
// ts again. Readers in the dropped part go on to the end of the segment that they are in, then meet ErrTrimmed.
func (l *Log) Trim(ts uint64) error {
	at, _, err := l.Seek(ts)
	if errors.Is(err, ErrTrimmed) {
		return nil
	}
	if err != nil {
		return err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.RLock()
	closed := l.closed || len(l.segments) == 0 || l.segments[0].first > at
	l.mu.RUnlock()
	if closed {
		return nil
	}
	if s := l.last(); at == l.end && s.bytes >= l.options.SegmentBytes && s.bytes > s.headBytes {
		if err := l.roll(l.end, l.tailAt, l.tail, false); err != nil {
			return err
		}
	}
	l.mu.Lock()
	n := 0
	for n+1 < len(l.segments) && l.segments[n].end <= at {
		n++
	}
	old := l.segments[:n:n]
	l.segments = l.segments[n:]
	l.mu.Unlock()
	return l.remove(old)
}

// remove deletes segment files that are no longer in the list, oldest first, and tells who waits for room.
func (l *Log) remove(old []*segment) error {
	if len(old) == 0 {
		return nil
	}
	var first error
	var bytes int64
	for _, s := range old {
		bytes += s.bytes
		if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) && first == nil {
			first = l.diskError("remove a segment of", err)
		}
	}
	l.mu.Lock()
	l.size -= bytes
	l.wake()
	l.mu.Unlock()
	return first
}

// wake closes the freed channel. The caller holds mu.
func (l *Log) wake() {
	close(l.freed)
	l.freed = make(chan struct{})
}

// roll begins a new segment at offset at, whose head holds the boundary m at offset tailAt.
func (l *Log) roll(at, tailAt Offset, m Mark, fresh bool) error {
	s, file, err := createSegment(l.dir, at, tailAt, m, fresh)
	if err != nil {
		return l.diskError("begin a segment of", err)
	}
	if l.active != nil {
		l.active.Close()
	}
	l.active = file
	l.mu.Lock()
	l.segments = append(l.segments[:len(l.segments):len(l.segments)], s)
	l.size += s.bytes
	l.mu.Unlock()
	return nil
}

// last gives the active segment. Only who holds writing changes it.
func (l *Log) last() *segment {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.segments[len(l.segments)-1]
}

// Close ends the log's use. Readers that are open get ErrClosed.
func (l *Log) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	close(l.freed)
	if l.active != nil {
		l.active.Close()
	}
	return l.lock.Close()
}
