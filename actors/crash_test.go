package actors

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	_ "github.com/weir-cdc/weir/codec/all"
	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/messages"
	_ "github.com/weir-cdc/weir/sinks/storage"
	"github.com/weir-cdc/weir/sources"
	"github.com/weir-cdc/weir/sources/workload"
	"github.com/weir-cdc/weir/test/replay"
)

func init() {
	sources.Register("workload", func(uri string, _ sources.Settings) (sources.Source, error) { return workload.Open(uri) })
}

// A bankRun is a changefeed from the built-in bank to files.
type bankRun struct {
	t   *testing.T
	uri string
	dir string
	out string
	// flush is the sink's interval, sync that of syncpoints.
	flush, sync time.Duration
	stop        string        // --stop-at
	giveUp      time.Duration // --give-up-after
}

func newBankRun(t *testing.T, uri string) *bankRun {
	dir := t.TempDir()
	if keep := os.Getenv("KEEP"); keep != "" {
		dir, _ = os.MkdirTemp(keep, "run")
	}
	return &bankRun{t: t, uri: uri, dir: filepath.Join(dir, "data"), out: filepath.Join(dir, "out"),
		flush: 200 * time.Millisecond, sync: 500 * time.Millisecond, stop: "gtid:0-1-14000"}
}

func (b *bankRun) start(ctx context.Context) *Running {
	b.t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	if os.Getenv("WEIR_LOG") != "" {
		log.SetOutput(b.t.Output())
		log.SetLevel(logrus.DebugLevel)
	}
	r, err := Start(ctx, Options{
		Changefeed: "test", From: b.uri, To: "file://" + b.out + "?protocol=csv&include-commit-ts=true&flush-interval=" + b.flush.String(),
		DataDir: b.dir, Tables: filter.All(), StartAt: "earliest", StopAt: b.stop, SyncpointInterval: b.sync,
		Memory: 8 << 20, RelaySize: 1 << 30, GiveUpAfter: b.giveUp, Log: logrus.NewEntry(log),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// finish waits for the end, and calls during for each status on the way.
func (b *bankRun) finish(r *Running, during func(*messages.FeedStatus)) {
	b.t.Helper()
	deadline := time.After(2 * time.Minute)
	var last *messages.FeedStatus
	for {
		select {
		case s, more := <-r.Progress():
			if !more {
				if err := r.Wait(); err != nil {
					b.t.Fatal(err)
				}
				return
			}
			last = s
			during(s)
		case <-deadline:
			b.t.Fatalf("the changefeed does not end: %v", last)
		}
	}
}

// lines is the output as text: every row of every table version, every database DDL, every syncpoint.
func (b *bankRun) lines() []string {
	b.t.Helper()
	o, err := replay.Read(b.out)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range o.Problems {
		b.t.Errorf("%s", p)
	}
	var lines []string
	if all := countRows(o); all > o.Rows() {
		b.t.Errorf("%d of %d rows lie above the checkpoint in metadata, %d, after an orderly end", all-o.Rows(), all, o.CheckpointTs)
	}
	for _, d := range o.Databases {
		lines = append(lines, fmt.Sprintf("%d %s", d.TableVersion, d.Query))
	}
	for _, v := range o.Versions {
		lines = append(lines, fmt.Sprintf("%s %d %s", v.Name(), v.TableVersion, v.Query))
		for _, r := range v.Rows {
			lines = append(lines, fmt.Sprintf("%s %d %c %d %s", v.Name(), v.TableVersion, r.Op, r.CommitTs, replay.Print(r.Values)))
		}
	}
	points, err := filepath.Glob(filepath.Join(b.out, "syncpoints", "*.json"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range points {
		lines = append(lines, filepath.Base(p))
	}
	return lines
}

func countRows(o *replay.Output) (n int) {
	for _, v := range o.Versions {
		n += len(v.Rows)
	}
	return n
}

func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	if len(want) < 100 {
		t.Fatalf("the calm run wrote %d lines only", len(want))
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			at := "nothing"
			if i < len(got) {
				at = got[i]
			}
			t.Fatalf("line %d of %d (got %d): got %s, want %s", i, len(want), len(got), at, want[i])
		}
	}
	if len(got) > len(want) {
		t.Fatalf("%d lines too many: %s", len(got)-len(want), got[len(want)])
	}
}

// living lists the actors of the node whose place in the tree matches.
func living(r *Running, match func(path string) bool) []*actor.PID {
	var found []*actor.PID
	for _, shard := range r.system.ProcessRegistry.LocalPIDs.LocalPIDs {
		for _, id := range shard.Keys() {
			if strings.HasPrefix(id, nodeName) && match(strings.TrimPrefix(id, nodeName)) {
				found = append(found, r.system.NewLocalPID(id))
			}
		}
	}
	return found
}

const bankURI = "workload://bank?seed=7&tables=6&rows=40&rate=4000&transactions=14000&ddl=300ms"

// kinds tells actors apart by their place in the tree.
var kinds = map[string]func(path string) bool{
	"coordinator":   func(p string) bool { return p == "/coordinator" },
	"puller":        func(p string) bool { return p == "/test/puller" },
	"pull":          func(p string) bool { return strings.HasPrefix(p, "/test/puller/") },
	"maintainer":    func(p string) bool { return p == "/test/maintainer" },
	"feeder":        func(p string) bool { return strings.HasPrefix(p, "/test/maintainer/") && strings.Count(p, "/") == 3 },
	"reader":        func(p string) bool { return strings.HasPrefix(p, "/test/maintainer/") && strings.Count(p, "/") == 4 },
	"group":         func(p string) bool { return p == "/test/group" },
	"dispatcher":    func(p string) bool { return strings.HasPrefix(p, "/test/group/") && strings.Contains(p, ".") },
	"table trigger": func(p string) bool { return strings.HasPrefix(p, "/test/group/") && strings.HasSuffix(p, ".1") },
	"sink":          func(p string) bool { return p == "/test/group/sink" },
	"sink worker":   func(p string) bool { return strings.HasPrefix(p, "/test/group/sink/") },
	"node":          func(p string) bool { return p == "" },
}

// crash makes a random actor of the kind panic, and tells whether there was one. What a sink's worker takes is known to the
// sink alone: it is ended, as one that has panicked is.
func (b *bankRun) crash(r *Running, random *rand.Rand, kind string) bool {
	pids := living(r, kinds[kind])
	if len(pids) == 0 {
		return false
	}
	if pid := pids[random.IntN(len(pids))]; kind == "sink worker" {
		r.system.Root.Stop(pid)
	} else {
		r.system.Root.Send(pid, nilMessage(kind))
	}
	return true
}

// Every kind of actor is made to panic again and again in mid-stream; the output is that of a run in peace.
func TestAnyActorMayPanic(t *testing.T) {
	calm := newBankRun(t, bankURI)
	calm.finish(calm.start(context.Background()), func(*messages.FeedStatus) {})
	want := calm.lines()
	for kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBankRun(t, bankURI)
			r := b.start(context.Background())
			random := rand.New(rand.NewPCG(1, uint64(len(kind))))
			crashes, seen, next := 0, 0, 0
			b.finish(r, func(s *messages.FeedStatus) {
				if s.State == messages.FeedState_FEED_FINISHED && kind == "node" {
					return
				}
				if seen++; seen >= next && crashes < 5 && b.crash(r, random, kind) {
					crashes++
					next = seen + 1 + random.IntN(5)
				}
			})
			if crashes == 0 {
				t.Fatalf("no %s was found to crash", kind)
			}
			sameLines(t, b.lines(), want)
			t.Logf("%d crashes", crashes)
		})
	}
	for seed := range seeds() {
		t.Run(fmt.Sprintf("all kinds, seed %d", seed), func(t *testing.T) {
			t.Parallel()
			b := newBankRun(t, bankURI)
			r := b.start(context.Background())
			random := rand.New(rand.NewPCG(2, seed))
			names := slices.Sorted(maps.Keys(kinds))
			crashes := map[string]int{}
			total := 0
			b.finish(r, func(s *messages.FeedStatus) {
				kind := names[random.IntN(len(names))]
				if s.State == messages.FeedState_FEED_FINISHED && kind == "node" {
					return // an end that is broken off is not in order
				}
				if total < 25 && random.IntN(2) == 0 && b.crash(r, random, kind) {
					crashes[kind]++
					total++
				}
			})
			sameLines(t, b.lines(), want)
			t.Logf("crashes: %v", crashes)
		})
	}
}

// nilMessage makes an actor of the kind panic: those of this package on request, a sink by a message without content.
func nilMessage(kind string) any {
	switch kind {
	case "sink":
		return (*messages.Write)(nil)
	case "pull":
		return (*pullRun)(nil)
	case "reader":
		return (*read)(nil)
	}
	return &crash{reason: "test"}
}

// A changefeed may be stopped at any moment, also while its sink is down, and goes on from there.
func TestStopAndGoOn(t *testing.T) {
	const uri = "workload://bank?seed=3&tables=6&rows=40&rate=6000&transactions=14000&ddl=300ms"
	calm := newBankRun(t, uri)
	calm.finish(calm.start(context.Background()), func(*messages.FeedStatus) {})
	want := calm.lines()
	for name, crash := range map[string]bool{"in order": false, "with the sink down": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBankRun(t, uri)
			b.flush = 3 * time.Second // so that much is in flight
			random := rand.New(rand.NewPCG(3, uint64(len(name))))
			for range 3 {
				ctx, cancel := context.WithCancel(context.Background())
				r := b.start(ctx)
				left := 1 + random.IntN(5)
				b.finish(r, func(*messages.FeedStatus) {
					if left--; left == 0 {
						if crash {
							b.crash(r, random, "sink")
						}
						cancel()
					}
				})
				cancel()
			}
			b.finish(b.start(context.Background()), func(*messages.FeedStatus) {})
			sameLines(t, b.lines(), want)
		})
	}
}

// seeds are those of the runs in which all kinds crash: the same few each time, or as many as WEIR_SEEDS says.
func seeds() uint64 {
	n, err := strconv.ParseUint(os.Getenv("WEIR_SEEDS"), 10, 16)
	if err != nil {
		return 3
	}
	return n
}
