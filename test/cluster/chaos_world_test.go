package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/bank"
	"github.com/weir-cdc/weir/test/mariadb"
)

// A world is a cluster of three nodes, an upstream with a load, and what goes wrong with them.
type world struct {
	*testing.T
	random  *rand.Rand
	network *Network
	cluster *Cluster
	server  *mariadb.Server
	load    *bank.Load
	feed    *Feed

	shuffle *shuffle
	began   time.Time
	diary   *os.File
	struck  map[string]int // how often, by the fault's name
	states  map[api.State]int
	busy    map[string]bool // faults and nodes by name, while one lasts
}

// diskSize is more than a world's output takes.
const diskSize = "1g"

func newWorld(t *testing.T, random *rand.Rand, binary string) *world {
	t.Helper()
	w := &world{T: t, random: random, began: time.Now(), struck: map[string]int{}, busy: map[string]bool{}, states: map[api.State]int{}}
	options, gateway := Options{TLS: NewAuthority(t)}, ""
	if err := NetworkPossible(); err != nil {
		t.Logf("WITHOUT PARTITIONS AND SLOW LINKS: %v", err)
		w.server = mariadb.Start(t)
	} else {
		w.network = NewNetwork(t, 3)
		options.Hosts, gateway = w.network.Hosts, w.network.Gateway
		w.server = mariadb.Start(t, mariadb.Args("--bind-address=127.0.0.1,"+gateway))
		w.server.MustExec(t, "SET sql_log_bin = 0; CREATE USER root@'10.%'; GRANT ALL ON *.* TO root@'10.%'; SET sql_log_bin = 1")
	}
	w.cluster = New(t, options)
	for _, n := range w.cluster.Nodes {
		n.skew(binary)
	}
	diary, err := os.Create(filepath.Join(w.cluster.Dir, "nemesis.log"))
	if err != nil {
		t.Fatal(err)
	}
	w.diary = diary
	t.Cleanup(func() { diary.Close() })
	w.cluster.Start()
	w.mount(w.out())
	w.load = bank.Start(t, w.server, random)
	w.feed = w.cluster.Create("bank", FeedOptions{Server: w.server, Host: gateway, Out: w.out()})
	w.feed.CatchUp() // it takes the definitions of today: they must not change before
	return w
}

func (w *world) out() string { return filepath.Join(w.cluster.Dir, "out") }

// mount mounts a file system in memory at a new folder, which can be full without the machine's disk.
func (w *world) mount(dir string) {
	w.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.Fatal(err)
	}
	if err := mountMemory(dir, diskSize); err != nil {
		w.Fatalf("mount a small file system at %s: %v: this test needs root, in a container CAP_SYS_ADMIN", dir, err)
	}
	w.Cleanup(func() {
		if w.Failed() && os.Getenv("KEEP") != "" {
			if err := os.CopyFS(dir+"-kept", os.DirFS(dir)); err != nil {
				w.Error(err)
			}
		}
		if err := unmount(dir); err != nil {
			w.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// note writes what happens into the diary.
func (w *world) note(format string, args ...any) {
	now := time.Now()
	fmt.Fprintf(w.diary, "%s %5.1fs %s\n", now.UTC().Format("15:04:05.000"), now.Sub(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// torment lets load, shuffle and nemesis work for a while.
func (w *world) torment(duration time.Duration) {
	w.Helper()
	w.load.Flow(150, 3)
	w.shuffle = startShuffle(w)
	end := time.Now().Add(duration)
	for time.Now().Before(end) {
		w.watch(w.between(500*time.Millisecond, 4*time.Second))
		w.strike()
	}
	w.shuffle.stop()
	w.load.Stop()
}

// calm waits until the changefeed has caught up, with all nodes there and nothing in their way.
func (w *world) calm() {
	w.Helper()
	w.note("calm")
	begin := time.Now()
	if err := w.feed.Reach(w.feed.Committed(), patience); err != nil {
		w.cluster.stacks()
		w.Fatal(err)
	}
	w.note("caught up")
	w.Logf("faults: %v; moves of spans: %v; states: %v; caught up in %v", w.struck, w.shuffle.counts, w.states, time.Since(begin).Round(time.Millisecond))
}

// watch lets time pass, and ends the test if the changefeed fails or a node ends by itself.
func (w *world) watch(duration time.Duration) {
	w.Helper()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	end := time.After(duration)
	for {
		select {
		case <-end:
			return
		case <-tick.C:
		}
		w.look()
	}
}

func (w *world) look() {
	w.Helper()
	for _, n := range w.cluster.Nodes {
		if !n.Running() && !n.killed {
			w.Fatalf("%s ended by itself: %v\n%s", n.Name, n.process.err, n.Tail())
		}
	}
	cf, err := w.feed.glance()
	if err != nil {
		var e *api.Error
		if errors.As(err, &e) && e.Code == api.Internal {
			w.Errorf("ask for the changefeed: %v", err)
		}
		return
	}
	w.states[cf.State]++
	switch cf.State {
	case api.Failed, api.Stopped, api.Finished:
		w.Fatalf("the changefeed is %s: %s", cf.State, cf.Reason)
	}
}

// between chooses a duration.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)))
}

// node chooses a node by the part that it has, if that is known, else any.
func (w *world) node() (n *Node, part string) {
	switch w.random.IntN(4) {
	case 0:
		if cf, err := w.feed.glance(); err == nil && w.cluster.Node(cf.Owner) != nil {
			return w.cluster.Node(cf.Owner), "maintainer's"
		}
	case 1:
		if n := w.cluster.Coordinator(); n != nil {
			return n, "coordinator"
		}
	}
	return w.cluster.Nodes[w.random.IntN(len(w.cluster.Nodes))], "any"
}
