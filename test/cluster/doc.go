// Package cluster runs clusters of weir node processes for tests: each node is a process of its own with an embedded etcd
// member, on a loopback address of its own or in a network namespace of its own, and is signalled, killed and cut off
// from the others; the changefeeds come from a real MariaDB into files, which the independent reader of package replay
// compares with the server's tables.
//
// KEEP names a folder in which a test that fails leaves its nodes' logs and data; WEIR_SEED is the seed of random choices,
// which is printed; WEIR_CHAOS_MINUTES is how long the nemesis works (make chaos MINUTES=60).
package cluster
