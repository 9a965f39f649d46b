package cluster

import "time"

// A Status is how a changefeed does from a moment on.
type Status struct {
	State   State
	Reason  string    // never row data or credentials
	RetryAt time.Time // of a warning: when it is tried again
	At      time.Time // now, if zero
}

// maxErrors bounds the history of a changefeed's errors.
const maxErrors = 10

// A FeedError is one of the last errors of a changefeed. The same one in a row counts up.
type FeedError struct {
	Message string    `json:"message"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Count   int       `json:"count"`
}

// Become changes the state, and notes the reason of a warning or a failure among the last errors.
func (cf *Changefeed) Become(s Status) {
	if s.At.IsZero() {
		s.At = time.Now()
	}
	at := s.At.UTC()
	if cf.State != s.State || cf.Since.IsZero() {
		cf.Since = at
	}
	cf.State, cf.Reason, cf.RetryAt = s.State, s.Reason, time.Time{}
	if s.State == Warning && !s.RetryAt.IsZero() {
		cf.RetryAt = s.RetryAt.UTC()
	}
	if s.Reason != "" && (s.State == Warning || s.State == Failed) {
		cf.note(s.Reason, at)
	}
}

func (cf *Changefeed) note(message string, at time.Time) {
	if n := len(cf.Errors); n > 0 && cf.Errors[n-1].Message == message {
		cf.Errors[n-1].Last = at
		cf.Errors[n-1].Count++
		return
	}
	cf.Errors = append(cf.Errors, FeedError{Message: message, First: at, Last: at, Count: 1})
	cf.Errors = cf.Errors[max(0, len(cf.Errors)-maxErrors):]
}

// Resting tells whether a changefeed in this state has no maintainer, and gets none before it is resumed.
func (s State) Resting() bool { return s == Stopped || s == Failed || s == Finished }
