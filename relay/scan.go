package relay

import (
	"errors"
	"hash/crc32"
	"io"
	"os"
)

// A scan goes over the blocks of a segment, header by header. After next, at and pos are the place behind the block,
// and boundary and mark tell what it ends at.
type scan struct {
	file    *os.File
	segment *segment
	limit   int64 // of the file
	verify  bool  // the data's checksum, too

	at       Offset
	pos      int64
	boundary bool
	mark     Mark
	err      error // a *CorruptError, or a *DiskError
	torn     bool  // the error may be the trace of a crash: the file ends within the block

	window []byte // bytes of the file from windowAt on
	start  int64
	data   []byte
}

const scanWindow = 64 << 10

// newScan makes a scan of the blocks from e on to the segment's known end.
func newScan(file *os.File, s *segment, e entry) *scan {
	return &scan{file: file, segment: s, limit: s.bytes, at: e.at, pos: e.file, mark: e.mark}
}

// next goes over one block; false at the end or at an error.
func (c *scan) next() bool {
	if c.pos >= c.limit || c.err != nil {
		return false
	}
	b, ok := c.peek(blockFixed)
	if !ok {
		return c.fail("a block's header is cut off", true)
	}
	h, ok := parseHeader(b)
	if !ok {
		return c.fail("no block begins here", false)
	}
	if c.limit-c.pos < int64(h.size()) {
		return c.fail("a block is cut off", true)
	}
	b, ok = c.peek(blockFixed + h.mark)
	if !ok {
		return false
	}
	if !headerHolds(b, c.at) {
		return c.fail("the checksum of a block's header is wrong", false)
	}
	c.boundary = h.mark > 0
	if c.boundary {
		m, ok := parseMark(b[blockFixed:], c.mark.Position)
		if !ok {
			return c.fail("a block's mark makes no sense", false)
		}
		c.mark = m
	}
	if c.verify && !c.holds(h) {
		return false
	}
	c.at += Offset(h.data)
	c.pos += int64(h.size())
	return true
}

// holds verifies the data of the block at pos.
func (c *scan) holds(h header) bool {
	at := c.pos + int64(blockFixed+h.mark)
	crc := uint32(0)
	if c.data == nil {
		c.data = make([]byte, 1<<20)
	}
	for left := h.data; left > 0; {
		n := min(left, len(c.data))
		if _, err := c.file.ReadAt(c.data[:n], at); err != nil {
			c.readError(err)
			return false
		}
		crc = crc32.Update(crc, castagnoli, c.data[:n])
		at += int64(n)
		left -= n
	}
	if crc != h.crc {
		return c.fail("the checksum of a block is wrong", false)
	}
	return true
}

// peek gives n bytes of the file at pos.
func (c *scan) peek(n int) ([]byte, bool) {
	if c.limit-c.pos < int64(n) {
		return nil, false
	}
	from := c.pos - c.start
	if from < 0 || from+int64(n) > int64(len(c.window)) {
		size := int(min(int64(max(n, scanWindow)), c.limit-c.pos))
		if cap(c.window) < size {
			c.window = make([]byte, size)
		}
		c.window = c.window[:size]
		if _, err := c.file.ReadAt(c.window, c.pos); err != nil {
			c.readError(err)
			return nil, false
		}
		c.start, from = c.pos, 0
	}
	return c.window[from : from+int64(n)], true
}

func (c *scan) fail(what string, torn bool) bool {
	if c.err == nil {
		c.err = &CorruptError{File: c.segment.path, At: c.pos, What: what}
		c.torn = torn
	}
	return false
}

func (c *scan) readError(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		c.fail("the file is shorter than it was", true)
		return
	}
	c.err = &DiskError{Dir: c.segment.path, Step: "read", Err: err}
}
