package relay

import (
	"os"
	"sort"
)

// Seek gives the newest boundary whose commit-ts is at or below ts, of those that blocks begin or end at. It is
// ErrTrimmed when the log's oldest boundary is later.
func (l *Log) Seek(ts uint64) (Offset, Mark, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.segments) > 0 && l.tail.Ts <= ts && l.tailAt >= l.segments[0].first {
		return l.tailAt, l.tail, nil
	}
	return l.seek(func(m Mark, _ Offset) bool { return m.Ts <= ts })
}

// SeekOffset gives the newest boundary at or before an offset.
func (l *Log) SeekOffset(at Offset) (Offset, Mark, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.seek(func(_ Mark, o Offset) bool { return o <= at })
}

// seek finds the newest boundary that is not too late, which holds for all boundaries before it. The caller holds mu.
func (l *Log) seek(early func(Mark, Offset) bool) (Offset, Mark, error) {
	for i := len(l.segments) - 1; i >= 0; i-- {
		s := l.segments[i]
		if len(s.index) == 0 || !early(s.index[0].mark, s.index[0].at) {
			continue
		}
		e, err := s.findBoundary(early)
		return e.at, e.mark, err
	}
	return 0, Mark{}, ErrTrimmed
}

// findBoundary gives the segment's newest boundary that is early; its first one is.
func (s *segment) findBoundary(early func(Mark, Offset) bool) (entry, error) {
	i := sort.Search(len(s.index), func(i int) bool { return !early(s.index[i].mark, s.index[i].at) }) - 1
	found := s.index[i]
	file, err := os.Open(s.path)
	if err != nil {
		return entry{}, &DiskError{Dir: s.path, Step: "read", Err: err}
	}
	defer file.Close()
	scan := newScan(file, s, found)
	for scan.next() {
		if !scan.boundary {
			continue
		}
		if !early(scan.mark, scan.at) {
			break
		}
		found = entry{at: scan.at, file: scan.pos, mark: scan.mark}
	}
	return found, scan.err
}

// find gives the place of the last block start that is early, whether at a boundary or not.
func (s *segment) find(known func(entry) bool, early func(Offset) bool) (entry, error) {
	found := s.origin()
	if i := sort.Search(len(s.index), func(i int) bool { return !known(s.index[i]) }) - 1; i >= 0 {
		found = s.index[i]
	}
	file, err := os.Open(s.path)
	if err != nil {
		return entry{}, &DiskError{Dir: s.path, Step: "read", Err: err}
	}
	defer file.Close()
	scan := newScan(file, s, found)
	for scan.next() && early(scan.at) {
		found = entry{at: scan.at, file: scan.pos}
	}
	return found, scan.err
}

// segmentAt gives the segment that holds an offset below the end. The caller holds mu.
func (l *Log) segmentAt(at Offset) *segment {
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].end > at })
	return l.segments[i]
}
