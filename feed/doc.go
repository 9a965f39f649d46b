// Package feed cuts the relay log into what dispatchers take: batches of rows for one table each, and events, in
// commit order. A Cutter is told by a sources.Walker what the bytes hold, resolves table names to definitions through
// Definitions, drops what nobody replicates before a row is looked at, and leaves the result in a Segment.
//
// It decides nothing about who receives what: that is the feeder's.
package feed
