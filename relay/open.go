package relay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	lockName        = "lock"
	defaultSegment  = 64 << 20
	bootFile        = "/proc/sys/kernel/random/boot_id"
	smallestSegment = 64 << 10
)

// Open opens the log in a folder, which it makes if there is none. It is ErrInUse when a process has the folder open.
func Open(dir string, o Options) (*Log, error) {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegment
	}
	if o.MaxBytes > 0 {
		o.SegmentBytes = max(min(o.SegmentBytes, o.MaxBytes/4), smallestSegment)
	}
	l := &Log{dir: dir, options: o, hooks: map[int]func(Offset){}, freed: make(chan struct{})}
	lock, sameBoot, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	l.lock = lock
	if err := l.recover(!sameBoot); err != nil {
		lock.Close()
		return nil, err
	}
	if err := noteBoot(lock); err != nil {
		l.Close()
		return nil, l.diskError("open", err)
	}
	return l, nil
}

// Clear removes the files of the log in a folder, for one that Open finds corrupt.
func Clear(dir string) error {
	lock, _, err := acquire(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	paths, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*"+suffix))
	for _, path := range paths {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// acquire makes the folder and locks it. sameBoot tells that the machine has not been started anew since the log was
// opened last, so what was written then has not been lost.
func acquire(dir string) (lock *os.File, sameBoot bool, err error) {
	if err = os.MkdirAll(dir, 0o755); err == nil {
		lock, err = os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	}
	if err != nil {
		return nil, false, &DiskError{Dir: dir, Step: "open", Err: err}
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, false, fmt.Errorf("%w: another process has %s open; stop it, or choose another data directory",
				ErrInUse, dir)
		}
		return nil, false, &DiskError{Dir: dir, Step: "lock", Err: err}
	}
	noted, err := os.ReadFile(filepath.Join(dir, lockName))
	boot := bootID()
	return lock, err == nil && boot != "" && string(noted) == boot, nil
}

func bootID() string {
	b, err := os.ReadFile(bootFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func noteBoot(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt([]byte(bootID()), 0)
	return err
}

// recover finds the segments, rebuilds their indexes, and cuts what a crash left unfinished. lost tells that the
// machine crashed or was started anew: anything written may be missing, and all data is verified.
func (l *Log) recover(lost bool) error {
	segments, err := l.heads(lost)
	if err != nil {
		return err
	}
	for i, s := range segments {
		if i > 0 && s.first != segments[i-1].end {
			if !lost {
				return &CorruptError{File: segments[i-1].path, At: segments[i-1].bytes, What: "the next segment does not follow it"}
			}
			return l.adopt(segments[:i], segments[i:])
		}
		cut, err := l.index(s, i == len(segments)-1, lost)
		if err != nil {
			return err
		}
		if cut {
			return l.adopt(segments[:i+1], segments[i+1:])
		}
	}
	return l.adopt(segments, nil)
}

// heads opens the heads of all segments of the log, and removes files that are not of it.
func (l *Log) heads(lost bool) ([]*segment, error) {
	names, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, l.diskError("open", err)
	}
	var segments []*segment
	for _, n := range names {
		path := filepath.Join(l.dir, n.Name())
		if strings.HasSuffix(n.Name(), suffix+".new") || strings.HasSuffix(n.Name(), ".spool") {
			os.Remove(path)
		}
		if !strings.HasSuffix(n.Name(), suffix) {
			continue
		}
		s := &segment{path: path}
		what, err := s.open()
		if err != nil {
			return nil, l.diskError("open", err)
		}
		if what == "" && s.path != segmentPath(l.dir, s.first) {
			what = "its head belongs to another file"
		}
		if what != "" {
			if !lost {
				return nil, &CorruptError{File: path, What: what}
			}
			break // what follows a lost segment is of no use
		}
		segments = append(segments, s)
	}
	if i := slices.IndexFunc(segments, func(s *segment) bool { return s.fresh && s != segments[0] }); i > 0 {
		for _, s := range segments[:i] {
			os.Remove(s.path)
		}
		segments = segments[i:]
	}
	return segments, nil
}

func (s *segment) open() (what string, err error) {
	file, err := os.Open(s.path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if err := s.readHead(file); err != nil {
		return err.Error(), nil
	}
	return "", nil
}

// index goes over a segment's blocks. It cuts the file at the first block that is not whole if that can be what a
// crash leaves: at the end of the last segment, or anywhere after a crash of the machine.
func (l *Log) index(s *segment, last, lost bool) (cut bool, err error) {
	file, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return false, l.diskError("open", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, l.diskError("open", err)
	}
	c := newScan(file, s, s.origin())
	c.limit, c.verify = info.Size(), last || lost
	tail := entry{at: s.tailAt, mark: s.tail}
	for c.next() {
		if c.boundary {
			tail = entry{at: c.at, file: c.pos, mark: c.mark}
			s.note(tail)
		}
	}
	s.end, s.bytes = c.at, c.pos
	l.end, l.tailAt, l.tail = c.at, tail.at, tail.mark
	if c.err == nil {
		return false, nil
	}
	if !errors.Is(c.err, ErrCorrupt) || !(lost || last && l.isTear(c, info.Size())) {
		return false, c.err
	}
	if err := file.Truncate(s.bytes); err != nil {
		return false, l.diskError("cut the torn end of", err)
	}
	return true, nil
}

// isTear tells whether a bad block at the end of the last segment is one that a killed process was writing: nothing
// whole follows it.
func (l *Log) isTear(c *scan, size int64) bool {
	if c.torn {
		return true
	}
	var fixed [blockFixed]byte
	if _, err := c.file.ReadAt(fixed[:], c.pos); err != nil {
		return true
	}
	h, ok := parseHeader(fixed[:])
	return ok && c.pos+int64(h.size()) >= size
}

// adopt makes the found segments the log's, and removes those behind a cut.
func (l *Log) adopt(segments, behind []*segment) error {
	for _, s := range behind {
		if err := os.Remove(s.path); err != nil {
			return l.diskError("cut the torn end of", err)
		}
	}
	l.segments = segments
	for _, s := range segments {
		l.size += s.bytes
	}
	if len(segments) == 0 {
		return nil
	}
	file, err := os.OpenFile(segments[len(segments)-1].path, os.O_RDWR, 0)
	if err != nil {
		return l.diskError("open", err)
	}
	l.active = file
	return nil
}
