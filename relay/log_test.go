package relay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func open(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// add appends a block of n bytes. ts 0 ends it inside a transaction.
func add(t testing.TB, l *Log, n int, ts uint64) Mark {
	t.Helper()
	at, tail := l.Tail()
	b := Block{Data: payload(l.End(), n)}
	if at == l.End() {
		b.Start = &tail
	}
	m := Mark{Ts: ts, Position: fmt.Sprintf("gtid:0-1-%d,1-1-7", ts)}
	if ts > 0 {
		b.End = &m
	}
	if err := l.Append(b); err != nil {
		t.Fatalf("append at %d: %v", l.End(), err)
	}
	return m
}

// ring is what payloads are cut from; its length is a prime.
var ring = func() []byte {
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 65521)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}()

// payload gives bytes that only belong at one offset.
func payload(at Offset, n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		from := (int(at) + len(b)) % len(ring)
		b = append(b, ring[from:min(len(ring), from+n-len(b))]...)
	}
	return b
}

// checkAll reads from an offset to the end.
func checkAll(t testing.TB, l *Log, from Offset, maxBytes int) {
	t.Helper()
	r := l.Reader(from)
	defer r.Close()
	at := from
	for {
		data, next, err := r.Next(maxBytes, l.End())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read at %d: %v", at, err)
		}
		if !bytes.Equal(data, payload(at, len(data))) || next != at+Offset(len(data)) {
			t.Fatalf("read at %d: other bytes than were written", at)
		}
		at = next
	}
	if at != l.End() {
		t.Fatalf("read up to %d, the log ends at %d", at, l.End())
	}
}

// filled makes a log of many segments with blocks of all sizes, and gives its boundaries.
func filled(t testing.TB, dir string, o Options) (*Log, map[Offset]Mark) {
	t.Helper()
	l := open(t, dir, o)
	start := Mark{Ts: 1, Position: "gtid:"}
	if err := l.Reset(start); err != nil {
		t.Fatal(err)
	}
	marks := map[Offset]Mark{l.End(): start}
	random := rand.New(rand.NewPCG(1, 2))
	for ts := uint64(2); ts < 400; ts++ {
		for random.IntN(10) == 0 {
			add(t, l, 1+random.IntN(90000), 0)
		}
		m := add(t, l, 1+random.IntN(9000), ts*10)
		marks[l.End()] = m
	}
	return l, marks
}

func TestAppendReadSeekReopen(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentBytes: 256 << 10}
	l, marks := filled(t, dir, o)
	first := slices.Min(keys(marks))
	for range 2 {
		for _, size := range []int{1, 5000, 1 << 20} {
			checkAll(t, l, first, size)
		}
		for at, m := range marks {
			for _, ts := range []uint64{m.Ts, m.Ts + 9} {
				if gotAt, got, err := l.Seek(ts); err != nil || gotAt != at || got != m {
					t.Fatalf("seek %d: %d %v %v, want %d %v", ts, gotAt, got, err, at, m)
				}
			}
			if gotAt, got, err := l.SeekOffset(at); err != nil || gotAt != at || got != m {
				t.Fatalf("seek offset %d: %d %v %v, want %v", at, gotAt, got, err, m)
			}
			if m.Ts%400 == 0 {
				checkAll(t, l, at, 1<<20)
			}
		}
		if _, _, err := l.Seek(0); !errors.Is(err, ErrTrimmed) {
			t.Errorf("seek before the beginning: %v", err)
		}
		end, size := l.End(), l.Size()
		l.Close()
		l = open(t, dir, o)
		if l.End() != end || l.Size() != size {
			t.Fatalf("reopened: ends at %d with %d bytes, want %d with %d", l.End(), l.Size(), end, size)
		}
	}
	add(t, l, 100, 100000)
	checkAll(t, l, first, 3000)
}

func keys(m map[Offset]Mark) []Offset {
	var all []Offset
	for at := range m {
		all = append(all, at)
	}
	return all
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.relay"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// Wherever a kill cuts the last segment, the log reopens at the last whole block and goes on.
func TestTornTail(t *testing.T) {
	origin := t.TempDir()
	l := open(t, origin, Options{})
	if err := l.Reset(Mark{Ts: 1, Position: "gtid:"}); err != nil {
		t.Fatal(err)
	}
	first := l.End()
	add(t, l, 300, 10)
	add(t, l, 200, 0)
	tail := add(t, l, 100, 20)
	ends := []Offset{first, first + 300, first + 500, first + 600}
	l.Close()
	file := segmentFiles(t, origin)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := os.ReadFile(filepath.Join(origin, lockName))
	if err != nil {
		t.Fatal(err)
	}
	head := headFixed + len("gtid:")
	for cut := head; cut <= len(whole); cut++ {
		dir := t.TempDir()
		write(t, filepath.Join(dir, filepath.Base(file)), whole[:cut])
		write(t, filepath.Join(dir, lockName), lock)
		l, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if !slices.Contains(ends, l.End()) || cut == len(whole) && l.End() != ends[3] {
			t.Fatalf("cut at %d: the log ends at %d", cut, l.End())
		}
		checkAll(t, l, first, 1<<20)
		for l.End() < ends[3] {
			at, _ := l.Tail()
			if l.End() == at {
				add(t, l, 50, 0)
			}
			add(t, l, int(ends[3]-l.End()), 20)
		}
		if _, m := l.Tail(); m != tail {
			t.Fatalf("cut at %d: the tail is %v", cut, m)
		}
		checkAll(t, l, first, 100)
		l.Close()
	}
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCorruptBlock(t *testing.T) {
	dir := t.TempDir()
	l, _ := filled(t, dir, Options{SegmentBytes: 256 << 10})
	first := l.segments[0].first
	end := l.End()
	l.Close()
	files := segmentFiles(t, dir)
	middle := files[len(files)/2]
	b, err := os.ReadFile(middle)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(b)
	flipped[len(b)/2] ^= 1 // in the data of some block: found when it is read
	write(t, middle, flipped)
	l = open(t, dir, Options{})
	r := l.Reader(first)
	for err = error(nil); err == nil; {
		_, _, err = r.Next(64<<10, end)
	}
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || !errors.Is(err, ErrCorrupt) || corrupt.File != middle || !strings.Contains(err.Error(), "reset it") {
		t.Fatalf("read a flipped bit: %v", err)
	}
	m := Mark{Ts: 77, Position: "gtid:0-1-5"}
	if err := l.Reset(m); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Next(64<<10, end); !errors.Is(err, ErrTrimmed) {
		t.Errorf("a reader of the old log: %v", err)
	}
	if at, got := l.Tail(); got != m || at <= end {
		t.Errorf("after the reset: %d %v", at, got)
	}
	l.Close()
	if files := segmentFiles(t, dir); len(files) != 1 {
		t.Errorf("after the reset: %q", files)
	}
}

// What a crash of the machine lost is cut off, wherever it is; without a crash it is an error.
func TestLostInTheMiddle(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		dir := t.TempDir()
		l, _ := filled(t, dir, Options{SegmentBytes: 256 << 10})
		first, end := l.segments[0].first, l.End()
		l.Close()
		files := segmentFiles(t, dir)
		middle := files[len(files)/2]
		b, err := os.ReadFile(middle)
		if err != nil {
			t.Fatal(err)
		}
		clear(b[len(b)/2:])
		write(t, middle, b)
		if crashed {
			write(t, filepath.Join(dir, lockName), []byte("another boot"))
		}
		l, err = Open(dir, Options{})
		if !crashed {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("open: %v", err)
			}
			if err := Clear(dir); err != nil || len(segmentFiles(t, dir)) != 0 {
				t.Errorf("clear: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if l.End() >= end || l.End() <= first {
			t.Errorf("the log ends at %d of %d", l.End(), end)
		}
		checkAll(t, l, first, 1<<20)
		l.Close()
	}
}

func TestTrimAndFull(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{MaxBytes: 1 << 20, SegmentBytes: 64 << 10})
	if err := l.Append(Block{Data: []byte("x")}); !errors.Is(err, ErrNoMark) {
		t.Errorf("append to a log without a beginning: %v", err)
	}
	start := Mark{Ts: 1, Position: "gtid:"}
	if err := l.Reset(start); err != nil {
		t.Fatal(err)
	}
	ts := uint64(10)
	full := func() error {
		_, tail := l.Tail()
		return l.Append(Block{Data: []byte("x"), Start: &tail})
	}
	for l.Size() < 1<<20 {
		ts++
		add(t, l, 10000, ts)
	}
	if err := full(); !errors.Is(err, ErrFull) {
		t.Fatalf("append to a full log: %v", err)
	}
	freed := l.Freed()
	if err := l.Trim(ts - 20); err != nil {
		t.Fatal(err)
	}
	<-freed
	if _, _, err := l.Seek(11); !errors.Is(err, ErrTrimmed) {
		t.Errorf("seek in the trimmed part: %v", err)
	}
	at, m, err := l.Seek(ts - 20)
	if err != nil || m.Ts != ts-20 {
		t.Fatalf("seek to what was kept: %v %v", m, err)
	}
	checkAll(t, l, at, 1<<20)

	// A transaction larger than the limit goes through, and a Trim at its end makes room again.
	add(t, l, 500, 0)
	for range 40 {
		add(t, l, 50000, 0)
	}
	add(t, l, 500, ts+1)
	if l.Size() < 2<<20 {
		t.Errorf("the log has %d bytes", l.Size())
	}
	if err := full(); !errors.Is(err, ErrFull) {
		t.Fatalf("append to a full log: %v", err)
	}
	if err := l.Trim(ts + 1); err != nil {
		t.Fatal(err)
	}
	if err := full(); err != nil {
		t.Fatalf("append after the trim: %v; the log has %d bytes", err, l.Size())
	}
	if n := len(segmentFiles(t, dir)); n > 2 {
		t.Errorf("%d segments are left", n)
	}
}

func TestInUseAndReadOnly(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("open twice: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	var disk *DiskError
	if _, err := Open(filepath.Join(file, "log"), Options{}); !errors.As(err, &disk) || !strings.Contains(err.Error(), file) {
		t.Errorf("open below a file: %v", err)
	}
}

// What cannot be written is not there, and is written when it can be again.
func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	if err := l.Reset(Mark{Ts: 1, Position: "gtid:"}); err != nil {
		t.Fatal(err)
	}
	first := l.End()
	add(t, l, 1000, 5)
	good := l.active
	path := segmentFiles(t, dir)[0]
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	l.active = readOnly
	_, tail := l.Tail()
	var disk *DiskError
	if err := l.Append(Block{Data: payload(l.End(), 50000), Start: &tail}); !errors.As(err, &disk) || disk.Dir != dir {
		t.Errorf("append: %v", err)
	}
	readOnly.Close()
	l.active = good
	if at, m := l.Tail(); at != l.End() || m.Ts != 5 {
		t.Errorf("after the failure: %d %v", at, m)
	}
	add(t, l, 2000, 6)
	checkAll(t, l, first, 1<<20)
}

func TestReadersAndOneAppender(t *testing.T) {
	l := open(t, t.TempDir(), Options{SegmentBytes: 128 << 10})
	if err := l.Reset(Mark{Ts: 1, Position: "gtid:"}); err != nil {
		t.Fatal(err)
	}
	first := l.End()
	const last = 600
	var readers sync.WaitGroup
	for n := range 3 {
		grown := make(chan struct{}, 1)
		defer l.Notify(func(Offset) {
			select {
			case grown <- struct{}{}:
			default:
			}
		})()
		readers.Go(func() {
			r := l.Reader(first)
			defer r.Close()
			for at := first; ; {
				data, next, err := r.Next(10000<<n, 1<<62)
				if errors.Is(err, io.EOF) {
					if _, m := l.Tail(); m.Ts == last && l.End() == at {
						return
					}
					<-grown
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(data, payload(at, len(data))) {
					t.Errorf("other bytes at %d", at)
					return
				}
				at = next
			}
		})
	}
	for ts := uint64(2); ts <= last; ts++ {
		if ts%7 == 0 {
			add(t, l, 3000, 0)
		}
		add(t, l, int(ts*37%5000)+1, ts)
		if _, m, err := l.Seek(ts / 2); ts > 10 && (err != nil || m.Ts != ts/2) {
			t.Errorf("seek %d: %v %v", ts/2, m, err)
		}
	}
	readers.Wait()
}

func TestLongPositionsAreStoredByTheirDifference(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	long := strings.Repeat("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-99999,", 200)
	position := func(n int) string { return fmt.Sprintf("gtid:%sfff:1-%d,%s", long[:4000], n, long[4000:]) }
	if err := l.Reset(Mark{Ts: 1, Position: position(1)}); err != nil {
		t.Fatal(err)
	}
	for n := 2; n < 1000; n++ {
		_, tail := l.Tail()
		m := Mark{Ts: uint64(n), Position: position(n)}
		if err := l.Append(Block{Data: payload(l.End(), 300), Start: &tail, End: &m}); err != nil {
			t.Fatal(err)
		}
	}
	if per := l.Size() / 1000; per > 400 {
		t.Errorf("%d bytes a block of 300", per)
	}
	l.Close()
	l = open(t, dir, Options{})
	for _, n := range []int{1, 500, 999} {
		if _, m, err := l.Seek(uint64(n)); err != nil || m.Position != position(n) {
			t.Errorf("seek %d: %.60q %v", n, m.Position, err)
		}
	}
}

func BenchmarkAppendRead(b *testing.B) {
	for _, size := range []int{512, 64 << 10, 512 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			l := open(b, b.TempDir(), Options{})
			if err := l.Reset(Mark{Ts: 1, Position: "gtid:0-1-1"}); err != nil {
				b.Fatal(err)
			}
			data := payload(0, size)
			r := l.Reader(l.End())
			defer r.Close()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			ts := uint64(1)
			for b.Loop() {
				_, tail := l.Tail()
				ts++
				m := Mark{Ts: ts, Position: "gtid:0-1-1"}
				if err := l.Append(Block{Data: data, Start: &tail, End: &m}); err != nil {
					b.Fatal(err)
				}
				if r.Offset()+1<<20 > l.End() {
					continue
				}
				for {
					if _, _, err := r.Next(1<<20, l.End()); err != nil {
						break
					}
				}
				if l.Size() > 512<<20 {
					if err := l.Trim(ts); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
