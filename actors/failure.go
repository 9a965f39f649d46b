package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"
)

// stopFailed is the strategy of parents that watch their children and make failed ones anew themselves.
var stopFailed = actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })

// crash makes an actor panic; tests of supervision send it.
type crash struct{ reason string }

// backoff gives the delay before try n (from 0): doubling from first up to most.
func backoff(n int, first, most time.Duration) time.Duration {
	for ; n > 0 && first < most; n-- {
		first *= 2
	}
	return min(first, most)
}

// unexpected logs a message that its receiver has no use for; it never logs what the message holds.
func unexpected(ctx actor.Context) {
	switch ctx.Message().(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Started, *actor.Terminated:
		return
	}
	logrus.WithFields(logrus.Fields{
		"actor": ctx.Self().GetId(), "message": fmt.Sprintf("%T", ctx.Message()), "sender": ctx.Sender().GetId(),
	}).Debug("unexpected message")
}

var errReaderBroke = errors.New("read the relay log: the reading actor broke down")

var (
	errFeederBroke     = errors.New("feed the dispatchers: the feeder broke down")
	errGroupBroke      = errors.New("the group of dispatchers started over")
	errMaintainerBroke = errors.New("the maintainer broke down; it begins again from the checkpoint, see the log for the stack")
	errPullerBroke     = errors.New("read the upstream: the puller broke down; it starts again by itself, see the log for the stack")
)

// numbersPerLife keeps what an actor numbers apart from what its earlier lives numbered: answers to those may come yet.
const numbersPerLife = 1 << 24
