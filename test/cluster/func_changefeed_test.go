package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/mariadb"
)

// What an operator does with the changefeeds of a cluster, by the commands.
func TestChangefeeds(t *testing.T) {
	c := New(t, Options{})
	c.Start()
	c.part(t, "life", c.life)
	c.part(t, "stop at", c.stopAt)
	c.part(t, "wrong upstream", c.wrongUpstream)
	c.part(t, "wrong downstream", c.wrongDownstream)
}

// refused runs a command that must end with that exit code, and say all of that.
func (c *Cluster) refused(code int, says []string, args ...string) {
	c.t.Helper()
	r := c.Weir(args...)
	if r.Code != code {
		c.t.Errorf("weir %s: got exit code %d, want %d; it said: %s", strings.Join(args, " "), r.Code, code, r.Stderr)
	}
	for _, text := range says {
		if !strings.Contains(r.Stderr, text) {
			c.t.Errorf("weir %s: got %q, want it to say %q", strings.Join(args, " "), r.Stderr, text)
		}
	}
}

// feed gives a changefeed that a command makes, into a folder of that name.
func (c *Cluster) feed(name string, server *mariadb.Server, out string) *Feed {
	return &Feed{Name: name, Server: server, Out: filepath.Join(c.Dir, "out-"+out), Protocol: "csv", t: c.t, cluster: c}
}

// uri gives the downstream as the commands take it.
func (f *Feed) uri() string { return "file://" + f.Out + "?protocol=csv&flush-interval=100ms" }

// create makes the changefeed by the command.
func (f *Feed) create(more ...string) {
	f.t.Helper()
	args := []string{"changefeed", "create", f.Name, "--from", f.Server.URI(), "--to", f.uri(), "--start-at", "earliest", "--syncpoint-interval", "1s"}
	f.cluster.MustWeir(append(args, more...)...)
}

func (c *Cluster) life(t *testing.T) {
	server := mariadb.Start(t)
	load := newTraffic(t, server, 50, "h")
	f := c.feed("life", server, "life")
	c.refused(3, []string{`no changefeed "life"`, "weir changefeed list"}, "changefeed", "show", "life")
	f.create()
	c.refused(4, []string{"a changefeed life already"}, "changefeed", "create", "life", "--from", server.URI(), "--to", f.uri())
	f.flows(load)
	f.AwaitState(api.Normal)

	var list api.ChangefeedList
	if err := json.Unmarshal([]byte(c.MustWeir("changefeed", "list", "--output", "json")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Changefeeds) != 1 || list.Changefeeds[0].Name != "life" || list.Changefeeds[0].State != api.Normal || list.Changefeeds[0].Owner == "" {
		t.Errorf("changefeed list: got %+v, want life, which is normal and has an owner", list.Changefeeds)
	}
	for _, text := range []string{"life", "normal"} {
		if got := c.MustWeir("changefeed", "list"); !strings.Contains(got, text) {
			t.Errorf("changefeed list: got %q, want it to say %q", got, text)
		}
	}

	// Its settings change while it does not run only.
	c.refused(4, []string{"life is normal", "pause it first"}, "changefeed", "update", "life", "--syncpoint-interval", "2s")
	c.refused(4, []string{"pause it first"}, "changefeed", "resume", "life", "--from-checkpoint", "1")
	c.MustWeir("changefeed", "pause", "life")
	f.AwaitState(api.Stopped)
	c.MustWeir("changefeed", "pause", "life")
	c.refused(4, []string{"does not run", "resume it"}, "changefeed", "split", "life", "shop.h", "--into", "2")
	c.MustWeir("changefeed", "update", "life", "--syncpoint-interval", "2s")
	c.MustWeir("changefeed", "resume", "life")
	f.flows(load)
	if cf, err := f.Show(); err != nil || cf.Config.SyncpointInterval != "2s" {
		t.Errorf("after update: got syncpoints every %q (%v), want 2s", cf.Config.SyncpointInterval, err)
	}

	// Back to the first checkpoint: the files take no row twice.
	c.MustWeir("changefeed", "pause", "life")
	f.AwaitState(api.Stopped)
	c.refused(3, []string{"no such checkpoint is kept", "taken 20"}, "changefeed", "resume", "life", "--from-checkpoint", "1")
	before, err := f.Show()
	if err != nil {
		t.Fatal(err)
	}
	kept := checkpoints(c.Weir("changefeed", "resume", "life", "--from-checkpoint", "1").Stderr)
	if len(kept) < 2 || kept[0] != fmt.Sprint(uint64(before.CheckpointTs)) {
		t.Fatalf("checkpoints to go back to: got %v, want the present one, %d, first, and an older one", kept, before.CheckpointTs)
	}
	c.MustWeir("changefeed", "resume", "life", "--from-checkpoint", kept[len(kept)-1])
	f.flows(load)
	load.end()
	f.CatchUp()
	f.Compare()

	// Another one under the same name knows nothing of the first.
	c.MustWeir("changefeed", "remove", "life")
	c.refused(3, nil, "changefeed", "remove", "life")
	if got := c.MustWeir("changefeed", "list"); !strings.Contains(got, "no changefeed") {
		t.Errorf("changefeed list: got %q, want it to say that there is none", got)
	}
	again := c.feed("life", server, "life-again")
	again.create()
	again.CatchUp()
	again.Compare()
	c.MustWeir("changefeed", "remove", "life")
}

// checkpoints reads those that an error lists, the newest first.
func checkpoints(text string) (list []string) {
	for _, part := range strings.Split(text, " (")[:strings.Count(text, " (")] {
		list = append(list, part[strings.LastIndexAny(part, " \n")+1:])
	}
	return slices.DeleteFunc(list, func(s string) bool { return strings.Trim(s, "0123456789") != "" })
}

func (c *Cluster) stopAt(t *testing.T) {
	server := mariadb.Start(t)
	load := newTraffic(t, server, 50, "h")
	load.next()
	f := c.feed("goal", server, "goal")
	f.create("--stop-at", "current")
	f.AwaitState(api.Finished)
	load.end()
	c.MustWeir("changefeed", "update", "goal", "--stop-at", "gtid:"+gtid(t, server))
	c.MustWeir("changefeed", "resume", "goal")
	f.AwaitState(api.Finished)
	f.Compare()
	if cf, err := f.Show(); err != nil || cf.Owner != "" {
		t.Errorf("finished: got owner %q (%v), want none", cf.Owner, err)
	}
	c.MustWeir("changefeed", "remove", "goal")
}

func gtid(t *testing.T, server *mariadb.Server) (position string) {
	t.Helper()
	if err := server.DB().QueryRowContext(t.Context(), "SELECT @@gtid_binlog_pos").Scan(&position); err != nil {
		t.Fatal(err)
	}
	return position
}

// A password that the upstream refuses: the changefeed says so, and is mended in place.
func (c *Cluster) wrongUpstream(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'right'; GRANT ALL ON *.* TO repl@'127.0.0.1'")
	load := newTraffic(t, server, 50, "h")
	uri := func(password string) string { return "mysql://repl:" + password + "@" + server.Addr() + "/" }
	f := c.feed("login", server, "login")
	c.MustWeir("changefeed", "create", "login", "--from", uri("wrong"), "--to", f.uri(), "--start-at", "earliest")
	f.AwaitState(api.Failed)
	cf, err := f.Show()
	if err != nil || !strings.Contains(cf.Reason, "does not let user") || len(cf.Errors) == 0 {
		t.Errorf("wrong password: got reason %q and errors %v (%v), want one of each, that names the user", cf.Reason, cf.Errors, err)
	}
	for _, password := range []string{"wrong", "right"} {
		if strings.Contains(c.MustWeir("changefeed", "show", "login", "--output", "json"), ":"+password+"@") {
			t.Errorf("changefeed show tells the password")
		}
	}
	other := "mysql://repl:right@127.0.0.2:" + fmt.Sprint(server.Port()) + "/"
	c.refused(2, []string{"another upstream"}, "changefeed", "update", "login", "--from", other)
	c.MustWeir("changefeed", "update", "login", "--from", uri("right"))
	c.MustWeir("changefeed", "resume", "login")
	f.flows(load)
	f.AwaitState(api.Normal)
	load.end()
	f.CatchUp()
	f.Compare()
	c.MustWeir("changefeed", "remove", "login")
}

// A downstream that cannot be written to, as a file is in its place: the changefeed warns, or fails, with the reason, and goes
// on once that is mended.
func (c *Cluster) wrongDownstream(t *testing.T) {
	server := mariadb.Start(t)
	load := newTraffic(t, server, 50, "h")
	f := c.feed("blocked", server, "blocked")
	if err := os.WriteFile(f.Out, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f.create()
	var cf api.Changefeed
	Eventually(t, "the changefeed names what is wrong", func() bool {
		var err error
		cf, err = f.Show()
		return err == nil && (cf.State == api.Warning || cf.State == api.Failed)
	})
	t.Logf("%s: %s", cf.State, cf.Reason)
	if !strings.Contains(cf.Reason, f.Out) {
		t.Errorf("got reason %q, want it to name %s", cf.Reason, f.Out)
	}
	if err := os.Remove(f.Out); err != nil {
		t.Fatal(err)
	}
	if cf.State == api.Failed {
		c.MustWeir("changefeed", "resume", f.Name)
	}
	f.flows(load)
	f.AwaitState(api.Normal)
	load.end()
	f.CatchUp()
	f.Compare()
	c.MustWeir("changefeed", "remove", f.Name)
}
