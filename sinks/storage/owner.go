package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/weir-cdc/weir/sinks"
)

// An owner is the content of .weir.json: whose folder it is, and what must stay the same for its files to fit together.
type owner struct {
	Format        int    `json:"format"` // of the folder: 1
	Changefeed    string `json:"changefeed"`
	ID            string `json:"id,omitempty"`
	Protocol      string `json:"protocol"`
	DateSeparator string `json:"date-separator"`
	IndexDigits   int    `json:"file-index-digit"`
	TableIDPath   bool   `json:"use-table-id-as-path"`
}

func (o *options) owner(env sinks.Env) owner {
	w := owner{Format: 1, Changefeed: env.Changefeed, ID: env.ID, Protocol: o.codec.Protocol(), IndexDigits: o.digits,
		TableIDPath: o.tableIDPath}
	for name, f := range dateFormats {
		if f == o.dates {
			w.DateSeparator = name
		}
	}
	return w
}

var errInUse = errors.New("being written by another process")

// lock takes the folder for this process, or for all those that share it. The lock ends with the process, or when the
// file is closed.
func lock(root string, shared bool) (*os.File, error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	f, err := openLock(filepath.Join(root, lockFile), how)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s is %w: stop that one, or name another folder", root, errInUse)
	}
	return f, err
}

// openLock opens a file and locks it, if nobody is in the way.
func openLock(path string, how int) (*os.File, error) {
	f, err := lockWith(path, os.O_RDONLY, how) // which is in no one's way who makes the folder read-only
	if errors.Is(err, syscall.EBADF) {
		f, err = lockWith(path, os.O_RDWR, how) // as NFS wants it
	}
	return f, err
}

func lockWith(path string, mode, how int) (*os.File, error) {
	f, err := os.OpenFile(path, mode|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	return f, nil
}

// claim makes an empty folder this changefeed's, or checks that it is.
func claim(root string, mine owner, env *sinks.Env) error {
	claimed, err := inspect(root, mine)
	if err != nil || claimed {
		return err
	}
	if err := env.Permitted(); err != nil {
		return err
	}
	return putDurable(filepath.Join(root, ownerFile), indented(mine))
}

// inspect tells whether the folder is this changefeed's already. It may be empty, or missing; another's is an error.
func inspect(root string, mine owner) (claimed bool, err error) {
	path := filepath.Join(root, ownerFile)
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		empty := checkEmpty(root)
		if there, err := exists(path); err == nil && there {
			return inspect(root, mine) // another process has just claimed it
		}
		return false, empty
	case errors.Is(err, syscall.ENOTDIR):
		return false, &sinks.Fatal{Err: fmt.Errorf("%s is no folder: remove it, or name another folder", root)}
	case err != nil:
		return false, err
	}
	var theirs owner
	if err := json.Unmarshal(data, &theirs); err != nil {
		return false, &sinks.Fatal{Err: fmt.Errorf("%s is damaged (%w): restore it, or name another folder", path, err)}
	}
	return true, theirs.check(root, mine)
}

func checkEmpty(root string) error {
	names, err := namesIn(root)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != lockFile && name != turnFile && name != "lost+found" {
			return &sinks.Fatal{Err: fmt.Errorf("%s holds files that are not Weir's, %q for one: name an empty folder", root, name)}
		}
	}
	return nil
}

func (theirs owner) check(root string, mine owner) error {
	refuse := func(what string, was, is any) error {
		return &sinks.Fatal{Err: fmt.Errorf("%s was written with %s %v, not %v: set that again, or name another folder", root, what, was, is)}
	}
	switch {
	case theirs.Format != mine.Format:
		return &sinks.Fatal{Err: fmt.Errorf("%s has format %d, this version of Weir writes %d: use the version that wrote it, or name another folder",
			root, theirs.Format, mine.Format)}
	case theirs.Changefeed != mine.Changefeed:
		return &sinks.Fatal{Err: fmt.Errorf("%s belongs to changefeed %q, not %q: name another folder, or remove it",
			root, theirs.Changefeed, mine.Changefeed)}
	case theirs.ID != mine.ID:
		return &sinks.Fatal{Err: fmt.Errorf("%s was written by an earlier changefeed %q: name another folder, or remove it", root, theirs.Changefeed)}
	case theirs.Protocol != mine.Protocol:
		return refuse("protocol", theirs.Protocol, mine.Protocol)
	case theirs.DateSeparator != mine.DateSeparator:
		return refuse("date-separator", theirs.DateSeparator, mine.DateSeparator)
	case theirs.IndexDigits != mine.IndexDigits:
		return refuse("file-index-digit", theirs.IndexDigits, mine.IndexDigits)
	case theirs.TableIDPath != mine.TableIDPath:
		return refuse("use-table-id-as-path", theirs.TableIDPath, mine.TableIDPath)
	}
	return nil
}
