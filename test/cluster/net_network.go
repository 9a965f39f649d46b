package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// A Network is network namespaces of which each has one address, joined by a bridge at which the test and its servers have
// an address, too. What a namespace sends to another may be lost, or slowed down.
type Network struct {
	// Gateway is the test's own address.
	Gateway string
	Hosts   []Host

	t      testing.TB
	bridge string
	lost   map[[2]string]int // how often Lose was asked for, by sender and receiver
}

// networks counts the networks of this process, which keeps their names and addresses apart.
var networks atomic.Int32

// NetworkPossible tells what is missing for a Network: a container may not be allowed to make one.
func NetworkPossible() error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return errors.New("network namespaces need ip, of iproute2: run scripts/install-deps.sh")
	}
	probe := fmt.Sprintf("%sprobe%d", namespacePrefix, os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", probe).CombinedOutput(); err != nil {
		return fmt.Errorf("network namespaces need CAP_SYS_ADMIN and CAP_NET_ADMIN: %w: %s", err, out)
	}
	defer exec.Command("ip", "netns", "del", probe).Run()
	bridge := fmt.Sprintf("wp%x", os.Getpid())
	if out, err := exec.Command("ip", "link", "add", bridge, "type", "bridge").CombinedOutput(); err != nil {
		return fmt.Errorf("a network of namespaces needs CAP_NET_ADMIN and bridges: %w: %s", err, out)
	}
	return exec.Command("ip", "link", "del", bridge).Run()
}

// NewNetwork makes a network, which goes away with the test. It needs root, and ip of iproute2.
func NewNetwork(t testing.TB, size int) *Network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test puts each node into a network namespace of its own, which needs root, in a container CAP_SYS_ADMIN and CAP_NET_ADMIN: run it so")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Fatal("this test needs ip, of iproute2: run scripts/install-deps.sh")
	}
	sweep(t)
	id := os.Getpid()*8 + int(networks.Add(1))
	subnet := fmt.Sprintf("10.%d.%d.", 100+id>>8%100, id&255)
	n := &Network{Gateway: subnet + "254", t: t, lost: map[[2]string]int{}, bridge: fmt.Sprintf("wt%x", id)}
	n.must("link", "add", n.bridge, "type", "bridge")
	t.Cleanup(func() { _ = n.ip("link", "del", n.bridge) }) // at the worst a later test sweeps it away
	n.must("addr", "add", n.Gateway+"/24", "dev", n.bridge)
	n.must("link", "set", n.bridge, "up")
	for i := range size {
		h := Host{IP: fmt.Sprintf("%s%d", subnet, i+1), Namespace: fmt.Sprintf("%s%d-%d", namespacePrefix, os.Getpid(), id*8+i)}
		n.Hosts = append(n.Hosts, h)
		port := fmt.Sprintf("%s-%d", n.bridge, i)
		n.must("netns", "add", h.Namespace)
		t.Cleanup(func() { _ = n.ip("netns", "del", h.Namespace) }) // likewise
		n.must("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", h.Namespace)
		n.must("link", "set", port, "master", n.bridge, "up")
		n.within(h, "addr", "add", h.IP+"/24", "dev", "eth0")
		n.within(h, "link", "set", "lo", "up")
		n.within(h, "link", "set", "eth0", "up")
	}
	return n
}

const namespacePrefix = "weir-test-"

// sweep deletes the namespaces of tests that were killed, and with them their links.
func sweep(t testing.TB) {
	t.Helper()
	left, err := filepath.Glob("/run/netns/" + namespacePrefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), namespacePrefix), "-")
		if _, err := os.Stat("/proc/" + pid); err != nil {
			_ = exec.Command("ip", "netns", "del", filepath.Base(path)).Run() // another test may do the same
		}
	}
	bridges, err := filepath.Glob("/sys/class/net/wt*/bridge")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range bridges {
		name := filepath.Base(filepath.Dir(path))
		id, err := strconv.ParseInt(strings.TrimPrefix(name, "wt"), 16, 64)
		if err != nil {
			continue
		}
		if _, err := os.Stat("/proc/" + strconv.FormatInt((id-1)/8, 10)); err != nil {
			_ = exec.Command("ip", "link", "del", name).Run() // likewise
		}
	}
}

func (n *Network) ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (n *Network) must(args ...string) {
	n.t.Helper()
	if err := n.ip(args...); err != nil {
		n.t.Fatal(err)
	}
}

// within configures a host's namespace.
func (n *Network) within(h Host, args ...string) {
	n.t.Helper()
	n.must(append([]string{"-n", h.Namespace}, args...)...)
}

// Lose loses what one host sends to another address of the network from now on, without a word to either: it goes to a
// hardware address that nobody has. The kernel would forget an entry that is not permanent.
func (n *Network) Lose(from Host, to string) {
	n.t.Helper()
	n.lost[[2]string{from.IP, to}]++
	n.within(from, "neigh", "replace", to, "lladdr", "02:00:00:00:00:fe", "nud", "permanent", "dev", "eth0")
}

// Carry ends what Lose began, once it was called as often.
func (n *Network) Carry(from Host, to string) {
	n.t.Helper()
	way := [2]string{from.IP, to}
	if n.lost[way]--; n.lost[way] > 0 {
		return
	}
	n.within(from, "neigh", "del", to, "dev", "eth0")
}

// Slow lets a host send slowly: late and with losses where the kernel knows netem, else through a narrow pipe.
func (n *Network) Slow(h Host) {
	n.t.Helper()
	add := []string{"-n", h.Namespace, "qdisc", "add", "dev", "eth0", "root"}
	late := append(add[:len(add):len(add)], "netem", "delay", "150ms", "50ms", "loss", "3%")
	if exec.Command("tc", late...).Run() == nil {
		return
	}
	narrow := append(add[:len(add):len(add)], "tbf", "rate", "1mbit", "burst", "8kb", "latency", "1s")
	if out, err := exec.Command("tc", narrow...).CombinedOutput(); err != nil {
		n.t.Fatalf("tc %s: %v: %s", strings.Join(narrow, " "), err, out)
	}
}

// Hurry ends what Slow began.
func (n *Network) Hurry(h Host) {
	n.t.Helper()
	if out, err := exec.Command("tc", "-n", h.Namespace, "qdisc", "del", "dev", "eth0", "root").CombinedOutput(); err != nil {
		n.t.Fatalf("let %s send as fast as it can: %v: %s", h.IP, err, out)
	}
}
