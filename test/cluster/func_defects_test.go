package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/sinks/storage"
	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/replay"
)

// Known defects of systems of this kind, each as a test on real nodes. What of them is a rule of the barrier has a transcript of
// its own, barrier/testdata/transcripts/defect_*.txt.
func TestKnownDefects(t *testing.T) {
	c := New(t, Options{})
	c.Start()
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE other; CREATE DATABASE hidden")
	load := newTraffic(t, server, 50, "h", "i")
	f := c.feed("shop", server, "shop")
	f.create("--tables", "*.*", "--tables", "!hidden.*")
	f.flows(load)
	d := defects{cluster: c, feed: f, load: load, server: server}
	for _, x := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"a dispatcher moved during a cross-table DDL", d.movedDuringDDL},
		{"coverage one short after TRUNCATE", d.truncated},
		{"CREATE TABLE LIKE with a filtered source", d.likeFiltered},
		{"the trigger's checkpoint passing an add-table DDL before its ACK", d.addedUnacknowledged},
		{"a syncpoint stalled by an idle table", d.idleTable},
		{"a stale dispatcher of a dropped view", d.droppedView},
		{"a repeated DONE skipping a write", d.repeatedDone},
	} {
		c.part(t, x.name, func(t *testing.T) {
			f.t, load.t = t, t
			x.run(t)
			f.flows(load)
		})
		f.t, load.t = t, t
	}
	load.end()
	f.CatchUp()
	server.MustExec(t, "DROP DATABASE hidden") // no part of the changefeed, nor of what is compared
	f.Compare()
	if cf, err := f.Show(); err != nil || cf.State != api.Normal {
		t.Errorf("at the end: got state %s: %s (%v), want normal", cf.State, cf.Reason, err)
	}
}

type defects struct {
	cluster *Cluster
	feed    *Feed
	load    *traffic
	server  *mariadb.Server
}

// movedDuringDDL moves tables to and fro while they are renamed into each other's place, over two databases.
func (d *defects) movedDuringDDL(t *testing.T) {
	d.server.MustExec(t, "CREATE TABLE shop.a (id INT PRIMARY KEY, n INT); CREATE TABLE other.b (id INT PRIMARY KEY, n INT)",
		"INSERT INTO shop.a SELECT seq, 0 FROM shop.seq_1_to_100; INSERT INTO other.b SELECT seq, 1 FROM shop.seq_1_to_50")
	d.feed.spans("a", 1)
	for round := range 6 {
		node := d.cluster.Nodes[round%3].Name
		moved := make(chan Result)
		go func() { moved <- d.cluster.Weir("changefeed", "move", "shop", "shop.h", "--to", node) }()
		d.server.MustExec(t, fmt.Sprintf("RENAME TABLE shop.a TO shop.c, other.b TO shop.a, shop.c TO other.b; UPDATE shop.a SET n = %d", round))
		for _, table := range []string{"shop.a", "other.b"} {
			// Between the two names of a table its move may be refused; a move that is under way may be, too.
			if r := d.cluster.Weir("changefeed", "move", "shop", table, "--to", node); r.Code != 0 && r.Code != 3 && r.Code != 4 {
				t.Errorf("move %s: got exit code %d: %s", table, r.Code, r.Stderr)
			}
		}
		if r := <-moved; r.Code != 0 && r.Code != 4 {
			t.Errorf("move shop.h: got exit code %d: %s", r.Code, r.Stderr)
		}
	}
}

// truncated has an event of everybody right behind each TRUNCATE: it must count the new table and not the old.
func (d *defects) truncated(t *testing.T) {
	d.server.MustExec(t, "CREATE TABLE shop.cut (id INT PRIMARY KEY)")
	for round := range 5 {
		d.server.MustExec(t, "INSERT INTO shop.cut SELECT seq + 1 FROM shop.seq_1_to_20; TRUNCATE TABLE shop.cut",
			fmt.Sprintf("CREATE VIEW shop.view%d AS SELECT * FROM shop.cut", round), "INSERT INTO shop.cut VALUES (1)")
		if round == 2 {
			d.cluster.MustWeir("changefeed", "split", "shop", "shop.h", "--into", "3")
		}
	}
	d.feed.flows(d.load)
	for round := range 5 {
		d.server.MustExec(t, fmt.Sprintf("DROP VIEW shop.view%d", round))
	}
}

// likeFiltered makes a table like one that no rule selects, and one like a selected one in a place that no rule selects.
func (d *defects) likeFiltered(t *testing.T) {
	d.server.MustExec(t, "CREATE TABLE hidden.source (id INT PRIMARY KEY, secret VARCHAR(10))",
		"CREATE TABLE shop.alike LIKE hidden.source", "INSERT INTO shop.alike VALUES (1, 'seen')",
		"CREATE TABLE hidden.alike LIKE shop.h", "INSERT INTO hidden.alike VALUES (1, 1, 'not seen')",
		"CREATE TABLE shop.twice LIKE shop.alike", "INSERT INTO shop.twice VALUES (2, 'seen')")
	var o *replay.Output
	for _, name := range []string{"alike", "twice"} {
		Eventually(t, "shop."+name+" has one version with one row", func() bool {
			var err error
			if o, err = replay.Read(d.feed.Out); err != nil {
				return false
			}
			v := o.Table("shop", name)
			return len(v) == 1 && len(v[0].Rows) == 1
		})
	}
	if v := o.Table("hidden", "alike"); len(v) != 0 {
		t.Error("hidden.alike is in the files, and no rule selects it")
	}
}

// addedUnacknowledged kills the maintainer's node right behind a CREATE TABLE: whoever takes over must know of the table.
func (d *defects) addedUnacknowledged(t *testing.T) {
	for round := range 2 {
		owner := d.feed.owner()
		d.server.MustExec(t, fmt.Sprintf("CREATE TABLE shop.added%d (id INT PRIMARY KEY); INSERT INTO shop.added%d VALUES (1)", round, round))
		owner.Kill()
		d.server.MustExec(t, fmt.Sprintf("INSERT INTO shop.added%d VALUES (2)", round))
		d.feed.flows(d.load)
		owner.Start()
		d.cluster.AwaitReady(owner)
	}
}

// idleTable has tables that never change, on all nodes: the syncpoints, one a second, wait for none of them.
func (d *defects) idleTable(t *testing.T) {
	for i := range 12 {
		d.server.MustExec(t, fmt.Sprintf("CREATE TABLE other.idle%d (id INT PRIMARY KEY)", i))
	}
	d.feed.spans("h", 3)
	before := d.syncpoints(t)
	begin := time.Now()
	Eventually(t, "three more syncpoints", func() bool { return d.syncpoints(t) >= before+3 })
	t.Logf("three syncpoints in %v", time.Since(begin).Round(time.Millisecond))
}

func (d *defects) syncpoints(t *testing.T) int {
	t.Helper()
	points, err := storage.Syncpoints(d.feed.Out)
	if err != nil {
		t.Fatal(err)
	}
	return len(points)
}

// droppedView makes and drops views: the checkpoint must not wait for what nobody replicates, nor must spans be left.
func (d *defects) droppedView(t *testing.T) {
	before := d.spanCount(t)
	for round := range 3 {
		d.server.MustExec(t, "CREATE VIEW shop.seen AS SELECT id FROM shop.h", "CREATE OR REPLACE VIEW shop.seen AS SELECT n FROM shop.h", "DROP VIEW shop.seen")
		t.Logf("round %d: rows flow on after %v", round, d.feed.flows(d.load).Round(time.Millisecond))
	}
	if after := d.spanCount(t); after != before {
		t.Errorf("spans: got %d after the views, want the %d of before", after, before)
	}
}

func (d *defects) spanCount(t *testing.T) int {
	t.Helper()
	page, err := d.cluster.Client().Spans(t.Context(), "shop", api.SpanQuery{Limit: api.MostSpans})
	if err != nil {
		t.Fatal(err)
	}
	return page.Total
}

// repeatedDone has DDL of the same tables follow each other as fast as the upstream takes them, over a split table, while a
// node stands still for a moment, so that orders and answers are sent again: each statement is downstream, once.
func (d *defects) repeatedDone(t *testing.T) {
	const count = 12
	d.server.MustExec(t, "CREATE TABLE shop.wide (id INT PRIMARY KEY)", "INSERT INTO shop.wide SELECT seq FROM shop.seq_1_to_40")
	d.feed.spans("wide", 1)
	d.cluster.MustWeir("changefeed", "split", "shop", "shop.wide", "--into", "3")
	d.feed.spans("wide", 3)
	node := d.cluster.apart(d.feed)
	for i := range count {
		if i == count/2 {
			node.Pause()
		}
		d.server.MustExec(t, fmt.Sprintf("ALTER TABLE shop.wide ADD COLUMN c%d INT NOT NULL DEFAULT %d; UPDATE shop.wide SET c%d = id", i, i, i))
	}
	within(1200*time.Millisecond, func() bool { return false }) // longer than an order waits until it is repeated
	node.Continue()
	d.feed.CatchUp()
	o, err := replay.Read(d.feed.Out)
	if err != nil {
		t.Fatal(err)
	}
	var added []string
	for _, v := range o.Table("shop", "wide") {
		if _, column, ok := strings.Cut(v.Query, "ADD COLUMN "); ok {
			added = append(added, strings.Trim(strings.Fields(column)[0], "`"))
		}
	}
	if len(added) != count {
		t.Errorf("got table versions for %v, want %d, one for each column", added, count)
	}
}
