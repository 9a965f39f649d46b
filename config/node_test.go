package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func usableNode() *Node {
	n := DefaultNode()
	n.Name = "n1"
	return n
}

func noEnv(string) string { return "" }

func withTLS(t *testing.T, n *Node) *Node {
	t.Helper()
	n.TLSCert = write(t, "pem")
	n.TLSKey, n.TLSCA = n.TLSCert, n.TLSCert
	return n
}

// The example in the manual is one that works, names every setting, and gives the defaults where it says so.
func TestTheExampleOfANode(t *testing.T) {
	const example = "../docs/node.toml"
	n := DefaultNode()
	if err := n.Read(example, none, noEnv); err != nil {
		t.Fatal(err)
	}
	n.TLSCert, n.TLSKey, n.TLSCA = example, example, example
	n.EtcdCert, n.EtcdKey, n.EtcdCA = "", "", ""
	if err := n.Check(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range n.Settings() {
		if !strings.Contains(string(text), "\n"+s.Name+" = ") && !strings.Contains(string(text), "\n# "+s.Name+" = ") {
			t.Errorf("the example lacks %s", s.Name)
		}
	}
}

// Flags, the environment and a file that say the same give the same node.
func TestNodeFileEqualsEnvironmentEqualsFlags(t *testing.T) {
	byFlags, byFile, byEnv := DefaultNode(), DefaultNode(), DefaultNode()
	var file strings.Builder
	env := map[string]string{}
	for _, s := range byFlags.Settings() {
		text := map[string]string{"size": "128MiB", "duration": "5s", "list": "a=b,c=d", "bool": "true"}[s.Value.Type()]
		if text == "" {
			text = "x-" + s.Name
		}
		if s.Name == "etcd-password-file" {
			text = write(t, "secret\n")
		}
		if err := s.Value.Set(text); err != nil {
			t.Fatal(err)
		}
		env[Variable(s.Name)] = text
		quoted := `"` + text + `"`
		switch s.Value.Type() {
		case "list":
			quoted = `["a=b", "c=d"]`
		case "bool":
			quoted = text
		}
		file.WriteString(s.Name + " = " + quoted + "\n")
	}
	if err := byFlags.Read("", func(string) bool { return true }, noEnv); err != nil {
		t.Fatal(err)
	}
	if err := byFile.Read(write(t, file.String()), none, noEnv); err != nil {
		t.Fatal(err)
	}
	if err := byEnv.Read("", none, func(k string) string { return env[k] }); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(byFlags, byFile) || !reflect.DeepEqual(byFlags, byEnv) || byFlags.EtcdPassword != "secret" {
		t.Errorf("flags gave %+v, the file %+v, the environment %+v", byFlags, byFile, byEnv)
	}
}

func TestNodePrecedence(t *testing.T) {
	n := DefaultNode()
	n.Name = "by-flag"
	env := map[string]string{"WEIR_NAME": "by-env", "WEIR_API_ADDR": "127.0.0.1:1", "WEIR_LABELS": "zone=b"}
	file := write(t, "name = 'by-file'\napi-addr = '127.0.0.1:2'\naddr = '127.0.0.1:3'\nlabels = ['zone=a', 'disk=ssd']\n")
	err := n.Read(file, func(name string) bool { return name == "name" }, func(k string) string { return env[k] })
	if err != nil || n.Name != "by-flag" || n.APIAddr != "127.0.0.1:1" || n.Addr != "127.0.0.1:3" || len(n.Labels) != 1 || n.LabelMap()["zone"] != "b" {
		t.Errorf("got %+v, %v", n, err)
	}
}

func TestBadNodeFiles(t *testing.T) {
	for text, want := range map[string]string{
		"api_addr = 'x'":         `unknown key "api_addr"; did you mean "api-addr"?`,
		"labels = 'zone'\nx = 1": `unknown key "x"`,
		"lease-ttl = 3":          "key lease-ttl: 3 has no unit",
		"etcd-password = 'x'":    `unknown key "etcd-password"`,
		"memory = 'much'":        "no size",
	} {
		if err := DefaultNode().Read(write(t, text), none, noEnv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	err := DefaultNode().Read("", none, func(k string) string { return map[string]string{"WEIR_MEMORY": "much"}[k] })
	if err == nil || !strings.Contains(err.Error(), "WEIR_MEMORY") {
		t.Errorf("got %v, want an error that names the variable", err)
	}
	n := DefaultNode()
	n.EtcdPasswordFile = filepath.Join(t.TempDir(), "none")
	if err := n.Read("", none, noEnv); err == nil || !strings.Contains(err.Error(), "--etcd-password-file") {
		t.Errorf("got %v, want an error that names the setting", err)
	}
}

func TestNodeCheck(t *testing.T) {
	if err := usableNode().Check(); err != nil {
		t.Fatal(err)
	}
	peers := []string{"n1=https://a:2380", "n2=https://b:2380", "n3=https://c:2380"}
	cases := []struct {
		name string
		set  func(*Node)
		want string
	}{
		{"no name", func(n *Node) { n.Name = "" }, "--name: "},
		{"a path for a name", func(n *Node) { n.Name = "a/b" }, "--name: "},
		{"open without TLS", func(n *Node) { n.Addr = ":8301" }, "--addr: :8301 is reachable from other machines, and there is no TLS: give --tls-cert, --tls-key and --tls-ca"},
		{"an open API without TLS", func(n *Node) { n.APIAddr = "0.0.0.0:8300" }, "--api-addr: "},
		{"no address", func(n *Node) { n.Addr = "8301" }, `--addr: "8301" is no address`},
		{"half of TLS", func(n *Node) { n.TLSCert = write(t, "") }, "--tls-cert: only a part"},
		{"TLS files that are gone", func(n *Node) { n.TLSCert, n.TLSKey, n.TLSCA = "/no/a", "/no/b", "/no/c" }, "--tls-key: open /no/b"},
		{"everybody's address", func(n *Node) { withTLS(t, n).Addr = "0.0.0.0:8301" }, "--advertise: other nodes cannot reach"},
		{"advertised nowhere", func(n *Node) { n.Advertise = "host" }, `--advertise: "host" is no address`},
		{"no label", func(n *Node) { n.Labels = []string{"zone"} }, `--labels: "zone" is no label`},
		{"no URL", func(n *Node) { n.Etcd = []string{"a:2379"} }, "--etcd: a URL cannot be used: write each as in https://host:2379"},
		{"a password in a URL", func(n *Node) { n.Etcd = []string{"https://root:hunter2@a:2379"} }, "--etcd: a URL holds a user"},
		{"a user without a password", func(n *Node) { n.Etcd, n.EtcdUser = []string{"https://a:2379"}, "root" }, "--etcd-user: "},
		{"a user of no etcd", func(n *Node) { n.EtcdUser = "root" }, "--etcd-user: it needs --etcd"},
		{"half a certificate for etcd", func(n *Node) { n.Etcd, n.EtcdCert = []string{"https://a:2379"}, write(t, "") }, "--etcd-cert: "},
		{"two kinds of etcd", func(n *Node) { n.Etcd, n.EtcdPeers = []string{"https://a:2379"}, peers }, "--etcd-peers: --etcd is given too"},
		{"peers without names", func(n *Node) { n.EtcdPeers = []string{"https://a:2380"} }, "--etcd-peers: "},
		{"peers without this node", func(n *Node) { n.EtcdPeers = peers[1:] }, `--etcd-peers: node "n1" is not among them`},
		{"a peer twice", func(n *Node) { n.EtcdPeers = append(peers, peers[0]) }, "given twice"},
		{"peers without TLS", func(n *Node) { n.EtcdPeers = peers }, "--etcd-listen-peer: https://a:2380 needs a certificate"},
		{"open peers", func(n *Node) { n.EtcdPeers = []string{"n1=http://10.0.0.1:2380"} }, "reachable from other machines"},
		{"a listener for nobody", func(n *Node) { n.EtcdListenPeer = "https://a:2380" }, "--etcd-listen-peer: it needs --etcd-peers"},
		{"a lease of no time", func(n *Node) { n.LeaseTTL = 0 }, "--lease-ttl: "},
		{"a lease of broken seconds", func(n *Node) { n.LeaseTTL = 1500 * time.Millisecond }, "--lease-ttl: 1.5s cannot be used"},
		{"little memory", func(n *Node) { n.Memory = 1 }, "--memory: "},
		{"a loud log", func(n *Node) { n.LogLevel = "loud" }, "--log-level: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := usableNode()
			c.set(n)
			err := n.Check()
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestANodeOfThree(t *testing.T) {
	n := withTLS(t, usableNode())
	n.Addr, n.Advertise, n.APIAddr = "0.0.0.0:8301", "a:8301", ":8300"
	n.EtcdPeers = []string{"n1=https://a:2380", "n2=https://b:2380", "n3=https://c:2380"}
	if err := n.Check(); err != nil {
		t.Fatal(err)
	}
	if n.ListenPeer() != "https://a:2380" || n.ListenClient() != "https://a:2379" || n.PeerMap()["n3"] != "https://c:2380" || n.Reached() != "a:8301" {
		t.Errorf("got %s, %s, %v, %s", n.ListenPeer(), n.ListenClient(), n.PeerMap(), n.Reached())
	}
	lone := usableNode()
	if lone.ListenPeer() != "" || lone.ListenClient() != "" {
		t.Errorf("a lone node listens on %q and %q", lone.ListenPeer(), lone.ListenClient())
	}
}
