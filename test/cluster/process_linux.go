package cluster

import "syscall"

// attributes ends a node with a test binary that is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
