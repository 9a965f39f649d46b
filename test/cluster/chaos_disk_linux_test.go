package cluster

import (
	"fmt"
	"syscall"
)

// mountMemory mounts a file system in memory.
func mountMemory(dir, size string) error {
	return syscall.Mount("weir-test", dir, "tmpfs", 0, "size="+size)
}

// resizeMemory changes its size, which may not be less than what it holds.
func resizeMemory(dir, size string) error {
	return syscall.Mount("weir-test", dir, "tmpfs", syscall.MS_REMOUNT, "size="+size)
}

// shrinkMemory leaves no room in it.
func shrinkMemory(dir string) (err error) {
	for range 50 { // somebody may write between the two calls
		var s syscall.Statfs_t
		if err = syscall.Statfs(dir, &s); err != nil {
			return err
		}
		if err = resizeMemory(dir, fmt.Sprint(int64(s.Blocks-s.Bfree+1)*s.Bsize)); err == nil {
			return nil
		}
	}
	return err
}

func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
