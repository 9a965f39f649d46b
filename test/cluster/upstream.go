package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/replay"
	"github.com/weir-cdc/weir/test/weir"
)

// A Feed is a changefeed of a cluster from a server into files.
type Feed struct {
	Name     string
	Server   *mariadb.Server
	Out      string // the folder that it writes to
	Protocol string // "csv" or "canal-json"

	t       testing.TB
	cluster *Cluster
}

// FeedOptions say what a changefeed is like. The zero value of all but Server is ready to use.
type FeedOptions struct {
	Server   *mariadb.Server
	Host     string // where the nodes reach the server; "" is the server's own address
	Protocol string // "" is csv
	Out      string // "" is a folder below the cluster's
	Sink     string // further options of the sink, as in "&file-size=1MiB"
	Config   api.ConfigPatch
}

// Create makes a changefeed, which begins at the earliest position of the server unless the options say otherwise, with a
// syncpoint each second.
func (c *Cluster) Create(name string, o FeedOptions) *Feed {
	c.t.Helper()
	f := &Feed{Name: name, Server: o.Server, Out: o.Out, Protocol: o.Protocol, t: c.t, cluster: c}
	if f.Out == "" {
		f.Out = filepath.Join(c.Dir, "out-"+name)
	}
	if f.Protocol == "" {
		f.Protocol = "csv"
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Config.StartAt == nil {
		o.Config.StartAt = pointer("earliest")
	}
	if o.Config.SyncpointInterval == nil {
		o.Config.SyncpointInterval = pointer("1s")
	}
	_, err := c.Client().Create(c.t.Context(), api.Spec{
		Name: name, From: fmt.Sprintf("mysql://root@%s:%d/", o.Host, o.Server.Port()),
		To: "file://" + f.Out + "?flush-interval=100ms&protocol=" + f.Protocol + o.Sink, Config: o.Config,
	})
	if err != nil {
		c.t.Fatalf("create changefeed %s: %v", name, err)
	}
	return f
}

func pointer[T any](v T) *T { return &v }

// Show gives the changefeed as the first running node tells it.
func (f *Feed) Show() (api.Changefeed, error) { return f.ask(10 * time.Second) }

// glance is Show that does not wait for long.
func (f *Feed) glance() (api.Changefeed, error) { return f.ask(time.Second) }

// ask asks the running nodes in turn, each for so long.
func (f *Feed) ask(limit time.Duration) (api.Changefeed, error) {
	err := fmt.Errorf("no node of the cluster runs")
	for _, n := range f.cluster.Nodes {
		if !n.Running() || n.Paused() {
			continue
		}
		ctx, cancel := context.WithTimeout(f.t.Context(), limit)
		var cf api.Changefeed
		cf, err = n.Client().Changefeed(ctx, f.Name)
		cancel()
		if err == nil {
			return cf, nil
		}
	}
	return api.Changefeed{}, err
}

// AwaitState waits until the changefeed is in a state.
func (f *Feed) AwaitState(want api.State) {
	f.t.Helper()
	var got api.Changefeed
	var err error
	if !within(patience, func() bool {
		got, err = f.Show()
		return err == nil && got.State == want
	}) {
		f.t.Fatalf("changefeed %s: got state %q (%s; %v), want %q", f.Name, got.State, got.Reason, err, want)
	}
}

// CatchUp waits until the checkpoint has reached everything committed by now, and says how long that took.
func (f *Feed) CatchUp() time.Duration {
	f.t.Helper()
	begin := time.Now()
	if err := f.Reach(f.Committed(), patience); err != nil {
		f.t.Fatal(err)
	}
	return time.Since(begin)
}

// Committed gives the number in the GTID of the server's last transaction.
func (f *Feed) Committed() uint64 {
	f.t.Helper()
	n, err := Committed(f.t.Context(), f.Server)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// Committed gives the number in the GTID of a server's last transaction.
func Committed(ctx context.Context, server *mariadb.Server) (uint64, error) {
	var position string
	if err := server.DB().QueryRowContext(ctx, "SELECT @@gtid_binlog_pos").Scan(&position); err != nil {
		return 0, err
	}
	return number(position)
}

// number takes the number out of domain-server-number.
func number(gtid string) (uint64, error) {
	return strconv.ParseUint(gtid[strings.LastIndexByte(gtid, '-')+1:], 10, 64)
}

// Reach waits until the files are complete up to the transaction of that number. The error tells how far they are.
func (f *Feed) Reach(target uint64, limit time.Duration) error {
	var cf api.Changefeed
	var err error
	if within(limit, func() bool {
		if cf, err = f.Show(); err != nil {
			return false
		}
		at, _ := number(cf.Position) // none before the first checkpoint
		return at >= target && f.Checkpoint() >= uint64(cf.CheckpointTs)
	}) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("changefeed %s does not answer within %v: %w", f.Name, limit, err)
	}
	return fmt.Errorf("changefeed %s did not reach transaction %d within %v: state %s %s, checkpoint %d (metadata %d) at %s, resolved-ts %d, owner %s, slowest %s, barrier %s",
		f.Name, target, limit, cf.State, cf.Reason, cf.CheckpointTs, f.Checkpoint(), cf.Position, cf.ResolvedTs, cf.Owner, cf.Slowest, cf.Barrier)
}

// Checkpoint reads the commit-ts up to which the files are complete; 0 if they say nothing yet.
func (f *Feed) Checkpoint() uint64 {
	var m struct {
		Ts uint64 `json:"checkpoint-ts"`
	}
	data, err := os.ReadFile(filepath.Join(f.Out, "metadata"))
	if err != nil || json.Unmarshal(data, &m) != nil {
		return 0
	}
	return m.Ts
}

// Rows counts the rows that the files hold at or below their checkpoint.
func (f *Feed) Rows() int {
	o, err := replay.Read(f.Out)
	if err != nil {
		return 0 // the folder is not there yet, or a schema file is not
	}
	return o.Rows()
}

// Compare plays the files to their final state and compares every table of the upstream with it.
func (f *Feed) Compare() *replay.Output {
	f.t.Helper()
	return weir.Compare(f.t, f.Server, f.Out, f.Protocol)
}
