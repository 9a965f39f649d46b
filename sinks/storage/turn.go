package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/weir-cdc/weir/sinks"
)

// turnFile is the file of a directory whose lock is the turn to write there, where several processes do. It is never
// removed: a lock on a removed file would keep nobody out.
const turnFile = ".weir.turn"

// A turn is the sole right, among processes, to make something visible in a directory. It ends with the process. A
// process that is stopped in its turn keeps the others waiting until it goes on or ends; so nothing it was about to do
// comes after theirs.
type turn struct{ file *os.File }

// How long one attempt waits for a turn, and how often it looks. A turn takes a few syncs of small files.
const (
	turnPatience = 3 * time.Second
	turnLook     = 2 * time.Millisecond
	turnLookMost = 50 * time.Millisecond
)

// takeTurn waits for the turn in a directory.
func takeTurn(dir string) (turn, error) {
	deadline := time.NewTimer(turnPatience)
	defer deadline.Stop()
	for pause := turnLook; ; pause = min(2*pause, turnLookMost) {
		f, err := openLock(filepath.Join(dir, turnFile), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return turn{f}, lockable(err)
		}
		select {
		case <-time.After(pause):
		case <-deadline.C:
			return turn{}, fmt.Errorf("wait for %s: another process of this changefeed has held its lock for %s; if it is stopped, let it go on or end it",
				filepath.Join(dir, turnFile), turnPatience)
		}
	}
}

// end gives the turn to the next.
func (t turn) end() { _ = t.file.Close() } // nothing was written to it

// lockable names the fix where a file system has no locks: without them no two processes may share a folder.
func lockable(err error) error {
	if errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOLCK) {
		return &sinks.Fatal{Err: fmt.Errorf("%w: the file system has no locks, which several nodes need to write to one folder: mount it with locks, or name another folder", err)}
	}
	return err
}

// inTurn does a step in the turn of a directory where the folder is shared, or just does it.
func (o *options) inTurn(shared bool, dir string, step func() error) error {
	if !shared {
		return step()
	}
	if err := makeDir(dir); err != nil {
		return err
	}
	t, err := takeTurn(dir)
	if err != nil {
		return err
	}
	defer t.end()
	return step()
}
