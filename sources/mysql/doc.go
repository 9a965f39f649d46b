// Package mysql is the source for MariaDB (10.5 and up) and MySQL (8.0 and up): it follows the server's binlog as a
// replica does.
//
// Pull takes the raw stream off the wire and translates it, event by event and in place, into the form that the relay
// log holds (translate.go). That form is plain and small: compressed events are expanded, what is of no use downstream
// (annotations, other people's statements, server bookkeeping) is gone, so are the rows that a ROLLBACK at the end or a ROLLBACK TO
// took back, and the rows of a prepared XA transaction stand where its XA COMMIT is. What the relay holds is thus
//
//	group   [ROTATE] BEGIN { QUERY | TABLE_MAP | ROWS } END
//
// with BEGIN, END and ROTATE of our own (relayevent.go) and the rest as the server wrote it, without checksums. It is a
// function of the upstream's stream alone, so that a part of it that is fetched again can be compared byte for byte.
//
// A tracker goes over that form and knows at each point the source position and the commit-ts (tracker.go). The puller
// runs one to mark its blocks, and each Walker runs one: same code, same numbers.
//
// # Positions
//
// A position is told as --start-at takes it: "gtid:0-1-100,1-1-7" for MariaDB, "gtid:UUID:1-100" for MySQL with
// gtid_mode=ON, "binlog.000012:345" for MySQL without. A position behind which XA transactions are still prepared names
// them, ";xa=XID@...", with where each began: who begins to read there fetches those again first.
//
// # Commit-ts
//
// commit-ts = max(previous + 1, event time in ms << 18), where the event time is that of the group's GTID event:
// MySQL's original_commit_timestamp, so that it survives a fail-over to a replica; on MariaDB the event's timestamp
// in seconds. A DDL statement takes a commit-ts of its own; rows behind it in the same group (CREATE TABLE ... SELECT)
// take the next, and the Mark of the DDL's Commit has no Position then: it is no boundary to begin at.
package mysql
