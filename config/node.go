package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Node is everything that a node of a cluster is told. What its changefeeds are told, each has for itself.
type Node struct {
	// Name is stable over restarts, and unique in the cluster.
	Name string
	// Addr is where other nodes reach it; Advertise what they are told, if that differs.
	Addr, Advertise string
	// APIAddr is where the HTTP API listens.
	APIAddr string
	// Labels are given as key=value.
	Labels []string
	// TLSCert, TLSKey and TLSCA are PEM files, for other nodes and for the API.
	TLSCert, TLSKey, TLSCA string

	// Etcd lists the endpoints of an external etcd; none embeds one.
	Etcd                           []string
	EtcdUser                       string
	EtcdPasswordFile, EtcdPassword string
	EtcdCert, EtcdKey, EtcdCA      string
	// EtcdPeers lists the members of an embedded cluster as name=URL, this node among them; none is a cluster of one.
	EtcdPeers                        []string
	EtcdListenPeer, EtcdListenClient string
	// EtcdRejoin lets an embedded member that lost its disk take a new place in the cluster.
	EtcdRejoin bool

	// DataDir keeps the metadata, if etcd is embedded, and the relay logs.
	DataDir string
	// LeaseTTL is after how long without a word a node counts as gone.
	LeaseTTL time.Duration
	// Memory bounds the rows in flight of all changefeeds together, RelaySize the relay logs on disk.
	Memory, RelaySize Size

	LogLevel, LogFormat, LogFile string
}

// DefaultNode gives every setting's default.
func DefaultNode() *Node {
	return &Node{
		Addr:      "127.0.0.1:8301",
		APIAddr:   "127.0.0.1:8300",
		LeaseTTL:  3 * time.Second,
		Memory:    4 * GiB,
		RelaySize: 10 * GiB,
		LogLevel:  "info",
		LogFormat: "text",
	}
}

// Settings lists the settings in the order in which help shows them.
func (n *Node) Settings() []Setting {
	return []Setting{
		{"name", "name of the node, stable over restarts and unique in the cluster; default: the host's", (*textValue)(&n.Name)},
		{"addr", "host:port to listen on for other nodes", (*textValue)(&n.Addr)},
		{"advertise", "host:port at which other nodes reach this one; default: --addr", (*textValue)(&n.Advertise)},
		{"api-addr", "host:port of the HTTP API", (*textValue)(&n.APIAddr)},
		{"labels", "key=value, for example zone=a; repeat or separate by commas", &listValue{list: &n.Labels}},
		{"tls-cert", "PEM file of this node's certificate; without TLS all addresses must be loopback", (*textValue)(&n.TLSCert)},
		{"tls-key", "PEM file of its key", (*textValue)(&n.TLSKey)},
		{"tls-ca", "PEM file of the CA that signs the certificates of nodes and of users of the API", (*textValue)(&n.TLSCA)},
		{"etcd", "URLs of an external etcd, as in https://a:2379,https://b:2379; none embeds one", &listValue{list: &n.Etcd}},
		{"etcd-user", "user of the external etcd", (*textValue)(&n.EtcdUser)},
		{"etcd-password-file", "file that holds the user's password; also WEIR_ETCD_PASSWORD, the password itself", (*textValue)(&n.EtcdPasswordFile)},
		{"etcd-cert", "PEM file of the certificate that is shown to etcd", (*textValue)(&n.EtcdCert)},
		{"etcd-key", "PEM file of its key", (*textValue)(&n.EtcdKey)},
		{"etcd-ca", "PEM file of the CA of etcd; default: those that the machine trusts", (*textValue)(&n.EtcdCA)},
		{"etcd-peers", "members of an embedded cluster with their peer URLs, as in n1=https://a:2380,n2=https://b:2380,n3=https://c:2380", &listValue{list: &n.EtcdPeers}},
		{"etcd-listen-peer", "URL that the embedded member listens on for its peers; default: its own of --etcd-peers", (*textValue)(&n.EtcdListenPeer)},
		{"etcd-listen-client", "URL that the embedded member listens on for the other nodes' clients; default: https or http, the peer URL's host, port 2379", (*textValue)(&n.EtcdListenClient)},
		{"etcd-rejoin", "let this embedded member, whose disk was lost, give up its former place in the cluster and take a new one", (*boolValue)(&n.EtcdRejoin)},
		{"data-dir", "folder of the metadata and the relay logs; default: derived from --name", (*textValue)(&n.DataDir)},
		{"lease-ttl", "after how long without a word a node counts as gone; whole seconds", (*durationValue)(&n.LeaseTTL)},
		{"memory", "limit of the rows in flight, all changefeeds together", &n.Memory},
		{"relay-size", "limit of the relay logs on disk, each", &n.RelaySize},
		{"log-level", "debug, info, warn or error", (*textValue)(&n.LogLevel)},
		{"log-format", "text or json", (*textValue)(&n.LogFormat)},
		{"log-file", "file that the log is appended to; default: standard error", (*textValue)(&n.LogFile)},
	}
}

// Variable gives the environment variable of a setting: WEIR_API_ADDR of api-addr.
func Variable(setting string) string {
	return "WEIR_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// Read completes what flags have set: the environment wins over the file, which "" leaves out. The password comes from the
// environment or from the file that is named.
func (n *Node) Read(file string, isFlag func(name string) bool, getenv func(string) string) error {
	settings := n.Settings()
	if file != "" {
		given := func(name string) bool { return isFlag(name) || getenv(Variable(name)) != "" }
		if err := readFile(file, settings, given); err != nil {
			return err
		}
	}
	for _, s := range settings {
		text := getenv(Variable(s.Name))
		if text == "" || isFlag(s.Name) {
			continue
		}
		if err := s.Value.Set(text); err != nil {
			return fmt.Errorf("%s: %w", Variable(s.Name), err)
		}
	}
	return resolve(&n.EtcdPassword, "etcd-password", n.EtcdPasswordFile, getenv("WEIR_ETCD_PASSWORD"))
}

// SuggestNode says which of a node's settings an unknown name may stand for, as the end of an error, or nothing.
func SuggestNode(name string) string { return suggest(name, DefaultNode().Settings()) }

// TLS tells whether other nodes and the API are reached through TLS.
func (n *Node) TLS() bool { return n.TLSCert != "" }

// Reached gives the address that other nodes are told.
func (n *Node) Reached() string {
	if n.Advertise != "" {
		return n.Advertise
	}
	return n.Addr
}

// LabelMap gives the labels by key; Check has seen that each has one.
func (n *Node) LabelMap() map[string]string { return pairs(n.Labels) }

// PeerMap gives the peer URLs by node name; Check has seen that each has one.
func (n *Node) PeerMap() map[string]string { return pairs(n.EtcdPeers) }

// ListenPeer gives the URL that the embedded member listens on for its peers, "" for a cluster of one.
func (n *Node) ListenPeer() string {
	if n.EtcdListenPeer != "" {
		return n.EtcdListenPeer
	}
	return n.PeerMap()[n.Name]
}

// ListenClient gives the URL that the embedded member listens on for clients, "" for a cluster of one.
func (n *Node) ListenClient() string {
	if n.EtcdListenClient != "" || len(n.EtcdPeers) == 0 {
		return n.EtcdListenClient
	}
	u, err := url.Parse(n.ListenPeer())
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), "2379")
}

func pairs(list []string) map[string]string {
	m := make(map[string]string, len(list))
	for _, p := range list {
		key, value, _ := strings.Cut(p, "=")
		m[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return m
}

// Check looks at every setting by itself and tells all that is wrong. Nothing is connected to.
func (n *Node) Check() error {
	return errors.Join(
		n.checkName(),
		n.checkTLS(),
		n.checkAddresses(),
		n.checkLabels(),
		n.checkEtcd(),
		n.checkPeers(),
		n.checkLease(),
		atLeast("memory", n.Memory, leastMemory),
		atLeast("relay-size", n.RelaySize, leastRelaySize),
		oneOf("log-level", n.LogLevel, "debug", "info", "warn", "error"),
		oneOf("log-format", n.LogFormat, "text", "json"),
	)
}

var nodeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (n *Node) checkName() error {
	if !nodeName.MatchString(n.Name) {
		return &Error{"name", fmt.Sprintf("%q is no name of a node", n.Name), "use 1 to 63 letters, digits, '.', '_' and '-', a letter or digit first"}
	}
	return nil
}

// checkTLS demands all three: nodes prove to each other who they are.
func (n *Node) checkTLS() error {
	return errors.Join(
		together("tls-cert", "give --tls-cert, --tls-key and --tls-ca, or none of them", n.TLSCert, n.TLSKey, n.TLSCA),
		readable("tls-cert", n.TLSCert), readable("tls-key", n.TLSKey), readable("tls-ca", n.TLSCA))
}

func together(name, fix string, texts ...string) error {
	if slices.Contains(texts, "") && slices.ContainsFunc(texts, func(t string) bool { return t != "" }) {
		return &Error{name, "only a part of the TLS files is given", fix}
	}
	return nil
}

func readable(name, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return &Error{name, err.Error(), "name a PEM file that this user may read"}
	}
	return f.Close()
}

func (n *Node) checkAddresses() error {
	errs := []error{n.checkListen("addr", n.Addr), n.checkListen("api-addr", n.APIAddr)}
	host, port, err := net.SplitHostPort(n.Reached())
	ip := net.ParseIP(host)
	switch {
	case n.Advertise != "" && (err != nil || host == "" || port == "" || port == "0"):
		errs = append(errs, &Error{"advertise", fmt.Sprintf("%q is no address", n.Advertise), "give host:port as other nodes reach this one"})
	case err == nil && (host == "" || ip != nil && ip.IsUnspecified()) && n.TLS():
		errs = append(errs, &Error{"advertise", fmt.Sprintf("other nodes cannot reach %s", n.Reached()), "give the host:port at which they reach this one"})
	}
	return errors.Join(errs...)
}

func (n *Node) checkListen(name, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return &Error{name, fmt.Sprintf("%q is no address", addr), "give host:port, as in 127.0.0.1:8300"}
	}
	if !n.TLS() && !loopbackHost(host) {
		return &Error{name, addr + " is reachable from other machines, and there is no TLS", "give --tls-cert, --tls-key and --tls-ca, or a loopback address"}
	}
	return nil
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (n *Node) checkLabels() error {
	for _, l := range n.Labels {
		if key, _, ok := strings.Cut(l, "="); !ok || !nodeName.MatchString(strings.TrimSpace(key)) {
			return &Error{"labels", fmt.Sprintf("%q is no label", l), "write key=value, as in zone=a"}
		}
	}
	return nil
}

func (n *Node) checkEtcd() error {
	var errs []error
	for _, e := range n.Etcd {
		errs = append(errs, checkWebURL("etcd", e, "2379"))
	}
	if len(n.Etcd) > 0 && len(n.EtcdPeers) > 0 {
		errs = append(errs, &Error{"etcd-peers", "--etcd is given too", "give --etcd for an external etcd, or --etcd-peers for an embedded cluster"})
	}
	if len(n.Etcd) == 0 {
		errs = append(errs, needs("etcd", "etcd-user", n.EtcdUser), needs("etcd", "etcd-password-file", n.EtcdPasswordFile))
	}
	if len(n.Etcd) > 0 && (n.EtcdUser == "") != (n.EtcdPassword == "") {
		errs = append(errs, &Error{"etcd-user", "a user and a password are used together", "give both --etcd-user and --etcd-password-file or WEIR_ETCD_PASSWORD"})
	}
	errs = append(errs, together("etcd-cert", "give both --etcd-cert and --etcd-key, or none of them", n.EtcdCert, n.EtcdKey),
		readable("etcd-cert", n.EtcdCert), readable("etcd-key", n.EtcdKey), readable("etcd-ca", n.EtcdCA))
	return errors.Join(errs...)
}

func (n *Node) checkPeers() error {
	if len(n.EtcdPeers) == 0 {
		return errors.Join(needs("etcd-peers", "etcd-listen-peer", n.EtcdListenPeer), needs("etcd-peers", "etcd-listen-client", n.EtcdListenClient))
	}
	peers := n.PeerMap()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(peers)) {
		if !nodeName.MatchString(name) {
			errs = append(errs, &Error{"etcd-peers", fmt.Sprintf("%q is no name of a node", name), "write name=URL, as in n1=https://a:2380"})
			continue
		}
		errs = append(errs, checkWebURL("etcd-peers", peers[name], "2380"))
	}
	if len(peers) != len(n.EtcdPeers) {
		errs = append(errs, &Error{"etcd-peers", "a name is given twice", "name each member once"})
	}
	if _, ok := peers[n.Name]; !ok {
		errs = append(errs, &Error{"etcd-peers", fmt.Sprintf("node %q is not among them", n.Name), "name this node too, or give its --name as it stands there"})
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return errors.Join(n.checkListenURL("etcd-listen-peer", n.ListenPeer(), "2380"), n.checkListenURL("etcd-listen-client", n.ListenClient(), "2379"))
}

func needs(other, name, text string) error {
	if text == "" {
		return nil
	}
	return &Error{name, "it needs --" + other + ", which is not given", "give --" + other + ", or leave this out"}
}

// checkListenURL lets an embedded member leave the machine only through TLS, with the node's certificate.
func (n *Node) checkListenURL(name, text, port string) error {
	if err := checkWebURL(name, text, port); err != nil {
		return err
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return err
	case u.Scheme == "https" && !n.TLS():
		return &Error{name, text + " needs a certificate", "give --tls-cert, --tls-key and --tls-ca"}
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		return &Error{name, text + " is reachable from other machines, and there is no TLS", "write https://, and give --tls-cert, --tls-key and --tls-ca"}
	}
	return nil
}

// checkWebURL never repeats a URL that may hold a password.
func checkWebURL(name, text, port string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return &Error{name, "a URL cannot be used", "write each as in https://host:" + port}
	}
	if u.User != nil {
		return &Error{name, "a URL holds a user", "give --etcd-user and --etcd-password-file, or WEIR_ETCD_PASSWORD"}
	}
	return nil
}

func (n *Node) checkLease() error {
	if n.LeaseTTL < time.Second || n.LeaseTTL > time.Minute || n.LeaseTTL%time.Second != 0 {
		return &Error{"lease-ttl", fmt.Sprintf("%v cannot be used", n.LeaseTTL), "give whole seconds from 1s to 1m; short ones fail over soon, long ones outlast a slow machine"}
	}
	return nil
}
