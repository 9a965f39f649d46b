package mysql

import (
	"bufio"
	"bytes"
	"io"
	"os"
)

// spoolMemory is how much of a prepared XA transaction stays in memory.
const spoolMemory = 4 << 20

// A spool keeps the rows of an XA transaction until it is committed: in memory, and what is too much in a file, which
// has no name any more and goes with the process.
type spool struct {
	dir  string
	mem  []byte
	file *os.File
	size int64
}

func (s *spool) append(b []byte) error {
	if s.file == nil && len(s.mem)+len(b) <= spoolMemory {
		s.mem = append(s.mem, b...)
		s.size += int64(len(b))
		return nil
	}
	if s.file == nil {
		file, err := os.CreateTemp(s.dir, "xa-*.spool")
		if err != nil {
			return err
		}
		os.Remove(file.Name())
		if _, err := file.WriteAt(s.mem, 0); err != nil {
			file.Close()
			return err
		}
		s.file, s.mem = file, nil
	}
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		return err
	}
	s.size += int64(len(b))
	return nil
}

// truncate takes the spool back to its first n bytes.
func (s *spool) truncate(n int64) {
	s.size = n
	if s.file == nil {
		s.mem = s.mem[:n]
	}
}

// each calls f with one event after the other, which f appends to what it is given.
func (s *spool) each(dst []byte, f func([]byte) ([]byte, error)) ([]byte, error) {
	var source io.Reader = bytes.NewReader(s.mem)
	if s.file != nil {
		source = bufio.NewReaderSize(io.NewSectionReader(s.file, 0, s.size), 256<<10)
	}
	for left := s.size; left > 0; {
		var err error
		var n int
		if dst, n, err = appendEvent(dst, source); err != nil {
			return dst, err
		}
		left -= int64(n)
		if dst, err = f(dst); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendEvent reads one event, without checksum, onto dst. At the end of the source n is 0.
func appendEvent(dst []byte, source io.Reader) (out []byte, n int, err error) {
	at := len(dst)
	dst = grow(dst, headerSize)[:at+headerSize]
	if _, err := io.ReadFull(source, dst[at:]); err != nil {
		if err == io.EOF {
			return dst[:at], 0, nil
		}
		return dst[:at], 0, err
	}
	n = eventSize(dst[at:])
	if n < headerSize {
		return dst[:at], 0, io.ErrUnexpectedEOF
	}
	dst = grow(dst, n-headerSize)[:at+n]
	if _, err := io.ReadFull(source, dst[at+headerSize:]); err != nil {
		return dst[:at], 0, io.ErrUnexpectedEOF
	}
	return dst, n, nil
}

func (s *spool) close() {
	if s != nil && s.file != nil {
		s.file.Close()
	}
}
