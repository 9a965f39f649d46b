package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
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
	memberName = "weir"
	// closeTimeout bounds the stop of a store that failed: its goroutines may be gone.
	closeTimeout = 3 * time.Second
)

// EmbedOptions say where an embedded etcd lives.
type EmbedOptions struct {
	Dir string        // the node's data directory; etcd gets the folder "etcd" in it
	Log *logrus.Entry // where etcd's own log goes
}

// An Embedded is an etcd of one member inside this process. It listens nowhere: its client calls the server's
// functions, so no port can be taken and nobody else on the machine can reach the metadata.
type Embedded struct {
	etcd   *embed.Etcd
	client *clientv3.Client
	lock   *DirLock
	fatal  *fatalHook
	close  sync.Once
}

// Embed locks the data directory and starts etcd in it. The errors to tell apart are ErrInUse, ErrNotWritable and
// ErrCorrupt. Every write is synced to disk before it is answered.
func Embed(ctx context.Context, o EmbedOptions) (*Embedded, error) {
	lock, err := LockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	e, err := startEtcd(ctx, o)
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
		e.etcd.Close()
	}()
	select {
	case <-stopped:
		return nil
	case <-time.After(closeTimeout):
		return fmt.Errorf("stop the metadata store: not done after %v", closeTimeout)
	}
}

func startEtcd(ctx context.Context, o EmbedOptions) (*Embedded, error) {
	dir := filepath.Join(o.Dir, "etcd")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := found(ctx, dir, o.Log); err != nil {
			return nil, err
		}
	}
	if err := inspect(filepath.Join(dir, "member", "snap", "db")); err != nil {
		return nil, startFailure(dir, true, err)
	}
	return serve(ctx, dir, true, NewZapCore(o.Log))
}

// found makes the store's folder. An etcd that was killed in its very first start comes up without a member, and
// waits for one for good; so the folder gets its name only when a first start is done.
func found(ctx context.Context, dir string, log *logrus.Entry) error {
	draft := dir + ".new"
	if err := os.RemoveAll(draft); err != nil {
		return notWritable(draft, err)
	}
	e, err := serve(ctx, draft, false, &zapCore{log: log, hushed: true}) // it complains of its early stop
	if err != nil {
		return err
	}
	if err := e.stop(); err != nil {
		return err
	}
	if err := os.Rename(draft, dir); err != nil {
		return notWritable(dir, err)
	}
	return syncDir(filepath.Dir(dir))
}

// serve starts etcd on a folder and waits until it answers.
func serve(ctx context.Context, dir string, existed bool, log zapcore.Core) (e *Embedded, err error) {
	hook := &fatalHook{failed: make(chan error, 1), starting: true}
	// etcd answers damaged files with a panic, or with a fatal log line, which the hook makes a panic.
	defer func() {
		if r := recover(); r != nil {
			e, err = nil, startFailure(dir, existed, asError(r))
		}
	}()
	smallSegments()
	server, err := embed.StartEtcd(embedConfig(dir, zap.New(log, zap.WithFatalHook(hook))))
	if err != nil {
		return nil, startFailure(dir, existed, err)
	}
	hook.started()
	e = &Embedded{etcd: server, fatal: hook}
	select {
	case <-server.Server.ReadyNotify():
		e.client = v3client.New(server.Server)
		return e, nil
	case err = <-server.Err():
	case err = <-hook.failed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, fmt.Errorf("start the metadata store in %s: %w", dir, errors.Join(err, e.stop()))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

func embedConfig(dir string, log *zap.Logger) *embed.Config {
	nowhere := url.URL{Scheme: "http", Host: "127.0.0.1:1"} // only a name: a lone member talks to no peer
	c := embed.NewConfig()
	c.Name, c.Dir = memberName, dir
	c.ListenPeerUrls, c.ListenClientUrls = nil, nil
	c.AdvertisePeerUrls, c.AdvertiseClientUrls = []url.URL{nowhere}, nil
	c.InitialCluster = c.InitialClusterFromName(memberName)
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(log)
	c.EnableGRPCGateway = false

	// A lone member elects itself: a short election is a fast start.
	c.TickMs, c.ElectionMs = 50, 250
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

// A fatalHook stands in for the exit of the process that etcd asks for by logging at level fatal: in the start it is
// an error of Embed, later one of Failed.
type fatalHook struct {
	mu       sync.Mutex
	starting bool
	failed   chan error
}

func (h *fatalHook) started() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.starting = false
}

// OnWrite ends the goroutine that logged: etcd relies on not coming back.
func (h *fatalHook) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := fatalError(entry, fields)
	h.mu.Lock()
	starting := h.starting
	h.mu.Unlock()
	if starting {
		panic(err)
	}
	select {
	case h.failed <- err:
	default: // one is enough
	}
	runtime.Goexit()
}

func fatalError(entry *zapcore.CheckedEntry, fields []zapcore.Field) error {
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			return fmt.Errorf("metadata store: %s: %w", entry.Message, err)
		}
	}
	return fmt.Errorf("metadata store: %s", entry.Message)
}
