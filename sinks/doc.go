// Package sinks is the contract between Weir and a downstream, and the ready parts of one.
//
// # The contract
//
// A sink is an actor, one per changefeed and node, that holds the conversation of messages/sink.proto with the
// dispatchers of its group. It answers to the sender of each request; an answer carries the dispatcher's id, so a
// dispatcher ignores one that is meant for its predecessor.
//
//	Write           rows of one span and table version, in commit order. Answer Accepted once their memory is free, and
//	                Durable once they survive any crash; both are cumulative over seq.
//	Flush           make this dispatcher's earlier writes durable now. Answer Flushed.
//	Execute         write a DDL, conditional on the sink's own durable record of its commit-ts: record found, answer
//	                and do nothing; else do it, where "already so" counts as success. Answer Executed after the record.
//	WriteSyncpoint  record a consistent cut, put-if-absent: the first stands. Answer Executed.
//	Checkpoint      all up to here is durable everywhere. No answer.
//	Forget          the dispatcher ended; it wants no more answers.
//
// What a sink promises:
//
//  1. Rows of a span reach the downstream in the order of (commit-ts, ordinal), each exactly once after any crash: rows
//     that the sink's durable record covers, or that it has accepted for the span, are dropped and acknowledged.
//  2. Durable and Flushed mean after a power cut. Flushed covers what came before Flush, also what was dropped.
//  3. A repeated request is answered again and done once.
//  4. An error that a retry can mend (a full disk, a lost connection) is the sink's to retry, with the rows it holds:
//     SinkState RETRYING with the reason, and NONE when it works again. Anything else is FATAL. A reason names what,
//     where and the fix, and never row data or a credential.
//  5. It sends SinkStarted from each start. A sink that starts over has lost what it accepted and had not made durable,
//     and answers Lost to a Write or Flush that builds on it: the dispatchers replay from their checkpoints.
//  6. Memory is bounded: Accepted gives credit back, so it is sent no earlier than the batch is let go.
//  7. It calls Env.Permit right before each step that a reader or another node could see: rows, a DDL, a syncpoint, the
//     checkpoint, the removal of old files. An error means that the node may have lost its right to write: the step is not
//     done, waits, and is asked for again, with all that it holds. No SinkState tells of that; the group knows why.
//  8. Where Env.Shared is set, other processes write to the same downstream under the same changefeed, and Permit is not
//     enough: a process may be frozen between the question and the step. So each step is conditional on a claim. The id of
//     a dispatcher is a Token; its first Write claims its span downstream, unless a higher token has claimed a part
//     of it; each later commit finds the claim still the highest on every part, in one atomic step with the commit, or
//     drops what it has and answers Lost (nothing, to a dispatcher that was forgotten). Who claims reads, in the
//     same atomic step, what those before have committed, and drops that from its replay.
//
// # Writing a sink
//
// Most need a Writer only: three methods that block until the downstream has it. Props wraps it in the ready shell,
// which batches, runs the Writer in a flush child, retries with backoff and speaks the conversation:
//
//	func init() { sinks.Register("null", open) }
//
//	func open(u *url.URL, env sinks.Env) (*actor.Props, error) {
//		return sinks.Props(env, func() (sinks.Writer, error) { return &writer{}, nil }), nil
//	}
//
// The shell calls Permit before each call of the Writer. A Writer that can, gets Lanes(n): n Writers at work at once, so a
// slow DDL of one table delays no other table; what must be in order stays so. A Writer whose downstream tells that a
// later dispatcher has a span returns a *Fenced, and the shell tells the dispatcher. Claiming is the Writer's own.
//
// Package blackhole is the shortest true example. A sink with a mind of its own is its own actor (see package
// storage), with Conversation to keep its side of the acknowledgements. Every sink passes sinktest.Run.
package sinks
