package actors

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/sources"
	"github.com/weir-cdc/weir/sources/mysql"
)

func init() {
	sources.Register("mysql", func(uri string, s sources.Settings) (sources.Source, error) { return mysql.Open(uri) })
}

const shortBank = "workload://bank?seed=7&tables=6&rows=40&rate=4000&transactions=3000&ddl=300ms"

// fails waits for the end of a changefeed that has to fail, and gives the error and the states on the way.
func (b *bankRun) fails(r *Running) ([]messages.FeedState, error) {
	b.t.Helper()
	deadline := time.After(30 * time.Second)
	var states []messages.FeedState
	for {
		select {
		case s, more := <-r.Progress():
			if !more {
				return states, r.Wait()
			}
			states = append(states, s.State)
		case <-deadline:
			b.t.Fatalf("it does not give up: %v", states[len(states)-1])
		}
	}
}

// A downstream that does not work for long ends the changefeed with an error that tells why. Given again, it goes on.
func TestGiveUpOnTheDownstream(t *testing.T) {
	t.Parallel()
	b := newBankRun(t, shortBank)
	b.stop, b.giveUp = "gtid:0-1-3000", 1500*time.Millisecond
	if err := os.Symlink(b.out, b.out); err != nil { // a folder that leads to itself
		t.Fatal(err)
	}
	states, err := b.fails(b.start(context.Background()))
	for _, want := range []string{"too many levels of symbolic links", "gave up after 1.5s", "the same command"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if n := len(states); n < 2 || states[n-1] != messages.FeedState_FEED_FAILED || states[n-2] != messages.FeedState_FEED_WARNING {
		t.Errorf("got the states %v, want warning and failed", states)
	}
	if err := os.Remove(b.out); err != nil {
		t.Fatal(err)
	}
	b.finish(b.start(context.Background()), func(*messages.FeedStatus) {})
	calm := newBankRun(t, shortBank)
	calm.stop = b.stop
	calm.finish(calm.start(context.Background()), func(*messages.FeedStatus) {})
	sameLines(t, b.lines(), calm.lines())
}

// So does an upstream that is away.
func TestGiveUpOnTheUpstream(t *testing.T) {
	t.Parallel()
	b := newBankRun(t, "mysql://root@127.0.0.1:1/") // nobody listens there
	b.stop, b.giveUp = "", 1500*time.Millisecond
	_, err := b.fails(b.start(context.Background()))
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "gave up after 1.5s") {
		t.Errorf("got %v, want the upstream's address and that it gave up", err)
	}
}

// Who has nothing to do is not stuck, whatever breaks down.
func TestIdleDoesNotGiveUp(t *testing.T) {
	t.Parallel()
	b := newBankRun(t, shortBank)
	b.stop, b.giveUp = "", time.Second
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := b.start(ctx)
	random := rand.New(rand.NewPCG(1, 1))
	var idle time.Time
	b.finish(r, func(s *messages.FeedStatus) {
		switch {
		case !idle.IsZero():
			if time.Since(idle) > 4*time.Second {
				cancel()
			}
		case s.SourcePosition == "gtid:0-1-3000" && s.Checkpoint == s.Resolved && s.Checkpoint > 0 && s.State == messages.FeedState_FEED_NORMAL:
			idle = time.Now()
			b.crash(r, random, "sink worker")
		}
	})
	if time.Since(idle) < 3*time.Second {
		t.Error("it ended by itself")
	}
}

// A sink whose worker breaks down each time works in between, but not well: the warning stays until the checkpoint moves.
func TestWarningStaysUntilWorkSucceeds(t *testing.T) {
	t.Parallel()
	b := newBankRun(t, bankURI)
	r := b.start(context.Background())
	crashes, warnings := 0, 0
	last := &messages.FeedStatus{}
	b.finish(r, func(s *messages.FeedStatus) {
		warned := last.State == messages.FeedState_FEED_WARNING
		switch {
		case s.State == messages.FeedState_FEED_WARNING:
			warnings++
			if s.Reason == "" || warned && s.Reason != last.Reason {
				t.Errorf("got the reason %q behind %q, want one that stays", s.Reason, last.Reason)
			}
		case warned && s.State != messages.FeedState_FEED_FINISHED && s.Checkpoint <= last.Checkpoint:
			t.Errorf("got state %v at checkpoint %d, as in the warning before", s.State, s.Checkpoint)
		}
		if crashes < 4 && s.Rows > 0 && endWorker(r) {
			crashes++
		}
		last = s
	})
	if warnings < 10 {
		t.Errorf("%d warnings in %d crashes", warnings, crashes)
	}
}

// endWorker ends the sink's first worker, as a panic does, if there is one now.
func endWorker(r *Running) bool {
	workers := living(r, func(p string) bool { return strings.HasPrefix(p, "/test/group/sink/") && strings.Count(p, "/") == 4 })
	if len(workers) == 0 {
		return false
	}
	r.system.Root.Stop(workers[0])
	return true
}

// A sink that starts over at the very end writes the last checkpoint all the same.
func TestLastCheckpointOfASinkThatStartsOver(t *testing.T) {
	t.Parallel()
	b := newBankRun(t, shortBank)
	b.stop = "gtid:0-1-3000"
	r := b.start(context.Background())
	b.finish(r, func(s *messages.FeedStatus) {
		if s.State == messages.FeedState_FEED_FINISHED {
			endWorker(r)
		}
	})
	b.lines() // looks at the checkpoint
}
