package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/config"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sources"
)

func newRun(c *console) *cobra.Command {
	conf := config.Default()
	var file string
	cmd := &cobra.Command{
		Use:   "run --from URI --to URI",
		Short: "Follow one upstream into one downstream, in one process",
		Long: `Follow one upstream into one downstream, in one process.

A changefeed that was followed before resumes where it was; a new one begins at --start-at. Ctrl-C writes out what is
in flight, stores the checkpoint and ends; a second Ctrl-C ends at once, which loses nothing either.

Exit status: 0 ended in order, 1 an error, 2 the command line or the configuration is wrong.`,
		Example: `  weir run --from mysql://root@127.0.0.1:3306/ --to 'file:///tmp/out?protocol=csv' --tables 'shop.*'
  weir run --config weir.toml --stop-at current`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := configure(conf, file, cmd.Flags().Changed, c.getenv); err != nil {
				return usageError{err}
			}
			if err := checkEnds(conf); err != nil {
				return usageError{err}
			}
			return run(cmd.Context(), conf, c, start)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "config", "", "TOML file with any of the settings below; flags win over it")
	addSettings(cmd, conf)
	return cmd
}

// addSettings makes a flag of each setting.
func addSettings(cmd *cobra.Command, conf *config.Config) {
	for _, s := range conf.Settings() {
		flag := cmd.Flags().VarPF(s.Value, s.Name, "", s.Usage)
		if s.Value.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// configure completes what the flags set with the file, the environment and the derived defaults, and checks it.
func configure(conf *config.Config, file string, isFlag func(string) bool, getenv func(string) string) error {
	if file != "" {
		if err := conf.ReadFile(file, isFlag); err != nil {
			return err
		}
	}
	if err := conf.Resolve(getenv); err != nil {
		return err
	}
	if err := conf.Check(); err != nil {
		return err
	}
	if conf.DataDir == "" {
		dir, err := defaultDataDir(conf, getenv)
		if err != nil {
			return err
		}
		conf.DataDir = dir
	}
	dir, err := filepath.Abs(conf.DataDir)
	if err != nil {
		return err
	}
	conf.DataDir = dir
	return nil
}

// checkEnds has both ends look at their URIs: schemes, options, protocols. Nothing is connected to.
func checkEnds(conf *config.Config) error {
	source, err := sources.Open(conf.From, sources.Settings{Log: logrus.NewEntry(logrus.StandardLogger())})
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if err := source.Close(); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := sinkURI(conf)
	if err != nil {
		return err
	}
	if _, err := sinks.Open(to, sinks.Env{Changefeed: conf.Changefeed}); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	return nil
}

// defaultDataDir names the data directory after what identifies the changefeed: another password resumes it, another
// host does not.
func defaultDataDir(conf *config.Config, getenv func(string) string) (string, error) {
	key, err := cluster.IdentityOf(conf.From)
	if err != nil {
		return "", err
	}
	to, err := cluster.IdentityOf(conf.To)
	if err != nil {
		return "", err
	}
	home, _ := os.UserHomeDir() // a user without one may have a folder for state
	dir := config.Home{State: getenv("XDG_STATE_HOME"), User: home}.DefaultDataDir(conf.Changefeed + "-" + key[:12] + to[:12])
	if dir == "" {
		return "", &config.Error{Setting: "data-dir", Problem: "is missing, and this user has no home folder", Fix: "give one"}
	}
	return dir, nil
}

// run follows until the changefeed ends or a signal stops it.
func run(ctx context.Context, conf *config.Config, c *console, start starter) error {
	screen := newScreen(c.err, c.getenv)
	log, closeLog, err := newLog(conf, screen)
	if err != nil {
		return err
	}
	defer closeLog()
	ctx, stop := untilSignal(ctx, log)
	defer stop()

	entry := log.WithField("changefeed", conf.Changefeed)
	entry.WithFields(logrus.Fields{
		"from": mask(conf.From), "to": mask(conf.To), "data_dir": conf.DataDir, "version": version,
	}).Info("starting")
	f, err := start(ctx, conf, entry)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	last := watch(f.Progress(), screen, entry)
	if err := f.Wait(); err != nil {
		return err
	}
	entry.WithFields(fields(last)).Info("ended")
	return nil
}

// mask makes a URI fit to be shown.
func mask(uri string) string {
	shown, err := cluster.Mask(uri)
	if err != nil {
		return "(not shown: it is no URI)"
	}
	return shown
}
