// Package relay is the relay log: the upstream's bytes on local disk.
package relay

// A Log is the relay log of one upstream.
type Log struct{}
