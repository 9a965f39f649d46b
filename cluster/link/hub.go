package link

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/cluster/link/session"
	"github.com/weir-cdc/weir/messages"
)

const (
	// Name is that of the hub's actor on every node.
	Name = "link"
	// scheme begins the address of an actor on another node.
	scheme = "weir:"
	// DefaultLimit is how much may wait for one peer.
	DefaultLimit = 256 << 20
)

// Options is what a node's links need. System, Incarnation, Dial, Session.Versions and Log must be given.
type Options struct {
	System      *actor.ActorSystem
	Incarnation string
	// Dial tells the transport's address of a member; it is asked again until it knows. It may not block.
	Dial func(incarnation string) (address string, ok bool)
	// OnPeer is told *Peer; nil: nobody is. See also Hub.Tell.
	OnPeer *actor.PID
	// Reconnect drops the transport's connections to an address, because they seem to hang; may be nil.
	Reconnect func(address string)
	Session   session.Config
	// OnSent is told of each message that is given to a session, by any goroutine; may be nil.
	OnSent func(kind string, bytes int)
	// Limit bounds the bytes that wait for one peer, or are under way to it: above, the session ends. 0: DefaultLimit.
	Limit int64
	Log   *logrus.Entry
}

// A Hub is a node's end of all its links.
type Hub struct {
	o       Options
	pid     *actor.PID
	born    time.Time
	started time.Time
	process *process
	peers   sync.Map // incarnation -> *account
	told    sync.Map // who is told of peers: string -> *actor.PID
}

// New begins with no peer: see SetPeers. Call it after the transport has started, before anything is sent to another node.
func New(o Options) (*Hub, error) {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Incarnation == "" || o.Session.Versions.Max == 0 {
		return nil, errors.New("link: incarnation and versions must be given")
	}
	h := &Hub{o: o, born: time.Now(), started: time.Now()}
	h.process = &process{hub: h, encode: newEncoder(o.Log)}
	// Before the transport's own resolver, which takes every address for its own.
	registry := o.System.ProcessRegistry
	registry.RemoteHandlers = slices.Insert(registry.RemoteHandlers, 0, h.resolve)
	pid, err := o.System.Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return &hub{Hub: h} },
		cluster.Supervise(o.Log)), Name)
	if err != nil {
		return nil, fmt.Errorf("start the links: %w", err)
	}
	h.pid = pid
	return h, nil
}

// PID names an actor of a node: of another one, or of this one, which it addresses without detour.
func (h *Hub) PID(incarnation, path string) *actor.PID {
	if incarnation == h.o.Incarnation {
		return h.o.System.NewLocalPID(path)
	}
	return actor.NewPID(scheme+incarnation, path)
}

// Incarnation tells which node the PID belongs to. It is false for nil, and for a PID that is neither this node's nor
// of the form of Hub.PID.
func (h *Hub) Incarnation(pid *actor.PID) (string, bool) {
	if pid == nil {
		return "", false
	}
	if incarnation, ok := remoteIncarnation(pid); ok {
		return incarnation, true
	}
	return h.o.Incarnation, pid.Address == h.o.System.Address() || pid.Address == "nonhost"
}

// Tell has an actor of this node told *Peer, too, from here on: by whoever hands it the peer's messages. So it hears that a
// session ended before anything of the next one reaches it. TellNoMore ends that.
func (h *Hub) Tell(pid *actor.PID) { h.told.Store(pid.Id, pid) }

// TellNoMore ends Tell.
func (h *Hub) TellNoMore(pid *actor.PID) { h.told.Delete(pid.Id) }

// SetPeers says which nodes are members; this one may be among them. Sessions with others end.
func (h *Hub) SetPeers(incarnations []string) {
	h.o.System.Root.Send(h.pid, &setPeers{slices.Clone(incarnations)})
}

// Backlog is the bytes that wait for the peer or are under way to it, unacknowledged.
func (h *Hub) Backlog(incarnation string) int64 {
	if a := h.account(incarnation); a != nil {
		return a.backlog.Load()
	}
	return 0
}

// Traffic is what the links with the peer carried since it became a member.
func (h *Hub) Traffic(incarnation string) Traffic {
	if a := h.account(incarnation); a != nil {
		return a.traffic()
	}
	return Traffic{}
}

// Peers lists the members, without this node, in order.
func (h *Hub) Peers() (incarnations []string) {
	h.peers.Range(func(k, _ any) bool {
		incarnations = append(incarnations, k.(string))
		return true
	})
	slices.Sort(incarnations)
	return incarnations
}

// Stop ends all sessions, and tells the peers so. It returns when the links' actors are gone.
func (h *Hub) Stop() error {
	if err := h.o.System.Root.StopFuture(h.pid).Wait(); err != nil {
		return fmt.Errorf("stop the links: %w", err)
	}
	return nil
}

func (h *Hub) account(incarnation string) *account {
	if a, ok := h.peers.Load(incarnation); ok {
		return a.(*account)
	}
	return nil
}

// number is higher each time: every session's number is above all that came before.
func (h *Hub) number() uint64 { return uint64(time.Since(h.born)) + 1 }

// hub is the actor. All nodes' envelopes come here; it owns the peers.
type hub struct {
	*Hub
	children map[string]*actor.PID // incarnation -> peer
	timers   *scheduler.TimerScheduler
	stop     scheduler.CancelFunc
	life     uint64 // of the timer
}

type (
	setPeers struct{ incarnations []string }
	// tick lets time pass, for the hub and each peer.
	tick struct{ life uint64 }
)

func (h *hub) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		h.begin(ctx)
	case *messages.Envelope:
		h.onEnvelope(ctx, m)
	case *tick:
		h.onTick(ctx, m)
	case *setPeers:
		h.onSetPeers(ctx, m)
	case *actor.Stopping, *actor.Restarting:
		h.stop()
	case *actor.Stopped:
		h.peers.Clear()
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		h.o.Log.WithField("message", fmt.Sprintf("%T", m)).Error("link: unexpected message")
	}
}

// begin starts the clock, and after a restart the peers that were known.
func (h *hub) begin(ctx actor.Context) {
	h.children = map[string]*actor.PID{}
	h.timers = scheduler.NewTimerScheduler(ctx)
	h.life = h.number()
	every := h.o.Session.Ping / 10
	h.stop = h.timers.SendRepeatedly(every, every, ctx.Self(), &tick{h.life})
	for _, incarnation := range h.Peers() {
		h.spawn(ctx, incarnation)
	}
}

func (h *hub) onTick(ctx actor.Context, m *tick) {
	if m.life != h.life {
		return
	}
	for _, pid := range h.children {
		ctx.Send(pid, m)
	}
}

func (h *hub) onSetPeers(ctx actor.Context, m *setPeers) {
	for incarnation, pid := range h.children {
		if !slices.Contains(m.incarnations, incarnation) {
			h.peers.Delete(incarnation)
			delete(h.children, incarnation)
			ctx.Stop(pid)
		}
	}
	for _, incarnation := range m.incarnations {
		if _, known := h.children[incarnation]; !known && incarnation != h.o.Incarnation {
			h.spawn(ctx, incarnation)
		}
	}
}

func (h *hub) spawn(ctx actor.Context, incarnation string) {
	a := &account{}
	// No name: one that left may be a member again before its actor is gone.
	a.pid.Store(ctx.Spawn(newPeer(h.Hub, incarnation, a)))
	h.children[incarnation] = a.pid.Load()
	h.peers.Store(incarnation, a)
}

// onEnvelope finds the peer that an envelope is for. Who is no member (yet) is not heard.
func (h *hub) onEnvelope(ctx actor.Context, e *messages.Envelope) {
	if e.To != h.o.Incarnation {
		h.stranger(ctx, e)
		return
	}
	about := e.From
	if e.Gone != nil {
		about = e.Gone.Incarnation
	}
	if pid := h.children[about]; pid != nil {
		ctx.Send(pid, e)
	}
}

// stranger answers who takes this node for an earlier one at the same address.
func (h *hub) stranger(ctx actor.Context, e *messages.Envelope) {
	if address, ok := h.o.Dial(e.From); ok && e.Gone == nil {
		ctx.Send(actor.NewPID(address, Name),
			&messages.Envelope{From: h.o.Incarnation, To: e.From, Gone: &messages.Gone{Incarnation: e.To}})
	}
}
