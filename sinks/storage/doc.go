// Package storage is the sink that writes files below a folder, file:///path?protocol=csv, in the layout that TiCDC
// publishes (docs/formats.md), so that existing readers work unchanged:
//
//	{schema}/{table}/{version}/[{date}/]CDC{NNN}.csv         rows; a split table: CDC_{span}_{NNN}.csv
//	{schema}/{table}/{version}/[{date}/]meta/CDC.index       the last complete data file; split: CDC_{span}.index
//	{schema}/{table}/{version}/meta/CDC.json                 our own record; split: CDC_{span}.json
//	{schema}/{table}/meta/schema_{version}_{checksum}.json   a definition and the statement that made it
//	{schema}/meta/schema_{version}_{checksum}.json           a database's statement
//	syncpoints/{commit-ts}.json                              a consistent cut; see Syncpoints
//	metadata                                                 {"checkpoint-ts":N}
//	.weir.json .weir.lock .weir.turn                         whose folder it is; who writes to it, and just now
//
// {span} is the span's start and end as 16 hexadecimal digits each. {date} is that of the rows' commit time in UTC, so
// that a replay files a row where the first run did; a reader of one directory sees commit-ts grow. Names are
// escaped (see Escape); the schema file holds the true ones.
//
// # Exactly once
//
// A data file is written once and never touched after it is complete: a flush, its size or a new date ends it. It
// becomes part of the output in four steps, each durable before the next: the data file; its directory; the
// record, which tells the file's name and size and the (commit-ts, ordinal) that the span is complete up to; the
// index. The record is the commit point. Recovery, when a table version of a span is first written to after a start,
// moves the index up to the record, removes data files above it, and drops rows at or below the record's position as
// they come again. So the files hold each row once after any crash.
//
// The record of a span also covers the spans that it is split into or merged with: rows are dropped by range and, where
// the ranges differ, by the hash of the handle key. Durable is told after the index; so when a record is ahead of its
// index the rows between come again, and whichever span they come to mends that index first.
//
// A schema file is put if the version has none, and is the record that a DDL is finished. Rows of a version below it
// were complete before, so they are dropped when they come again: an older version's directory gains no rows.
//
// # Several processes
//
// With Env.Shared, processes on one file system write into one folder, each its own spans: one machine, or a network file
// system whose flock works between its clients. Each holds .weir.lock shared; one that has the folder to itself
// holds it exclusively. What becomes visible does so in a turn: an exclusive flock on .weir.turn of the directory concerned. In
// the turn of a table version, {version}/meta/.weir.turn,
//
//   - a dispatcher that opens its span claims it: its record gets the dispatcher's token (epoch.n), unless the record of a
//     span that overlaps has a higher one. Then it recovers, as above: numbers, index and position go on from what the
//     records say, whoever wrote them;
//   - a commit looks whether its claim still stands, asks Permit, and does the steps from the directory on. If the claim is
//     lost, its data files are dropped and the dispatcher is answered Lost.
//
// So a process that is stopped between any two system calls makes nothing visible after a successor has claimed: outside
// of a turn it has done nothing visible, and will find its claim lost; in a turn, the successor waits for it, or
// for its end, which frees the lock. That wait is reported as RETRYING; it also holds the commits of the same worker. The
// content of data files is synced before the turn; in it are a few small files and directories.
//
// Until its commit a data file lies in {version}/meta under a name with the token, which no other dispatcher's file ever
// has, and is renamed in the turn. So a late writer opens, truncates or removes no file of its successor, which
// for its part removes what those that it has fenced were writing. Claims are durable, and never taken back.
//
// Schema files, syncpoints and .weir.json are put if absent, in the turn of their directory or of the root; metadata moves
// forward only, in the turn of the root, and one process writes it while it does. Old dates hold nothing that anybody still
// writes, so each process may remove them.
//
// # Parts
//
// The sink actor routes and acknowledges. Each worker child encodes and writes the spans that hash to it; its committer
// child does the four steps, for all files that are ready at once. The ledger child holds the folder's lock and
// writes schema files, syncpoints and metadata. A full disk, a lost permission and the like are retried by the child
// that met them, with what it holds. Where the kernel may have dropped written data (a failed fsync), the sink
// starts over and the dispatchers replay.
//
// With file-expiration-days=N (and date-separator=day) directories of dates more than N days before the checkpoint
// are removed, index and all; schema files, records and syncpoints stay.
package storage
