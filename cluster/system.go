package cluster

import (
	"log/slog"
	"math"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
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

// The limits of the wire. A writer packs up to writerBatch messages into one gRPC message, which must stay below
// receiveLimit at the other end: with the framework's own numbers a batch of large messages never arrives, and nobody
// is told.
const (
	// MaxMessage bounds one remote message; senders split what is larger.
	MaxMessage   = 1 << 20
	writerBatch  = 32
	receiveLimit = 64 << 20
	pingEvery    = 10 * time.Second
	pingTimeout  = 2 * time.Second
)

// Remote makes the transport of the system on a loopback address. The caller starts it, and shuts it down. A node that
// is alone needs none.
func Remote(system *actor.ActorSystem, port int) *remote.Remote {
	return remote.NewRemote(system, remoteConfig(port))
}

func remoteConfig(port int) *remote.Config {
	return remote.Configure("127.0.0.1", port,
		remote.WithEndpointWriterBatchSize(writerBatch),
		remote.WithEndpointManagerBatchSize(writerBatch),
		remote.WithDialOptions(
			grpc.WithTransportCredentials(insecure.NewCredentials()), // loopback only
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingTimeout, PermitWithoutStream: true}),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(receiveLimit), grpc.MaxCallSendMsgSize(math.MaxInt32)),
		),
		remote.WithServerOptions(
			grpc.MaxRecvMsgSize(receiveLimit),
			grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingEvery, Timeout: pingTimeout}),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery / 2, PermitWithoutStream: true}),
		),
	)
}
