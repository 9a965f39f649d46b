//go:build unix && !linux

package mariadb

import "syscall"

// attributes keeps the terminal's Ctrl-C from the server, which its owner stops in order.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
