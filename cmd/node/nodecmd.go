package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/config"
)

// A nodeStarter runs a node until its context ends, or it is drained.
type nodeStarter func(ctx context.Context, n *config.Node, c *console) error

func newNode(c *console, start nodeStarter) *cobra.Command {
	n := config.DefaultNode()
	var file string
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run a node of a cluster",
		Long: `Run a node of a cluster, until a signal ends it or it is drained.

Each setting is also an environment variable, as WEIR_API_ADDR is of --api-addr; a flag wins over the environment, which wins over
the file. Nodes share an external etcd (--etcd), or embed one in some of them (--etcd-peers); with neither, the node is alone.
Without TLS it listens on loopback only.

Exit status: 0 ended in order, 1 an error, 2 the command line or the configuration is wrong.`,
		Example: `  weir node --config node.toml
  weir node --name n1 --etcd http://127.0.0.1:2379 --data-dir /srv/weir/n1`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := configureNode(n, file, cmd.Flags().Changed, c.getenv); err != nil {
				return usageError{err}
			}
			return start(cmd.Context(), n, c)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		text := err.Error()
		var name string
		if got, _ := fmt.Sscanf(text, "unknown flag: --%s", &name); got == 1 {
			text += config.SuggestNode(name)
		}
		return usageError{errors.New(text)}
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "config", "", "TOML file with any of the settings below")
	for _, s := range n.Settings() {
		flag := cmd.Flags().VarPF(s.Value, s.Name, "", s.Usage)
		if s.Value.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
	return cmd
}

// configureNode completes what flags set with the environment, the file and the derived defaults, and checks it.
func configureNode(n *config.Node, file string, isFlag func(string) bool, getenv func(string) string) error {
	if err := n.Read(file, isFlag, getenv); err != nil {
		return err
	}
	if n.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return &config.Error{Setting: "name", Problem: "is missing, and this host has no name", Fix: "give one"}
		}
		n.Name = host
	}
	if err := n.Check(); err != nil {
		return err
	}
	if n.DataDir == "" {
		home := config.Home{State: getenv("XDG_STATE_HOME"), User: getenv("HOME")}
		if n.DataDir = home.DefaultDataDir("node-" + n.Name); n.DataDir == "" {
			return &config.Error{Setting: "data-dir", Problem: "is missing, and this user has no home folder", Fix: "give one"}
		}
	}
	dir, err := filepath.Abs(n.DataDir)
	n.DataDir = dir
	return err
}
