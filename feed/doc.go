// Package feed cuts the relay log into what dispatchers take: batches of rows for one table each, and events, in
// commit order. A Cutter is told by a sources.Walker what the bytes hold, resolves table names to definitions through
// Definitions, drops what nobody replicates before a row is looked at, and leaves the result in a Segment.
//
// For a table that is split a Splitter cuts the batches once more, by the hash of each row's key. A Told knows which definitions a
// receiver on another node has yet to be told of.
//
// It decides nothing about who receives what: that is the feeder's.
package feed
