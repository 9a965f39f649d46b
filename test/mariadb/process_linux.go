package mariadb

import "syscall"

// attributes keeps the terminal's Ctrl-C from the server, which its owner stops in order, and ends it with an owner
// that is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
