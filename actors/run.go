package actors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schedule"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sources"
)

// Options is one changefeed in one process.
type Options struct {
	Changefeed string
	From, To   string // URIs
	DataDir    string
	Tables     *filter.Filter
	StartAt    string
	// StopAt is "current", a source position, or "" to follow on.
	StopAt            string
	SyncpointInterval time.Duration
	Memory            uint64 // bytes of rows in flight
	RelaySize         int64
	// GiveUpAfter is how long the changefeed may be in trouble while its checkpoint does not move; 0 for good.
	GiveUpAfter time.Duration
	// Schedule holds the limits of placement.
	Schedule schedule.Options
	Source   sources.Settings
	// Node is this node's name, "" for a lone one.
	Node string
	Log  *logrus.Entry
}

// leaseTTL is how long a node may be silent. Nobody waits to succeed a lone node: one that was stopped, or slept with its
// machine, goes on.
const leaseTTL = 24 * time.Hour

// A Running is a node at work in this process.
type Running struct {
	progress chan *messages.FeedStatus
	ended    chan struct{}
	err      error

	system *actor.ActorSystem

	mu   sync.Mutex
	last *messages.FeedStatus
}

// Progress tells several times a second how far the changefeed is, and closes when it has ended. A slow reader misses
// some, never the last.
func (r *Running) Progress() <-chan *messages.FeedStatus { return r.progress }

// Wait gives, after the end, nil if the changefeed reached its goal or was stopped in order, else why it failed.
func (r *Running) Wait() error {
	<-r.ended
	return r.err
}

// publish replaces what nobody has read.
func (r *Running) publish(s *messages.FeedStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = s
	select {
	case <-r.progress:
	default:
	}
	r.progress <- s
}

// parts is what a node stands on, closed in the reverse order.
type parts struct {
	closers []func() error
	store   *cluster.Store
	member  *cluster.Node
	etcd    *cluster.Embedded
	source  sources.Source
	log     *relay.Log
	catalog *schema.Catalog
	record  cluster.Changefeed
	goal    string
}

func (p *parts) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		_ = p.closers[i]()
	}
}

// Start puts a node together and starts it. When ctx ends, the node writes out what is in flight, stores its checkpoint
// and ends.
func Start(ctx context.Context, o Options) (*Running, error) {
	p := &parts{catalog: schema.NewCatalog()}
	if err := p.assemble(ctx, o); err != nil {
		p.close()
		return nil, err
	}
	r := &Running{progress: make(chan *messages.FeedStatus, 1), ended: make(chan struct{}), system: cluster.System(o.Log)}
	go r.run(ctx, o, p)
	return r, nil
}

func (p *parts) assemble(ctx context.Context, o Options) error {
	var err error
	if err := os.MkdirAll(o.DataDir, 0o750); err != nil {
		return fmt.Errorf("make the data directory: %w; choose another by --data-dir", err)
	}
	if p.source, err = sources.Open(o.From, o.Source); err != nil {
		return err
	}
	p.closers = append(p.closers, p.source.Close)
	if _, err := sinks.Open(o.To, sinks.Env{Changefeed: o.Changefeed, Catalog: p.catalog, Log: o.Log}); err != nil {
		return err
	}
	if p.etcd, err = cluster.Embed(ctx, cluster.EmbedOptions{Dir: o.DataDir, Log: o.Log.WithField("part", "etcd")}); err != nil {
		return err
	}
	p.closers = append(p.closers, p.etcd.Close)
	p.store = cluster.NewStore(p.etcd.Client())
	if p.member, err = p.store.Join(ctx, cluster.JoinOptions{ID: nodeName, TTL: leaseTTL, Alone: true, Log: o.Log}); err != nil {
		return fmt.Errorf("join the cluster: %w", err)
	}
	p.closers = append(p.closers, p.leave)
	if err := p.enroll(ctx, o); err != nil {
		return err
	}
	if p.goal, err = p.stopAt(ctx, o); err != nil {
		return err
	}
	return p.openLog(o)
}

const nodeName = "node"

func (p *parts) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return p.member.Leave(ctx)
}

// enroll finds the changefeed's record, or makes it.
func (p *parts) enroll(ctx context.Context, o Options) error {
	cf, err := p.store.Changefeed(ctx, o.Changefeed)
	switch {
	case errors.Is(err, cluster.ErrNoChangefeed):
		p.record, err = cluster.NewChangefeed(o.Changefeed, uuid.NewString(), o.From, o.To, nil, time.Now())
		if err != nil {
			return err
		}
		return p.store.Create(ctx, p.record)
	case err != nil:
		return err
	case !cf.SameSource(o.From):
		return fmt.Errorf("changefeed %s in %s follows another upstream, %s: give that one to resume, or another --data-dir or --changefeed to begin anew", o.Changefeed, o.DataDir, cf.Source)
	case !cf.SameSink(o.To):
		return fmt.Errorf("changefeed %s in %s writes to another place, %s: give that one to resume, or another --data-dir or --changefeed to begin anew", o.Changefeed, o.DataDir, cf.Sink)
	}
	p.record = cf
	// Whatever ended the last run, this command asks to go on.
	return p.store.SetState(ctx, o.Changefeed, cluster.Normal, "")
}

func (p *parts) stopAt(ctx context.Context, o Options) (string, error) {
	var goal string
	var err error
	switch o.StopAt {
	case "":
		return "", nil
	case "current":
		goal, err = p.source.Head(ctx)
	default:
		goal, err = p.source.Goal(ctx, o.StopAt)
	}
	if err != nil {
		return "", fmt.Errorf("find --stop-at %s: %w", o.StopAt, err)
	}
	return goal, nil
}

// openLog opens the relay log. It holds nothing that the upstream can not give again, so a damaged one is begun anew.
func (p *parts) openLog(o Options) error {
	dir := filepath.Join(o.DataDir, "relay", p.record.UUID)
	options := relay.Options{MaxBytes: o.RelaySize}
	log, err := relay.Open(dir, options)
	if errors.Is(err, relay.ErrCorrupt) {
		o.Log.WithError(err).Warn("relay log is damaged: it is read from the upstream again")
		if err := relay.Clear(dir); err != nil {
			return err
		}
		log, err = relay.Open(dir, options)
	}
	if err != nil {
		return err
	}
	p.log = log
	watchOversize(log, o.RelaySize, o.Log)
	p.closers = append(p.closers, log.Close)
	return nil
}

// run lives as long as the node.
func (r *Running) run(ctx context.Context, o Options, p *parts) {
	defer close(r.ended)
	defer close(r.progress)
	defer p.close()
	system := r.system
	stopped, finished := make(chan struct{}, 1), make(chan struct{}, 1)
	notify := func(c chan struct{}) {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	node, err := system.Root.SpawnNamed(NewNode(NodeOptions{
		Member: p.member, Store: p.store, Alone: true, Parts: lone{p, o}, Entry: o.Log,
		OnStatus: func(s *messages.FeedStatus) {
			r.publish(s)
			if s.State == messages.FeedState_FEED_FAILED || s.State == messages.FeedState_FEED_FINISHED {
				notify(finished)
			}
		},
		OnStopped: func(NodeEnd) { notify(stopped) },
	}), nodeName)
	if err != nil {
		r.err = fmt.Errorf("start the node: %w", err)
		return
	}
	select {
	case <-ctx.Done():
	case <-finished:
	case <-stopped:
		r.err = errors.New("the node gave up: its lease was lost")
	case err := <-p.etcd.Failed():
		r.err = fmt.Errorf("the metadata store failed: %w", err)
	}
	system.Root.Send(node, &shutDown{})
	select {
	case <-stopped:
	case <-time.After(stopDeadline + 5*time.Second):
	}
	_ = system.Root.StopFuture(node).Wait()
	r.mu.Lock()
	if r.last != nil && r.last.State == messages.FeedState_FEED_FAILED {
		r.err = errors.New(r.last.Reason)
	}
	r.mu.Unlock()
	system.Shutdown()
}

// lone is the Workshop of a process that runs one changefeed.
type lone struct {
	p *parts
	o Options
}

func (l lone) material() material {
	return material{store: l.p.store, source: l.p.source, log: l.p.log, catalog: l.p.catalog, record: l.p.record, goal: l.p.goal}
}

// Feed gives what runs the changefeed.
func (l lone) Feed(context.Context, string, string) (FeedParts, error) {
	o := l.o
	o.Schedule.SplitAbove = math.MaxUint64 // one node has nobody to share a hot table with, and whole tables are simpler to read
	return l.material().feed(o), nil
}

// Group gives what writes it downstream.
func (l lone) Group(context.Context, string, string) (GroupParts, error) {
	return l.material().group(l.o, nil)
}
