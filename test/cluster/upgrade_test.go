package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/mariadb"
)

// A cluster of nodes that speak the previous version of the protocol is upgraded node by node, while rows flow and DDL crosses
// tables that are split over old nodes and new ones: whoever runs the maintainer understands the others, and nothing is lost.
func TestRollingUpgrade(t *testing.T) {
	c := New(t, Options{})
	previous := buildPrevious(t)
	for _, n := range c.Nodes {
		n.Binary = previous
	}
	c.Start()
	c.protocols(1, 1, 1)
	server := mariadb.Start(t)
	load := newTraffic(t, server, 50, "h", "i")
	f := c.feed("shop", server, "shop")
	f.create()
	f.flows(load)
	c.MustWeir("changefeed", "split", "shop", "shop.h", "--into", "3")
	f.spans("h", 3)
	server.MustExec(t, "CREATE DATABASE other; CREATE TABLE shop.a (id INT PRIMARY KEY, n INT); CREATE TABLE other.b (id INT PRIMARY KEY, n INT)",
		"INSERT INTO shop.a SELECT seq, 0 FROM shop.seq_1_to_50; INSERT INTO other.b SELECT seq, 1 FROM shop.seq_1_to_50")
	f.crossAll(load, 0)

	// The maintainer's node first: its successor is one of the old, and has one of the new below it.
	first := f.owner()
	order := []*Node{first}
	for _, n := range c.Nodes {
		if n != first {
			order = append(order, n)
		}
	}
	for i, n := range order {
		if i == 1 {
			c.part(t, "drained first", func(*testing.T) { c.MustWeir("drain", n.Name); n.drained() })
		} else {
			n.Signal(syscall.SIGTERM)
			if code := n.Wait(); code != 0 {
				t.Errorf("%s, told to end: got exit code %d, want 0", n.Name, code)
			}
		}
		n.Binary = ""
		n.Start()
		c.AwaitReady(n)
		for j, table := range []string{"h", "i"} {
			c.MustWeir("changefeed", "move", "shop", "shop."+table, "--to", order[(i+j)%3].Name)
		}
		f.crossAll(load, i+1)
		t.Logf("%d of 3 nodes are new; the maintainer is on %s", i+1, f.owner().Name)
	}
	c.protocols(2, 2, 2)
	load.end()
	f.CatchUp()
	f.Compare()
	if cf, err := f.Show(); err != nil || cf.State != api.Normal {
		t.Errorf("at the end: got state %s: %s (%v), want normal", cf.State, cf.Reason, err)
	}
}

// buildPrevious builds a weir that speaks the previous version of the protocol between nodes.
func buildPrevious(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "weir-previous")
	build := exec.Command("go", "build", "-tags", "weir_previous", "-o", binary, "github.com/weir-cdc/weir/cmd/node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the previous weir: %v\n%s", err, out)
	}
	return binary
}

// protocols waits until the nodes, by name, say that they speak these versions.
func (c *Cluster) protocols(want ...int) {
	c.t.Helper()
	var got []int
	if !within(patience, func() bool {
		got = nil
		nodes, err := c.Client().Nodes(c.t.Context())
		for _, n := range nodes {
			got = append(got, n.Protocol)
		}
		return err == nil && fmt.Sprint(got) == fmt.Sprint(want)
	}) {
		c.t.Errorf("protocol versions: got %v, want %v", got, want)
	}
}

// crossAll has each kind of barrier crossed: of a split table, of several tables, of a database, of everybody; and a TRUNCATE.
func (f *Feed) crossAll(load *traffic, round int) {
	f.t.Helper()
	f.Server.MustExec(f.t,
		"RENAME TABLE shop.a TO shop.c, other.b TO shop.a, shop.c TO other.b",
		fmt.Sprintf("UPDATE shop.a SET n = %d", round),
		fmt.Sprintf("ALTER TABLE shop.h COMMENT 'round %d'", round),
		fmt.Sprintf("CREATE TABLE shop.like%d LIKE shop.a; INSERT INTO shop.like%d VALUES (1, 1)", round, round),
		fmt.Sprintf("CREATE VIEW shop.view%d AS SELECT id FROM shop.a; DROP VIEW shop.view%d", round, round),
		"TRUNCATE TABLE other.b; INSERT INTO other.b VALUES (1, 1)",
		"CREATE DATABASE brief; CREATE TABLE brief.x (id INT PRIMARY KEY); INSERT INTO brief.x VALUES (1); DROP DATABASE brief")
	f.flows(load)
}
