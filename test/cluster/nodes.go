package cluster

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/weir"
)

// Options say what a cluster is like. The zero value is three nodes on loopback, without TLS.
type Options struct {
	// Size is the number of nodes, each of which is a member of the embedded etcd; 0 is 3.
	Size int
	// Flags go to every node after those of the harness, so they win.
	Flags []string
	// Env is added to every node's environment, as in WEIR_LOG_LEVEL=debug.
	Env []string
	// TLS gives every node a certificate by this authority; nil leaves the nodes without.
	TLS *Authority
	// Hosts gives the addresses of the nodes; nil takes free ones of loopback.
	Hosts []Host
}

// A Host is where a node runs.
type Host struct {
	// IP is the address that the node listens on, with the default ports.
	IP string
	// Namespace is the name of the network namespace that it runs in; "" is the test's own.
	Namespace string
}

// A Cluster is some nodes that know each other. Its methods belong to the test's goroutine.
type Cluster struct {
	Nodes []*Node
	// Dir holds a folder for each node and each changefeed.
	Dir string

	t       testing.TB
	options Options
}

// New makes a cluster of nodes that do not run yet: Start starts them.
func New(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Size == 0 {
		o.Size = 3
	}
	if o.Hosts == nil {
		o.Hosts = loopback(t, o.Size)
	}
	c := &Cluster{t: t, options: o, Dir: folder(t)}
	var peers []string
	for i, h := range o.Hosts[:o.Size] {
		n := &Node{Name: fmt.Sprintf("n%d", i+1), Host: h, cluster: c}
		n.Dir = filepath.Join(c.Dir, n.Name)
		n.LogFile = filepath.Join(c.Dir, n.Name+".log")
		peers = append(peers, n.Name+"="+n.url(peerPort))
		c.Nodes = append(c.Nodes, n)
	}
	for _, n := range c.Nodes {
		n.Flags = append([]string{
			"--name", n.Name, "--addr", net.JoinHostPort(n.IP, nodePort), "--api-addr", net.JoinHostPort(n.IP, apiPort),
			"--etcd-peers", strings.Join(peers, ","), "--data-dir", n.Dir,
		}, o.Flags...)
		if o.TLS != nil {
			pair := o.TLS.Issue(t, n.IP)
			n.Flags = append(n.Flags, "--tls-ca", o.TLS.File, "--tls-cert", pair.Cert, "--tls-key", pair.Key)
		}
	}
	return c
}

// The ports of each node's address.
const (
	apiPort    = "8300"
	nodePort   = "8301"
	clientPort = "2379"
	peerPort   = "2380"
)

// clusters counts the clusters of this process, which keeps their addresses apart.
var clusters atomic.Int32

// loopback finds addresses of the loopback interface that nobody listens on. They are not 127.0.0.1, from which the kernel
// takes ports for outgoing connections: it would give a killed node's port away.
func loopback(t testing.TB, size int) (hosts []Host) {
	t.Helper()
	for range 1000 {
		n := os.Getpid()*16 + int(clusters.Add(1))
		subnet := fmt.Sprintf("127.%d.%d.", 1+n>>8%250, n&255)
		if l, err := net.Listen("tcp", subnet+"1:"+peerPort); err != nil {
			continue
		} else if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for i := range size {
			hosts = append(hosts, Host{IP: fmt.Sprintf("%s%d", subnet, i+1)})
		}
		return hosts
	}
	t.Fatal("no loopback address is free")
	return nil
}

// folder gives a folder for the test, which is left behind below KEEP if the test fails.
func folder(t testing.TB) string {
	t.Helper()
	keep := os.Getenv("KEEP")
	if keep == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(keep, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(keep, strings.ReplaceAll(t.Name(), "/", "-")+"-")
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("left behind: %s", dir)
		} else if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Start starts all nodes that do not run and waits until each can answer for the cluster.
func (c *Cluster) Start() {
	c.t.Helper()
	for _, n := range c.Nodes {
		if !n.Running() {
			n.Start()
		}
	}
	c.AwaitReady(c.Nodes...)
}

// AwaitReady waits until each of these nodes can answer for the cluster.
func (c *Cluster) AwaitReady(nodes ...*Node) {
	c.t.Helper()
	for _, n := range nodes {
		ready := within(patience, func() bool {
			if !n.Running() {
				c.t.Fatalf("%s ended before it was ready: %v\n%s", n.Name, n.process.err, n.Tail())
			}
			return n.Ready()
		})
		if !ready {
			c.stacks()
			c.t.Fatalf("%s is not ready within %v: the nodes' logs say what their goroutines did", n.Name, patience)
		}
	}
}

// stacks lets every node log what its goroutines do, which ends it.
func (c *Cluster) stacks() {
	for _, n := range c.Nodes {
		n.Signal(syscall.SIGQUIT)
	}
	for _, n := range c.Nodes {
		if n.Running() && !n.Paused() {
			<-n.Ended()
		}
	}
}

// Node gives a node by its name.
func (c *Cluster) Node(name string) *Node {
	for _, n := range c.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Servers gives the API's URLs, of all nodes.
func (c *Cluster) Servers() (urls []string) {
	for _, n := range c.Nodes {
		urls = append(urls, n.APIURL())
	}
	return urls
}

// Client gives a client that asks the nodes in turn.
func (c *Cluster) Client() *api.Client {
	c.t.Helper()
	return c.client(0, c.Servers()...)
}

func (c *Cluster) client(timeout time.Duration, servers ...string) *api.Client {
	c.t.Helper()
	o := api.ClientOptions{Servers: servers, Timeout: timeout, Agent: "test"}
	if c.options.TLS != nil {
		o.TLS = c.options.TLS.user(c.t)
	}
	client, err := api.NewClient(o)
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

// A Result is what a command said.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Weir runs a command that asks the cluster, as in Weir("changefeed", "list").
func (c *Cluster) Weir(args ...string) (r Result) {
	c.t.Helper()
	cmd := exec.Command(weir.Binary(), args...)
	cmd.Env = append(os.Environ(), "WEIR_SERVER="+strings.Join(c.Servers(), ","))
	if c.options.TLS != nil {
		files := c.options.TLS.user(c.t)
		cmd.Env = append(cmd.Env, "WEIR_TLS_CA="+files.CA, "WEIR_TLS_CERT="+files.Cert, "WEIR_TLS_KEY="+files.Key)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

// MustWeir is Weir that fails the test unless the command ends with 0, and gives its standard output.
func (c *Cluster) MustWeir(args ...string) string {
	c.t.Helper()
	r := c.Weir(args...)
	if r.Code != 0 {
		c.t.Fatalf("weir %s: got exit code %d, want 0: %s", strings.Join(args, " "), r.Code, r.Stderr)
	}
	return r.Stdout
}

// Coordinator gives the node that is coordinator, by the first answer of a running node; nil if none knows.
func (c *Cluster) Coordinator() *Node {
	for _, n := range c.Nodes {
		if !n.Running() || n.Paused() {
			continue
		}
		if h := n.Client().Health(c.t.Context()); h.Coordinator != "" {
			return c.Node(h.Coordinator)
		}
	}
	return nil
}

// leader gives the node whose member leads the embedded etcd, as the first member that answers tells; nil if none does.
func (c *Cluster) leader(ctx context.Context) *Node {
	members := map[uint64]*Node{}
	leader := uint64(0)
	for _, n := range c.Nodes {
		if !n.Running() || n.Paused() {
			continue
		}
		if status, err := n.member(ctx); err == nil {
			members[status.Header.MemberId] = n
			leader = cmp.Or(leader, status.Leader)
		}
	}
	return members[leader]
}

// member asks the node's member of etcd how it does.
func (n *Node) member(ctx context.Context) (*clientv3.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conf := clientv3.Config{Endpoints: []string{n.url(clientPort)}, DialTimeout: time.Second, Logger: zap.NewNop()}
	if a := n.cluster.options.TLS; a != nil {
		var err error
		if conf.TLS, err = a.asks(n.cluster.t); err != nil {
			return nil, err
		}
	}
	client, err := clientv3.New(conf)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Status(ctx, conf.Endpoints[0])
}

// A Node is one place in a cluster, where a process runs, or none.
type Node struct {
	Name string
	Host
	// Flags are those of weir node.
	Flags []string
	// Dir is the node's data directory.
	Dir string
	// LogFile holds what all its processes have logged.
	LogFile string
	// Binary is the weir that it runs; "" is that of Main.
	Binary string
	// Env is added to its environment.
	Env []string

	cluster *Cluster
	process *process // the newest; nil before the first start
	paused  bool
	killed  bool        // by Kill, and not started since
	client  *api.Client // made once: each keeps connections
}

// A process is one incarnation of a node.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of Wait, once ended is closed
}

// Start starts a process, with further flags, and does not wait until it is ready.
func (n *Node) Start(more ...string) {
	t := n.cluster.t
	t.Helper()
	log, err := os.OpenFile(n.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has its own
	fmt.Fprintf(log, "---- start at %s\n", time.Now().UTC().Format(time.RFC3339Nano))
	cmd := n.command(append(append([]string{"node"}, n.Flags...), more...))
	cmd.Env = slices.Concat(os.Environ(), n.cluster.options.Env, n.Env)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if n.process == nil {
		t.Cleanup(n.Kill)
	}
	n.process, n.paused, n.killed = p, false, false
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
}

// command gives the command that becomes weir: within the node's namespace, nsenter executes it in its own place.
func (n *Node) command(args []string) *exec.Cmd {
	binary := n.Binary
	if binary == "" {
		binary = weir.Binary()
	}
	if n.Namespace == "" {
		return exec.Command(binary, args...)
	}
	return exec.Command("nsenter", append([]string{"--net=/run/netns/" + n.Namespace, binary}, args...)...)
}

// Running tells whether a process is there, which may be paused.
func (n *Node) Running() bool {
	if n.process == nil {
		return false
	}
	select {
	case <-n.process.ended:
		return false
	default:
		return true
	}
}

// Ended is closed once the newest process is gone.
func (n *Node) Ended() <-chan struct{} { return n.process.ended }

// Pid gives the process id.
func (n *Node) Pid() int { return n.process.cmd.Process.Pid }

// Paused tells whether the process was paused last, and not continued.
func (n *Node) Paused() bool { return n.paused }

// Signal sends a signal.
func (n *Node) Signal(s os.Signal) {
	if n.process != nil {
		_ = n.process.cmd.Process.Signal(s) // one that has ended needs none
	}
}

// Kill ends the process as a power cut would.
func (n *Node) Kill() {
	if n.process == nil {
		return
	}
	n.Signal(syscall.SIGKILL)
	<-n.process.ended
	n.paused, n.killed = false, true
}

// Pause stops the process in the middle of what it does, until Continue.
func (n *Node) Pause() {
	n.Signal(syscall.SIGSTOP)
	n.paused = true
}

// Continue lets a paused process go on, as if no time had passed.
func (n *Node) Continue() {
	n.Signal(syscall.SIGCONT)
	n.paused = false
}

// Wait waits for the process's end and gives its exit code.
func (n *Node) Wait() int {
	t := n.cluster.t
	t.Helper()
	select {
	case <-n.process.ended:
	case <-time.After(patience):
		n.Signal(syscall.SIGQUIT) // its goroutines' stacks tell what it waited for
		<-n.process.ended
		t.Fatalf("%s did not end within %v:\n%s", n.Name, patience, n.Tail())
	}
	return n.process.cmd.ProcessState.ExitCode()
}

// APIURL gives the URL of the node's API.
func (n *Node) APIURL() string { return n.url(apiPort) }

func (n *Node) url(port string) string {
	scheme := "http"
	if n.cluster.options.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(n.IP, port)
}

// Client gives a client that asks this node, and does not wait for long.
func (n *Node) Client() *api.Client {
	n.cluster.t.Helper()
	if n.client == nil {
		n.client = n.cluster.client(10*time.Second, n.APIURL())
	}
	return n.client
}

// Ready tells whether the node can answer for the cluster.
func (n *Node) Ready() bool {
	ctx, cancel := context.WithTimeout(n.cluster.t.Context(), time.Second)
	defer cancel()
	return n.Client().Health(ctx).Ready
}

// Log gives what the node's processes have logged so far.
func (n *Node) Log() string {
	data, err := os.ReadFile(n.LogFile)
	if err != nil {
		n.cluster.t.Fatal(err)
	}
	return string(data)
}

// Tail gives the last lines of the log.
func (n *Node) Tail() string {
	lines := strings.SplitAfter(n.Log(), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "")
}

// patience bounds how long a test waits for anything.
const patience = time.Minute

// Eventually polls until a condition holds, and fails the test if it does not within a minute.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	if !within(patience, condition) {
		t.Fatalf("not within %v: %s", patience, what)
	}
}

// within polls until a condition holds, and tells whether it did in time.
func within(limit time.Duration, condition func() bool) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			return condition()
		}
	}
	return true
}
