package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A trio is three members in processes of their own.
type trio struct {
	options map[string]EmbedOptions
	running map[string]*process
}

func newTrio(t *testing.T, files TLSFiles) *trio {
	t.Helper()
	scheme := map[bool]string{true: "https://", false: "http://"}[files.Enabled()]
	peers, c := map[string]string{}, &trio{options: map[string]EmbedOptions{}, running: map[string]*process{}}
	for _, name := range []string{"n1", "n2", "n3"} {
		peers[name] = scheme + freeAddress(t)
		c.options[name] = EmbedOptions{Dir: t.TempDir(), Name: name, Peers: peers, ListenClient: scheme + freeAddress(t), TLS: files}
	}
	return c
}

func (c *trio) start(t *testing.T, name string, rejoin bool) *process {
	t.Helper()
	o := c.options[name]
	o.Rejoin = rejoin
	options, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	c.running[name] = spawn(t, memberOptions, string(options))
	return c.running[name]
}

func (c *trio) startAll(t *testing.T) {
	t.Helper()
	for name := range c.options {
		c.start(t, name, false)
	}
	for _, p := range c.running {
		p.await(t, "ready")
	}
}

func (c *trio) dial(t *testing.T) *Store {
	t.Helper()
	o := DialOptions{Log: quiet(), DialTimeout: 10 * time.Second, TLS: c.options["n1"].TLS}
	for _, m := range c.options {
		o.Endpoints = append(o.Endpoints, m.ListenClient)
	}
	s, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// settle writes until it succeeds: a majority works.
func settle(t *testing.T, s *Store, name string) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := s.SetDraining(ctx, name, true)
		cancel()
		if err == nil {
			return time.Since(began)
		}
		if time.Since(began) > 15*time.Second {
			t.Fatalf("no write after %v: %v", time.Since(began), err)
		}
	}
}

func TestThreeMembersLoseOneAndTakeItBack(t *testing.T) {
	c := newTrio(t, certificates(t))
	c.startAll(t)
	s := c.dial(t)
	if err := s.Create(t.Context(), testChangefeed(t, "a")); err != nil {
		t.Fatal(err)
	}
	nodes := s.WatchNodes(t.Context())
	until(t, nodes, "three nodes", func(list []NodeInfo) bool { return len(list) == 3 })

	lost := c.options["n2"]
	c.running["n2"].kill()
	t.Logf("a write after the kill took %v", settle(t, s, "x"))
	until(t, nodes, "two nodes", func(list []NodeInfo) bool { return len(list) == 2 })
	c.start(t, "n2", false).await(t, "ready")
	until(t, nodes, "three again", func(list []NodeInfo) bool { return len(list) == 3 })

	// Its disk is lost.
	c.running["n2"].kill()
	if err := os.RemoveAll(lost.Dir); err != nil {
		t.Fatal(err)
	}
	told := c.start(t, "n2", false).await(t, "failed:")
	for _, part := range []string{"lost its data", "n2", lost.Dir, "--etcd-rejoin"} {
		if !strings.Contains(told, part) {
			t.Errorf("%q does not name %q", told, part)
		}
	}
	c.start(t, "n2", true).await(t, "ready")
	// It is a full member: with it, another may go.
	c.running["n3"].kill()
	settle(t, s, "y")
	if cf, err := s.Changefeed(t.Context(), "a"); err != nil || cf.Name != "a" {
		t.Errorf("got %+v, %v", cf, err)
	}
	c.running["n2"].kill()
	c.start(t, "n2", false).await(t, "ready")
}

// The leadership moves from member to member, and the nodes beside them keep their leases.
func TestLeasesOutliveTheStoresLeader(t *testing.T) {
	c := newTrio(t, TLSFiles{})
	c.startAll(t)
	s := c.dial(t)
	before, err := s.Nodes(t.Context())
	if err != nil || len(before) != 3 {
		t.Fatalf("got %+v, %v", before, err)
	}
	for range 6 {
		moveLeader(t, s)
		settle(t, s, "x")
	}
	// All are there, in the same life; leases that nobody renewed would be over by now.
	over := time.Now().Add(DefaultTTL + time.Second)
	until(t, s.WatchNodes(t.Context()), "the same three", func(now []NodeInfo) bool {
		return len(now) == 3 && fmt.Sprint(now) == fmt.Sprint(before)
	})
	for tick := time.NewTicker(100 * time.Millisecond); time.Now().Before(over); <-tick.C {
		if now, err := s.Nodes(t.Context()); err != nil || fmt.Sprint(now) != fmt.Sprint(before) {
			t.Fatalf("got %+v, %v, want %+v", now, err, before)
		}
	}
}

// moveLeader makes the next member the leader.
func moveLeader(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	list, err := s.etcd.MemberList(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range list.Members {
		status, err := s.etcd.Status(ctx, m.ClientURLs[0])
		if err != nil || status.Leader != m.ID {
			continue
		}
		own, err := clientv3.New(clientv3.Config{Endpoints: m.ClientURLs})
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		if _, err := own.MoveLeader(ctx, list.Members[(i+1)%len(list.Members)].ID); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no leader")
}

// Members are killed at any moment of the first start; at last all of them are there, as one cluster.
func TestMembersStartAfterAnyKillOfTheFirstStart(t *testing.T) {
	c := newTrio(t, TLSFiles{})
	for round := range 3 {
		var starting []*process
		for name := range c.options {
			p := c.start(t, name, false)
			after := time.Duration(30+rand.IntN(250)) * time.Millisecond
			if round == 0 {
				after /= 2
			}
			timer := time.AfterFunc(after, func() { p.cmd.Process.Kill() })
			defer timer.Stop()
			starting = append(starting, p)
		}
		for _, p := range starting {
			p.cmd.Wait()
		}
	}
	c.startAll(t)
	s := c.dial(t)
	if list, err := s.etcd.MemberList(t.Context()); err != nil || len(list.Members) != 3 {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestAMemberIsRefusedWithAReason(t *testing.T) {
	secure := certificates(t)
	peers := func(own string) map[string]string {
		return map[string]string{"n1": own, "n2": "http://127.0.0.1:1", "n3": "http://127.0.0.1:2"}
	}
	tests := []struct {
		name string
		o    EmbedOptions
		want string
	}{
		{"not listed", EmbedOptions{Name: "n9", Peers: peers("http://127.0.0.1:3")}, "n1, n2, n3"},
		{"off loopback without TLS", EmbedOptions{Name: "n1", Peers: peers("http://10.0.0.1:2380")}, "--tls-cert"},
		{"https without TLS", EmbedOptions{Name: "n1", Peers: peers("https://127.0.0.1:2380")}, "--tls-cert"},
		{"http with TLS", EmbedOptions{Name: "n1", Peers: peers("http://127.0.0.1:2380"), TLS: secure}, "https://"},
		{"no key", EmbedOptions{Name: "n1", Peers: peers("https://127.0.0.1:2380"), TLS: TLSFiles{Cert: secure.Cert, CA: secure.CA}}, "--tls-key"},
		{"no port", EmbedOptions{Name: "n1", Peers: peers("http://127.0.0.1")}, "port"},
		{"no URL", EmbedOptions{Name: "n1", Peers: peers("127.0.0.1:2380")}, "https://host:port"},
		{"no majority", EmbedOptions{Name: "n1", Peers: peers("http://" + freeAddress(t)), ListenClient: "http://" + freeAddress(t)}, "at least 2 of 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Dir, tt.o.Log = t.TempDir(), quiet()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			e, err := Embed(ctx, tt.o)
			if err == nil {
				e.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that names %s", err, tt.want)
			}
		})
	}
}

// Watches of other clients stay open for as long as they like.
func TestAMemberStopsUnderItsClients(t *testing.T) {
	e, client := oneMember(t, TLSFiles{})
	s, err := Dial(t.Context(), DialOptions{Endpoints: []string{client}, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	until(t, s.WatchNodes(t.Context()), "nobody", func(list []NodeInfo) bool { return len(list) == 0 })
	began := time.Now()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestTheTwoFormsKeepOutOfEachOthersFolders(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, loneFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	member := EmbedOptions{Dir: dir, Log: quiet(), Name: "n1", Peers: map[string]string{"n1": "http://127.0.0.1:2380"}}
	if _, err := Embed(t.Context(), member); err == nil || !strings.Contains(err.Error(), "--etcd-peers") {
		t.Errorf("got %v", err)
	}
	if err := os.Rename(filepath.Join(dir, loneFolder), filepath.Join(dir, memberFolder)); err != nil {
		t.Fatal(err)
	}
	if _, err := Embed(t.Context(), EmbedOptions{Dir: dir, Log: quiet()}); err == nil || !strings.Contains(err.Error(), "--etcd-peers") {
		t.Errorf("got %v", err)
	}
}
