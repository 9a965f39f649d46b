package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/config"
	"github.com/weir-cdc/weir/messages"
)

// A scripted feed says what it is told to.
type scripted struct {
	progress chan *messages.FeedStatus
	err      error
}

func (f *scripted) Progress() <-chan *messages.FeedStatus { return f.progress }
func (f *scripted) Wait() error                           { return f.err }

func status(state messages.FeedState, reason string) *messages.FeedStatus {
	return &messages.FeedStatus{State: state, Reason: reason, Rows: 7, Checkpoint: 1_700_000_000_000 << 18, Spans: 3}
}

// A buffer that may be written to and read at the same time.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

func testConfig() *config.Config {
	c := config.Default()
	c.From, c.To, c.DataDir = "mysql://root:hunter2@h/", "file:///o", "/d"
	return c
}

func testRun(t *testing.T, c *config.Config, f *scripted, startErr error) (string, error) {
	t.Helper()
	out := &syncBuffer{}
	con := &console{out: io.Discard, err: out, getenv: func(string) string { return "" }}
	err := run(t.Context(), c, con, func(context.Context, *config.Config, *logrus.Entry) (feed, error) {
		if startErr != nil {
			return nil, startErr
		}
		return f, nil
	})
	return out.String(), err
}

func TestRunLogsTheEnd(t *testing.T) {
	f := &scripted{progress: make(chan *messages.FeedStatus, 4)}
	f.progress <- status(messages.FeedState_FEED_NORMAL, "")
	f.progress <- status(messages.FeedState_FEED_FINISHED, "")
	close(f.progress)
	out, err := testRun(t, testConfig(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	for want, times := range map[string]int{"msg=starting": 1, "msg=ended": 1, "state=finished": 1, "rows=7": 1} {
		if got := strings.Count(out, want); got != times {
			t.Errorf("%q is logged %d times, want %d:\n%s", want, got, times, out)
		}
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, "\r") {
		t.Errorf("what is no terminal got control characters:\n%q", out)
	}
	if strings.Contains(out, "hunter2") {
		t.Errorf("the log holds the password:\n%s", out)
	}
}

func TestRunGivesTheFeedsError(t *testing.T) {
	f := &scripted{progress: make(chan *messages.FeedStatus), err: errors.New("binlog purged")}
	close(f.progress)
	if _, err := testRun(t, testConfig(), f, nil); err == nil || err.Error() != "binlog purged" {
		t.Errorf("got %v, want binlog purged", err)
	}
	if _, err := testRun(t, testConfig(), nil, errors.New("no such host")); err == nil || err.Error() != "no such host" {
		t.Errorf("got %v, want no such host", err)
	}
}

func TestRunLogsToAFile(t *testing.T) {
	c := testConfig()
	c.LogFile, c.LogFormat = filepath.Join(t.TempDir(), "weir.log"), "json"
	f := &scripted{progress: make(chan *messages.FeedStatus, 1)}
	f.progress <- status(messages.FeedState_FEED_FINISHED, "")
	close(f.progress)
	out, err := testRun(t, c, f, nil)
	data, readErr := os.ReadFile(c.LogFile)
	if err != nil || readErr != nil || out != "" || !strings.Contains(string(data), `"msg":"ended"`) {
		t.Errorf("got %v, %v, %q on the console and in the file %q", err, readErr, out, data)
	}
	c.LogFile = filepath.Join(t.TempDir(), "missing", "weir.log")
	if _, err := testRun(t, c, f, nil); err == nil || !strings.Contains(err.Error(), "--log-file") {
		t.Errorf("got %v, want an error that names --log-file", err)
	}
}

func TestSignalStopsInOrder(t *testing.T) {
	f := &scripted{progress: make(chan *messages.FeedStatus)}
	con := &console{out: io.Discard, err: io.Discard, getenv: func(string) string { return "" }}
	err := run(t.Context(), testConfig(), con, func(ctx context.Context, _ *config.Config, _ *logrus.Entry) (feed, error) {
		go func() {
			<-ctx.Done()
			close(f.progress)
		}()
		return f, syscall.Kill(syscall.Getpid(), syscall.SIGTERM)
	})
	if err != nil {
		t.Errorf("got %v, want none after a stop in order", err)
	}
}

func TestConfigurePutsFlagsOverTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.toml")
	text := "from = 'mysql://file/'\nto = 'file:///o'\nmemory = '2GiB'\nsyncpoint-interval = '3s'\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Memory = 512 * config.MiB
	env := map[string]string{"XDG_STATE_HOME": "/state", "WEIR_FROM": "mysql://env/"}
	err := configure(c, file, func(name string) bool { return name == "memory" }, func(k string) string { return env[k] })
	if err != nil || c.Memory != 512*config.MiB || c.SyncpointInterval != 3*time.Second || c.From != "mysql://file/" {
		t.Errorf("got memory %v, interval %v, from %s, %v", c.Memory, c.SyncpointInterval, c.From, err)
	}
}

// The derived data directory is the same for the same two ends, whatever the password, and another for others.
func TestDerivedDataDir(t *testing.T) {
	dir := func(from, to, changefeed string) string {
		t.Helper()
		c := config.Default()
		c.From, c.To, c.Changefeed = from, to, changefeed
		err := configure(c, "", func(string) bool { return true }, func(k string) string {
			return map[string]string{"XDG_STATE_HOME": "/state"}[k]
		})
		if err != nil || !strings.HasPrefix(c.DataDir, "/state/weir/") {
			t.Fatalf("got %q, %v", c.DataDir, err)
		}
		return c.DataDir
	}
	base := dir("mysql://root:a@h:3306/", "file:///o", "default")
	if got := dir("mysql://root:b@h:3306/", "file:///o", "default"); got != base {
		t.Errorf("another password: got %s, want %s", got, base)
	}
	for name, other := range map[string]string{
		"another host":       dir("mysql://root:a@g:3306/", "file:///o", "default"),
		"another folder":     dir("mysql://root:a@h:3306/", "file:///p", "default"),
		"another changefeed": dir("mysql://root:a@h:3306/", "file:///o", "two"),
	} {
		if other == base {
			t.Errorf("%s has the same data directory %s", name, base)
		}
	}
}
