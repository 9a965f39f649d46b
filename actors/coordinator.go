package actors

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/messages"
)

// The coordinator's notes to itself, from its tasks and timers.
type (
	elected struct {
		term   *cluster.Term
		owners map[string]string
		err    error
	}
	campaignAgain struct{}
	// nodesWanted: coordinator, maintainer (by Request) -> node, when it begins: tell of the nodes.
	nodesWanted struct{}
	feedsSeen   struct{ feeds []cluster.Changefeed }
	ownerStored struct {
		name, uuid, owner string
		err               error
	}
	stateStored struct {
		name  string
		state messages.FeedState
		err   error
	}
	assignPeriod struct{}
)

// told is a changefeed's state with its reason: a change of either is news, and is logged once.
type told struct {
	state  messages.FeedState
	reason string
}

// CoordinatorOptions is what a coordinator needs.
type CoordinatorOptions struct {
	Member *cluster.Node
	Store  *cluster.Store
	Alone  bool
	// At names an actor on a node.
	At    func(incarnation, path string) *actor.PID
	Entry *logrus.Entry
}

// The coordinator keeps the list of changefeeds and their states, and places their maintainers. The node spawns one; the
// one that wins the election acts. What it knows comes from the store, and from the reports of the nodes: it tells every
// node, each second and at each change, which maintainers it is to run (Assign), and gives a changefeed to another node
// only when its owner's lease is gone, or when its owner has told that it ended.
type coordinator struct {
	CoordinatorOptions
	timers   *scheduler.TimerScheduler
	cancel   scheduler.CancelFunc
	failures int
	office   *cluster.Term // nil: it is not elected
	term     uint64        // its number
	number   uint64        // of the last Assign; it grows over all lives of a coordinator in this process, as the term may stay
	nodes    []cluster.NodeInfo
	counted  bool              // nodes was read
	listed   bool              // the changefeeds were read
	staying  bool              // some node does not drain
	owners   map[string]string // as stored, by changefeed
	giving   map[string]bool   // changefeeds of whose new owner the store is being told
	feeds    map[string]*feedView
	views    map[string]*nodeView // by incarnation
	life     lifetime
}

// feedView is a changefeed as the coordinator knows it.
type feedView struct {
	record cluster.Changefeed
	owner  string // incarnation; "" for none yet, or for one that is not known for sure
	told   told   // as stored
	status *messages.FeedStatus
	rates  rates
}

// nodeView is what a node said of itself.
type nodeView struct {
	number  uint64 // of the Assign that it has carried out
	running map[string]bool
	without map[string]uint64 // for changefeeds that it was to give up: the number of the first Assign without
	leaseMs int64
}

const assignEvery = time.Second

// born is when the process began.
var born = time.Now()

// NewCoordinator makes a coordinator for the node that member is.
func NewCoordinator(o CoordinatorOptions) *actor.Props {
	o.Entry = o.Entry.WithField("actor", "coordinator")
	return actor.PropsFromProducer(func() actor.Actor {
		return newCoordinator(o)
	}, actor.WithSupervisor(stopFailed))
}

func newCoordinator(o CoordinatorOptions) *coordinator {
	return &coordinator{
		CoordinatorOptions: o, number: uint64(time.Since(born)), owners: map[string]string{}, giving: map[string]bool{},
		feeds: map[string]*feedView{}, views: map[string]*nodeView{}, life: newLifetime(),
	}
}

func (c *coordinator) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		c.timers = scheduler.NewTimerScheduler(ctx)
		ctx.Send(ctx.Parent(), &nodesWanted{})
		c.campaign(ctx)
	case *campaignAgain:
		c.campaign(ctx)
	case *elected:
		c.onElected(ctx, msg)
	case *nodesSeen:
		c.nodes, c.counted = msg.nodes, true
		c.decide(ctx)
	case *feedsSeen:
		c.onFeeds(ctx, msg.feeds)
	case *messages.NodeReport:
		c.onReport(ctx, msg)
	case *ownerStored:
		c.onOwner(ctx, msg)
	case assignPeriod:
		c.decide(ctx)
	case *messages.Ask:
		c.onAsk(ctx, msg)
	case *stateStored:
		if f := c.feeds[msg.name]; msg.err != nil && f != nil && !errors.Is(msg.err, context.Canceled) {
			f.told = told{} // the next status tries again
			c.Entry.WithError(msg.err).WithField("changefeed", msg.name).Warn("store the state")
		}
	case *actor.Stopping, *actor.Restarting:
		if c.cancel != nil {
			c.cancel()
		}
		c.life.end()
	case *actor.Terminated, *actor.Stopped:
	case *crash:
		panic(msg.reason)
	default:
		unexpected(ctx)
	}
}

func (c *coordinator) campaign(ctx actor.Context) {
	member, store := c.Member, c.Store
	c.life.spawnTask(ctx, func(tc context.Context) any {
		if err := member.Campaign(tc); err != nil {
			return &elected{err: err}
		}
		term, err := member.Term()
		if err != nil {
			return &elected{err: err}
		}
		owners, err := store.Owners(tc)
		return &elected{term: term, owners: owners, err: err}
	})
}

func (c *coordinator) onElected(ctx actor.Context, msg *elected) {
	if msg.err != nil {
		delay := backoff(c.failures, time.Second, 30*time.Second)
		c.failures++
		c.Entry.WithError(msg.err).Warn("campaign for coordinator")
		c.timers.SendOnce(delay, ctx.Self(), &campaignAgain{})
		return
	}
	_, revision := msg.term.Key()
	c.failures, c.office, c.term, c.owners = 0, msg.term, uint64(revision), msg.owners
	if !c.Alone {
		c.Entry.WithField("term", c.term).Info("this node is the coordinator")
	}
	store := c.Store
	c.life.spawnStream(ctx, func(tc context.Context, emit func(any)) {
		for feeds := range store.WatchChangefeeds(tc) {
			emit(&feedsSeen{feeds})
		}
	})
	if c.Alone {
		c.nodes, c.counted = []cluster.NodeInfo{{Incarnation: c.Member.ID(), Name: c.Member.ID()}}, true
	}
	c.cancel = c.timers.SendRepeatedly(assignEvery, assignEvery, ctx.Self(), assignPeriod{})
}

// onFeeds takes the list of changefeeds as the store has it.
func (c *coordinator) onFeeds(ctx actor.Context, feeds []cluster.Changefeed) {
	c.listed = true
	seen := map[string]bool{}
	for _, record := range feeds {
		seen[record.Name] = true
		f := c.feeds[record.Name]
		if f != nil && f.record.UUID != record.UUID {
			delete(c.owners, record.Name) // it was removed and made anew, and the store forgot the owner
			f = nil
		}
		if f == nil {
			f = &feedView{owner: c.owners[record.Name]}
			c.feeds[record.Name] = f
		}
		f.record = record
	}
	for name := range c.feeds {
		if !seen[name] {
			delete(c.feeds, name)
			delete(c.owners, name)
		}
	}
	c.decide(ctx)
}

// decide sees that every changefeed that is to run has an owner, and tells every node what is its own.
func (c *coordinator) decide(ctx actor.Context) {
	if c.term == 0 || !c.counted || !c.listed || !c.Member.LeaseValid() {
		return
	}
	living := map[string]cluster.NodeInfo{}
	for _, n := range c.nodes {
		living[n.Incarnation] = n
		if c.views[n.Incarnation] == nil {
			c.views[n.Incarnation] = &nodeView{running: map[string]bool{}, without: map[string]uint64{}}
		}
	}
	c.staying = slices.ContainsFunc(c.nodes, func(n cluster.NodeInfo) bool { return !n.Draining })
	maps.DeleteFunc(c.views, func(id string, _ *nodeView) bool { return living[id].Incarnation == "" })
	c.assign(ctx)
	for _, name := range slices.Sorted(maps.Keys(c.feeds)) {
		f := c.feeds[name]
		if c.giving[name] || !f.runs() {
			continue
		}
		owner, alive := living[f.owner]
		if alive && (!owner.Draining || !c.staying || !c.gaveUp(f.owner, name)) {
			continue
		}
		if to := c.choose(living); to != "" && to != f.owner {
			c.give(ctx, f, to)
		}
	}
}

// runs tells that the changefeed is to run somewhere.
func (f *feedView) runs() bool {
	return f.record.State == cluster.Normal || f.record.State == cluster.Warning
}

// gaveUp tells that a node does not run the changefeed, and was told not to begin.
func (c *coordinator) gaveUp(node, name string) bool {
	v := c.views[node]
	first := v.without[name]
	return first > 0 && v.number >= first && !v.running[name]
}

// choose finds the node for one more maintainer: the one with the fewest.
func (c *coordinator) choose(living map[string]cluster.NodeInfo) string {
	if id := appointed(living); id != "" {
		return id
	}
	load := map[string]int{}
	for _, f := range c.feeds {
		load[f.owner]++
	}
	best := ""
	for _, id := range slices.Sorted(maps.Keys(living)) {
		if !living[id].Draining && (best == "" || load[id] < load[best]) {
			best = id
		}
	}
	return best
}

// give makes a node the owner of a changefeed, in the store first.
func (c *coordinator) give(ctx actor.Context, f *feedView, node string) {
	office, name, uuid := c.office, f.record.Name, f.record.UUID
	c.giving[name] = true
	c.life.spawnTask(ctx, func(tc context.Context) any {
		tc, cancel := context.WithTimeout(tc, 10*time.Second)
		defer cancel()
		return &ownerStored{name: name, uuid: uuid, owner: node, err: office.SetOwner(tc, name, node)}
	})
}

func (c *coordinator) onOwner(ctx actor.Context, msg *ownerStored) {
	delete(c.giving, msg.name)
	f := c.feeds[msg.name]
	if f == nil {
		return
	}
	if msg.err != nil || msg.uuid != f.record.UUID {
		// What the store has now is not known: the next Assign is preceded by another try.
		delete(c.owners, msg.name)
		f.owner = ""
		if msg.err != nil && !errors.Is(msg.err, context.Canceled) {
			c.Entry.WithError(msg.err).WithField("changefeed", msg.name).Warn("place the maintainer")
		}
		return
	}
	if !c.Alone {
		c.Entry.WithFields(logrus.Fields{"changefeed": msg.name, "node": c.nameOf(msg.owner)}).Info("maintainer placed")
	}
	f.owner, c.owners[msg.name] = msg.owner, msg.owner
	c.assign(ctx)
}

// assign tells every node what it is to run.
func (c *coordinator) assign(ctx actor.Context) {
	c.number++
	var all []*messages.Assignment
	for _, name := range slices.Sorted(maps.Keys(c.feeds)) {
		if f := c.feeds[name]; f.runs() {
			all = append(all, &messages.Assignment{Changefeed: name, Uuid: f.record.UUID})
		}
	}
	for _, n := range c.nodes {
		msg := &messages.Assign{Term: c.term, Number: c.number, Living: all, Coordinator: c.Member.ID()}
		v := c.views[n.Incarnation]
		for _, name := range slices.Sorted(maps.Keys(c.feeds)) {
			f := c.feeds[name]
			switch mine := f.owner == n.Incarnation && !c.giving[name]; {
			case mine && f.runs() && (!n.Draining || !c.staying):
				delete(v.without, name)
				msg.Run = append(msg.Run, &messages.Assignment{Changefeed: name, Uuid: f.record.UUID})
				continue
			case !f.runs():
				msg.Stop = append(msg.Stop, name)
			}
			if v.without[name] == 0 {
				v.without[name] = c.number
			}
		}
		msg.Drained = n.Draining && c.empty(n.Incarnation)
		ctx.Request(c.At(n.Incarnation, nodeName), msg)
	}
}

// empty tells that a node has neither maintainers nor spans.
func (c *coordinator) empty(node string) bool {
	v := c.views[node]
	if v.number == 0 || len(v.running) > 0 {
		return false
	}
	for _, f := range c.feeds {
		if f.owner == node && f.runs() {
			return false
		}
		if f.runs() && f.status.GetState() != messages.FeedState_FEED_NORMAL {
			return false // where its spans are is not known for sure
		}
		for _, at := range f.status.GetNodes() {
			if f.runs() && at.Node == node {
				return false
			}
		}
	}
	return true
}

// onReport takes what a node says of itself.
func (c *coordinator) onReport(ctx actor.Context, msg *messages.NodeReport) {
	v := c.views[msg.Node]
	if v == nil || msg.Term != c.term {
		return
	}
	gone := false
	v.number, v.leaseMs = msg.Number, msg.LeaseLeftMs
	before := v.running
	v.running = map[string]bool{}
	for _, a := range msg.Running {
		v.running[a.Changefeed] = true
	}
	for name := range before {
		gone = gone || !v.running[name]
	}
	for _, s := range msg.Statuses {
		c.onStatus(ctx, msg.Node, s)
	}
	if gone {
		c.decide(ctx)
	}
}

// onStatus takes what a maintainer says, and stores the state when it changed.
func (c *coordinator) onStatus(ctx actor.Context, node string, s *messages.FeedStatus) {
	f := c.feeds[s.Changefeed]
	if f == nil || f.owner != node {
		return
	}
	f.status = s
	f.rates.note(time.Now(), s.Rows, s.Bytes)
	state, ok := stored[s.State]
	now := told{s.State, s.Reason}
	if !ok || f.told == now || !f.runs() {
		return
	}
	f.told = now
	level := logrus.InfoLevel
	switch s.State {
	case messages.FeedState_FEED_WARNING:
		level = logrus.WarnLevel
	case messages.FeedState_FEED_FAILED:
		level = logrus.ErrorLevel
	}
	fields := logrus.Fields{"changefeed": s.Changefeed, "state": state}
	if s.Reason != "" {
		fields["reason"] = s.Reason
	}
	c.Entry.WithFields(fields).Log(level, "changefeed state")
	store, uuid, feedState := c.Store, f.record.UUID, s.State
	c.life.spawnTask(ctx, func(tc context.Context) any {
		tc, cancel := context.WithTimeout(tc, 10*time.Second)
		defer cancel()
		err := store.Update(tc, s.Changefeed, func(cf *cluster.Changefeed) error {
			if cf.UUID == uuid && runs(cf) { // else somebody wanted something else meanwhile
				status := cluster.Status{State: state, Reason: s.Reason}
				if s.RetryMs > 0 {
					status.RetryAt = time.UnixMilli(s.RetryMs).UTC()
				}
				cf.Become(status)
			}
			return nil
		})
		return &stateStored{name: s.Changefeed, state: feedState, err: err}
	})
}

// nameOf gives the name of a node by its incarnation.
func (c *coordinator) nameOf(incarnation string) string {
	for _, n := range c.nodes {
		if n.Incarnation == incarnation {
			return n.Name
		}
	}
	return incarnation
}

// stored maps the states that are kept; starting is none.
var stored = map[messages.FeedState]cluster.State{
	messages.FeedState_FEED_NORMAL:   cluster.Normal,
	messages.FeedState_FEED_WARNING:  cluster.Warning,
	messages.FeedState_FEED_FAILED:   cluster.Failed,
	messages.FeedState_FEED_STOPPED:  cluster.Stopped,
	messages.FeedState_FEED_FINISHED: cluster.Finished,
}

// rates are rows and bytes per second, of late.
type rates struct {
	at                time.Time
	rows, bytes       uint64
	rowRate, byteRate float64
}

// ratePeriod is over how long rates are taken.
const ratePeriod = 2 * time.Second

// note takes two counts; one that fell belongs to a new maintainer.
func (r *rates) note(now time.Time, rows, bytes uint64) {
	passed := now.Sub(r.at).Seconds()
	if rows < r.rows || bytes < r.bytes || r.at.IsZero() {
		*r = rates{at: now, rows: rows, bytes: bytes}
		return
	}
	if now.Sub(r.at) < ratePeriod {
		return
	}
	*r = rates{
		at: now, rows: rows, bytes: bytes,
		rowRate: float64(rows-r.rows) / passed, byteRate: float64(bytes-r.bytes) / passed,
	}
}
