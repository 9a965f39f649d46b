package cluster

import (
	"fmt"
	"runtime"
	"sync"

	"go.uber.org/zap/zapcore"
)

// A fatalHook stands in for the exit of the process that etcd asks for by logging at level fatal: in the start it is
// an error of Embed, later one of Failed.
type fatalHook struct {
	mu       sync.Mutex
	starting bool
	failed   chan error
}

func (h *fatalHook) started() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.starting = false
}

// OnWrite ends the goroutine that logged: etcd relies on not coming back.
func (h *fatalHook) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := fatalError(entry, fields)
	h.mu.Lock()
	starting := h.starting
	h.mu.Unlock()
	if starting {
		panic(err)
	}
	select {
	case h.failed <- err:
	default: // one is enough
	}
	runtime.Goexit()
}

func fatalError(entry *zapcore.CheckedEntry, fields []zapcore.Field) error {
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			return fmt.Errorf("metadata store: %s: %w", entry.Message, err)
		}
	}
	return fmt.Errorf("metadata store: %s", entry.Message)
}
