// Package cluster is what Weir's nodes stand on: the metadata store (etcd, embedded or external), node leases and the
// election of the coordinator, the epochs that fence one activation of a changefeed from the next, and the actor
// system with its supervision and its logs.
//
// The store is the truth about changefeeds, their epochs and their checkpoints. Whatever an activation writes there is
// written in a transaction that compares its epoch: once a later activation took a higher one, the write changes
// nothing and gives ErrFenced. Whatever a coordinator writes compares its election key in the same way, and gives
// ErrDeposed. docs/store.md tells how the store is run.
//
// It is no transport and places nothing: messages travel by proto.actor, spans are placed by the maintainer.
package cluster
