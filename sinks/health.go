package sinks

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/messages"
)

// A Fatal is an error that no retry can mend.
type Fatal struct{ Err error }

func (f *Fatal) Error() string { return f.Err.Error() }
func (f *Fatal) Unwrap() error { return f.Err }

// IsFatal tells whether err is, or wraps, a Fatal.
func IsFatal(err error) bool {
	var f *Fatal
	return errors.As(err, &f)
}

// A Health turns the errors of a sink's parts into SinkState, told to the owner whenever it changes. Fatal is for good.
type Health struct {
	owner   *actor.PID
	log     *logrus.Entry
	failing map[string]int // part -> failures in a row
	told    messages.ErrorKind
}

// NewHealth makes a Health in which all is well. It is made in Started, where the parent is known.
func NewHealth(ctx actor.Context, env Env) *Health {
	owner := env.Owner
	if owner == nil {
		owner = ctx.Parent()
	}
	return &Health{owner: owner, log: env.Log, failing: map[string]int{}}
}

// Failed notes one more failure of a part and returns how many there were in a row; 0 if the error is fatal.
func (h *Health) Failed(ctx actor.Context, part string, err error) int {
	if IsFatal(err) {
		h.tell(ctx, messages.ErrorKind_ERROR_FATAL, err.Error())
		return 0
	}
	h.failing[part]++
	if h.failing[part] == 1 {
		h.tell(ctx, messages.ErrorKind_ERROR_RETRYING, err.Error())
	}
	return h.failing[part]
}

// Works notes that a part works.
func (h *Health) Works(ctx actor.Context, part string) {
	if len(h.failing) == 0 {
		return
	}
	delete(h.failing, part)
	if len(h.failing) == 0 && h.told == messages.ErrorKind_ERROR_RETRYING {
		h.tell(ctx, messages.ErrorKind_ERROR_NONE, "")
	}
}

// Dead tells that a fatal error was reported: the sink does no more.
func (h *Health) Dead() bool { return h.told == messages.ErrorKind_ERROR_FATAL }

func (h *Health) tell(ctx actor.Context, kind messages.ErrorKind, reason string) {
	if h.Dead() {
		return
	}
	h.told = kind
	switch kind {
	case messages.ErrorKind_ERROR_NONE:
		h.log.Debug("sink works again")
	case messages.ErrorKind_ERROR_RETRYING:
		h.log.WithField("reason", reason).Debug("sink is retrying")
	default:
		h.log.WithField("reason", reason).Debug("sink failed")
	}
	reply(ctx, h.owner, &messages.SinkState{Kind: kind, Reason: reason})
}

// Started announces a start of the sink to its owner.
func (h *Health) Started(ctx actor.Context, times uint64) {
	reply(ctx, h.owner, &messages.SinkStarted{Times: times})
}

// Took tells the owner that rows were written.
func (h *Health) Took(ctx actor.Context, rows uint64) {
	if rows > 0 && h.owner != nil {
		ctx.Send(h.owner, &messages.SinkProgress{Rows: rows})
	}
}
