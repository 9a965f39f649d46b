// Package schedule decides where the spans of one changefeed live: which node gets a new one, what moves when nodes come,
// drain and go, and when a table is cut into more spans or fewer. It is the maintainer's, and a Scheduler lives as long as
// one activation of it; nothing is stored.
//
// Facts go in by methods: nodes, dispatchers that were placed, count and are gone, traffic, tables that are dropped. So do
// commands. Step gives back what to do, in order; the maintainer performs all of it and tells what it placed, before the
// next Step. The package knows no clock, actor or I/O: time is what Step is told.
//
// What is under way on a span is an operator, at most one for each span, and each is a small state machine:
//
//	add     the span is absent: ordered on a node -> starting -> it counts
//	move    stopping at its node -> ordered on another -> starting -> it counts
//	split   its spans are stopping -> cut anew; the new ones are absent, and added
//	merge   the same, into one
//	remove  a dispatcher without a span, of a dropped table, is ending
//
// No operator undoes anything. When what it was after is lost (its destination left, its dispatcher ended, the table may
// not be split any more) it ends, and its span is either served where it is, or absent, and then the next Step adds it on
// the best node there is. So nothing waits for anything but Counted and Gone, which the maintainer tells for each
// dispatcher sooner or later, if only because its node is lost.
//
// The one invariant: a span is placed only while no dispatcher serves any of its keys, that is after Gone, never because
// its node is thought to be down.
package schedule
