package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
	"github.com/weir-cdc/weir/test/mariadb"
)

// A transcript is what a walk told, a line for each event.
type transcript struct {
	lines   []string
	marks   []relay.Mark // of the commits
	wall    int64
	inserts int
	updates int
	deletes int
	bytes   int
	err     error
}

func (l *transcript) Rows(e *sources.RowsEvent) error {
	l.lines = append(l.lines, fmt.Sprintf("%d.%d %s op=%d %d bytes %x", e.CommitTs, e.Ordinal, e.Table, e.Op, len(e.Body), e.Layout))
	l.bytes += len(e.Body)
	switch e.Op {
	case rows.Insert:
		l.inserts++
	case rows.Update:
		l.updates++
	case rows.Delete:
		l.deletes++
	}
	return l.err
}

func (l *transcript) DDL(s *schema.Statement) error {
	l.lines = append(l.lines, fmt.Sprintf("%d ddl %s: %s", s.CommitTs, s.Default, s.Query))
	return nil
}

func (l *transcript) Commit(m relay.Mark, wallMs int64) error {
	l.lines = append(l.lines, fmt.Sprintf("%d commit %s", m.Ts, m.Position))
	l.marks = append(l.marks, m)
	l.wall = wallMs
	return nil
}

// plot gives the transcript without commit-ts and positions.
func (l *transcript) plot() []string {
	var lines []string
	for _, line := range l.lines {
		var ts, ordinal uint64
		var rest string
		if n, _ := fmt.Sscanf(line, "%d.%d", &ts, &ordinal); n == 2 {
			rest = fmt.Sprintf("%d", ordinal) + line[len(fmt.Sprintf("%d.%d", ts, ordinal)):]
			rest = rest[:len(rest)-len(rest[lastSpace(rest):])]
		} else {
			rest = line[len(fmt.Sprint(ts))+1:]
			if len(rest) > 6 && rest[:6] == "commit" {
				rest = "commit"
			}
		}
		lines = append(lines, rest)
	}
	return lines
}

func lastSpace(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == ' ' {
			return i
		}
	}
	return 0
}

// A follower pulls from a server into a log of its own.
type follower struct {
	t      *testing.T
	source *Source
	log    *relay.Log
	start  relay.Mark
	base   relay.Offset

	cancel context.CancelFunc
	done   chan error

	mu       sync.Mutex
	contacts []sources.Contact
	errors   []error // that were tried again
}

// follow begins at a position of the server.
func follow(t *testing.T, uri, at string) *follower {
	t.Helper()
	s, err := Open(uri)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Start(t.Context(), at)
	if err != nil {
		t.Fatalf("start at %s: %v", at, err)
	}
	log, err := relay.Open(t.TempDir(), relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Reset(m); err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, source: s, log: log, start: m, base: log.End()}
	f.pull()
	t.Cleanup(func() {
		f.stop()
		log.Close()
		s.Close()
	})
	return f
}

// pull runs Pull until stop, with a new connection each time that it ends with an error that may be retried.
func (f *follower) pull() {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel, f.done = cancel, make(chan error, 1)
	go func() {
		for {
			err := f.source.Pull(ctx, f.log, func(c sources.Contact) {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.contacts = append(f.contacts, c)
			})
			var fatal *sources.Fatal
			if ctx.Err() != nil || errors.As(err, &fatal) {
				f.done <- err
				return
			}
			f.mu.Lock()
			f.errors = append(f.errors, err)
			f.mu.Unlock()
		}
	}()
}

func (f *follower) stop() {
	if f.cancel == nil {
		return
	}
	f.cancel()
	<-f.done
	f.cancel = nil
}

// fatal waits for the pull to end by itself.
func (f *follower) fatal() *sources.Fatal {
	f.t.Helper()
	select {
	case err := <-f.done:
		f.cancel = nil
		var fatal *sources.Fatal
		if !errors.As(err, &fatal) {
			f.t.Fatalf("pull ended with %v, want a Fatal", err)
		}
		return fatal
	case <-time.After(20 * time.Second):
		f.mu.Lock()
		defer f.mu.Unlock()
		f.t.Fatalf("pull did not end; after %d errors: %v", len(f.errors), f.errors[max(0, len(f.errors)-1):])
		return nil
	}
}

// catchUp waits until the log has all that is committed now.
func (f *follower) catchUp() {
	f.t.Helper()
	goal, err := f.source.Head(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	f.await("the log to reach "+goal, func() bool {
		_, m := f.log.Tail()
		ok, err := f.source.Reached(m.Position, goal)
		if err != nil {
			f.t.Fatal(err)
		}
		return ok
	})
}

// await polls a condition.
func (f *follower) await(what string, met func() bool) {
	f.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for !met() {
		select {
		case <-ticker.C:
		case err := <-f.done:
			f.done <- err
			f.t.Fatalf("waiting for %s: pull ended: %v", what, err)
		case <-deadline:
			f.t.Fatalf("waiting for %s: it did not happen", what)
		}
	}
}

// read gives the log's bytes from an offset to its last boundary.
func read(t *testing.T, log *relay.Log, from relay.Offset) []byte {
	t.Helper()
	r := log.Reader(from)
	defer r.Close()
	tail, _ := log.Tail()
	all := make([]byte, 0, tail-from)
	for {
		data, _, err := r.Next(1<<20, tail)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
}

// walk gives the transcript of the whole log.
func (f *follower) walk() *transcript {
	f.t.Helper()
	return walkBytes(f.t, f.start, read(f.t, f.log, f.base))
}

func walkBytes(t *testing.T, at relay.Mark, data []byte) *transcript {
	t.Helper()
	var l transcript
	if err := newWalker(at).Walk(data, &l); err != nil {
		t.Fatal(err)
	}
	return &l
}

// checkReplay walks from some of the marks that the log knows, and compares with the walk from the start.
func (f *follower) checkReplay() {
	f.t.Helper()
	whole := f.walk()
	if _, m := f.log.Tail(); len(whole.marks) > 0 && whole.marks[len(whole.marks)-1] != m {
		f.t.Errorf("the walk ends at %v, the log at %v", whole.marks[len(whole.marks)-1], m)
	}
	for i := 0; i < len(whole.marks); i += 1 + len(whole.marks)/8 {
		want := whole.marks[i]
		at, m, err := f.log.Seek(want.Ts)
		if err != nil {
			f.t.Fatal(err)
		}
		if m != want {
			continue // no block ends there
		}
		part := walkBytes(f.t, m, read(f.t, f.log, at))
		if tail := whole.lines[len(whole.lines)-len(part.lines):]; !slices.Equal(part.lines, tail) {
			f.t.Fatalf("the walk from %v is not the end of the walk from the start:\n%q\n%q", m, part.lines, tail)
		}
	}
}

func TestFollowStatements(t *testing.T) {
	server := mariadb.Start(t)
	f := follow(t, server.URI(), "current")
	server.MustExec(t,
		"CREATE DATABASE shop",
		"CREATE TABLE shop.a (id INT PRIMARY KEY, b VARCHAR(10))",
		"INSERT INTO shop.a VALUES (1,'x'),(2,'y')",
		"UPDATE shop.a SET b = 'z' WHERE id = 1",
		"DELETE FROM shop.a WHERE id = 2",
		"CREATE TABLE shop.c SELECT * FROM shop.a",
		"CREATE USER foo IDENTIFIED BY 'secret-password'",
		"CREATE TRIGGER shop.tr BEFORE INSERT ON shop.a FOR EACH ROW SET NEW.b = UPPER(NEW.b)",
		"SET STATEMENT max_statement_time = 10 FOR CREATE TABLE shop.d (i INT)",
		"DROP TABLE shop.d",
		"CREATE DEFINER=`root`@`localhost` SQL SECURITY INVOKER VIEW shop.v AS SELECT 1",
	)
	f.catchUp()
	got := f.walk()
	want := []string{
		"ddl shop: CREATE DATABASE shop", "commit",
		"ddl : CREATE TABLE shop.a (id INT PRIMARY KEY, b VARCHAR(10))", "commit",
		"0 shop.a op=1 14 bytes", "commit",
		"0 shop.a op=2 14 bytes", "commit",
		"0 shop.a op=3 7 bytes", "commit",
		"ddl : CREATE TABLE `shop`.`c` (\n  `id` int(11) NOT NULL,\n  `b` varchar(10) DEFAULT NULL\n)", "commit", "0 shop.c op=1 7 bytes", "commit",
		"commit", // CREATE USER
		"commit", // CREATE TRIGGER
		"ddl : CREATE TABLE shop.d (i INT)", "commit",
		"ddl : DROP TABLE `shop`.`d` /* generated by server */", "commit",
		"ddl : CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY INVOKER VIEW `shop`.`v` AS SELECT 1", "commit",
	}
	if plot := got.plot(); !slices.Equal(plot, want) {
		t.Errorf("got\n%q\nwant\n%q", plot, want)
	}
	f.checkReplay()
}

// kindOf gives the kind of a Fatal, "" for other errors.
func kindOf(err error) string {
	var f *sources.Fatal
	if errors.As(err, &f) {
		return f.Kind
	}
	return ""
}
