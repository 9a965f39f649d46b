//go:build unix && !linux

package cluster

import "errors"

var errNotLinux = errors.New("small file systems in memory are for Linux")

func mountMemory(string, string) error  { return errNotLinux }
func resizeMemory(string, string) error { return errNotLinux }
func shrinkMemory(string) error         { return errNotLinux }
func unmount(string) error              { return errNotLinux }
