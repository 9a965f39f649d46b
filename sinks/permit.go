package sinks

import (
	"errors"
	"time"
)

// A Withheld is the error of a step that Env.Permit did not allow. The step was not done; it is tried again after
// Env.PermitPause, for as long as it takes. It is no failure of the sink: no SinkState tells of it.
type Withheld struct{ Err error }

func (w *Withheld) Error() string { return "not permitted now: " + w.Err.Error() }
func (w *Withheld) Unwrap() error { return w.Err }

// IsWithheld tells whether err is, or wraps, a Withheld.
func IsWithheld(err error) bool {
	var w *Withheld
	return errors.As(err, &w)
}

// permitPause is the longest time between two questions to Permit.
const permitPause = 200 * time.Millisecond

// Permitted asks Permit right before a visible step. Its error is a Withheld.
func (e *Env) Permitted() error {
	if e.Permit == nil {
		return nil
	}
	if err := e.Permit(); err != nil {
		return &Withheld{err}
	}
	return nil
}

// PermitPause is how long a withheld step waits before it asks again.
func (e *Env) PermitPause() time.Duration { return min(e.Retry.withDefaults().First, permitPause) }
