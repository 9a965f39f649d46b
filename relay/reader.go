package relay

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A Reader reads the log's payload from an offset on. It is not safe for concurrent use; a log may have many.
type Reader struct {
	log  *Log
	at   Offset
	file *os.File // of the segment that holds at, nil until it is needed
	in   *segment
	pos  int64 // of the next block in file
}

// Reader makes a reader from an offset, which must be one that Tail, Seek, SeekOffset, End or Next gave.
func (l *Log) Reader(from Offset) *Reader { return &Reader{log: l, at: from} }

// Offset gives the offset of what Next returns next.
func (r *Reader) Offset() Offset { return r.at }

// Next returns the payload of the next whole blocks, at least one and further ones as they fit in maxBytes, of those
// that begin before until, and the offset behind them. The memory is fresh and never used again by the log, so slices
// of it may be kept. At until, and at the live end, the error is io.EOF: the same Reader goes on when there is more. ErrTrimmed
// tells that the log no longer holds the offset; a *CorruptError, that a block is not what was written.
func (r *Reader) Next(maxBytes int, until Offset) (data []byte, next Offset, err error) {
	limit, err := r.locate(until)
	if err != nil {
		return nil, r.at, err
	}
	buf, err := r.load(maxBytes, limit)
	if err != nil {
		return nil, r.at, err
	}
	n := 0
	for b := buf; len(b) > 0 && r.at < until; {
		h, size, err := r.block(b, n > 0)
		if err != nil {
			return nil, r.at, err
		}
		if size == 0 || n > 0 && n+h.data > maxBytes {
			break
		}
		payload := b[size-h.data : size]
		if crc32.Checksum(payload, castagnoli) != h.crc {
			return nil, r.at, r.corrupt("the checksum of a block is wrong")
		}
		if n == 0 {
			buf = buf[size-h.data:]
		} else {
			copy(buf[n:], payload)
		}
		n += h.data
		b = b[size:]
		r.at += Offset(h.data)
		r.pos += int64(size)
	}
	return buf[:n:n], r.at, nil
}

// block reads the header at the start of b. size 0 means that b holds only a part of the block.
func (r *Reader) block(b []byte, more bool) (h header, size int, err error) {
	if more && len(b) < blockFixed {
		return header{}, 0, nil
	}
	h, ok := parseHeader(b)
	if !ok {
		return header{}, 0, r.corrupt("no block begins here")
	}
	if len(b) < h.size() {
		if more {
			return header{}, 0, nil
		}
		return header{}, 0, r.corrupt("a block is cut off")
	}
	if !headerHolds(b[:blockFixed+h.mark], r.at) {
		return header{}, 0, r.corrupt("the checksum of a block's header is wrong")
	}
	return h, h.size(), nil
}

// load reads as many bytes from the next block on as are worth it: the first block whole, and what else fits.
func (r *Reader) load(maxBytes int, limit int64) ([]byte, error) {
	var fixed [blockFixed]byte
	if _, err := r.file.ReadAt(fixed[:], r.pos); err != nil {
		return nil, r.readError(err)
	}
	h, ok := parseHeader(fixed[:])
	if !ok || int64(h.size()) > limit-r.pos {
		return nil, r.corrupt("no block begins here")
	}
	size := h.size()
	if h.data < maxBytes/4 {
		// Small blocks: the rest of the piece is worth reading, up to a part of a block that is read again.
		size = int(min(int64(max(size, maxBytes)), limit-r.pos))
	}
	buf := make([]byte, size)
	if _, err := r.file.ReadAt(buf, r.pos); err != nil {
		return nil, r.readError(err)
	}
	return buf, nil
}

// locate finds the segment and the place in it of the reader's offset, and gives the segment's end in its file.
func (r *Reader) locate(until Offset) (limit int64, err error) {
	l := r.log
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return 0, ErrClosed
	}
	if len(l.segments) == 0 || r.at < l.segments[0].first || r.at > l.end {
		return 0, ErrTrimmed
	}
	if r.at >= until || r.at >= l.end {
		return 0, io.EOF
	}
	if r.in != nil && r.at >= r.in.first && r.at < r.in.end {
		return r.in.bytes, nil
	}
	s := l.segmentAt(r.at)
	pos := s.headBytes
	if r.at != s.first {
		e, err := s.find(func(e entry) bool { return e.at <= r.at }, func(at Offset) bool { return at <= r.at })
		if err != nil {
			return 0, err
		}
		if e.at != r.at {
			return 0, fmt.Errorf("relay: offset %d lies inside a block", r.at)
		}
		pos = e.file
	}
	file, err := os.Open(s.path)
	if err != nil {
		return 0, l.diskError("read", err)
	}
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.in, r.pos = file, s, pos
	return s.bytes, nil
}

// Close frees the reader's file.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	file := r.file
	r.file, r.in = nil, nil
	return file.Close()
}

func (r *Reader) corrupt(what string) error {
	return &CorruptError{File: r.in.path, At: r.pos, What: what}
}

func (r *Reader) readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.corrupt("the file is shorter than it was")
	}
	return r.log.diskError("read", err)
}
