package cluster

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
)

// ErrMemberLost tells that the cluster knows this member, but its data directory is empty.
var ErrMemberLost = errors.New("the store's member has lost its data")

const (
	// askTimeout bounds a question to one peer.
	askTimeout = 2 * time.Second
	// syncPeriod is how often a member's client asks who the members are.
	syncPeriod = 10 * time.Second
)

// addresses are the URLs of a member, checked.
type addresses struct{ peer, listenPeer, listenClient, advertise url.URL }

// addresses checks the options of a member and fills in what they leave out.
func (o EmbedOptions) addresses() (a addresses, err error) {
	if o.TLS.Enabled() {
		if err := o.TLS.complete(); err != nil {
			return a, err
		}
	}
	own, listed := o.Peers[o.Name]
	if !listed {
		return a, fmt.Errorf("member %q of the store is not among --etcd-peers (%s)", o.Name, strings.Join(slices.Sorted(maps.Keys(o.Peers)), ", "))
	}
	secure := o.TLS.Enabled()
	for name, address := range o.Peers {
		if err := checkName("member", name); err != nil {
			return a, err
		}
		u, err := checkURL("peer "+name, address, secure)
		if err != nil {
			return a, err
		}
		if name == o.Name {
			a.peer = u
		}
	}
	if a.listenPeer, err = checkURL("the address to listen for peers", either(o.ListenPeer, own), secure); err != nil {
		return a, err
	}
	client := either(o.ListenClient, a.listenPeer.Scheme+"://"+net.JoinHostPort(a.listenPeer.Hostname(), "2379"))
	if a.listenClient, err = checkURL("the address to listen for clients", client, secure); err != nil {
		return a, err
	}
	reachable := a.listenClient.Scheme + "://" + net.JoinHostPort(a.peer.Hostname(), a.listenClient.Port())
	a.advertise, err = checkURL("the address to advertise to clients", either(o.AdvertiseClient, reachable), secure)
	return a, err
}

func either(given, otherwise string) string {
	if given != "" {
		return given
	}
	return otherwise
}

func startMember(ctx context.Context, o EmbedOptions) (*Embedded, error) {
	at, err := o.addresses()
	if err != nil {
		return nil, err
	}
	if exists(filepath.Join(o.Dir, loneFolder)) {
		return nil, fmt.Errorf("start the metadata store in %s: it belongs to a node of its own: leave out --etcd-peers, or give another --data-dir", o.Dir)
	}
	dir := filepath.Join(o.Dir, memberFolder)
	f := founding{dir: dir, mayWipe: idle}
	if err := f.begin(); err != nil {
		return nil, err
	}
	c := memberConfig(dir, o, at)
	if f.fresh {
		if err := o.enter(ctx, c); err != nil {
			return nil, err
		}
	}
	e, err := serve(ctx, c, !f.fresh, o.Log)
	if err != nil {
		return nil, o.explain(err)
	}
	if err := f.end(); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	config, err := o.clientTLS()
	if err == nil {
		e.client, err = connect(clientOptions{endpoints: o.clients(e, at), tls: config, log: o.Log, resync: syncPeriod})
	}
	if err != nil {
		return nil, fmt.Errorf("reach the own member of the store: %w", errors.Join(err, e.stop()))
	}
	return e, nil
}

// clients are the members' client URLs as far as they are known, the own one first.
func (o EmbedOptions) clients(e *Embedded, at addresses) []string {
	all := []string{at.advertise.String()}
	for _, m := range e.etcd.Server.Cluster().Members() {
		for _, u := range m.ClientURLs {
			if !slices.Contains(all, u) {
				all = append(all, u)
			}
		}
	}
	return all
}

func memberConfig(dir string, o EmbedOptions, at addresses) *embed.Config {
	c := baseConfig(dir)
	c.Name = o.Name
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{at.listenPeer}, []url.URL{at.peer}
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{at.listenClient}, []url.URL{at.advertise}
	c.InitialCluster = initialCluster(o.Peers)
	c.InitialClusterToken = "weir"
	// A member that is silent for that long loses the leadership, so a lost node costs a second, not two; a disk that
	// needs longer for a sync costs an election.
	c.TickMs, c.ElectionMs = 100, 500
	c.GRPCKeepAliveMinTime = time.Second
	if o.TLS.Enabled() {
		for _, t := range []*tlsInfo{&c.PeerTLSInfo, &c.ClientTLSInfo} {
			t.CertFile, t.KeyFile, t.TrustedCAFile, t.ClientCertAuth = o.TLS.Cert, o.TLS.Key, o.TLS.CA, true
			// As between nodes, the CA vouches for who connects: a host need not connect from the address in its certificate.
			t.SkipClientSANVerify = true
		}
	}
	return c
}

func initialCluster(peers map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(peers)) {
		list = append(list, name+"="+strings.TrimSuffix(peers[name], "/"))
	}
	return strings.Join(list, ",")
}

// A place is what a peer knows of one member.
type place struct {
	ID         json.Number `json:"id"`
	Name       string      `json:"name"` // none: added, and never started
	PeerURLs   []string    `json:"peerURLs"`
	ClientURLs []string    `json:"clientURLs"` // none: never started
}

// enter decides how a member with an empty folder starts: in the first start of all, or into a cluster that waits for
// it. A place that another disk held is not taken again: what that one promised would be forgotten, and with it,
// perhaps, the only copy of something that was stored.
func (o EmbedOptions) enter(ctx context.Context, c *embed.Config) error {
	places, err := o.ask(ctx)
	if err != nil || len(places) == 0 {
		return err // nobody is up yet
	}
	i := slices.IndexFunc(places, func(p place) bool { return p.Name == o.Name || slices.Contains(p.PeerURLs, o.own()) })
	switch {
	case i >= 0 && places[i].Name != "" && len(places[i].ClientURLs) == 0:
		return nil // it is part of the first start, as we are
	case i >= 0 && places[i].Name == "":
		return o.take(c, places)
	case !o.Rejoin && i >= 0:
		return fmt.Errorf("%w: the cluster knows member %s, and %s is empty: if its disk is lost for good, start it once with --etcd-rejoin; if not, give the --data-dir it had", ErrMemberLost, o.Name, o.Dir)
	case !o.Rejoin:
		return fmt.Errorf("%w: the cluster at %s has no member %s: start it once with --etcd-rejoin to add it", ErrMemberLost, initialCluster(o.Peers), o.Name)
	}
	if err := o.replace(ctx, places, i); err != nil {
		return fmt.Errorf("give member %s of the store a new place: %w", o.Name, err)
	}
	if places, err = o.ask(ctx); err != nil {
		return err
	}
	return o.take(c, places)
}

// clientTLS gives the TLS by which this member speaks to others, nil for none.
func (o EmbedOptions) clientTLS() (*tls.Config, error) {
	if !o.TLS.Enabled() {
		return nil, nil
	}
	return o.TLS.clientConfig()
}

func (o EmbedOptions) own() string { return strings.TrimSuffix(o.Peers[o.Name], "/") }

// take makes the start one into the cluster that there is.
func (o EmbedOptions) take(c *embed.Config, places []place) error {
	peers := map[string]string{o.Name: o.own()}
	for _, p := range places {
		if p.Name != "" && p.Name != o.Name && len(p.PeerURLs) > 0 {
			peers[p.Name] = p.PeerURLs[0]
		}
	}
	c.InitialCluster, c.ClusterState = initialCluster(peers), embed.ClusterStateFlagExisting
	return nil
}

// replace removes the former member of this name, and adds one with a new identity.
func (o EmbedOptions) replace(ctx context.Context, places []place, former int) error {
	var endpoints []string
	for i, p := range places {
		if i != former {
			endpoints = append(endpoints, p.ClientURLs...)
		}
	}
	if len(endpoints) == 0 {
		return errors.New("no other member tells where its clients reach it: start the others first")
	}
	config, err := o.clientTLS()
	if err != nil {
		return err
	}
	client, err := connect(clientOptions{endpoints: endpoints, tls: config, log: o.Log})
	if err != nil {
		return err
	}
	defer client.Close()
	list, err := client.MemberList(ctx)
	if err != nil {
		return fmt.Errorf("list the members: %w", err)
	}
	for _, m := range list.Members {
		if m.Name == o.Name || slices.Contains(m.PeerURLs, o.own()) {
			if _, err := client.MemberRemove(ctx, m.ID); err != nil {
				return fmt.Errorf("remove the former member: %w", err)
			}
		}
	}
	return addMember(ctx, client, o.own())
}

// addMember tries until the others have settled: they take no change while they miss one of theirs.
func addMember(ctx context.Context, client *clientv3.Client, peer string) error {
	for {
		_, err := client.MemberAdd(ctx, []string{peer})
		if err == nil {
			return nil
		}
		if waitErr := pause(ctx, 200*time.Millisecond); waitErr != nil {
			return fmt.Errorf("add the member: %w", errors.Join(err, waitErr))
		}
	}
}

// ask gives the members as the first peer knows them that answers; none if no peer does.
func (o EmbedOptions) ask(ctx context.Context) ([]place, error) {
	config, err := o.clientTLS()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: askTimeout}
	for _, name := range slices.Sorted(maps.Keys(o.Peers)) {
		if name == o.Name {
			continue
		}
		places, err := askPeer(ctx, client, strings.TrimSuffix(o.Peers[name], "/"))
		if err == nil && len(places) > 0 {
			return places, nil
		}
	}
	return nil, ctx.Err()
}

func askPeer(ctx context.Context, client *http.Client, peer string) ([]place, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, peer+"/members", nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s for the members: %s", peer, response.Status)
	}
	var places []place
	return places, json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&places)
}

// explain adds to a start that got no answer which of the peers are not there.
func (o EmbedOptions) explain(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	config, tlsErr := o.clientTLS()
	if tlsErr != nil {
		return errors.Join(err, tlsErr)
	}
	var silent []string
	for _, name := range slices.Sorted(maps.Keys(o.Peers)) {
		if name == o.Name {
			continue
		}
		if probeErr := probe(o.Peers[name], config); probeErr != nil {
			silent = append(silent, fmt.Sprintf("%s: %v", name, probeErr))
		}
	}
	return fmt.Errorf("member %s of the store found no majority: start the others, at least %d of %d (%s): %w", o.Name, len(o.Peers)/2+1, len(o.Peers), either(strings.Join(silent, "; "), "all of them listen, but they did not agree"), err)
}
