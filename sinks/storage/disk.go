package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/weir-cdc/weir/sinks"
)

// temporary is the suffix of a file that is being written; such files are removed when the folder is opened again or
// overwritten.
const temporary = ".tmp"

// errLost tells that the kernel may have dropped data that was written: only a replay brings it back.
var errLost = errors.New("written data may be lost")

// put writes a small file whole: under another name, made durable, then renamed. The rename is durable after
// syncDir of its directory.
func put(path string, data []byte) error { return putVia(path, path+temporary, data) }

// putVia is put with a name for the meantime.
func putVia(path, meantime string, data []byte) error {
	if err := write(meantime, data); err != nil {
		return err
	}
	return os.Rename(meantime, path)
}

// putDurable is put and syncDir.
func putDurable(path string, data []byte) error {
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	if err := put(path, data); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// write makes a durable file under a temporary name.
func write(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// makeDir makes a directory and those above it, durably.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o755)
	switch {
	case err == nil:
		return syncDir(filepath.Dir(dir))
	case errors.Is(err, fs.ErrExist):
		return isDir(dir)
	case !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir:
		return err
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	return makeDir(dir)
}

func isDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return &sinks.Fatal{Err: fmt.Errorf("%s is no folder: remove it, or name another folder", dir)}
	}
	return err
}

// namesIn gives the names in a directory; none if there is no such directory.
func namesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), temporary) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// exists tells whether there is a file.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// explain adds to an I/O error what mends it. The system's error names the path.
func explain(err error) error {
	if err == nil || sinks.IsFatal(err) || sinks.IsWithheld(err) {
		return err
	}
	fix := ""
	switch {
	case errors.Is(err, syscall.ENOSPC):
		fix = "free space on that file system"
	case errors.Is(err, syscall.EDQUOT):
		fix = "raise the quota, or free space"
	case errors.Is(err, syscall.EROFS):
		fix = "mount that file system writable"
	case errors.Is(err, fs.ErrPermission):
		fix = "let this user write there"
	case errors.Is(err, syscall.EIO):
		fix = "check the device, see the kernel's log"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		fix = "raise the limit of open files (ulimit -n)"
	default:
		return fmt.Errorf("%w; trying again", err)
	}
	return fmt.Errorf("%w: %s; it goes on by itself then", err, fix)
}
