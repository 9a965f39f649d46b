package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/weir-cdc/weir/api"
)

// A fleet is a cluster of nodes, each a process of its own, that embed the metadata store.
type fleet struct {
	nodes  []*member
	client *api.Client
}

// A member is one node of a fleet.
type member struct {
	name string
	args []string
	weir string
	api  *api.Client
	cmd  *exec.Cmd
	said *tail
}

// newFleet makes nodes below dir. They have addresses of the loopback interface of their own, from which the kernel takes no
// ports for others: a killed node finds its own again.
func newFleet(weir, dir string, size int) (*fleet, error) {
	host := func(i int) string { return fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()>>8%250, os.Getpid()&255, i+1) }
	var peers, servers []string
	for i := range size {
		peers = append(peers, fmt.Sprintf("n%d=http://%s:2380", i+1, host(i)))
		servers = append(servers, "http://"+host(i)+":8300")
	}
	f := &fleet{}
	for i := range size {
		name := fmt.Sprintf("n%d", i+1)
		client, err := api.NewClient(api.ClientOptions{Servers: servers[i : i+1], Timeout: 5 * time.Second, Agent: "bench"})
		if err != nil {
			return nil, err
		}
		f.nodes = append(f.nodes, &member{name: name, weir: weir, api: client, args: []string{
			"node", "--name", name, "--addr", host(i) + ":8301", "--api-addr", host(i) + ":8300",
			"--etcd-peers", strings.Join(peers, ","), "--data-dir", filepath.Join(dir, name),
		}})
	}
	var err error
	f.client, err = api.NewClient(api.ClientOptions{Servers: servers, Timeout: 10 * time.Second, Agent: "bench"})
	return f, err
}

// start starts the nodes that do not run and waits until all can answer.
func (f *fleet) start(ctx context.Context) error {
	for _, n := range f.nodes {
		if n.cmd == nil {
			if err := n.start(); err != nil {
				return err
			}
		}
	}
	for _, n := range f.nodes {
		if err := until(ctx, n.name+" is ready", func() bool { return n.api.Health(ctx).Ready }); err != nil {
			return fmt.Errorf("%w; it said:\n%s", err, n.said.text)
		}
	}
	return nil
}

func (n *member) start() error {
	n.said = &tail{}
	n.cmd = exec.Command(n.weir, n.args...)
	n.cmd.Stdout, n.cmd.Stderr = n.said, n.said
	if err := n.cmd.Start(); err != nil {
		n.cmd = nil
		return err
	}
	return nil
}

// kill ends the node as a power cut would.
func (n *member) kill() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
		n.cmd = nil
	}
}

// stop kills all: nothing of a fleet is kept.
func (f *fleet) stop() {
	for _, n := range f.nodes {
		n.kill()
	}
}

func (f *fleet) node(name string) *member {
	for _, n := range f.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// coordinator names the node that is coordinator.
func (f *fleet) coordinator(ctx context.Context) (name string, err error) {
	err = until(ctx, "a coordinator is elected", func() bool {
		for _, n := range f.nodes {
			if n.cmd != nil {
				if name = n.api.Health(ctx).Coordinator; name != "" {
					return true
				}
			}
		}
		return false
	})
	return name, err
}

// untilTime bounds each wait.
const untilTime = time.Minute

// until polls a condition.
func until(ctx context.Context, what string, condition func() bool) error {
	deadline := time.NewTimer(untilTime)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return errors.New("not within a minute: " + what)
		}
	}
	return nil
}

// spansOf tells on which node each table's spans are, in order.
func (f *fleet) spansOf(ctx context.Context, changefeed string) (map[string][]string, error) {
	page, err := f.client.Spans(ctx, changefeed, api.SpanQuery{Limit: 1000})
	if err != nil {
		return nil, err
	}
	at := map[string][]string{}
	for _, s := range page.Spans {
		if s.State == "replicating" {
			at[s.Table.Name] = append(at[s.Table.Name], s.Node)
		}
	}
	return at, nil
}
