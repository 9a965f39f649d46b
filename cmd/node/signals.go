package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"
)

// untilSignal gives a context that the first SIGINT or SIGTERM ends. The second ends the process at once: what is
// downstream by then stays, and the next run goes on from the stored checkpoint.
func untilSignal(ctx context.Context, log *logrus.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case s := <-signals:
				if n > 0 {
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
