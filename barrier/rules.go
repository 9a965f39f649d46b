package barrier

// A rule is a part of the protocol that only tests can break, to show that the proof would notice. The zero value of rules
// keeps them all.
type rule uint32

const (
	typedDone          rule = 1 << iota // a DONE says which action it completes
	writerOnly                          // only the writer's DONE(WRITE) ends the write
	doneOnlyIfDone                      // no DONE for a thing not done
	epochs                              // messages of another epoch are dropped
	identities                          // messages of another life of a dispatcher are dropped
	positions                           // a position is a key, not a timestamp
	passedProof                         // the last passed key proves that an event is behind
	writtenStage                        // WRITTEN is repeated until ACK, and holds the trigger's position back
	hold                                // the trigger reports no blocking event while a WRITTEN is unanswered
	scheduleBeforePass                  // the schedule is applied before anybody passes
	flushFirst                          // no WAITING before the flush
	keepReporters                       // a change of spans drops only the reporters that are gone
	markOfTrigger                       // the schedule mark proves only events that the trigger is a party to
	scheduleOrder                       // a schedule waits until the trigger has reached its event
	skipIfReported                      // a re-created span skips rows only if it, or what it replaces, had reported
	strictCheckpoint                    // a checkpoint proves only events strictly below it
	askAllNodes                         // a new maintainer waits for every node
	countReplicating                    // only replicating dispatchers count
	writerStays                         // the writer is not moved, and another is chosen if it is gone
	scheduleOnce                        // a schedule at or below the mark is not applied again
	cumulativeAck                       // the ACK of a WRITTEN is one of all before it
	holdOfNormal                        // the hold takes every blocking event, not only DATABASE and ALL
)

// rules is the set of broken rules.
type rules rule

func (r rules) keep(x rule) bool { return rule(r)&x == 0 }
