package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/barrier"
)

// NewTableTrigger makes the table trigger: the dispatcher of DDL, one per changefeed, whose span holds no rows. It is a
// party to every event that concerns more than given tables, or adds, drops or renames some, and writes them. While a DDL
// that it wrote by itself is not yet known to the maintainer, its Party holds the next event back.
func NewTableTrigger(o DispatcherOptions) *actor.Props {
	o.Span = barrier.TriggerSpan
	return dispatcherProps(o, barrier.NewTrigger)
}
