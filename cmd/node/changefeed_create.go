package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/config"
)

// ofTheNode are the settings that a changefeed of a cluster does not have: they are its nodes', or its name.
var ofTheNode = []string{"changefeed", "data-dir", "relay-size", "log-level", "log-format", "log-file"}

// feedFlags makes a flag of each setting of a changefeed.
func feedFlags(cmd *cobra.Command, conf *config.Config, file *string) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(file, "config", "", "TOML file with any of the settings below; flags win over it")
	for _, s := range conf.Settings() {
		if slices.Contains(ofTheNode, s.Name) {
			continue
		}
		flag := f.VarPF(s.Value, s.Name, "", s.Usage)
		if s.Value.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

func newCreate(r *remote) *cobra.Command {
	conf := config.Default()
	var file string
	cmd := feedCommand(r, "create NAME", "Create a changefeed, which then starts",
		"Its settings are those of weir run. The cluster keeps the URIs with their passwords: nodes that take over need them.\n\n", nil)
	cmd.Example = `  weir changefeed create shop --from mysql://repl@db1:3306/ --to file:///srv/shop --tables 'shop.*'`
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := readSettings(conf, file, cmd.Flags().Changed, r.getenv); err != nil {
			return usageError{err}
		}
		if err := conf.Check(); err != nil {
			return usageError{err}
		}
		client, err := r.client()
		if err != nil {
			return err
		}
		cf, err := client.Create(cmd.Context(), api.Spec{Name: args[0], From: conf.From, To: conf.To, Config: api.PatchOf(conf)})
		if err != nil {
			return err
		}
		return r.say(cf, "changefeed %s was created; weir changefeed show %s tells how it does", cf.Name, cf.Name)
	}
	feedFlags(cmd, conf, &file)
	return cmd
}

func newUpdate(r *remote) *cobra.Command {
	conf := config.Default()
	var file string
	cmd := feedCommand(r, "update NAME", "Change the settings of a changefeed that does not run",
		"What is not given stays. Pause the changefeed first, and resume it after.\n\n", nil)
	cmd.Example = `  weir changefeed update shop --tables 'shop.*' --tables '!shop.tmp_*'`
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given := map[string]bool{}
		flag := cmd.Flags().Changed
		if err := readSettings(conf, file, func(name string) bool { given[name] = true; return flag(name) }, func(string) string { return "" }); err != nil {
			return usageError{err}
		}
		for _, s := range conf.Settings() {
			if flag(s.Name) {
				given[s.Name] = true
			}
		}
		patch := patchOf(conf, given)
		if patch == (api.Patch{}) {
			return usageError{errors.New("nothing is to change: give the settings to change as flags")}
		}
		client, err := r.client()
		if err != nil {
			return err
		}
		cf, err := client.Update(cmd.Context(), args[0], patch)
		if err != nil {
			return err
		}
		return r.say(cf, "changefeed %s was changed; weir changefeed resume %s lets it go on", cf.Name, cf.Name)
	}
	feedFlags(cmd, conf, &file)
	return cmd
}

// readSettings completes what flags have set with a file, and the URIs with what names them.
func readSettings(conf *config.Config, file string, isFlag func(string) bool, getenv func(string) string) error {
	if file != "" {
		if err := conf.ReadFile(file, isFlag); err != nil {
			return err
		}
	}
	return conf.Resolve(getenv)
}

// patchOf gives the settings that are given.
func patchOf(conf *config.Config, given map[string]bool) (p api.Patch) {
	if conf.From != "" {
		p.From = &conf.From
	}
	if conf.To != "" {
		p.To = &conf.To
	}
	all := api.PatchOf(conf)
	keep(given["tables"], &p.Config.Tables, all.Tables)
	keep(given["case-sensitive"], &p.Config.CaseSensitive, all.CaseSensitive)
	keep(given["start-at"], &p.Config.StartAt, all.StartAt)
	keep(given["stop-at"], &p.Config.StopAt, all.StopAt)
	keep(given["syncpoint-interval"], &p.Config.SyncpointInterval, all.SyncpointInterval)
	keep(given["give-up-after"], &p.Config.GiveUpAfter, all.GiveUpAfter)
	keep(given["time-zone"], &p.Config.TimeZone, all.TimeZone)
	keep(given["memory"], &p.Config.Memory, all.Memory)
	keep(given["server-id"], &p.Config.ServerID, all.ServerID)
	return p
}

func keep[T any](given bool, to **T, from *T) {
	if given {
		*to = from
	}
}

func newPause(r *remote) *cobra.Command {
	return feedCommand(r, "pause NAME", "Stop a changefeed in order", "It keeps its checkpoint; resume lets it go on.\n\n",
		func(ctx context.Context, c *api.Client, args []string) error {
			cf, err := c.Pause(ctx, args[0])
			if err != nil {
				return err
			}
			return r.say(cf, "changefeed %s is %s, its checkpoint is %s", cf.Name, cf.State, position(cf.CheckpointTs, cf.Position))
		})
}

func newResume(r *remote) *cobra.Command {
	var from string
	cmd := feedCommand(r, "resume NAME", "Let a changefeed go on that is stopped, failed or finished",
		"From an earlier checkpoint, what was written since is written again; a sink that knows it drops it.\n\n",
		func(ctx context.Context, c *api.Client, args []string) error {
			var o api.ResumeOptions
			if from != "" {
				ts, err := api.ParseCommitTs(from)
				if err != nil {
					return usageError{fmt.Errorf("--from-checkpoint: %w", err)}
				}
				o.FromCheckpoint = &ts
			}
			cf, err := c.Resume(ctx, args[0], o)
			if err != nil {
				return err
			}
			return r.say(cf, "changefeed %s goes on from %s", cf.Name, position(cf.CheckpointTs, cf.Position))
		})
	cmd.Flags().StringVar(&from, "from-checkpoint", "", "commit-ts of an earlier checkpoint to go back to")
	return cmd
}

// removed is what remove answers as JSON; the API answers with no content.
type removed struct {
	Removed string `json:"removed"`
}

func newRemove(r *remote) *cobra.Command {
	return feedCommand(r, "remove NAME", "Forget a changefeed with its checkpoint", "What is downstream stays there.\n\n",
		func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.Remove(ctx, args[0]); err != nil {
				return err
			}
			return r.say(removed{args[0]}, "changefeed %s was removed", args[0])
		})
}
