package cluster

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"
)

// Dead letters are part of the protocol's life (a stale message meets a name of an old epoch), so a few a minute say
// enough.
const (
	deadLetters     = 5
	deadLetterReset = time.Minute
)

// System makes the actor system of a node: its log goes to log, dead letters are throttled and logged by type only,
// and actors spawned at the root are restarted with DefaultBackoff.
func System(log *logrus.Entry) *actor.ActorSystem {
	config := actor.NewConfig()
	config.LoggerFactory = func(*actor.ActorSystem) *slog.Logger { return slog.New(NewSlogHandler(log)) }
	config.DeadLetterThrottleCount, config.DeadLetterThrottleInterval = deadLetters, deadLetterReset
	config.DeadLetterRequestLogging = false
	system := actor.NewActorSystemWithConfig(config)
	system.Root.WithGuardian(NewSupervisor(DefaultBackoff, log))
	return system
}
