package mysql

import (
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

// Sources that make up their stream may write it in the form that this package's relay bytes have, and have it walked
// here: BeginGroup, then QUERY, TABLE_MAP and rows events as a server writes them, without checksums, then EndGroup.

// BeginGroup appends the beginning of a group with a GTID of MariaDB's kind, committed at wallMs.
func BeginGroup(dst []byte, wallMs int64, domain, server uint32, number uint64) []byte {
	return appendBegin(dst, wallMs, &gtid{kind: mariaGTID, domain: domain, server: server, number: number})
}

// EndGroup appends the end of a group that is committed.
func EndGroup(dst []byte) []byte { return appendEnd(dst, committed, 0, nil) }

// NewWalker makes a walker over such bytes, which begin at the mark.
func NewWalker(at relay.Mark) sources.Walker { return newWalker(at) }
