package cluster

import (
	"testing"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/test/mariadb"
)

// failoverGoal is how soon after a node's end the rows that it served are to be durable again, on a machine that does nothing
// else; a loaded one gets failoverLimit.
const (
	failoverGoal  = 5 * time.Second
	failoverLimit = 20 * time.Second
)

// Nodes are killed and stopped while rows flow: others take over, and nothing is lost or doubled.
func TestFailover(t *testing.T) {
	c := New(t, Options{})
	c.Start()
	server := mariadb.Start(t)
	load := newTraffic(t, server, 50, "h", "i")
	f := c.feed("shop", server, "shop")
	f.create()
	f.flows(load)
	part := func(name string, run func(t *testing.T)) {
		c.part(t, name, func(t *testing.T) {
			f.t, load.t = t, t
			run(t)
		})
		f.t, load.t = t, t
	}
	part("kill the maintainer's node", func(*testing.T) {
		f.failOver(load, f.owner())
	})
	part("kill a dispatcher's node", func(t *testing.T) {
		node := c.apart(f)
		c.MustWeir("changefeed", "move", "shop", "shop.h", "--to", node.Name)
		Eventually(t, "the table is there", func() bool { return onNodes(f.spans("h", 1))[0] == node.Name })
		f.failOver(load, node)
	})
	part("kill the coordinator", func(*testing.T) {
		f.failOver(load, c.coordinator())
	})
	part("kill two of three", func(t *testing.T) {
		for _, n := range c.Nodes[:2] {
			n.Kill()
		}
		// The one that is left has no majority of the store: it stops writing when its lease ends, not much later.
		before := f.Checkpoint()
		if within(2*cluster.DefaultTTL+time.Second, func() bool {
			return f.Checkpoint() > before+uint64((cluster.DefaultTTL+2*time.Second).Milliseconds())<<18
		}) {
			t.Errorf("one node of three goes on by itself: checkpoint %d after %d", f.Checkpoint(), before)
		}
		c.Start()
		t.Logf("rows flow %v after all were there again", f.flows(load))
	})
	part("stop the maintainer's node for 10 s", func(t *testing.T) {
		node := f.owner()
		node.Pause()
		begin, continued := time.Now(), time.After(10*time.Second)
		id := load.next()
		f.awaitRow("h", id)
		took := time.Since(begin).Round(time.Millisecond)
		t.Logf("first new durable row %v after SIGSTOP", took)
		<-continued
		node.Continue()
		f.flows(load)
		if next := f.owner(); next == node {
			t.Errorf("%s was stopped for 10 s and still has the maintainer", node.Name)
		}
		Eventually(t, node.Name+" takes part again", func() bool { return node.Running() && node.Ready() })
		f.flows(load)
	})
	load.end()
	f.CatchUp()
	f.Compare()
	if cf, err := f.Show(); err != nil || cf.State == api.Failed {
		t.Errorf("at the end: got state %s: %s (%v)", cf.State, cf.Reason, err)
	}
}

// failOver kills a node, waits until rows of all tables are durable again, says how long that took, and starts the node anew.
func (f *Feed) failOver(load *traffic, node *Node) {
	f.t.Helper()
	begin := time.Now()
	node.Kill()
	id := load.next()
	for _, table := range load.tables {
		f.awaitRow(table, id)
	}
	took := time.Since(begin).Round(time.Millisecond)
	f.t.Logf("first new durable rows %v after kill -9 of %s", took, node.Name)
	if took > failoverLimit {
		f.t.Errorf("fail-over: got %v, want less than %v (and %v on an idle machine)", took, failoverLimit, failoverGoal)
	}
	node.Start()
	f.cluster.AwaitReady(node)
	f.flows(load)
}

// apart finds a node that is neither coordinator nor runs the maintainer.
func (c *Cluster) apart(f *Feed) *Node {
	c.t.Helper()
	owner, coordinator := f.owner(), c.coordinator()
	for _, n := range c.Nodes {
		if n != owner && n != coordinator {
			return n
		}
	}
	c.t.Fatal("all nodes have an office")
	return nil
}
