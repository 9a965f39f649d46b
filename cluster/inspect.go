package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
)

// inspect reads the whole database of an etcd that is not running. etcd itself opens it on goroutines of its own,
// where damage ends the process; here it is an error.
func inspect(path string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a page behind the end of a cut file faults
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("read %s: %w", path, asError(r))
		}
	}()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer db.Close()
	return db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, bucket *bolt.Bucket) error {
			return bucket.ForEach(func(_, _ []byte) error { return nil })
		})
	})
}
