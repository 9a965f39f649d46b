package storage_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sinks/sinktest"
	"github.com/weir-cdc/weir/sinks/storage"
)

func TestMain(m *testing.M) {
	logrus.SetLevel(logrus.PanicLevel)
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir) // the child of TestCrash
	}
	if dir := os.Getenv(memberDir); dir != "" {
		memberMain(dir) // a child of TestMembers
	}
	os.Exit(m.Run())
}

// opener makes sinks on a folder.
func opener(t testing.TB, dir, options string) func(sinks.Env) *actor.Props {
	uri := (&url.URL{Scheme: "file", Path: dir, RawQuery: "protocol=csv&include-commit-ts=true" + options}).String()
	return func(env sinks.Env) *actor.Props {
		props, err := sinks.Open(uri, env)
		if err != nil {
			t.Fatal(err)
		}
		return props
	}
}

func harness(t testing.TB, dir, options string) sinktest.Harness {
	return sinktest.Harness{
		Open: opener(t, dir, options),
		Rows: func(t testing.TB) []sinktest.Row { return readRows(t, dir) },
		Statements: func(t testing.TB) []uint64 {
			var all []uint64
			for _, f := range readSchemas(t, dir) {
				if f.Query != "" {
					all = append(all, f.TableVersion)
				}
			}
			slices.Sort(all)
			return all
		},
		Syncpoints: func(t testing.TB) map[uint64]string {
			points, err := storage.Syncpoints(dir)
			if err != nil {
				t.Fatal(err)
			}
			all := map[uint64]string{}
			for _, p := range points {
				all[p.CommitTs] = p.SourcePosition
			}
			return all
		},
	}
}

func TestConversation(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Harness { return harness(t, t.TempDir(), "&flush-interval=50ms") })
}

// TestShared runs the conversation where other processes may write too.
func TestShared(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		return shared(harness(t, t.TempDir(), "&flush-interval=20ms&file-size=200"))
	})
}

// shared makes the sinks of a harness share the folder.
func shared(h sinktest.Harness) sinktest.Harness {
	open := h.Open
	h.Shared = true
	h.Open = func(env sinks.Env) *actor.Props {
		env.Shared = true
		return open(env)
	}
	return h
}

// TestFullDisk runs the conversation on a file system of 8 MiB, and fills that.
func TestFullDisk(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		dir := tmpfs(t, "size=8m")
		h := harness(t, filepath.Join(dir, "out"),
			"&flush-interval=20ms&file-size=1&worker-count=2&date-separator=none&use-table-id-as-path=true")
		h.Break = func(t testing.TB) func() { return fill(t, filepath.Join(dir, "ballast")) }
		return h
	})
}

// TestReadOnly runs the conversation on a file system that becomes read-only for a while.
func TestReadOnly(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		dir := tmpfs(t, "size=16m")
		h := harness(t, filepath.Join(dir, "out"), "&flush-interval=50ms&worker-count=2&file-size=100")
		h.Break = func(t testing.TB) func() {
			remount := func(flags uintptr) error { return syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "") }
			for err := remount(syscall.MS_RDONLY); err != nil; err = remount(syscall.MS_RDONLY) {
				if !errors.Is(err, syscall.EBUSY) { // a file is open for writing; the next flush closes it
					t.Fatal(err)
				}
			}
			return func() {
				if err := remount(0); err != nil {
					t.Fatal(err)
				}
			}
		}
		return h
	})
}

// tmpfs mounts a file system of its own for a test. It takes root.
func tmpfs(t testing.TB, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatalf("mount a tmpfs for the test: %v; run it as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fill writes a file until the disk is full, and returns what removes it.
func fill(t testing.TB, path string) func() {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
