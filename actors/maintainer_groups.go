package actors

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster/link"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/sources"
)

// The groups of a changefeed, one on each node, as its maintainer sees them: whom it may give spans, who is silent, and
// when the spans of a silent one may be given to others.

// members: node -> maintainer. The nodes that hold a lease; sent at each change, and first of all.
type members struct{ nodes []nodeRef }

// A nodeRef is a node as a maintainer needs it.
type nodeRef struct {
	id       string // incarnation
	name     string
	host     *actor.PID // its root actor
	draining bool
}

// groupPhase says what a group is good for.
type groupPhase uint8

const (
	summoned groupPhase = iota // Enlist is sent
	asked                      // Bootstrap is sent, while the maintainer bootstraps
	serving                    // it takes spans
	silent                     // its link broke: its spans wait for its grant to run out
	renewing                   // it has no spans any more; Bootstrap is sent, anew
)

// A groupRef is a group as its maintainer knows it.
type groupRef struct {
	nodeRef
	pid     *actor.PID
	phase   groupPhase
	spans   map[string]barrier.Span // by dispatcher
	beat    messages.Heartbeat      // its last
	traffic map[string]uint64       // bytes per second, by dispatcher
	granted time.Time               // when its last heartbeat was answered
	asked   time.Time               // when it was last asked something that it has not answered
}

// askPeriod is how often a group that has not answered is asked again.
const askPeriod = time.Second

// groupOf finds the group that a message comes from; nil if it is none of ours any more.
func (m *maintainer) groupOf(ctx actor.Context) *groupRef {
	sender := ctx.Sender()
	for _, g := range m.groups {
		if g.pid.Equal(sender) {
			return g
		}
	}
	return nil
}

// hostOf finds the group of the node whose root actor a message comes from.
func (m *maintainer) hostOf(ctx actor.Context) *groupRef {
	sender := ctx.Sender()
	for _, g := range m.groups {
		if g.host.Equal(sender) {
			return g
		}
	}
	return nil
}

func (m *maintainer) addGroup(n nodeRef) *groupRef {
	g := &groupRef{nodeRef: n, pid: m.Group(n), spans: map[string]barrier.Span{}, traffic: map[string]uint64{}, granted: time.Now()}
	m.groups[n.id] = g
	return g
}

// onMembers follows the cluster's nodes.
func (m *maintainer) onMembers(ctx actor.Context, msg *members) {
	m.members = msg.nodes
	if m.phase != bootstrapping && m.phase != running && m.phase != draining {
		return
	}
	living := map[string]bool{}
	for _, n := range msg.nodes {
		living[n.id] = true
		switch g := m.groups[n.id]; {
		case g == nil && m.phase != draining:
			m.summon(ctx, m.addGroup(n))
		case g != nil:
			changed := g.draining != n.draining
			if g.nodeRef = n; changed && g.phase == serving {
				m.plan.join(n)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		if !living[id] {
			// Its lease is gone: it writes no more.
			m.plan.leave(id)
			m.loseGroup(ctx, m.groups[id], "node "+m.groups[id].name+" is gone")
			delete(m.groups, id)
			if m.phase == bootstrapping {
				m.boot.Lost(id)
			}
		}
	}
	m.bootstrap(ctx)
	m.place(ctx)
}

// summon asks for a group on a node.
func (m *maintainer) summon(ctx actor.Context, g *groupRef) {
	g.phase, g.asked = summoned, time.Now()
	ctx.Request(g.host, &messages.Enlist{Changefeed: m.Changefeed, Uuid: m.UUID, Epoch: m.state.epoch})
}

func (m *maintainer) onEnlisted(ctx actor.Context, msg *messages.Enlisted) {
	g := m.hostOf(ctx)
	if g == nil || m.state == nil || msg.Epoch != m.state.epoch || g.phase != summoned {
		return
	}
	if msg.Error != "" {
		m.Entry.WithField("node", g.name).Warn(msg.Error)
		if g.beat.Error != messages.ErrorKind_ERROR_FATAL {
			g.beat.Error, g.beat.Reason = messages.ErrorKind_ERROR_RETRYING, msg.Error
		}
		return // it is asked again
	}
	g.beat.Error, g.beat.Reason = messages.ErrorKind_ERROR_NONE, ""
	if m.phase == bootstrapping && m.awaits(g.id) {
		g.phase, g.asked = asked, time.Now()
		ctx.Request(g.pid, &messages.Bootstrap{Epoch: m.state.epoch})
		return
	}
	m.renew(ctx, g)
}

// renew has a group begin with nothing: its spans were given up, or are about to be.
func (m *maintainer) renew(ctx actor.Context, g *groupRef) {
	g.phase, g.asked = renewing, time.Now()
	ctx.Request(g.pid, &messages.Bootstrap{Epoch: m.state.epoch, Anew: true})
}

// awaits tells that the bootstrap waits for a node's answer.
func (m *maintainer) awaits(node string) bool { return slices.Contains(m.boot.Missing(), node) }

func (m *maintainer) onBootstrapped(ctx actor.Context, msg *messages.Bootstrapped) {
	g := m.groupOf(ctx)
	if g == nil || m.state == nil || msg.Epoch != m.state.epoch {
		return
	}
	switch {
	case g.phase == asked && m.phase == bootstrapping && m.awaits(g.id): // else it was given up meanwhile
		g.phase = serving
		var reports []barrier.Report
		for _, l := range msg.Spans {
			reports = append(reports, l.ToReport())
			g.spans[l.Dispatcher] = l.Span.ToSpan()
			m.where[l.Dispatcher] = g
		}
		m.boot.Answered(g.id, reports)
		m.remind(ctx, g)
		m.bootstrap(ctx)
	case g.phase == renewing && len(msg.Spans) == 0:
		m.loseGroup(ctx, g, "the group of node "+g.name+" began anew")
		g.phase = serving
		m.remind(ctx, g)
		m.plan.join(g.nodeRef)
		m.place(ctx)
	}
}

// remind tells a group the stored checkpoint, which no save may tell it for long: who stored it may have died before it told
// any group, and the upstream may be idle.
func (m *maintainer) remind(ctx actor.Context, g *groupRef) {
	ctx.Request(g.pid, &messages.Checkpoint{CommitTs: m.saved})
}

// loseGroup gives up the spans of a group that can not write any more. They begin again where the whole changefeed is.
func (m *maintainer) loseGroup(ctx actor.Context, g *groupRef, reason string) {
	m.rows, m.bytes = m.rows+g.beat.Rows, m.bytes+g.beat.Bytes
	g.beat = messages.Heartbeat{Error: g.beat.Error, Reason: g.beat.Reason}
	if len(g.spans) > 0 {
		m.Entry.WithField("node", g.name).WithField("spans", len(g.spans)).Warn("spans begin again from the checkpoint: " + reason)
		m.hitch("spans begin again from the checkpoint: " + reason)
	}
	for _, id := range slices.Sorted(maps.Keys(g.spans)) {
		m.gone(ctx, g, id, barrier.Report{ID: barrier.DispatcherID(id), Span: g.spans[id], CheckpointTs: m.checkpoint})
	}
	if m.feeder != nil {
		ctx.Send(m.feeder, &lostGroup{group: g.pid})
	}
}

// onPeer: a link that broke may have lost anything in either direction. The link itself tells, so that nothing that a group
// says over the next one is heard before.
func (m *maintainer) onPeer(ctx actor.Context, msg *link.Peer) {
	g, up := m.groups[msg.Incarnation], msg.State == link.Up
	if g == nil || m.phase == activating || m.state == nil {
		return
	}
	switch {
	case m.phase == bootstrapping && !m.awaits(g.id):
		if !up {
			m.restart(ctx, errGroupBroke) // what it reported may no longer hold
		}
	case m.phase == bootstrapping:
		if up {
			m.summon(ctx, g)
		}
	case !up && g.phase == serving:
		g.phase = silent
		m.plan.leave(g.id)
		m.Entry.WithField("node", g.name).Warn("no link to the node: its spans wait for its grant to run out")
	case up && g.phase != serving:
		m.summon(ctx, g)
	}
}

// onGroupStarted: a group began with nothing.
func (m *maintainer) onGroupStarted(ctx actor.Context, msg *messages.GroupStarted) {
	g := m.groupOf(ctx)
	switch {
	case g == nil || g.phase == summoned:
	case msg.Incarnation == 1: // it was just made, as we asked
	case m.phase == bootstrapping:
		m.restart(ctx, errGroupBroke) // what it reported no longer holds
	case m.phase == running:
		m.plan.leave(g.id)
		m.renew(ctx, g)
	}
}

// watchGroups looks after the groups that are silent or slow to answer.
func (m *maintainer) watchGroups(ctx actor.Context, now time.Time) {
	if m.phase != bootstrapping && m.phase != running {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		g := m.groups[id]
		expired := m.Grants && now.Sub(g.granted) > GrantTime+GrantMargin
		switch {
		case m.phase == bootstrapping && g.phase <= asked && m.awaits(id) && expired:
			m.Entry.WithField("node", g.name).Warn("the node does not answer: its spans are given to others")
			m.boot.Lost(id)
			m.bootstrap(ctx)
		case m.phase == running && expired && len(g.spans) > 0:
			m.plan.leave(id)
			m.loseGroup(ctx, g, "node "+g.name+" does not answer")
			m.summon(ctx, g)
			m.place(ctx)
		case g.phase != serving && now.Sub(g.asked) > askPeriod:
			m.summon(ctx, g)
		}
	}
}

// toGroups sends every serving group a message.
func (m *maintainer) toGroups(ctx actor.Context, msg any) {
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		if g := m.groups[id]; g.phase == serving {
			ctx.Request(g.pid, msg)
		}
	}
}

func (m *maintainer) onHeartbeat(ctx actor.Context, msg *messages.Heartbeat) {
	g := m.groupOf(ctx)
	if g == nil {
		return
	}
	before, _ := m.worst()
	switch {
	case m.barrier == nil || msg.Epoch != m.state.epoch || g.phase != serving:
		g.beat.Error, g.beat.Reason = msg.Error, msg.Reason
	default:
		g.beat = *beatOf(msg)
		for _, id := range msg.Counted {
			m.barrier.Replicating(barrier.DispatcherID(id))
			m.plan.counted(id)
		}
		for _, p := range msg.Passages {
			m.do(ctx, m.barrier.Advance(barrier.DispatcherID(p.Dispatcher), p.Checkpoint, barrier.Position{}))
		}
		for _, t := range msg.Traffic {
			m.plan.Traffic(barrier.DispatcherID(t.Dispatcher), t.BytesPerSecond)
			g.traffic[t.Dispatcher] = t.BytesPerSecond
		}
		m.advance()
		m.save(ctx)
		m.finish(ctx)
	}
	if m.Grants && m.state != nil && msg.Epoch == m.state.epoch && (g.phase == serving || g.phase == asked) && m.Lease() {
		g.granted = time.Now()
		ctx.Send(g.pid, &messages.Grant{Epoch: msg.Epoch, Sent: msg.Sent})
	}
	m.onSinkState(ctx, before)
}

// beatOf keeps of a heartbeat what lasts.
func beatOf(h *messages.Heartbeat) *messages.Heartbeat {
	return &messages.Heartbeat{
		Checkpoint: h.Checkpoint, Rows: h.Rows, Bytes: h.Bytes, Resolved: h.Resolved, Slowest: h.Slowest,
		Error: h.Error, Reason: h.Reason,
	}
}

// worst gives the worst state of the sinks.
func (m *maintainer) worst() (messages.ErrorKind, string) {
	kind, reason := messages.ErrorKind_ERROR_NONE, ""
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		if b := &m.groups[id].beat; b.Error > kind {
			kind, reason = b.Error, b.Reason
			if len(m.groups) > 1 {
				reason = "node " + m.groups[id].name + ": " + reason
			}
		}
	}
	return kind, reason
}

// onSinkState acts on a change of the sinks' worst state.
func (m *maintainer) onSinkState(ctx actor.Context, before messages.ErrorKind) {
	switch kind, reason := m.worst(); {
	case kind == before:
	case kind == messages.ErrorKind_ERROR_FATAL && m.phase != failed:
		m.restart(ctx, &sources.Fatal{Kind: "sink", Err: errors.New(reason)})
	default:
		m.report(ctx)
	}
}
