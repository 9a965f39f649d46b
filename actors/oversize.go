package actors

import (
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/relay"
)

// oversize tells an operator of transactions that are larger than the relay log may be. The log lets them through, for it can
// be trimmed only where one ends; so the disk must have room for the largest.
type oversize struct {
	log   *relay.Log
	limit int64
	entry *logrus.Entry
	told  relay.Offset // where the transaction begins that was told of last
}

// watchOversize has the log watched for as long as it is open.
func watchOversize(log *relay.Log, limit int64, entry *logrus.Entry) {
	o := &oversize{log: log, limit: limit, entry: entry}
	log.Notify(o.onGrown)
}

// onGrown is called by whoever appends.
func (o *oversize) onGrown(end relay.Offset) {
	begin, last := o.log.Tail()
	size := int64(end - begin)
	if o.limit <= 0 || size <= o.limit || o.told == begin {
		return
	}
	o.told = begin
	o.entry.WithFields(logrus.Fields{
		"setting": "relay-size", "limit": o.limit, "bytes_so_far": size, "behind": last.Position,
	}).Warn("a transaction is larger than the relay log's limit; it is let through, and the disk must have room for all of it")
}
