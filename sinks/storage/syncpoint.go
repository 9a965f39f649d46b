package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/weir-cdc/weir/sinks"
)

// A Syncpoint is a consistent cut: the rows of all tables with a commit-ts at or below CommitTs are what the upstream
// held at SourcePosition.
type Syncpoint struct {
	CommitTs       uint64    `json:"commit-ts"`
	SourcePosition string    `json:"source-position"` // as the source prints it, for example a GTID set
	WallTime       time.Time `json:"wall-time"`       // the upstream's, in UTC
}

// Syncpoints reads the syncpoints in a folder that this sink wrote, in ascending order. dir is the folder of the
// sink's URI. Each was durable, with all rows up to it, before it appeared.
func Syncpoints(dir string) ([]Syncpoint, error) {
	names, err := namesIn(filepath.Join(dir, syncpointsDir))
	if err != nil {
		return nil, fmt.Errorf("list syncpoints: %w", err)
	}
	points := make([]Syncpoint, 0, len(names))
	for _, name := range names { // zero-padded, so the order of names is that of time
		data, err := os.ReadFile(filepath.Join(dir, syncpointsDir, name))
		if err != nil {
			return nil, fmt.Errorf("read syncpoint: %w", err)
		}
		var p Syncpoint
		if err := json.Unmarshal(data, &p); err != nil {
			return nil, fmt.Errorf("read syncpoint %s: %w", filepath.Join(dir, syncpointsDir, name), err)
		}
		points = append(points, p)
	}
	return points, nil
}

// putSyncpoint records a syncpoint unless there is one of its commit-ts: the first stands.
func putSyncpoint(dir string, p Syncpoint, env *sinks.Env) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("%020d.json", p.CommitTs))
	if there, err := exists(path); err != nil || there {
		return errors.Join(err, syncDir(dir))
	}
	if err := write(path+temporary, indented(p)); err != nil {
		return err
	}
	if err := env.Permitted(); err != nil {
		return err
	}
	err := os.Link(path+temporary, path)
	switch {
	case errors.Is(err, fs.ErrExist):
		err = nil
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS):
		// A file system without hard links; the folder's lock, or the turn, keeps others out.
		err = os.Rename(path+temporary, path)
	}
	if err != nil {
		return err
	}
	if err := os.Remove(path + temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(dir)
}
