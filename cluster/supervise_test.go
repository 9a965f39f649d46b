package cluster

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"
)

var brisk = Backoff{First: 20 * time.Millisecond, Max: 80 * time.Millisecond, Quiet: time.Second}

// family starts a parent with one child under the supervisor and gives both ids.
func family(t *testing.T, system *actor.ActorSystem, s *Supervisor, child actor.ReceiveFunc) (parent, kid *actor.PID) {
	t.Helper()
	born := make(chan *actor.PID, 1)
	parent = system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *actor.Started:
			born <- ctx.Spawn(actor.PropsFromFunc(child))
		case func(actor.Context):
			m(ctx)
		}
	}, s.Option()))
	return parent, receive(t, born)
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func testSystem(t *testing.T, log *logrus.Entry) *actor.ActorSystem {
	system := System(log)
	t.Cleanup(system.Shutdown)
	return system
}

func TestAPanicInStartedDoesNotSpin(t *testing.T) {
	log, hook := recorder()
	system, s := testSystem(t, log), NewSupervisor(brisk, log)
	starts := make(chan time.Time, 100)
	family(t, system, s, func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			starts <- time.Now()
			panic("cannot start")
		}
	})
	last := receive(t, starts)
	for i, want := range []time.Duration{20, 40, 80, 80} {
		now := receive(t, starts)
		if got := now.Sub(last); got < want*time.Millisecond {
			t.Errorf("start %d after %v, want at least %v", i+1, got, want*time.Millisecond)
		}
		last = now
	}
	if s.Restarts() < 4 {
		t.Errorf("counted %d restarts", s.Restarts())
	}
	var decided, traced bool
	for _, e := range hook.AllEntries() {
		decided = decided || e.Message == "actor failed" && e.Data["reason"] == "cannot start" && e.Data["restart_in"] == "20ms"
		stack, _ := e.Data["stack"].(string)
		traced = traced || e.Level == logrus.ErrorLevel && strings.Contains(stack, "TestAPanicInStartedDoesNotSpin")
	}
	if !decided || !traced {
		t.Errorf("decision logged: %v, stack logged: %v", decided, traced)
	}
}

func TestMessagesWaitWhileAnActorRests(t *testing.T) {
	system, s := testSystem(t, quiet()), NewSupervisor(brisk, quiet())
	got := make(chan string, 10)
	_, kid := family(t, system, s, func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *actor.Started:
			got <- "started"
		case string:
			if m == "fall" {
				panic(m)
			}
			got <- m
		}
	})
	for _, m := range []string{"a", "fall", "b", "c"} {
		system.Root.Send(kid, m)
	}
	for _, want := range []string{"started", "a", "started", "b", "c"} {
		if m := receive(t, got); m != want {
			t.Fatalf("got %s, want %s", m, want)
		}
	}
}

func TestBackoffGrowsAndComesBack(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 9: 25600 * time.Millisecond, 10: 30 * time.Second, 100000: 30 * time.Second} {
		if got := DefaultBackoff.delay(n); got != want {
			t.Errorf("failure %d: %v, want %v", n, got, want)
		}
	}
	s := NewSupervisor(Backoff{First: time.Millisecond, Max: time.Second, Quiet: -time.Hour}, quiet()) // always quiet
	stats := actor.NewRestartStatistics()
	for range 5 {
		if got := s.rest(stats); got != time.Millisecond {
			t.Errorf("after a quiet time: %v", got)
		}
	}
}

// A child with a slow child of its own is asked to stop while it rests: no restart may revive it.
func TestAStopWinsOverAPendingRestart(t *testing.T) {
	for _, who := range []string{"child", "parent"} {
		t.Run(who, func(t *testing.T) {
			system, s := testSystem(t, quiet()), NewSupervisor(brisk, quiet())
			release, stopping := make(chan struct{}), make(chan struct{}, 1)
			ready := make(chan struct{}, 10)
			var starts atomic.Int32
			parent, kid := family(t, system, s, func(ctx actor.Context) {
				switch m := ctx.Message().(type) {
				case *actor.Started:
					starts.Add(1)
					ctx.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
						if _, ok := ctx.Message().(*actor.Stopping); ok {
							stopping <- struct{}{}
							<-release
						}
					}))
					ready <- struct{}{}
				case string:
					panic(m)
				}
			})
			receive(t, ready)
			system.Root.Send(kid, "fall")
			future := system.Root.StopFuture(map[string]*actor.PID{"child": kid, "parent": parent}[who])
			receive(t, stopping)
			rested := time.NewTimer(10 * brisk.First)
			<-rested.C // well past the restart
			close(release)
			if err := future.Wait(); err != nil {
				t.Fatalf("the %s did not stop: %v", who, err)
			}
			if got := starts.Load(); got != 1 {
				t.Errorf("%d starts, want 1", got)
			}
		})
	}
}

func TestAPanicOnTheWayOutStillEnds(t *testing.T) {
	messages := map[string]func(any) bool{
		"stopping":   func(m any) bool { _, ok := m.(*actor.Stopping); return ok },
		"stopped":    func(m any) bool { _, ok := m.(*actor.Stopped); return ok },
		"terminated": func(m any) bool { _, ok := m.(*actor.Terminated); return ok },
	}
	for name, falls := range messages {
		t.Run(name, func(t *testing.T) {
			system, s := testSystem(t, quiet()), NewSupervisor(brisk, quiet())
			var once atomic.Bool
			ready := make(chan struct{}, 10)
			parent, _ := family(t, system, s, func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Started); ok {
					ctx.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
					ready <- struct{}{}
				}
				if falls(ctx.Message()) && once.CompareAndSwap(false, true) {
					panic(name)
				}
			})
			receive(t, ready)
			if err := system.Root.StopFuture(parent).Wait(); err != nil {
				t.Fatalf("the parent did not stop: %v", err)
			}
		})
	}
}

func TestRootActorsAreRestartedToo(t *testing.T) {
	system := testSystem(t, quiet())
	starts := make(chan struct{}, 10)
	pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *actor.Started:
			starts <- struct{}{}
		case string:
			panic(m)
		}
	}))
	receive(t, starts)
	system.Root.Send(pid, "fall")
	receive(t, starts)
}
