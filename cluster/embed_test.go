package cluster

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/zap"
)

func quiet() *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}

func embedded(t *testing.T, dir string) *Embedded {
	t.Helper()
	e, err := Embed(t.Context(), EmbedOptions{Dir: dir, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestEmbedKeepsDataOverRestarts(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		began := time.Now()
		e := embedded(t, dir)
		t.Logf("start %d took %v", i, time.Since(began))
		resp, err := e.Client().Get(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		if got := len(resp.Kvs); got != min(i, 1) {
			t.Fatalf("start %d: %d keys", i, got)
		}
		if i > 0 && string(resp.Kvs[0].Value) != strconv.Itoa(i-1) {
			t.Fatalf("start %d: value %s", i, resp.Kvs[0].Value)
		}
		if _, err := e.Client().Put(t.Context(), "k", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEmbedStartsAndStopsInSilence(t *testing.T) {
	log, hook := recorder()
	e, err := Embed(t.Context(), EmbedOptions{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, entry := range hook.AllEntries() {
		if entry.Level <= logrus.InfoLevel {
			t.Errorf("%v: %s %v", entry.Level, entry.Message, entry.Data)
		}
	}
}

func TestEmbedRefusesADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	e := embedded(t, dir)
	_, err := Embed(t.Context(), EmbedOptions{Dir: dir, Log: quiet()})
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, want ErrInUse", err)
	}
	for _, part := range []string{dir, "process " + strconv.Itoa(os.Getpid()), "--data-dir"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %q", err, part)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	embedded(t, dir)
}

func TestEmbedNamesADamagedStore(t *testing.T) {
	for _, part := range []string{"wal", "snap"} {
		t.Run(part, func(t *testing.T) {
			dir := t.TempDir()
			e := embedded(t, dir)
			for i := range 50 {
				if _, err := e.Client().Put(t.Context(), strconv.Itoa(i), strings.Repeat("x", 1000)); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			spoil(t, filepath.Join(dir, "etcd", "member", part))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			again, err := Embed(ctx, EmbedOptions{Dir: dir, Log: quiet()})
			if err == nil {
				again.Close()
				t.Fatal("a damaged store started")
			}
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--start-at") {
				t.Errorf("got %v, want ErrCorrupt with the folder and the fix", err)
			}
		})
	}
}

// spoil overwrites the middle of what the first file of the folder holds.
func spoil(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no files in", dir)
	}
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("spoilt ", 4000)), 100); err != nil {
		t.Fatal(err)
	}
}

func TestEmbedNamesACutDatabase(t *testing.T) {
	dir := t.TempDir()
	e := embedded(t, dir)
	if _, err := e.Client().Put(t.Context(), "k", strings.Repeat("x", 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "etcd", "member", "snap", "db"), 3*4096); err != nil {
		t.Fatal(err)
	}
	if _, err := Embed(t.Context(), EmbedOptions{Dir: dir, Log: quiet()}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}

func TestNotWritableNamesTheFolderAndTheFix(t *testing.T) {
	for _, cause := range []error{fs.ErrPermission, syscall.EROFS} {
		err := startFailure("/data/etcd", true, &fs.PathError{Op: "open", Path: "/data/etcd/member", Err: cause})
		if !errors.Is(err, ErrNotWritable) || !strings.Contains(err.Error(), "/data/etcd") || !strings.Contains(err.Error(), "--data-dir") {
			t.Errorf("%v: got %v", cause, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LockDir(filepath.Join(file, "data")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("below a file: got %v", err)
	}
}

func TestAFatalLogLineLaterIsToldNotObeyed(t *testing.T) {
	hook := &fatalHook{failed: make(chan error, 1)}
	log := zap.New(NewZapCore(quiet()), zap.WithFatalHook(hook))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		log.Fatal("failed to save", zap.Error(syscall.ENOSPC))
		t.Error("went on after it")
	}()
	<-ended
	if err := <-hook.failed; !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "failed to save") {
		t.Errorf("got %v", err)
	}
}
