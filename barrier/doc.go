// Package barrier is the protocol by which a DDL or a syncpoint reaches the downstream at one exact point of the commit
// order, although the rows around it travel through many dispatchers on many nodes.
//
// It is two state machines. A Party is one dispatcher's side: it flushes, waits, writes if it is told to, and passes. A
// Barrier is the maintainer's side: it collects who waits, lets one party write, applies the event's schedule (tables
// dropped, added and moved) and then lets all pass. A Bootstrap makes the Barrier of a new maintainer out of what the
// parties remember; nothing of the protocol is ever stored.
//
// An event crosses in these phases, and each waits for one thing:
//
//	collecting   every party's WAITING
//	writing      the writer's own DONE(WRITE), or a proof that the write happened
//	scheduling   the table trigger to reach the event, so that schedules are applied in key order
//	passing      every party's DONE(PASS), or a proof that it is past
//
// The package does no I/O and knows no clock, goroutine or logger. Every input is a method; it returns effects, which the
// actor around it performs in the order given. Time is an input too: the shell calls Tick each TickPeriod while Pending
// says that something is unanswered.
//
// The one invariant: no party passes an event before it is written, and nobody writes it before all earlier rows of
// every party are durable. docs/barrier.md argues the protocol and lists its invariants with their tests.
package barrier
