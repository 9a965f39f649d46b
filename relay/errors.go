package relay

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrFull is Append's answer at a boundary when the log is over its size limit: wait for Trim, then try again.
	ErrFull = errors.New("relay: the log is full")
	// ErrTrimmed tells that the log no longer holds, or never held, what was asked for.
	ErrTrimmed = errors.New("relay: the log does not reach back that far")
	// ErrInUse tells that another process has the log's folder open.
	ErrInUse = errors.New("relay: the folder is in use")
	// ErrNoMark tells that a new log must be Reset to its first mark before anything is appended.
	ErrNoMark = errors.New("relay: the log has no beginning yet: reset it to a mark first")
	// ErrClosed tells that the log was closed.
	ErrClosed = errors.New("relay: the log is closed")
	// ErrCorrupt is what every *CorruptError is.
	ErrCorrupt = errors.New("relay: the log is corrupt")
)

// A CorruptError tells of bytes in the log that are not what was written. It is ErrCorrupt.
type CorruptError struct {
	File string
	At   int64 // offset in the file
	What string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("relay log file %s is corrupt at byte %d: %s; the log can be fetched again from the upstream: "+
		"reset it, or stop the process and remove the folder's *.relay files", e.File, e.At, e.What)
}

// Is makes a CorruptError an ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// A DiskError is an error of the file system. Trying again may succeed, when there is space or the folder can be
// written again.
type DiskError struct {
	Dir  string
	Step string
	Err  error
}

func (e *DiskError) Error() string {
	return fmt.Sprintf("%s the relay log in %s: %v%s", e.Step, e.Dir, e.Err, e.fix())
}

func (e *DiskError) fix() string {
	switch {
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		return "; free space there, or lower the relay log's size limit"
	case errors.Is(e.Err, syscall.EROFS), errors.Is(e.Err, syscall.EACCES), errors.Is(e.Err, syscall.EPERM):
		return "; make the folder writable, or choose another data directory"
	}
	return ""
}

// Unwrap gives the cause.
func (e *DiskError) Unwrap() error { return e.Err }

func (l *Log) diskError(step string, err error) error {
	return &DiskError{Dir: l.dir, Step: step, Err: err}
}
