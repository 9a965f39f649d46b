package matrix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/cluster"
	"github.com/weir-cdc/weir/test/mariadb"
)

// A world is the cluster and the upstream that the cells share.
type world struct {
	t      *testing.T
	random *rand.Rand
	server *mariadb.Server
	*cluster.Cluster
	faults string // the folder of the nodes' orders
	serial int    // of changefeeds
	number int    // of writes
}

func newWorld(t *testing.T, random *rand.Rand) *world {
	t.Helper()
	w := &world{t: t, random: random, server: mariadb.Start(t)}
	w.Cluster = cluster.New(t, cluster.Options{Env: []string{"WEIR_LOG_LEVEL=debug"}})
	w.faults = filepath.Join(w.Dir, "faults")
	for _, n := range w.Nodes {
		n.Env = []string{"WEIR_FAULTS=" + w.ordersOf(n)}
	}
	w.Start()
	return w
}

func (w *world) ordersOf(n *cluster.Node) string { return filepath.Join(w.faults, n.Name) }

// put writes a file with orders.
func (w *world) put(text string, path ...string) {
	w.t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// A round is some cells whose nodes die together. Each has a changefeed and databases of its own.
type round struct {
	*world
	maintainer, writer, another *cluster.Node
	trials                      []*trial
	killed                      time.Time
}

// roundLimit bounds how long after the kill the last row may be durable.
const roundLimit = 60 * time.Second

// run runs cells of one stage and one victim, and gives a result for each.
func (w *world) run(cells []cell) []result {
	turn := w.random.IntN(3)
	r := &round{world: w, maintainer: w.Nodes[turn], writer: w.Nodes[(turn+1)%3], another: w.Nodes[(turn+2)%3]}
	for _, n := range w.Nodes {
		w.put(r.maintainer.Name, w.ordersOf(n), "maintainer")
		w.put(r.writer.Name, w.ordersOf(n), "trigger")
	}
	for _, c := range cells {
		r.trials = append(r.trials, r.prepare(c))
	}
	r.each((*trial).place)
	r.each((*trial).begin)
	r.each((*trial).awaitHeld)
	r.each((*trial).operate)
	r.kill(cells[0].victim)
	r.awaitEnd()
	r.each((*trial).check)
	return r.clear()
}

// each does the next thing with every cell that is still good.
func (r *round) each(do func(*trial) error) {
	for _, x := range r.trials {
		if x.err == nil {
			x.err = do(x)
		}
	}
}

// kill kills the victims, lets the others go on, and starts the victims again: at once, or when the others have done
// without them.
func (r *round) kill(v victim) {
	dead := map[victim][]*cluster.Node{
		maintainerNode: {r.maintainer}, writerNode: {r.writer}, anotherNode: {r.another}, allNodes: r.Nodes,
	}[v]
	r.killed = time.Now()
	for _, n := range dead {
		n.Kill()
	}
	for _, x := range r.trials {
		x.release()
	}
	late := v != allNodes && r.random.IntN(3) == 0
	r.t.Logf("%s was killed: %s; maintainer on %s, writer on %s; back late: %v", v, names(dead), r.maintainer.Name, r.writer.Name, late)
	if late {
		r.awaitEnd()
	}
	for _, n := range dead {
		n.Start()
	}
}

func names(nodes []*cluster.Node) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return strings.Join(list, ", ")
}

// awaitEnd has each cell write once more, and waits until all that is committed is in the files.
func (r *round) awaitEnd() {
	r.each((*trial).writeAfter)
	target, err := cluster.Committed(r.t.Context(), r.server)
	if err != nil {
		r.t.Fatal(err)
	}
	waiting := slices.DeleteFunc(slices.Clone(r.trials), func(x *trial) bool { return x.err != nil })
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(roundLimit)
	for {
		waiting = slices.DeleteFunc(waiting, func(x *trial) bool {
			x.end = x.feed.Reach(target, 0)
			x.seconds = time.Since(r.killed).Seconds()
			return x.end == nil
		})
		if len(waiting) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			for _, x := range waiting {
				x.err = x.end
			}
			return
		}
	}
}

// clear takes everything away, and gives the results.
func (r *round) clear() (results []result) {
	r.AwaitReady(r.Nodes...)
	client := r.Client()
	for _, x := range r.trials {
		results = append(results, result{x.cell, x.seconds, x.err})
		if x.err != nil {
			r.t.Errorf("%s: changefeed %s: %v", x.cell, x.name, x.err)
		}
		r.try("remove "+x.name, func(ctx context.Context) error { return client.Remove(ctx, x.name) })
		r.server.MustExec(r.t, "DROP DATABASE IF EXISTS "+x.db+"; DROP DATABASE "+x.db+"_x")
	}
	cluster.Eventually(r.t, "three nodes live", func() bool {
		nodes, err := client.Nodes(r.t.Context())
		return err == nil && len(nodes) == len(r.Nodes)
	})
	return results
}

// try asks the cluster until it does something: it may just be choosing a coordinator.
func (w *world) try(what string, ask func(context.Context) error) {
	w.t.Helper()
	var err error
	if !poll(20*time.Second, func() bool {
		err = ask(w.t.Context())
		return err == nil
	}) {
		w.t.Errorf("%s: %v", what, err)
	}
}

// poll waits until a condition holds, and tells whether it did in time.
func poll(limit time.Duration, condition func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			return condition()
		}
	}
	return true
}

func pointer[T any](v T) *T { return &v }

// second gives the upstream's clock.
func (w *world) second() (s int64) {
	w.t.Helper()
	if err := w.server.DB().QueryRowContext(w.t.Context(), "SELECT UNIX_TIMESTAMP()").Scan(&s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// newSecond waits until the upstream's clock shows a second in which nothing was committed yet.
func (w *world) newSecond() {
	w.t.Helper()
	last := w.second()
	cluster.Eventually(w.t, "the upstream's next second", func() bool { return w.second() > last })
}

// spans lists the spans of a changefeed, of one table or of all.
func (w *world) spans(name string, table api.Table) ([]api.Span, error) {
	page, err := w.Client().Spans(w.t.Context(), name, api.SpanQuery{Table: table})
	if err != nil {
		return nil, fmt.Errorf("list the spans of %s: %w", name, err)
	}
	return page.Spans, nil
}
