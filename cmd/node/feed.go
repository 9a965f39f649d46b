package main

import (
	"context"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/config"
	"github.com/weir-cdc/weir/messages"
)

// A feed is a node that runs one changefeed in this process.
type feed interface {
	// Progress tells several times a second how far the changefeed is, and closes when it has ended. A slow reader
	// misses some, never the last.
	Progress() <-chan *messages.FeedStatus
	// Wait gives, after the end, nil if the changefeed reached --stop-at or was stopped in order, else why it failed.
	Wait() error
}

// A starter starts a feed. When ctx ends, the feed writes out what is in flight, stores its checkpoint and ends.
type starter func(ctx context.Context, c *config.Config, log *logrus.Entry) (feed, error)
