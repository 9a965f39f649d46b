package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/actors"
	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/config"
)

// startNode runs a node of a cluster: its store, its API, and the actors.
func startNode(ctx context.Context, n *config.Node, c *console) error {
	log, closeLog, err := newLog(&config.Config{LogLevel: n.LogLevel, LogFormat: n.LogFormat, LogFile: n.LogFile}, newScreen(c.err, c.getenv))
	if err != nil {
		return err
	}
	defer closeLog()
	ctx, stop := untilSignal(ctx, log)
	defer stop()
	entry := log.WithField("node", n.Name)
	entry.WithFields(logrus.Fields{"data_dir": n.DataDir, "addr": n.Addr, "api": n.APIAddr, "version": version}).Info("starting")
	if !n.TLS() {
		entry.Info("no TLS: the node listens on loopback only; --tls-cert, --tls-key and --tls-ca let other machines reach it")
	}
	store, failed, closeStore, err := openStore(ctx, n, entry)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer closeStore()
	server, err := actors.NewServer(actors.ServeOptions{
		Name: n.Name, DataDir: n.DataDir, APIAddress: n.APIAddr, Labels: n.LabelMap(), LeaseTTL: n.LeaseTTL, Version: version,
		Remote: cluster.RemoteOptions{Listen: n.Addr, Advertise: n.Advertise, TLS: cluster.TLSFiles{Cert: n.TLSCert, Key: n.TLSKey, CA: n.TLSCA}},
		Store:  store, Failed: failed, Log: entry,
		Build: func(settings *config.Config) (actors.Options, error) { return nodeOptions(n, settings, entry) },
	})
	if err != nil {
		return err
	}
	surface, err := api.Start(api.Options{
		Addr: n.APIAddr, TLS: api.TLSFiles{Cert: n.TLSCert, Key: n.TLSKey, CA: n.TLSCA}, Control: server.Control(), Log: entry,
		Version: api.Version{Version: version, Commit: commit, Go: runtime.Version()},
	})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = surface.Close(closing)
	}()
	return server.Run(ctx)
}

// openStore connects to the external etcd, or becomes a member of the embedded one.
func openStore(ctx context.Context, n *config.Node, log *logrus.Entry) (store *cluster.Store, failed <-chan error, closeStore func(), err error) {
	if len(n.Etcd) > 0 {
		store, err = cluster.Dial(ctx, cluster.DialOptions{
			Endpoints: n.Etcd, TLS: cluster.TLSFiles{Cert: n.EtcdCert, Key: n.EtcdKey, CA: n.EtcdCA}, User: n.EtcdUser, Password: n.EtcdPassword, Log: log,
		})
		if err != nil {
			return nil, nil, nil, err
		}
		return store, nil, func() { _ = store.Close() }, nil
	}
	etcd, err := cluster.Embed(ctx, cluster.EmbedOptions{
		Dir: filepath.Join(n.DataDir), Name: n.Name, Peers: n.PeerMap(), ListenPeer: n.EtcdListenPeer, ListenClient: n.ListenClient(),
		TLS: cluster.TLSFiles{Cert: n.TLSCert, Key: n.TLSKey, CA: n.TLSCA}, Rejoin: n.EtcdRejoin, Log: log.WithField("part", "etcd"),
	})
	if err != nil {
		return nil, nil, nil, err
	}
	return cluster.NewStore(etcd.Client()), etcd.Failed(), func() { _ = etcd.Close() }, nil
}

// nodeOptions makes the options of a changefeed that this node has a part in.
func nodeOptions(n *config.Node, settings *config.Config, log *logrus.Entry) (actors.Options, error) {
	settings.RelaySize = n.RelaySize
	o, err := options(settings, log)
	if err != nil {
		return o, fmt.Errorf("changefeed %s: %w", settings.Changefeed, err)
	}
	o.Memory = min(o.Memory, uint64(n.Memory))
	return o, nil
}
