package cluster

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

// Spans are split, moved and merged, and nodes come and go, while rows flow.
func TestPlacement(t *testing.T) {
	c := New(t, Options{})
	c.Start()
	server := mariadb.Start(t)
	load := newTraffic(t, server, 50, "h", "i")
	f := c.feed("shop", server, "shop")
	f.create()
	f.flows(load)
	for _, p := range []struct {
		name string
		run  func(*testing.T, *Feed, *traffic)
	}{
		{"split, move and merge", c.cutting},
		{"drain", c.draining},
		{"undo a drain", c.undoing},
		{"restart under the same name", c.restarting},
		{"a name that lives", c.nameTaken},
	} {
		c.part(t, p.name, func(t *testing.T) {
			f.t, load.t = t, t
			defer func() { f.t, load.t = c.t, t }()
			p.run(t, f, load)
		})
	}
	f.t, load.t = t, t
	load.end()
	f.CatchUp()
	f.Compare()
	if cf, err := f.Show(); err != nil || cf.State != api.Normal {
		t.Errorf("at the end: got state %s: %s (%v), want normal", cf.State, cf.Reason, err)
	}
}

// spans gives a table's spans, once all have settled.
func (f *Feed) spans(table string, count int) (spans []api.Span) {
	f.t.Helper()
	settled := func() bool {
		page, err := f.cluster.Client().Spans(f.t.Context(), f.Name, api.SpanQuery{Table: api.Table{Schema: "shop", Name: table}, Limit: api.MostSpans})
		spans = page.Spans
		return err == nil && len(spans) == count && !slices.ContainsFunc(spans, func(s api.Span) bool { return s.State != "replicating" })
	}
	if !within(patience, settled) {
		f.t.Fatalf("table %s: got spans %+v, want %d that replicate", table, spans, count)
	}
	return spans
}

func onNodes(spans []api.Span) (names []string) {
	for _, s := range spans {
		names = append(names, s.Node)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *Cluster) cutting(t *testing.T, f *Feed, load *traffic) {
	c.refused(3, []string{"no table shop.none"}, "changefeed", "split", "shop", "shop.none", "--into", "4")
	c.refused(3, []string{`node is named "n9"`, "weir nodes"}, "changefeed", "move", "shop", "shop.h", "--to", "n9")
	c.MustWeir("changefeed", "split", "shop", "shop.h", "--into", "4")
	spans := f.spans("h", 4)
	if spans[0].Start != "0000000000000000" || spans[3].End != "" || spans[1].Start != spans[0].End {
		t.Errorf("split: got %+v, want spans that lie side by side over all keys", spans)
	}
	t.Logf("4 spans on %v", onNodes(spans))
	f.flows(load)
	for _, node := range []string{"n1", "n2", "n3"} {
		c.MustWeir("changefeed", "move", "shop", "shop.h", "--to", node)
		Eventually(t, "the spans are on "+node, func() bool { return slices.Equal(onNodes(f.spans("h", 4)), []string{node}) })
		f.flows(load)
	}
	for _, line := range []string{"shop.h", "replicating", "n3", "(ddl)"} {
		if got := c.MustWeir("changefeed", "show", "shop", "--spans"); !strings.Contains(got, line) {
			t.Errorf("show --spans: got %q, want it to name %s", got, line)
		}
	}
	c.MustWeir("changefeed", "merge", "shop", "shop.h")
	f.spans("h", 1)
	f.flows(load)
}

// drained waits for the end of a drained node's process.
func (n *Node) drained() {
	t := n.cluster.t
	t.Helper()
	if code := n.Wait(); code != 0 {
		t.Errorf("%s, drained: got exit code %d, want 0:\n%s", n.Name, code, n.Tail())
	}
}

// owner gives the node that the changefeed's maintainer is on.
func (f *Feed) owner() *Node {
	f.t.Helper()
	var owner *Node
	Eventually(f.t, "the changefeed has an owner", func() bool {
		cf, err := f.Show()
		if err == nil {
			owner = f.cluster.Node(cf.Owner)
		}
		return owner != nil && owner.Running()
	})
	return owner
}

func (c *Cluster) draining(t *testing.T, f *Feed, load *traffic) {
	owner := f.owner()
	c.MustWeir("changefeed", "move", "shop", "shop.i", "--to", owner.Name)
	r := c.Weir("drain", owner.Name)
	if r.Code != 0 || !strings.Contains(r.Stdout, "is drained") || !strings.Contains(r.Stderr, "draining "+owner.Name) {
		t.Errorf("drain: got exit code %d, %q and %q, want 0 and that it is drained", r.Code, r.Stdout, r.Stderr)
	}
	owner.drained()
	t.Logf("rows flow again %v after the drain of the maintainer's node", f.flows(load))
	if next := f.owner(); next == owner {
		t.Errorf("after the drain of %s: it still has the maintainer", owner.Name)
	}
	c.refused(3, []string{"no living node is named " + owner.Name}, "drain", owner.Name)

	owner.Start() // a drained node comes back as any other
	c.AwaitReady(owner)
	c.MustWeir("changefeed", "move", "shop", "shop.i", "--to", owner.Name)
	Eventually(t, "it takes spans", func() bool { return onNodes(f.spans("i", 1))[0] == owner.Name })
	f.flows(load)
}

// coordinator gives the node that is coordinator, once there is one that runs.
func (c *Cluster) coordinator() (node *Node) {
	c.t.Helper()
	Eventually(c.t, "a coordinator is elected", func() bool {
		node = c.Coordinator()
		return node != nil && node.Running()
	})
	return node
}

func (c *Cluster) undoing(t *testing.T, f *Feed, load *traffic) {
	owner := f.owner()
	c.MustWeir("drain", owner.Name, "--wait=false")
	c.MustWeir("drain", owner.Name, "--undo")
	f.flows(load)
	var nodes api.NodeList
	if err := json.Unmarshal([]byte(c.MustWeir("nodes", "--output", "json")), &nodes); err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, n := range nodes.Nodes {
		states = append(states, fmt.Sprintf("%s %s", n.Name, n.State))
	}
	// A drain that was over before it was undone has ended the node.
	if want := []string{"n1 up", "n2 up", "n3 up"}; !slices.Equal(states, want) && owner.Running() {
		t.Errorf("after undo: got nodes %v, want %v", states, want)
	}
	if !owner.Running() {
		owner.drained()
		owner.Start()
		c.AwaitReady(owner)
	}
	if got, star := c.MustWeir("nodes"), c.coordinator().Name+"*"; !strings.Contains(got, star) {
		t.Errorf("nodes: got %q, want %s in it", got, star)
	}
}

func (c *Cluster) restarting(t *testing.T, f *Feed, load *traffic) {
	node := c.Nodes[1]
	before := c.incarnation(node.Name)
	node.Kill()
	node.Start()
	c.AwaitReady(node)
	Eventually(t, "it is a new incarnation", func() bool {
		now := c.incarnation(node.Name)
		return now != "" && now != before
	})
	f.flows(load)
	node.Signal(syscall.SIGTERM)
	if code := node.Wait(); code != 0 {
		t.Errorf("SIGTERM: got exit code %d, want 0:\n%s", code, node.Tail())
	}
	f.flows(load)
	node.Start()
	c.AwaitReady(node)
	f.flows(load)
}

func (c *Cluster) incarnation(name string) string {
	nodes, err := c.Client().Nodes(c.t.Context())
	if err != nil {
		return ""
	}
	for _, n := range nodes {
		if n.Name == name {
			return n.Incarnation
		}
	}
	return ""
}

// A second process with a name that lives is refused; the first goes on.
func (c *Cluster) nameTaken(t *testing.T, f *Feed, load *traffic) {
	var endpoints []string
	for _, n := range c.Nodes {
		endpoints = append(endpoints, n.url("2379"))
	}
	ip := c.Nodes[0].IP
	second := weir.Launch(t, "node", "--name", "n1", "--addr", ip+":18301", "--api-addr", ip+":18300", "--etcd", strings.Join(endpoints, ","), "--data-dir", t.TempDir())
	if code := second.Wait(t); code != 1 {
		t.Errorf("a second n1: got exit code %d, want 1", code)
	}
	for _, text := range []string{"n1", "name"} {
		if !strings.Contains(second.Stderr(), text) {
			t.Errorf("a second n1: got %q, want it to say %q", second.Stderr(), text)
		}
	}
	t.Log(strings.TrimSpace(second.Stderr()[strings.LastIndex(strings.TrimSpace(second.Stderr()), "\n")+1:]))
	if !c.Nodes[0].Running() {
		t.Error("the first n1 ended")
	}
	f.flows(load)
}
