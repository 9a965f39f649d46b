//go:build !weir_previous

package actors

import (
	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
)

// newestVersion is the newest protocol version that this build speaks: barrier.Version counts them.
const newestVersion = uint32(barrier.CurrentVersion)

// spoken gives a report of dispatchers as this build understands and sends it.
func spoken(s *messages.BlockStatuses) *messages.BlockStatuses { return s }
