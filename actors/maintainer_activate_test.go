package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/barrier"
)

// The tables are read as of where the table trigger is. If its node is lost while they are read, it begins again at the
// checkpoint, and they are read anew: else a DROP in between would wait for a table that is not there.
func TestTablesAreReadAsOfTheTriggerThatIsThere(t *testing.T) {
	w := newFeederWorld(t)
	boot := barrier.NewBootstrap(2, 50, []string{"n1", "n2"})
	boot.Answered("n1", []barrier.Report{{ID: "1.1", Span: barrier.TriggerSpan, CheckpointTs: 50, Passed: barrier.At(80)}})
	boot.Answered("n2", nil)
	read := &tablesRead{life: 1, at: boot.TriggerPosition()}
	m := &maintainer{phase: bootstrapping, life: 1, boot: boot, restoring: true}
	w.do(func(ctx actor.Context) {
		boot.Lost("n1")
		m.onTables(ctx, read)
	})
	if m.phase != bootstrapping || m.restoring || m.barrier != nil || boot.TriggerPosition() != barrier.At(50) {
		t.Errorf("phase %d, restoring %v, trigger %v", m.phase, m.restoring, boot.TriggerPosition())
	}
}
