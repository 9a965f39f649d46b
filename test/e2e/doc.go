// Package e2e holds the tests of the weir binary as a user runs it: a process of its own, against a real MariaDB, its
// files read by the independent reader of package replay and compared with the server's tables.
package e2e
