package mysql

import (
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

// NewWalker makes a walker over relay bytes in this package's form, whoever wrote them.
func NewWalker(at relay.Mark) sources.Walker { return newWalker(at) }

// BeginGroup appends the BEGIN event of a group with a MariaDB GTID, for a source that makes relay bytes of its own in
// this package's form: what follows are QUERY, TABLE_MAP and ROWS events without checksums, then EndGroup.
func BeginGroup(dst []byte, ms int64, domain, server uint32, sequence uint64) []byte {
	return appendBegin(dst, ms, &gtid{kind: mariaGTID, domain: domain, server: server, number: sequence})
}

// EndGroup appends the END event of a group that was committed.
func EndGroup(dst []byte) []byte { return appendEnd(dst, committed, 0, nil) }
