package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/cluster/link"
)

// Links are a node's links to the others, by the list of the nodes. It is safe for concurrent use.
type Links struct {
	hub *link.Hub
	mu  sync.RWMutex
	at  map[string]string // address by incarnation
}

// NewLinks makes Links; the hub is given by Attach.
func NewLinks() *Links { return &Links{at: map[string]string{}} }

// Attach gives the hub, before the node is spawned.
func (l *Links) Attach(h *link.Hub) { l.hub = h }

// Dial tells where a node's transport is.
func (l *Links) Dial(incarnation string) (address string, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	address, ok = l.at[incarnation]
	return address, ok
}

// PID names an actor on a node.
func (l *Links) PID(incarnation, path string) *actor.PID { return l.hub.PID(incarnation, path) }

// tell has an actor told of the ends of links, in order with what comes over them; tellNoMore ends that. Without Links, as
// where there are no other nodes, both do nothing.
func (l *Links) tell(pid *actor.PID) {
	if l != nil {
		l.hub.Tell(pid)
	}
}

func (l *Links) tellNoMore(pid *actor.PID) {
	if l != nil && pid != nil {
		l.hub.TellNoMore(pid)
	}
}

// set makes the nodes the members.
func (l *Links) set(nodes []cluster.NodeInfo) {
	at := make(map[string]string, len(nodes))
	ids := make([]string, 0, len(nodes))
	for _, n := range nodes {
		at[n.Incarnation] = n.Address
		ids = append(ids, n.Incarnation)
	}
	l.mu.Lock()
	l.at = at
	l.mu.Unlock()
	l.hub.SetPeers(ids)
}
