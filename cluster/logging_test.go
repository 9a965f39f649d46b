package cluster

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"go.uber.org/zap"
)

func recorder() (*logrus.Entry, *test.Hook) {
	log, hook := test.NewNullLogger()
	log.SetLevel(logrus.TraceLevel)
	return log.WithField("node", "n1"), hook
}

func TestSlogGoesToLogrus(t *testing.T) {
	log, hook := recorder()
	s := slog.New(NewSlogHandler(log)).With("lib", "x")
	s.Debug("d")
	s.Info("i", "n", 7, "took", 3*time.Second)
	s.WithGroup("g").Warn("w", slog.Group("h", "k", "v"), "err", errors.New("bad"))
	s.Error("e", "pid", actor.NewPID("here", "a/b"))
	want := []struct {
		level logrus.Level
		text  string
		field string
		value any
	}{
		{logrus.DebugLevel, "d", "lib", "x"},
		{logrus.InfoLevel, "i", "n", int64(7)},
		{logrus.WarnLevel, "w", "g.h.k", "v"},
		{logrus.ErrorLevel, "e", "node", "n1"},
	}
	got := hook.AllEntries()
	if len(got) != len(want) {
		t.Fatalf("got %d entries, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].Level != w.level || got[i].Message != w.text || got[i].Data[w.field] != w.value {
			t.Errorf("got %v %s %v, want %+v", got[i].Level, got[i].Message, got[i].Data, w)
		}
	}
	if err, ok := got[2].Data["g.err"].(error); !ok || err.Error() != "bad" {
		t.Errorf("error field: %v", got[2].Data)
	}
	if pid, ok := got[3].Data["pid"].(string); !ok || pid == "" {
		t.Errorf("pid field: %v", got[3].Data)
	}
}

func TestSlogHonoursTheLevel(t *testing.T) {
	log, hook := recorder()
	log.Logger.SetLevel(logrus.WarnLevel)
	s := slog.New(NewSlogHandler(log))
	s.Info("no")
	s.Warn("yes")
	if got := hook.AllEntries(); len(got) != 1 || got[0].Message != "yes" {
		t.Errorf("got %v", got)
	}
}

func TestMessagesAreLoggedByType(t *testing.T) {
	log, hook := recorder()
	slog.New(NewSlogHandler(log)).Info("[DeadLetter]", slog.Any("message", &actor.Terminated{Who: actor.NewPID("here", "secret row")}))
	if got := hook.LastEntry().Data["message"]; got != "*actor.Terminated" {
		t.Errorf("got %v", got)
	}
}

func TestZapGoesToLogrus(t *testing.T) {
	log, hook := recorder()
	z := zap.New(NewZapCore(log)).With(zap.String("a", "b"))
	z.Debug("d")
	z.Named("raft").Info("i", zap.Duration("took", time.Second))
	z.Warn("w", zap.Error(errors.New("bad")))
	z.Error("e", zap.Int("n", 3))
	want := []struct {
		level logrus.Level
		text  string
		field string
		value any
	}{
		{logrus.TraceLevel, "d", "a", "b"},
		{logrus.DebugLevel, "i", "took", "1s"},
		{logrus.WarnLevel, "w", "error", "bad"},
		{logrus.ErrorLevel, "e", "n", int64(3)},
	}
	got := hook.AllEntries()
	if len(got) != len(want) {
		t.Fatalf("got %d entries, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].Level != w.level || got[i].Message != w.text || got[i].Data[w.field] != w.value {
			t.Errorf("got %v %s %v, want %+v", got[i].Level, got[i].Message, got[i].Data, w)
		}
	}
	if got[1].Data["logger"] != "raft" {
		t.Errorf("logger name: %v", got[1].Data)
	}
	log.Logger.SetLevel(logrus.WarnLevel)
	if z.Core().Enabled(zap.InfoLevel) {
		t.Error("info enabled at level warn")
	}
}

func TestCommentaryIsDebug(t *testing.T) {
	log, hook := recorder()
	s := slog.New(NewSlogHandler(log))
	s.Info("[DeadLetter]")
	s.Info("actor system started")
	s.Info("anything else")
	want := []logrus.Level{logrus.DebugLevel, logrus.DebugLevel, logrus.InfoLevel}
	for i, e := range hook.AllEntries() {
		if e.Level != want[i] {
			t.Errorf("%s: got level %v, want %v", e.Message, e.Level, want[i])
		}
	}
}
