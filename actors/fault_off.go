//go:build !weir_faults

package actors

import (
	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster"
)

// faults hold nobody in an ordinary build.
type faults struct{}

func newFaults(string) faults { return faults{} }

func (faults) hold(faultPoint, *dispatcher, barrier.Key) {}

// appointed names no node for a maintainer: the coordinator chooses.
func appointed(map[string]cluster.NodeInfo) string { return "" }

// triggerHome is where the table trigger belongs: beside the maintainer.
func (m *maintainer) triggerHome() string { return m.Home }
