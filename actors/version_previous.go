//go:build weir_previous

package actors

import (
	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
)

// A build with the tag weir_previous speaks the version before the present one, and no other: tests upgrade a cluster of
// such nodes. In that version a DONE did not name the action that it completes.

const newestVersion = uint32(barrier.CurrentVersion) - 1

// spoken leaves out what that version did not have, on the way out as on the way in.
func spoken(s *messages.BlockStatuses) *messages.BlockStatuses {
	s.Version = newestVersion
	for _, x := range s.Statuses {
		x.DoneAction = messages.ActionKind_ACTION_NONE
	}
	return s
}
