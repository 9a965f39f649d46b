package actors

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schedule"
)

// Which spans there are and who serves them, as the barrier and the schedule say.

// takeOver begins with what the bootstrap made of the answers. A schedule that is due at once ends dispatchers of tables
// that it drops, so all that were reported are sorted by table first, not those alone that are adopted.
func (m *maintainer) takeOver(ctx actor.Context, effects []barrier.Effect) {
	for _, id := range slices.Sorted(maps.Keys(m.where)) {
		table := m.where[id].spans[id].Table
		m.spans[table] = append(m.spans[table], id)
	}
	for _, l := range m.barrier.Living() {
		m.adopt(ctx, l)
	}
	m.do(ctx, effects)
}

// adopt takes over a dispatcher that a bootstrap found.
func (m *maintainer) adopt(ctx actor.Context, l barrier.Living) {
	g := m.where[string(l.ID)]
	m.plan.placed(l.ID, l.Span, g.id)
	m.plan.counted(string(l.ID))
	ctx.Send(m.feeder, &route{group: g.pid, placed: placedMessage(l.ID, l.Span, l.Schema, l.Start)})
}

func placedMessage(id barrier.DispatcherID, span barrier.Span, database string, start barrier.Start) *messages.Placed {
	return &messages.Placed{
		Dispatcher: string(id), Span: messages.FromSpan(span), Database: database,
		Start: messages.FromPosition(start.Position), Checkpoint: start.CheckpointTs,
	}
}

// place does what the schedule wants done now: absent spans get dispatchers, spans move, split and merge.
func (m *maintainer) place(ctx actor.Context) {
	now := time.Now()
	if m.phase != running || now.Before(m.placeAfter) {
		return
	}
	for {
		steps := m.plan.step(now, m.barrier)
		if len(steps) == 0 {
			return
		}
		m.perform(ctx, steps)
	}
}

func (m *maintainer) perform(ctx actor.Context, steps []schedule.Action) {
	places, removes := map[*groupRef]*messages.Place{}, map[*groupRef]*messages.Remove{}
	var order []*groupRef
	var routes []*route
	note := func(g *groupRef) {
		if places[g] == nil {
			order = append(order, g)
			places[g] = &messages.Place{Epoch: m.state.epoch}
			removes[g] = &messages.Remove{Epoch: m.state.epoch}
		}
	}
	for _, step := range steps {
		switch step := step.(type) {
		case schedule.Place:
			g := m.groups[string(step.Node)]
			note(g)
			p := m.create(g, step.Span)
			places[g].Spans = append(places[g].Spans, p)
			routes = append(routes, &route{group: g.pid, placed: p})
		case schedule.Remove:
			g := m.where[string(step.Dispatcher)]
			note(g)
			removes[g].Dispatchers = append(removes[g].Dispatchers, string(step.Dispatcher))
			m.unroute(ctx, string(step.Dispatcher))
		case schedule.Reshape:
			if err := m.barrier.Reshape(step.Old, step.New); err != nil {
				panic(err)
			}
			m.Entry.WithFields(logrus.Fields{"from": step.Old, "into": step.New}).Info("spans are cut anew")
		}
	}
	for _, g := range order {
		if msg := removes[g]; len(msg.Dispatchers) > 0 {
			ctx.Request(g.pid, msg)
		}
		if msg := places[g]; len(msg.Spans) > 0 {
			ctx.Request(g.pid, msg)
		}
	}
	for _, r := range routes {
		ctx.Send(m.feeder, r)
	}
}

// create gives an absent span a dispatcher in a group.
func (m *maintainer) create(g *groupRef, span barrier.Span) *messages.Placed {
	m.placed++
	id := barrier.DispatcherID(fmt.Sprintf("%d.%d", m.state.epoch, m.placed))
	database := m.barrier.Schema(span.Table)
	start, err := m.barrier.Create(span, id)
	if err != nil {
		panic(err)
	}
	g.spans[string(id)] = span
	m.where[string(id)] = g
	m.spans[span.Table] = append(m.spans[span.Table], string(id))
	m.plan.placed(id, span, g.id)
	return placedMessage(id, span, database, start)
}

func (m *maintainer) onStatuses(ctx actor.Context, msg *messages.BlockStatuses) {
	if m.barrier == nil {
		return
	}
	var effects []barrier.Effect
	for _, s := range spoken(msg).Statuses {
		effects = append(effects, m.barrier.Status(s.ToStatus(msg.Epoch, msg.Version))...)
	}
	m.do(ctx, effects)
}

// do performs what the barrier asks for, in its order.
func (m *maintainer) do(ctx actor.Context, effects []barrier.Effect) {
	orders := m.newOrders()
	for _, e := range effects {
		switch e := e.(type) {
		case barrier.Order:
			orders.add(string(e.To), messages.FromOrder(e))
		case barrier.Reply:
			orders.add(string(e.To), messages.FromReply(e))
		case barrier.Schedule:
			orders.send(ctx)
			m.schedule(ctx, e)
		case barrier.Remove:
			if g := m.where[string(e.ID)]; g != nil {
				m.plan.Ending(e.ID, e.Span, schedule.NodeID(g.id))
			}
			m.end(ctx, []string{string(e.ID)})
		case barrier.Completed:
			m.Entry.WithField("key", e.Key.String()).Debug("barrier crossed")
		case barrier.ProtocolError:
			m.Entry.WithField("status", e.Status.String()).Warn("protocol error: " + e.Reason)
		}
	}
	orders.send(ctx)
	if m.barrier != nil && m.barrier.Pending() && m.tickDue.IsZero() {
		m.tickDue = time.Now().Add(barrier.TickPeriod)
	}
}

// orders collects what is for the dispatchers of each group, so that it travels together.
type orders struct {
	m       *maintainer
	byGroup map[*groupRef]*messages.BlockOrders
	order   []*groupRef
}

func (m *maintainer) newOrders() *orders {
	return &orders{m: m, byGroup: map[*groupRef]*messages.BlockOrders{}}
}

func (o *orders) add(dispatcher string, order *messages.BlockOrder) {
	g := o.m.where[dispatcher]
	if g == nil {
		return
	}
	msg := o.byGroup[g]
	if msg == nil {
		msg = &messages.BlockOrders{Epoch: o.m.state.epoch}
		o.byGroup[g] = msg
		o.order = append(o.order, g)
	}
	msg.Orders = append(msg.Orders, order)
}

func (o *orders) send(ctx actor.Context) {
	for _, g := range o.order {
		ctx.Request(g.pid, o.byGroup[g])
	}
	o.order = nil
	clear(o.byGroup)
}

// schedule ends the dispatchers of dropped tables, and makes those of added ones.
func (m *maintainer) schedule(ctx actor.Context, s barrier.Schedule) {
	m.Entry.WithField("schedule", s.String()).Debug("tables change")
	for _, t := range s.Drops {
		m.end(ctx, m.spans[t])
		delete(m.spans, t)
		m.plan.dropped(t)
	}
	if len(s.Adds) > 0 {
		m.plan.added()
		m.place(ctx)
	}
}

// end removes dispatchers that have no place any more.
func (m *maintainer) end(ctx actor.Context, dispatchers []string) {
	byGroup := map[*groupRef][]string{}
	for _, id := range dispatchers {
		if g := m.where[id]; g != nil {
			byGroup[g] = append(byGroup[g], id)
		}
		m.unroute(ctx, id)
	}
	for g, ids := range byGroup {
		ctx.Request(g.pid, &messages.Remove{Epoch: m.state.epoch, Dispatchers: ids})
	}
}

// unroute tells the feeder, unless that was ended first, as it is while draining.
func (m *maintainer) unroute(ctx actor.Context, dispatcher string) {
	if m.feeder != nil {
		ctx.Send(m.feeder, &unroute{dispatcher: dispatcher})
	}
}

// onRemoved: dispatchers ended. Those that still have a place are made anew; after a failure, after a rest that grows.
func (m *maintainer) onRemoved(ctx actor.Context, msg *messages.Removed) {
	g := m.groupOf(ctx)
	switch {
	case g == nil || m.state == nil || msg.Epoch != m.state.epoch:
		return
	case m.phase == bootstrapping:
		m.restart(ctx, errGroupBroke) // what it reported no longer holds
		return
	case m.phase != running && m.phase != draining:
		return
	}
	for _, l := range msg.Spans {
		if _, ours := g.spans[l.Dispatcher]; ours {
			m.gone(ctx, g, l.Dispatcher, l.ToReport())
		}
	}
	if msg.Reason != "" {
		m.Entry.WithField("reason", msg.Reason).Warn("spans begin again from their checkpoints")
		m.hitch("spans begin again from their checkpoints: " + msg.Reason)
		m.placeAfter = time.Now().Add(m.rest())
	}
	m.place(ctx)
}

// gone forgets a dispatcher that acts no more.
func (m *maintainer) gone(ctx actor.Context, g *groupRef, id string, last barrier.Report) {
	table := g.spans[id].Table
	delete(g.spans, id)
	delete(m.where, id)
	delete(g.traffic, id)
	m.spans[table] = slices.DeleteFunc(m.spans[table], func(other string) bool { return other == id })
	if len(m.spans[table]) == 0 {
		delete(m.spans, table)
	}
	m.plan.gone(id)
	m.unroute(ctx, id)
	if m.barrier != nil {
		m.do(ctx, m.barrier.Removed(barrier.DispatcherID(id), last))
	}
}
