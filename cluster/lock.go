package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

var (
	// ErrInUse tells that another process holds the data directory.
	ErrInUse = errors.New("data directory in use")
	// ErrNotWritable tells that the data directory can not be written to.
	ErrNotWritable = errors.New("data directory not writable")
)

// A DirLock keeps other processes out of a data directory. The kernel drops it with the process, so none is ever stale.
type DirLock struct{ file *os.File }

// LockDir makes the directory, if it is missing, and takes its lock, the file "lock" in it. The error is ErrInUse,
// with the process that holds it, or ErrNotWritable.
func LockDir(dir string) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, notWritable(dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, notWritable(dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: process %s works in %s: stop it, or give another --data-dir", ErrInUse, holder(f), dir)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	l := &DirLock{file: f}
	if err := l.sign(); err != nil {
		l.Unlock()
		return nil, notWritable(dir, err)
	}
	return l, nil
}

// Unlock lets the directory go.
func (l *DirLock) Unlock() error { return l.file.Close() }

// sign writes our process id into the file, for the error that the next one gets.
func (l *DirLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	pid := strings.TrimSpace(string(b))
	if err != nil || pid == "" {
		return "(unknown)"
	}
	return pid
}

func notWritable(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %s: give this user the right to write there, or another --data-dir: %w", ErrNotWritable, dir, err)
	}
	return fmt.Errorf("prepare data directory %s: %w", dir, err)
}
