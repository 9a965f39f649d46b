package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// sameSignal is how long after the first signal another counts as the same one: what ends a process often signals it and
// its process group.
const sameSignal = 300 * time.Millisecond

// untilSignal gives a context that the first SIGINT or SIGTERM ends. The second ends the process at once: what is
// downstream by then stays, and the next run goes on from the stored checkpoint.
func untilSignal(ctx context.Context, log *logrus.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		var first time.Time
		for {
			select {
			case s := <-signals:
				switch {
				case first.IsZero():
					first = time.Now()
				case time.Since(first) < sameSignal:
					continue
				default:
					log.WithField("signal", s.String()).Warn("ending at once")
					os.Exit(exitError)
				}
				log.WithField("signal", s.String()).Info("stopping; again to end at once")
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
