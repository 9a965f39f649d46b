package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/actors"
	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/messages"
	_ "github.com/weir-cdc/weir/sinks/blackhole" // the sink of the idle spans
)

// What idle spans may cost.
const (
	idleBytesTarget     = 2 << 10
	idleSyncpointTarget = 2 * time.Second
	idleSyncpoints      = 3
	idleWait            = 4 * time.Minute
)

// An idleReport tells what very many spans cost in which nothing happens.
type idleReport struct {
	Spans       int             `json:"spans"`
	StartUp     time.Duration   `json:"start_up_ns"`     // from nothing until a transaction behind it all is durable
	StartUpCPU  time.Duration   `json:"start_up_cpu_ns"` //
	Definitions float64         `json:"definition_bytes_per_span"`
	Heap        float64         `json:"heap_bytes_per_span"` // all else
	Resident    float64         `json:"resident_bytes_per_span"`
	Syncpoints  []time.Duration `json:"syncpoints_ns"` // from commit until the checkpoint is past it
	SyncCPU     []time.Duration `json:"syncpoints_cpu_ns"`
	IdleCPU     float64         `json:"idle_cpu"` // of one core
}

// measureIdle runs a node with very many spans in a process of its own, whose memory is nobody else's.
func measureIdle(ctx context.Context, o options) (*idleReport, error) {
	say("idle spans: %d on one node", o.spans)
	dir, err := os.MkdirTemp(o.dir, "idle")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, idleWait)
	defer cancel()
	child := exec.CommandContext(ctx, self, "-dir", dir, "-spans", fmt.Sprint(o.spans), "-idle-node", "-profile", o.profile)
	child.Stderr = os.Stderr
	out, err := child.Output()
	if err != nil {
		return nil, fmt.Errorf("run %d idle spans: %w", o.spans, err)
	}
	var r idleReport
	return &r, json.Unmarshal(out, &r)
}

// idleNode is the process with the spans; it writes its report to w.
func idleNode(ctx context.Context, o options, w io.Writer) error {
	r := idleReport{Spans: o.spans}
	source := newCrowd(o.spans)
	source.register()
	before := liveHeap()
	tables, _ := source.Snapshot(ctx, crowdMark(crowdStart)) // a crowd's never fails
	r.Definitions = float64(liveHeap()-before) / float64(o.spans)
	runtime.KeepAlive(tables)
	tables = nil
	node := idleFeed{source: source, ctx: ctx}
	stopProfile, err := profileCPU(o.profile, "start")
	if err != nil {
		return err
	}
	began, cpu := time.Now(), cpuTime()
	before = liveHeap()
	if err := node.start(o.dir); err != nil {
		return err
	}
	if err := node.pass(10 * time.Millisecond); err != nil {
		return err
	}
	r.StartUp, r.StartUpCPU = time.Since(began), cpuTime()-cpu
	stopProfile()
	r.Heap = float64(liveHeap()-before)/float64(o.spans) - r.Definitions
	if err := profileHeap(o.profile); err != nil {
		return err
	}
	quiet, cpu := time.Now(), cpuTime()
	node.rest(5 * time.Second)
	r.IdleCPU = (cpuTime() - cpu).Seconds() / time.Since(quiet).Seconds()
	for i := range idleSyncpoints {
		stopProfile, err := profileCPU(o.profile, fmt.Sprint("syncpoint", i))
		if err != nil {
			return err
		}
		began, cpu := time.Now(), cpuTime()
		if err := node.pass(time.Duration(i+1) * idleInterval); err != nil {
			return err
		}
		r.Syncpoints = append(r.Syncpoints, time.Since(began))
		r.SyncCPU = append(r.SyncCPU, cpuTime()-cpu)
		stopProfile()
	}
	r.Resident = float64(highWater(os.Getpid())) / float64(o.spans)
	return json.NewEncoder(w).Encode(r)
}

// idleInterval lies between two syncpoints, in commit time.
const idleInterval = time.Second

// An idleFeed is the node and its changefeed.
type idleFeed struct {
	ctx     context.Context
	source  *crowd
	running *actors.Running
}

func (n *idleFeed) start(dir string) error {
	all, err := filter.Parse([]string{"*.*"})
	if err != nil {
		return err
	}
	n.running, err = actors.Start(n.ctx, actors.Options{
		Changefeed: "idle", From: crowdURI, To: "blackhole://", DataDir: filepath.Join(dir, "data"), Tables: all,
		StartAt: "earliest", SyncpointInterval: idleInterval, Memory: 1 << 30, RelaySize: 1 << 30, Log: quietLog(),
	})
	return err
}

// pass commits a transaction and waits until the checkpoint has reached it.
func (n *idleFeed) pass(at time.Duration) error {
	ts := n.source.commit(at)
	for s := range n.running.Progress() {
		if s.Checkpoint >= ts {
			return nil
		}
		if s.State == messages.FeedState_FEED_WARNING || s.State == messages.FeedState_FEED_FAILED {
			return fmt.Errorf("the changefeed is in trouble: %s", s.Reason)
		}
	}
	return n.running.Wait()
}

// rest reads reports for a while.
func (n *idleFeed) rest(d time.Duration) {
	end := time.After(d)
	for {
		select {
		case <-n.running.Progress():
		case <-end:
			return
		}
	}
}

// quietLog holds warnings only.
func quietLog() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(os.Stderr)
	log.SetLevel(logrus.WarnLevel)
	return logrus.NewEntry(log)
}

// liveHeap is what is in use, stacks too, once the garbage is gone.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// profileCPU writes a profile into a folder; with none it does nothing.
func profileCPU(dir, name string) (stop func(), err error) {
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(dir, name+".cpu"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}

func profileHeap(dir string) error {
	if dir == "" {
		return nil
	}
	f, err := os.Create(filepath.Join(dir, "idle.heap"))
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.WriteHeapProfile(f)
}
