package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.uber.org/zap"
)

// A founding is the first start of a store. An etcd that was killed in it may come up without a member, and wait for
// one for good. So a file beside its folder says that the first start is not done: as long as it is there, the folder
// holds nothing that anybody was told of, and the next start begins anew.
type founding struct {
	dir     string                // of etcd
	mayWipe func(dir string) bool // whether what an unfinished first start left behind may go
	fresh   bool                  // nothing is stored yet
	open    bool                  // the file is there
}

func (f *founding) file() string { return f.dir + ".founding" }

// begin finds out whether this is a first start, and prepares it.
func (f *founding) begin() error {
	f.open = exists(f.file())
	if exists(f.dir) {
		if !f.open || !f.mayWipe(f.dir) {
			return nil
		}
		if err := os.RemoveAll(f.dir); err != nil {
			return notWritable(f.dir, err)
		}
	}
	f.fresh, f.open = true, true
	if err := os.WriteFile(f.file(), nil, 0o600); err != nil {
		return notWritable(f.file(), err)
	}
	return syncDir(filepath.Dir(f.dir))
}

// end tells that the store has answered: from now on it is kept. It is on disk before end returns.
func (f *founding) end() error {
	if !f.open {
		return nil
	}
	for _, dir := range []string{filepath.Join(f.dir, "member", "snap"), filepath.Join(f.dir, "member"), f.dir, filepath.Dir(f.dir)} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	if err := os.Remove(f.file()); err != nil {
		return notWritable(f.file(), err)
	}
	return syncDir(filepath.Dir(f.dir))
}

// idle tells whether the member in a folder has certainly never voted or acknowledged anything: etcd saves its hard
// state before it sends its first message. Only such a member may forget what it has.
func idle(dir string) bool {
	folder := filepath.Join(dir, "member", "wal")
	if !wal.Exist(folder) {
		return true
	}
	w, err := wal.OpenForRead(zap.NewNop(), folder, walpb.Snapshot{})
	if err != nil {
		return false
	}
	defer w.Close()
	_, state, entries, err := w.ReadAll()
	return err == nil && state.Term == 0 && state.Vote == 0 && state.Commit == 0 && len(entries) == 0
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}
