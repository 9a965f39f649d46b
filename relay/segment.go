package relay

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// A segment file is a head and blocks. All numbers are little endian, all checksums CRC32-C.
//
//	head   "WEIRLOG1" | flags u32 | len(position) u32 | first offset u64 | tail offset u64 | tail ts u64 | crc u32 | position
//	block  "WBLK" | len(mark) u32 | len(data) u32 | crc of data u32 | crc of header and mark u32 | mark | data
//	mark   ts u64 | shared prefix uvarint | shared suffix uvarint | the position's middle
//
// The head's tail is the last boundary at or before the segment's first byte. A block's mark is the boundary that it
// ends at, empty when it ends inside a transaction; its position is told as its difference from the one before it
// in the segment, since sets of GTIDs are long and change little. The header's checksum covers the block's offset,
// too: a block read from a wrong place does not pass.
const (
	headMagic    = "WEIRLOG1"
	headFixed    = 44
	flagFresh    = 1 // the log begins here: older segments are what a Reset did not get to remove
	blockMagic   = 0x4b4c4257
	blockFixed   = 20
	suffix       = ".relay"
	smallBlock   = 32 << 10
	maxPosition  = 16 << 20
	indexSpacing = 256 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A segment is what is known of one segment file.
type segment struct {
	path      string
	first     Offset // of its first payload byte
	end       Offset // behind its last
	headBytes int64
	bytes     int64 // of whole blocks and head
	tailAt    Offset
	tail      Mark
	fresh     bool
	// index holds some of the boundaries in the segment, ascending: the first, and others at distances that keep it small.
	index []entry
}

// An entry is a boundary: the block at file position file begins there.
type entry struct {
	at   Offset
	file int64
	mark Mark
}

// note adds a boundary to the index if it is far enough from the last one.
func (s *segment) note(e entry) {
	if n := len(s.index); n > 0 {
		last := &s.index[n-1]
		if e.file-last.file < max(indexSpacing, 1024*int64(len(last.mark.Position))) {
			return
		}
	}
	s.index = append(s.index, e)
}

// origin is the entry of the segment's first block, whether it begins at a boundary or not.
func (s *segment) origin() entry { return entry{at: s.first, file: s.headBytes, mark: s.tail} }

func segmentPath(dir string, first Offset) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, suffix))
}

// createSegment makes a segment file whose head is complete when the file appears under its name.
func createSegment(dir string, at, tailAt Offset, m Mark, fresh bool) (*segment, *os.File, error) {
	s := &segment{path: segmentPath(dir, at), first: at, end: at, tailAt: tailAt, tail: m, fresh: fresh}
	head := s.encodeHead()
	s.headBytes, s.bytes = int64(len(head)), int64(len(head))
	if at == tailAt {
		s.note(s.origin())
	}
	temporary := s.path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o644)
	if err != nil {
		return nil, nil, err
	}
	if _, err = file.Write(head); err == nil {
		err = os.Rename(temporary, s.path)
	}
	if err != nil {
		file.Close()
		os.Remove(temporary)
		return nil, nil, err
	}
	return s, file, nil
}

func (s *segment) encodeHead() []byte {
	b := make([]byte, 0, headFixed+len(s.tail.Position))
	b = append(b, headMagic...)
	var flags uint32
	if s.fresh {
		flags |= flagFresh
	}
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.tail.Position)))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.first))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.tailAt))
	b = binary.LittleEndian.AppendUint64(b, s.tail.Ts)
	crc := crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, []byte(s.tail.Position))
	b = binary.LittleEndian.AppendUint32(b, crc)
	return append(b, s.tail.Position...)
}

// readHead opens a segment's head into s, whose path is set. The error tells what is wrong with it.
func (s *segment) readHead(file *os.File) error {
	var fixed [headFixed]byte
	if _, err := file.ReadAt(fixed[:], 0); err != nil {
		return fmt.Errorf("its head is cut off")
	}
	length := binary.LittleEndian.Uint32(fixed[12:])
	if string(fixed[:8]) != headMagic || length > maxPosition {
		return fmt.Errorf("it does not begin as a segment does")
	}
	position := make([]byte, length)
	if _, err := file.ReadAt(position, headFixed); err != nil {
		return fmt.Errorf("its head is cut off")
	}
	crc := crc32.Update(crc32.Checksum(fixed[:40], castagnoli), castagnoli, position)
	if crc != binary.LittleEndian.Uint32(fixed[40:]) {
		return fmt.Errorf("the checksum of its head is wrong")
	}
	s.fresh = binary.LittleEndian.Uint32(fixed[8:])&flagFresh != 0
	s.first = Offset(binary.LittleEndian.Uint64(fixed[16:]))
	s.tailAt = Offset(binary.LittleEndian.Uint64(fixed[24:]))
	s.tail = Mark{Ts: binary.LittleEndian.Uint64(fixed[32:]), Position: string(position)}
	s.end = s.first
	s.headBytes = headFixed + int64(length)
	s.bytes = s.headBytes
	if s.first == s.tailAt {
		s.note(s.origin())
	}
	return nil
}

// appendHeader encodes the header of a block at the log's end, with its mark.
func (l *Log) appendHeader(dst []byte, b Block) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, blockFixed)...)
	if b.End != nil {
		dst = appendMark(dst, l.tail.Position, *b.End)
	}
	h := dst[start:]
	binary.LittleEndian.PutUint32(h, blockMagic)
	binary.LittleEndian.PutUint32(h[4:], uint32(len(h)-blockFixed))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(b.Data)))
	binary.LittleEndian.PutUint32(h[12:], crc32.Checksum(b.Data, castagnoli))
	binary.LittleEndian.PutUint32(h[16:], headerCRC(h, l.end))
	return dst
}

// headerCRC is the checksum of a block's header and mark for its offset in the log.
func headerCRC(h []byte, at Offset) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], uint64(at))
	crc := crc32.Checksum(place[:], castagnoli)
	crc = crc32.Update(crc, castagnoli, h[:16])
	return crc32.Update(crc, castagnoli, h[blockFixed:])
}

// A header is a block's header without its mark.
type header struct {
	mark, data int
	crc        uint32
}

func (h header) size() int { return blockFixed + h.mark + h.data }

// parseHeader reads the fixed part of a block's header; ok is false when it is none.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < blockFixed || binary.LittleEndian.Uint32(b) != blockMagic {
		return header{}, false
	}
	h = header{
		mark: int(binary.LittleEndian.Uint32(b[4:])),
		data: int(binary.LittleEndian.Uint32(b[8:])),
		crc:  binary.LittleEndian.Uint32(b[12:]),
	}
	return h, h.mark <= maxPosition+32 && h.data > 0
}

// headerHolds tells whether a header with its mark is the one written for this offset.
func headerHolds(b []byte, at Offset) bool {
	return binary.LittleEndian.Uint32(b[16:]) == headerCRC(b, at)
}

// appendMark encodes a mark as its difference from the position before it.
func appendMark(dst []byte, before string, m Mark) []byte {
	p := m.Position
	shared := min(len(before), len(p))
	prefix := 0
	for prefix < shared && before[prefix] == p[prefix] {
		prefix++
	}
	tail := 0
	for tail < shared-prefix && before[len(before)-1-tail] == p[len(p)-1-tail] {
		tail++
	}
	dst = binary.LittleEndian.AppendUint64(dst, m.Ts)
	dst = binary.AppendUvarint(dst, uint64(prefix))
	dst = binary.AppendUvarint(dst, uint64(tail))
	return append(dst, p[prefix:len(p)-tail]...)
}

// parseMark undoes appendMark; its bytes have passed their checksum.
func parseMark(b []byte, before string) (Mark, bool) {
	if len(b) < 10 {
		return Mark{}, false
	}
	ts := binary.LittleEndian.Uint64(b)
	b = b[8:]
	prefix, n := binary.Uvarint(b)
	if n <= 0 {
		return Mark{}, false
	}
	b = b[n:]
	tail, n := binary.Uvarint(b)
	if n <= 0 || prefix+tail > uint64(len(before)) {
		return Mark{}, false
	}
	return Mark{Ts: ts, Position: before[:prefix] + string(b[n:]) + before[len(before)-int(tail):]}, true
}
