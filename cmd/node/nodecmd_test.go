package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/config"
)

// callNode runs the command with a starter that only notes what it is given.
func callNode(t *testing.T, env map[string]string, args ...string) (started *config.Node, err error) {
	t.Helper()
	con := &console{out: &bytes.Buffer{}, err: &bytes.Buffer{}, getenv: func(k string) string { return env[k] }}
	cmd := newNode(con, func(_ context.Context, n *config.Node, _ *console) error { started = n; return nil })
	cmd.SetArgs(append([]string{}, args...)) // nil would be those of this process
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return started, err
}

func startedNode(t *testing.T, env map[string]string, args ...string) *config.Node {
	t.Helper()
	n, err := callNode(t, env, args...)
	if err != nil || n == nil {
		t.Fatalf("got %v, started %v", err, n != nil)
	}
	return n
}

func TestNodeCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.toml")
	if err := os.WriteFile(file, []byte("name = 'by-file'\nmemory = '2GiB'\nlease-ttl = '5s'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HOME": "/home/weir", "WEIR_MEMORY": "1GiB", "WEIR_ETCD": "http://127.0.0.1:2379", "WEIR_ETCD_USER": "weir", "WEIR_ETCD_PASSWORD": "secret"}
	n := startedNode(t, env, "--config", file, "--name", "n7", "--labels", "zone=a", "--labels", "disk=ssd")
	if n.Name != "n7" || n.Memory != config.GiB || n.LeaseTTL.String() != "5s" || n.DataDir != "/home/weir/.local/state/weir/node-n7" ||
		n.EtcdPassword != "secret" || len(n.Labels) != 2 || len(n.Etcd) != 1 {
		t.Errorf("got %+v", n)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if n := startedNode(t, map[string]string{"HOME": "/h"}); n.Name != host {
		t.Errorf("got the name %s, want the host's, %s", n.Name, host)
	}
}

func TestNodeCommandErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--api_addr x":                    `did you mean "api-addr"?`,
		"--name a/b":                      "--name: ",
		"--addr 0.0.0.0:8301 --name n1":   "--tls-cert, --tls-key and --tls-ca",
		"--config /no/such":               "no such file",
		"--name n1 --lease-ttl 10ms":      "--lease-ttl: ",
		"n1":                              `unexpected argument "n1"`,
		"--name n1 --etcd http://h:2379/": "--data-dir: is missing",
	} {
		started, err := callNode(t, nil, strings.Fields(args)...)
		if started != nil || err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", args, err, want)
		}
	}
}
