// Package crash holds the tests of what may go wrong around the weir binary: it is killed, interrupted, cut off from its
// upstream, out of disk or out of memory, each time as a process of its own under a write load on a real MariaDB. In the
// end its files, read by the independent reader of package replay, equal the upstream row for row.
//
// WEIR_KILLS sets how often a test kills weir, WEIR_SEED the seed of its random choices. Some tests need root, to mount
// small file systems.
package crash
