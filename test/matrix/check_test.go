package matrix

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/sinks/storage"
	"github.com/weir-cdc/weir/test/replay"
)

// check compares the files with the upstream: at the end, and at the statement.
func (x *trial) check() error {
	cf, err := x.feed.Show()
	if err != nil {
		return err
	}
	if cf.State != api.Normal && cf.State != api.Warning {
		return fmt.Errorf("the changefeed is %s: %s", cf.State, cf.Reason)
	}
	o, err := replay.Read(x.feed.Out)
	if err != nil {
		return err
	}
	want, err := x.upstream()
	if err != nil {
		return err
	}
	ts, err := x.statementTs(o)
	return errors.Join(err, x.compare("at the end", o, want), x.checkCut(o, ts))
}

// statementTs finds the statement's commit-ts in its schema files, of which each table has one.
func (x *trial) statementTs(o *replay.Output) (uint64, error) {
	kind, files := x.statement.kind()
	var found []uint64
	for _, v := range o.Versions {
		if v.Type == kind {
			found = append(found, v.TableVersion)
		}
	}
	for _, d := range o.Databases {
		if d.Type == kind {
			found = append(found, d.TableVersion)
		}
	}
	if len(found) != files || len(slices.Compact(found)) != 1 {
		return 0, fmt.Errorf("got schema files of the statement at %v, want %d at one commit-ts", found, files)
	}
	return found[0], nil
}

// checkCut compares the state at the statement, and looks for its syncpoint.
func (x *trial) checkCut(o *replay.Output, ts uint64) error {
	if ts == 0 {
		return nil // that is an error already
	}
	points, err := storage.Syncpoints(x.feed.Out)
	if err != nil {
		return err
	}
	if x.shape == syncpoint && !slices.ContainsFunc(points, func(p storage.Syncpoint) bool { return p.CommitTs == ts }) {
		return fmt.Errorf("no syncpoint at the statement's commit-ts %d: there are %+v", ts, points)
	}
	end := o.CheckpointTs
	defer func() { o.CheckpointTs = end }()
	o.CheckpointTs = ts
	return x.compare(fmt.Sprintf("at the statement, %d", ts), o, x.cut)
}

// compare plays the files up to their checkpoint.
func (x *trial) compare(when string, o *replay.Output, want map[string]map[string]int) error {
	state, problems, err := o.Final()
	if err != nil {
		return err
	}
	var all []error
	for i, p := range problems {
		if i == 5 {
			all = append(all, fmt.Errorf("%s: %d problems in all", when, len(problems)))
			break
		}
		all = append(all, fmt.Errorf("%s: %s", when, p))
	}
	for name, rows := range want {
		if state[name] == nil {
			all = append(all, fmt.Errorf("%s: table %s is not in the files", when, name))
		} else if diff := replay.Diff(state[name].Rows(), rows); diff != "" {
			all = append(all, fmt.Errorf("%s: table %s: %s", when, name, diff))
		}
	}
	for name := range state {
		if want[name] == nil {
			all = append(all, fmt.Errorf("%s: table %s is in the files, but not upstream", when, name))
		}
	}
	return errors.Join(all...)
}
