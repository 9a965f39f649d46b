//go:build unix && !linux

package weir

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
