package actors

import (
	"math"
	"time"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/schedule"
	"github.com/weir-cdc/weir/schema"
)

// A plan is the schedule of one activation, in the words of the maintainer.
type plan struct {
	*schedule.Scheduler
	tables *schema.Catalog
	fresh  bool // tables came since the last step, or nothing was told yet
	sql    bool // the sink executes rows in a database
	known  map[barrier.TableID]bool
}

func newPlan(home string, tables *schema.Catalog, o schedule.Options) *plan {
	p := &plan{Scheduler: schedule.New(o), tables: tables, fresh: true, known: map[barrier.TableID]bool{}}
	p.SetHome(schedule.NodeID(home))
	return p
}

// join tells of a node that takes spans, unless it drains; leave of one that does not any more.
func (p *plan) join(n nodeRef) {
	if n.draining {
		p.NodeDraining(schedule.NodeID(n.id))
	} else {
		p.NodeUp(schedule.NodeID(n.id))
	}
}

func (p *plan) leave(node string) { p.NodeDown(schedule.NodeID(node)) }

func (p *plan) counted(id string) { p.Counted(barrier.DispatcherID(id)) }

func (p *plan) gone(id string) { p.Gone(barrier.DispatcherID(id)) }

func (p *plan) placed(id barrier.DispatcherID, span barrier.Span, node string) {
	p.meet(span.Table)
	p.Placed(id, span, schedule.NodeID(node))
}

// meet looks once at a table's definition: whether it may be split.
func (p *plan) meet(id barrier.TableID) {
	if p.known[id] || id == barrier.TriggerSpan.Table {
		return
	}
	t, ok := p.tables.At(schema.TableID(id), math.MaxUint64)
	if !ok {
		return
	}
	p.known[id] = true
	_, may := feed.Splittable(t, p.sql)
	p.Splittable(id, may)
}

// dropped tells of a table that is no more; added of one that came.
func (p *plan) dropped(id barrier.TableID) {
	delete(p.known, id)
	p.Dropped(id)
}

func (p *plan) added() { p.fresh = true }

// step gives what is to be done now.
func (p *plan) step(now time.Time, b *barrier.Barrier) []schedule.Action {
	var absent []barrier.Absent
	if p.fresh {
		absent, p.fresh = b.Absent(), false
	}
	return p.Step(now, absent, b.MayMove)
}
