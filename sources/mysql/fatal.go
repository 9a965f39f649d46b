package mysql

import (
	"errors"
	"fmt"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"

	"github.com/weir-cdc/weir/sources"
)

// The kinds of errors that no retry can mend.
const (
	kindAccess        = "access-denied"
	kindTLS           = "tls"
	kindGrant         = "no-replication-grant"
	kindNoBinlog      = "log-bin-off"
	kindFormat        = "binlog-format"
	kindRowImage      = "row-image"
	kindRowValue      = "row-value-options"
	kindPurged        = "binlog-purged"
	kindPosition      = "bad-position"
	kindServerID      = "server-id-taken"
	kindIdentity      = "upstream-changed"
	kindPacket        = "packet-too-large"
	kindIncident      = "incident"
	kindUnknown       = "unknown-event"
	kindVersion       = "server-version"
	kindXA            = "xa-before-start"
	kindRollback      = "rollback-too-large"
	kindDiverged      = "relay-diverged"
	kindTornUpstream  = "upstream-torn"
	kindRelayCorrupt  = "relay-corrupt"
	kindPreparedStart = "xa-open"
)

// fatal makes an error that no retry can mend. Its text tells what, where, and the fix.
func fatal(kind, format string, args ...any) error {
	return &sources.Fatal{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// serverCode gives the code of an error that the server sent, 0 for others.
func serverCode(err error) uint16 {
	var e *gomysql.MyError
	if errors.As(err, &e) {
		return e.Code
	}
	var d *driver.MySQLError
	if errors.As(err, &d) {
		return d.Number
	}
	return 0
}
