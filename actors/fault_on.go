//go:build weir_faults

package actors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster"
)

// A build with the tag weir_faults does what a test says through files below the folder that WEIR_FAULTS names:
//
//	{changefeed}/{point}          while it is there, dispatchers that come to the point wait, unless with a syncpoint
//	{changefeed}/{point}.reached  a line for each that waits, or has waited
//	maintainer                    the name of the node that is to run the next maintainers, if it lives
//	trigger                       the name of the node where table triggers belong, instead of beside the maintainer

// faultPeriod is how often one that waits looks whether it may go on.
const faultPeriod = 2 * time.Millisecond

// faults hold the dispatchers of a changefeed.
type faults struct{ dir string }

func newFaults(changefeed string) faults {
	root := os.Getenv("WEIR_FAULTS")
	if root == "" {
		return faults{}
	}
	return faults{filepath.Join(root, changefeed)}
}

// hold waits while the point's file is there. It blocks the dispatcher, as nothing else may: its process is about to be
// killed, or another.
func (f faults) hold(point faultPoint, d *dispatcher, key barrier.Key) {
	file := filepath.Join(f.dir, string(point))
	if f.dir == "" || key.Kind == barrier.Syncpoint || !armed(file) {
		return
	}
	if err := note(file+".reached", fmt.Sprintf("%s %s %s\n", d.id, d.span.ToSpan(), key)); err != nil {
		panic(err)
	}
	tick := time.NewTicker(faultPeriod)
	defer tick.Stop()
	for armed(file) {
		<-tick.C
	}
}

func armed(file string) bool {
	_, err := os.Stat(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	return err == nil
}

// note appends a line in one write, so that those of several dispatchers don't mix.
func note(file, line string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// ordered reads the name of a node from a file, "" if there is none.
func ordered(file string) string {
	name, err := os.ReadFile(filepath.Join(os.Getenv("WEIR_FAULTS"), file))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

func appointed(living map[string]cluster.NodeInfo) string {
	name := ordered("maintainer")
	for id, n := range living {
		if n.Name == name && !n.Draining {
			return id
		}
	}
	return ""
}

func (m *maintainer) triggerHome() string {
	name := ordered("trigger")
	for _, n := range m.members {
		if n.name == name {
			return n.id
		}
	}
	return m.Home
}
