package main

import (
	"context"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/actors"
	_ "github.com/weir-cdc/weir/codec/all"
	"github.com/weir-cdc/weir/config"
	"github.com/weir-cdc/weir/filter"
	_ "github.com/weir-cdc/weir/sinks/all"
	"github.com/weir-cdc/weir/sources"
	"github.com/weir-cdc/weir/sources/mysql"
	"github.com/weir-cdc/weir/sources/workload"
)

func init() {
	followMySQL := func(uri string, s sources.Settings) (sources.Source, error) {
		return mysql.Open(withServerID(uri, s.ServerID))
	}
	sources.Register("mysql", followMySQL)
	sources.Register("mariadb", followMySQL)
	sources.Register("workload", func(uri string, _ sources.Settings) (sources.Source, error) { return workload.Open(uri) })
}

// options makes what the actors of a changefeed are told out of its settings.
func options(c *config.Config, log *logrus.Entry) (actors.Options, error) {
	var matching []filter.Option
	if c.CaseSensitive {
		matching = append(matching, filter.CaseSensitive())
	}
	tables, err := filter.Parse(c.Tables, matching...)
	if err != nil {
		return actors.Options{}, err
	}
	to, err := sinkURI(c)
	if err != nil {
		return actors.Options{}, err
	}
	return actors.Options{
		Changefeed: c.Changefeed, From: c.From, To: to, DataDir: c.DataDir, Tables: tables,
		StartAt: c.StartAt, StopAt: c.StopAt, SyncpointInterval: c.SyncpointInterval,
		Memory: uint64(c.Memory), RelaySize: int64(c.RelaySize), GiveUpAfter: c.GiveUpAfter,
		Source: sources.Settings{ServerID: c.ServerID, Log: log},
		Log:    log,
	}, nil
}

// start puts the parts of a node together and starts it.
func start(ctx context.Context, c *config.Config, log *logrus.Entry) (feed, error) {
	o, err := options(c, log)
	if err != nil {
		return nil, err
	}
	return actors.Start(ctx, o)
}
