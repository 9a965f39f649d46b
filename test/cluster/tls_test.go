package cluster

import (
	"context"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

// Three nodes with certificates: nodes, their etcd and the API speak TLS, and take nobody without a certificate of the CA.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca := NewAuthority(t)
	c := New(t, Options{TLS: ca})
	c.Start()
	server := mariadb.Start(t)
	load := newTraffic(t, server, 50, "h", "i")
	f := c.feed("shop", server, "shop")
	f.create()
	f.flows(load)
	c.MustWeir("changefeed", "split", "shop", "shop.h", "--into", "4")
	f.spans("h", 4)
	f.flows(load)

	stranger := NewAuthority(t)
	pair := stranger.Issue(t, "127.0.0.1")
	own := ca.Issue(t, "user")
	for _, x := range []struct {
		name       string
		server, ca string
		pair       mariadb.Certificate
		code       int
		says       string
	}{
		{"a CA that did not sign the node's certificate", c.Nodes[0].APIURL(), stranger.File, own, 5, "give the CA that signed its certificate by --tls-ca"},
		{"a certificate of another CA", c.Nodes[0].APIURL(), ca.File, pair, 5, "refuse this side's certificate"},
		{"no certificate", c.Nodes[0].APIURL(), ca.File, mariadb.Certificate{}, 1, "certificate"},
		{"no TLS", "http://" + net.JoinHostPort(c.Nodes[0].IP, apiPort), "", mariadb.Certificate{}, 5, "https://"},
	} {
		args := []string{"changefeed", "list", "--server", x.server}
		for _, f := range []struct{ flag, file string }{{"--tls-ca", x.ca}, {"--tls-cert", x.pair.Cert}, {"--tls-key", x.pair.Key}} {
			if f.file != "" {
				args = append(args, f.flag, f.file)
			}
		}
		p := weir.Launch(t, args...)
		if code := p.Wait(t); code != x.code || !strings.Contains(p.Stderr(), x.says) {
			t.Errorf("%s: got exit code %d and %q, want %d and that it says %q", x.name, code, p.Stderr(), x.code, x.says)
		}
	}

	// A node with a certificate of another CA gets nowhere, and says why.
	node := c.Nodes[2]
	node.Kill()
	second := weir.Launch(t, "node", "--name", "n3", "--addr", net.JoinHostPort(node.IP, nodePort), "--api-addr", net.JoinHostPort(node.IP, apiPort),
		"--etcd", c.Nodes[0].url("2379"), "--etcd-ca", ca.File, "--etcd-cert", pair.Cert, "--etcd-key", pair.Key, "--data-dir", t.TempDir(),
		"--tls-ca", ca.File, "--tls-cert", pair.Cert, "--tls-key", pair.Key)
	if code := second.Wait(t); code != 1 || !strings.Contains(second.Stderr(), "refuses this side's certificate") {
		t.Errorf("a node with a certificate of another CA: got exit code %d and %q, want 1 and that the certificate is refused", code, second.Stderr())
	}
	f.flows(load)
	node.Start()
	c.AwaitReady(node)
	load.end()
	f.CatchUp()
	f.Compare()
}

// An external etcd with TLS: three nodes of which none embeds one.
func TestExternalEtcd(t *testing.T) {
	t.Parallel()
	ca := NewAuthority(t)
	c := New(t, Options{})
	endpoint := startEtcd(t, c.Nodes[0].IP, ca)
	user := ca.Issue(t, "weir")
	for _, n := range c.Nodes {
		n.Flags = []string{"--name", n.Name, "--addr", net.JoinHostPort(n.IP, nodePort), "--api-addr", net.JoinHostPort(n.IP, apiPort), "--data-dir", n.Dir,
			"--etcd", endpoint, "--etcd-ca", ca.File, "--etcd-cert", user.Cert, "--etcd-key", user.Key}
	}
	c.Start()
	server := mariadb.Start(t)
	load := newTraffic(t, server, 50, "h")
	f := c.feed("shop", server, "shop")
	f.create()
	f.flows(load)
	owner := f.owner()
	owner.Kill()
	t.Logf("rows flow %v after the maintainer's node was killed", f.flows(load).Round(time.Millisecond))
	owner.Start()
	c.AwaitReady(owner)
	load.end()
	f.CatchUp()
	f.Compare()

	for _, x := range []struct{ name, endpoint, ca, says string }{
		{"another CA", endpoint, NewAuthority(t).File, "authority that is not trusted"},
		{"no TLS", strings.Replace(endpoint, "https", "http", 1), "", "metadata store not reachable"},
		{"nobody there", "https://" + net.JoinHostPort(c.Nodes[1].IP, "1"), ca.File, "start it, or correct the address"},
	} {
		args := []string{"node", "--name", "n4", "--addr", net.JoinHostPort(c.Nodes[0].IP, "18301"), "--api-addr", net.JoinHostPort(c.Nodes[0].IP, "18300"),
			"--data-dir", t.TempDir(), "--etcd", x.endpoint}
		if x.ca != "" {
			args = append(args, "--etcd-ca", x.ca, "--etcd-cert", user.Cert, "--etcd-key", user.Key)
		}
		p := weir.Launch(t, args...)
		if code := p.Wait(t); code != 1 || !strings.Contains(p.Stderr(), x.says) {
			t.Errorf("%s: got exit code %d and %q, want 1 and that it says %q", x.name, code, p.Stderr(), x.says)
		}
	}
}

// startEtcd runs an etcd of one member within the test, which takes only clients with a certificate of the CA.
func startEtcd(t *testing.T, ip string, ca *Authority) (endpoint string) {
	t.Helper()
	pair := ca.Issue(t, ip)
	e := embed.NewConfig()
	e.Dir, e.LogLevel, e.LogOutputs = t.TempDir(), "error", []string{os.DevNull}
	address := func(scheme, port string) []url.URL {
		return []url.URL{{Scheme: scheme, Host: net.JoinHostPort(ip, port)}}
	}
	e.ListenClientUrls, e.AdvertiseClientUrls = address("https", "12379"), address("https", "12379")
	e.ListenPeerUrls, e.AdvertisePeerUrls = address("http", "12380"), address("http", "12380")
	e.InitialCluster = e.InitialClusterFromName(e.Name)
	e.ClientTLSInfo = transport.TLSInfo{CertFile: pair.Cert, KeyFile: pair.Key, TrustedCAFile: ca.File, ClientCertAuth: true}
	server, err := embed.StartEtcd(e)
	if err != nil {
		t.Fatalf("start etcd: %v", err)
	}
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-server.Server.ReadyNotify():
	case <-ctx.Done():
		t.Fatalf("etcd is not ready within %v", patience)
	}
	return e.AdvertiseClientUrls[0].String()
}
