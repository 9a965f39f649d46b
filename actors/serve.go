package actors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/cluster/link"
	"github.com/weir-cdc/weir/cluster/link/session"
	"github.com/weir-cdc/weir/config"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/sources"
)

// ServeOptions is a node of a cluster.
type ServeOptions struct {
	Name       string
	DataDir    string
	Remote     cluster.RemoteOptions
	APIAddress string // where other nodes and commands reach its API
	Labels     map[string]string
	LeaseTTL   time.Duration
	Version    string // of the program
	Store      *cluster.Store
	// Failed delivers an error when the store that this process is a member of can not go on; may be nil.
	Failed <-chan error
	// Build makes the options of a changefeed out of its settings.
	Build func(*config.Config) (Options, error)
	// OnSent is told of each message to an actor of another node; may be nil.
	OnSent func(kind string, bytes int)
	Log    *logrus.Entry
}

// oldestVersion is the oldest protocol version between nodes that this build speaks, up to newestVersion.
const oldestVersion = uint32(barrier.TypedDone) - 1

// A Server is a node of a cluster at work in this process.
type Server struct {
	o       ServeOptions
	control *Control
	lock    *cluster.DirLock
}

// NewServer takes the node's data directory.
func NewServer(o ServeOptions) (*Server, error) {
	if err := os.MkdirAll(o.DataDir, 0o750); err != nil {
		return nil, fmt.Errorf("make the data directory: %w; choose another by --data-dir", err)
	}
	lock, err := cluster.LockDir(filepath.Join(o.DataDir, "relay"))
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, lock: lock}
	s.control = &Control{store: o.Store, name: o.Name, try: s.try}
	return s, nil
}

// Control answers for the cluster.
func (s *Server) Control() *Control { return s.control }

// Run joins the cluster and works until ctx ends or the node is drained: nil then. A node that loses its lease stops
// writing, and joins again as a new incarnation.
func (s *Server) Run(ctx context.Context) error {
	defer s.lock.Unlock()
	failures := 0
	for {
		joined := time.Now()
		end, err := s.live(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && end == Drained:
			s.o.Log.Info("the node is drained: it ends")
			return s.undrain()
		case errors.Is(err, cluster.ErrNameTaken), errors.Is(err, errStore):
			return err
		}
		if time.Since(joined) > time.Minute {
			failures = 0
		}
		delay := backoff(failures, 200*time.Millisecond, 10*time.Second)
		failures++
		entry := s.o.Log.WithField("retry_in", delay.String())
		if err != nil {
			entry = entry.WithError(err)
		}
		entry.Warn("the node joins the cluster anew")
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil
		}
	}
}

// undrain takes the mark off the name, so that whoever starts the node again means it.
func (s *Server) undrain() error {
	c, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.o.Store.SetDraining(c, s.o.Name, false); err != nil {
		return fmt.Errorf("%w: it would drain again when it is started again: weir drain %s --undo", err, s.o.Name)
	}
	return nil
}

var errStore = errors.New("the metadata store failed")

// incarnationOf makes the id of a new incarnation of a node; nodeOf gives the name of the node whose incarnation it is.
func incarnationOf(node string) string { return node + "-" + uuid.NewString()[:8] }

func nodeOf(incarnation string) string {
	return incarnation[:max(0, strings.LastIndexByte(incarnation, '-'))]
}

// live is one incarnation of the node.
func (s *Server) live(ctx context.Context) (end NodeEnd, err error) {
	o := s.o
	incarnation := incarnationOf(o.Name)
	log := o.Log.WithFields(logrus.Fields{"node": o.Name, "incarnation": incarnation})
	system := cluster.System(log)
	defer system.Shutdown()
	transport, err := cluster.Remote(system, o.Remote)
	if err != nil {
		return 0, err
	}
	if err := transport.Start(); err != nil {
		return 0, err
	}
	defer transport.Shutdown()
	member, err := o.Store.Join(ctx, cluster.JoinOptions{
		ID: incarnation, TTL: o.LeaseTTL, Log: log,
		Info: cluster.NodeInfo{
			Name: o.Name, Address: transport.Address(), APIAddress: o.APIAddress, Labels: o.Labels, Version: o.Version,
			ProtocolMin: int(oldestVersion), ProtocolMax: int(newestVersion), Started: time.Now().UTC(),
		},
	})
	if err != nil {
		return 0, err
	}
	defer func() {
		c, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = member.Leave(c)
	}()
	shop := newShop(o, member, log)
	defer shop.close()
	links := NewLinks()
	hub, err := link.New(link.Options{
		System: system, Incarnation: incarnation, Dial: links.Dial, OnPeer: system.NewLocalPID(nodeName), Reconnect: transport.Reconnect,
		Session: session.DefaultConfig(session.Range{Min: oldestVersion, Max: newestVersion}), OnSent: o.OnSent, Log: log,
	})
	if err != nil {
		return 0, err
	}
	defer hub.Stop() // else its actors would go on looking for the peers, beside those of the next incarnation
	links.Attach(hub)
	ended := make(chan NodeEnd, 1)
	pid, err := system.Root.SpawnNamed(NewNode(NodeOptions{
		Member: member, Store: o.Store, Links: links, Parts: shop, Entry: log,
		OnStatus:      func(*messages.FeedStatus) {},
		OnCoordinator: s.control.setCoordinator,
		OnStopped: func(end NodeEnd) {
			select {
			case ended <- end:
			default:
			}
		},
	}), nodeName)
	if err != nil {
		return 0, err
	}
	s.control.attach(system.Root, pid)
	defer s.control.attach(nil, nil)
	log.WithField("address", transport.Address()).Info("node joined the cluster")
	select {
	case <-ctx.Done():
	case end = <-ended:
		_ = system.Root.StopFuture(pid).Wait()
		return end, nil
	case cause, ok := <-o.Failed:
		if ok {
			err = fmt.Errorf("%w: %w", errStore, cause)
		}
	}
	system.Root.Send(pid, &shutDown{})
	select {
	case <-ended:
	case <-time.After(stopDeadline + 5*time.Second):
	}
	_ = system.Root.StopFuture(pid).Wait()
	return ToldToEnd, err
}

// try checks a definition: it opens both ends, and asks the upstream where "current" is.
func (s *Server) try(ctx context.Context, c *config.Config) error {
	o, err := s.o.Build(c)
	if err != nil {
		return err
	}
	source, err := sources.Open(o.From, o.Source)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := openable(o); err != nil {
		return err
	}
	if c.StopAt == "current" {
		c.StopAt, err = fixGoal(ctx, source)
	}
	return err
}

// fixGoal gives the upstream's position now in a form that Goal reads: whoever takes over must end at the same place.
func fixGoal(ctx context.Context, source sources.Source) (string, error) {
	head, err := source.Head(ctx)
	if err != nil {
		return "", fmt.Errorf("find --stop-at current: %w", err)
	}
	for _, text := range []string{"gtid:" + head, head} {
		if goal, err := source.Goal(ctx, text); err == nil && goal == head {
			return text, nil
		}
	}
	return "", fmt.Errorf("find --stop-at current: the upstream's position %s can not be given: name one by --stop-at", head)
}
