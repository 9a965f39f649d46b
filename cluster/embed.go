package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// ErrCorrupt tells that the metadata on disk can not be read.
var ErrCorrupt = errors.New("metadata store damaged")

const (
	memberName = "weir" // of a lone store
	// closeTimeout bounds the stop of a store that failed: its goroutines may be gone.
	closeTimeout = 3 * time.Second
)

// EmbedOptions say where an embedded etcd lives and, for a member of a cluster, who its peers are.
type EmbedOptions struct {
	Dir string        // the node's data directory; etcd gets the folder "etcd" in it, a member's is "etcd-member"
	Log *logrus.Entry `json:"-"` // where etcd's own log goes

	// Peers maps the name of each member of the first start, this one among them, to the URL by which the others reach
	// it. With none, the store is a lone one, and what follows has no meaning.
	Peers           map[string]string
	Name            string   // of this member
	ListenPeer      string   // URL; the own one of Peers if empty
	ListenClient    string   // URL; the host of ListenPeer with port 2379 if empty
	AdvertiseClient string   // URL by which others reach ListenClient; the same, with the host of the own peer URL, if empty
	TLS             TLSFiles // for both; without it every URL is a loopback one
	// Rejoin lets a member that lost its disk give up its former place in the cluster and take a new one.
	Rejoin bool
}

// An Embedded is an etcd inside this process.
//
// A lone one listens nowhere: its client calls the server's functions, so no port can be taken and nobody else on the
// machine can reach the metadata. A member of a cluster listens for its peers and for clients; its client knows the
// other members too, and turns to them when the own one has no leader.
type Embedded struct {
	etcd   *embed.Etcd
	client *clientv3.Client
	lock   *DirLock
	fatal  *fatalHook
	close  sync.Once
}

// Embed locks the data directory, starts etcd in it and waits until it answers; a member of a cluster waits for a
// majority. The errors to tell apart are ErrInUse, ErrNotWritable, ErrCorrupt and ErrMemberLost. Every write is synced
// to disk before it is answered.
func Embed(ctx context.Context, o EmbedOptions) (*Embedded, error) {
	lock, err := LockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	start := startLone
	if len(o.Peers) > 0 {
		start = startMember
	}
	e, err := start(ctx, o)
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	e.lock = lock
	return e, nil
}

// Client gives the client of the embedded server. Close ends it.
func (e *Embedded) Client() *clientv3.Client { return e.client }

// Failed delivers one error if etcd can not go on, for example as the disk is full. The process must end then.
func (e *Embedded) Failed() <-chan error { return e.fatal.failed }

// Close stops etcd and lets the data directory go. Calling it again does nothing.
func (e *Embedded) Close() error {
	var err error
	e.close.Do(func() {
		err = e.stop()
		err = errors.Join(err, e.lock.Unlock())
	})
	return err
}

func (e *Embedded) stop() error {
	if e.client != nil {
		e.client.Close()
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		e.etcd.Server.Stop() // first: else the requests of clients are waited for, and watches are requests
		e.etcd.Close()
	}()
	select {
	case <-stopped:
		return nil
	case <-time.After(closeTimeout):
		return fmt.Errorf("stop the metadata store: not done after %v", closeTimeout)
	}
}

// The folders of the two forms differ: a lone store must never come up as a member, nor a member alone.
const (
	loneFolder   = "etcd"
	memberFolder = "etcd-member"
)

func startLone(ctx context.Context, o EmbedOptions) (*Embedded, error) {
	if exists(filepath.Join(o.Dir, memberFolder)) {
		return nil, fmt.Errorf("start the metadata store in %s: it belongs to a member of a cluster: give --etcd-peers as before, or another --data-dir", o.Dir)
	}
	dir := filepath.Join(o.Dir, loneFolder)
	f := founding{dir: dir, mayWipe: func(string) bool { return true }}
	if err := f.begin(); err != nil {
		return nil, err
	}
	e, err := serve(ctx, loneConfig(dir), !f.fresh, o.Log)
	if err != nil {
		return nil, err
	}
	e.client = v3client.New(e.etcd.Server)
	if err := f.end(); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

// serve starts etcd and waits until it answers.
func serve(ctx context.Context, c *embed.Config, existed bool, log *logrus.Entry) (e *Embedded, err error) {
	hook := &fatalHook{failed: make(chan error, 1), starting: true}
	// etcd answers damaged files with a panic, or with a fatal log line, which the hook makes a panic.
	defer func() {
		if r := recover(); r != nil {
			e, err = nil, startFailure(c.Dir, existed, asError(r))
		}
	}()
	if existed {
		if err := inspect(filepath.Join(c.Dir, "member", "snap", "db")); err != nil {
			return nil, startFailure(c.Dir, true, err)
		}
	}
	smallSegments()
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(NewZapCore(log), zap.WithFatalHook(hook)))
	server, err := embed.StartEtcd(c)
	if err != nil {
		return nil, startFailure(c.Dir, existed, err)
	}
	hook.started()
	e = &Embedded{etcd: server, fatal: hook}
	select {
	case <-server.Server.ReadyNotify():
		return e, nil
	case err = <-server.Err():
	case err = <-hook.failed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, fmt.Errorf("start the metadata store in %s: %w", c.Dir, errors.Join(err, e.stop()))
}

func loneConfig(dir string) *embed.Config {
	nowhere := url.URL{Scheme: "http", Host: "127.0.0.1:1"} // only a name: a lone member talks to no peer
	c := baseConfig(dir)
	c.Name = memberName
	c.ListenPeerUrls, c.ListenClientUrls = nil, nil
	c.AdvertisePeerUrls, c.AdvertiseClientUrls = []url.URL{nowhere}, nil
	c.InitialCluster = c.InitialClusterFromName(memberName)
	// A lone member elects itself, after 1 to 6 ticks: most of the time of a start would be spent on that.
	c.TickMs, c.ElectionMs = 10, 50
	return c
}

func baseConfig(dir string) *embed.Config {
	c := embed.NewConfig()
	c.Dir = dir
	c.EnableGRPCGateway = false
	// The log is synced at each write; the database behind it may follow each second.
	c.BackendBatchInterval = time.Second
	c.SnapshotCount, c.SnapshotCatchUpEntries = 5000, 100
	c.MaxSnapFiles, c.MaxWalFiles = 2, 2
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModeRevision, "1000"
	c.QuotaBackendBytes = 2 << 30
	c.BootstrapDefragThresholdMegabytes = 64
	c.DowngradeCheckTime = 0
	c.WarningApplyDuration = time.Second
	c.WarningUnaryRequestDuration = 2 * time.Second
	return c
}

var smallSegments = sync.OnceFunc(func() { wal.SegmentSizeBytes = 8 << 20 }) // each is preallocated, 64 MiB by default

// startFailure says what is wrong with etcd's folder, and the fix.
func startFailure(dir string, existed bool, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return notWritable(dir, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("start the metadata store in %s: the disk is full: free space there, or give another --data-dir: %w", dir, err)
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("start the metadata store: listen for peers and clients: give another address by --etcd-peers or --etcd-listen: %w", err)
	case existed && filepath.Base(dir) == memberFolder:
		return fmt.Errorf("%w: %s can not be read: move it away and start this node once with --etcd-rejoin, the other members hold all of it: %w", ErrCorrupt, dir, err)
	case existed:
		return fmt.Errorf("%w: %s can not be read: restore it from a backup, or move it away and start the changefeed anew with --start-at: %w", ErrCorrupt, dir, err)
	default:
		return fmt.Errorf("start the metadata store in %s: %w", dir, err)
	}
}

func asError(r any) error {
	if err, ok := r.(error); ok {
		return err
	}
	return fmt.Errorf("%v", r)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

var _ zapcore.Core = (*zapCore)(nil)
