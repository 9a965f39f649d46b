package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-cdc/weir/api"
)

// A ledger is a Control that notes what it is asked, and knows the changefeed shop and the nodes n1 and n2.
type ledger struct {
	mu     sync.Mutex
	asked  []string
	fails  error
	spec   api.Spec
	patch  api.Patch
	left   int  // spans on a node that is being drained
	undone bool // by somebody else
}

var _ api.Control = (*ledger)(nil)

var shop = api.Changefeed{
	Name: "shop", UUID: "u", From: "mysql://root:xxxxx@h/", To: "file:///o", State: api.Warning, Reason: "disk\x1b[2Jfull",
	Config: api.Config{Tables: []string{"shop.*"}}, Errors: []api.FeedError{{Text: "disk full"}}, LagMs: 1400, Rows: 1234567,
	RowsPerSecond: 2500, BytesPerSecond: 3e6, Spans: 3, Owner: "n1", CheckpointTs: 1_700_000_000_000 << 18, Barrier: "ddl@42 gathering, missing t2",
}

// note writes down what is asked of a changefeed.
func (l *ledger) note(name, format string, args ...any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, fmt.Sprintf(format, args...))
	if l.fails == nil && name != "shop" {
		return &api.Error{Code: api.NoSuchChangefeed, Where: "changefeed " + name, What: "there is none", Fix: "see weir changefeed list"}
	}
	return l.fails
}

// last gives what it was asked last.
func (l *ledger) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[len(l.asked)-1]
}

func (l *ledger) times() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked)
}

func (l *ledger) Changefeeds(context.Context) ([]api.Changefeed, error) {
	return []api.Changefeed{shop}, l.note("shop", "list")
}
func (l *ledger) Changefeed(_ context.Context, name string) (api.Changefeed, error) {
	return shop, l.note(name, "show %s", name)
}
func (l *ledger) Create(_ context.Context, s api.Spec) (api.Changefeed, error) {
	l.mu.Lock()
	l.spec = s
	l.mu.Unlock()
	return shop, l.note("shop", "create %s", s.Name)
}
func (l *ledger) Update(_ context.Context, name string, p api.Patch) (api.Changefeed, error) {
	l.mu.Lock()
	l.patch = p
	l.mu.Unlock()
	return shop, l.note(name, "update %s", name)
}
func (l *ledger) Pause(_ context.Context, name string) (api.Changefeed, error) {
	return shop, l.note(name, "pause %s", name)
}
func (l *ledger) Resume(_ context.Context, name string, o api.ResumeOptions) (api.Changefeed, error) {
	var from api.CommitTs
	if o.FromCheckpoint != nil {
		from = *o.FromCheckpoint
	}
	return shop, l.note(name, "resume %s %d", name, from)
}
func (l *ledger) Remove(_ context.Context, name string) error { return l.note(name, "remove %s", name) }
func (l *ledger) Move(_ context.Context, name string, t api.Table, node string) error {
	return l.note(name, "move %s %s %s", name, t, node)
}
func (l *ledger) Split(_ context.Context, name string, t api.Table, into int) error {
	return l.note(name, "split %s %s %d", name, t, into)
}
func (l *ledger) Merge(_ context.Context, name string, t api.Table) error {
	return l.note(name, "merge %s %s", name, t)
}
func (l *ledger) Spans(_ context.Context, name string, q api.SpanQuery) (api.SpanPage, error) {
	s := api.Span{Table: api.Table{Schema: "shop", Name: "orders"}, Start: "0000000000000000", Node: "n1", State: "replicating", Dispatcher: "3.1"}
	if q.After == "" {
		return api.SpanPage{Spans: []api.Span{s}, Total: 2, Next: "3.1"}, l.note(name, "spans")
	}
	s.Dispatcher = "3.2"
	return api.SpanPage{Spans: []api.Span{s}, Total: 2}, l.note(name, "spans after %s", q.After)
}
func (l *ledger) Barriers(_ context.Context, name string) ([]api.Barrier, error) {
	return nil, l.note(name, "barriers")
}

// Nodes lets a drain go on by a step each time.
func (l *ledger) Nodes(context.Context) ([]api.Node, error) {
	err := l.note("shop", "nodes")
	l.mu.Lock()
	defer l.mu.Unlock()
	n1 := api.Node{Name: "n1", Incarnation: "n1-1", State: api.NodeUp, Coordinator: true, Labels: map[string]string{"zone": "a", "disk": "ssd"}, Spans: 2000}
	n2 := api.Node{Name: "n2", Incarnation: "n2-1", State: api.NodeDraining, Labels: map[string]string{}, Spans: l.left}
	if l.undone {
		n2.State = api.NodeUp
	}
	if l.left--; l.left < 0 {
		return []api.Node{n1}, err
	}
	return []api.Node{n1, n2}, err
}
func (l *ledger) Drain(_ context.Context, node string, undo bool) (api.Node, error) {
	if node != "n2" {
		return api.Node{}, &api.Error{Code: api.NoSuchNode, Where: "node " + node, What: "no living node has this name", Fix: "see weir nodes"}
	}
	state := api.NodeDraining
	if undo {
		state = api.NodeUp
	}
	return api.Node{Name: "n2", Incarnation: "n2-1", State: state, Labels: map[string]string{}, Spans: 3, Maintainers: 1}, l.note("shop", "drain %s %v", node, undo)
}
func (l *ledger) Health(context.Context) api.Health { return api.Health{Ready: true} }

// Each command, as a process, asks the server for what it says, and shows the answer.
func TestCommandsAgainstAServer(t *testing.T) {
	l := &ledger{}
	server := serve(t, l, api.TLSFiles{})
	cases := []struct{ args, asked, want string }{
		{"changefeed list", "list", "shop  warning  1.4s  2,500   3.0 MB/s  3      n1     "},
		{"changefeed show shop", "show shop", "commit-ts 445644800000000000"},
		{"changefeed show shop --spans", "spans after 3.1", "shop.orders  0000000000000000  end  n1    replicating"},
		{"changefeed create shop --from mysql://root:hunter2@h/ --to file:///o --tables shop.* --memory 128MiB --start-at earliest", "create shop", "changefeed shop was created"},
		{"changefeed update shop --tables a.*,b.* --syncpoint-interval 5s", "update shop", "was changed"},
		{"changefeed pause shop", "pause shop", "changefeed shop is warning"},
		{"changefeed resume shop", "resume shop 0", "goes on from"},
		{"changefeed resume shop --from-checkpoint 445644800000000001", "resume shop 445644800000000001", "goes on from"},
		{"changefeed remove shop", "remove shop", "was removed"},
		{"changefeed move shop shop.orders --to n2", "move shop shop.orders n2", "move of shop.orders has begun"},
		{"changefeed split shop `a.b`.c/d --into 4", "split shop `a.b`.c/d 4", "has begun"},
		{"changefeed merge shop shop.orders", "merge shop shop.orders", "has begun"},
		{"nodes", "nodes", "n1*   up     -        -    0            2,000"},
		{"drain n2 --undo", "drain n2 true", "takes part again"},
		{"drain n2 --wait=false", "drain n2 false", "has begun"},
	}
	for _, c := range cases {
		t.Run(c.args, func(t *testing.T) {
			code, out, stderr := spawn(t, []string{"WEIR_SERVER=" + server.URL()}, strings.Fields(c.args)...)
			if code != exitOK || !strings.Contains(out, c.want) || stderr != "" || l.last() != c.asked {
				t.Errorf("got exit code %d, %q asked, and\n%s%s", code, l.last(), out, stderr)
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("what the server says moves the cursor: %q", out)
			}
			code, out, _ = call(t, append(strings.Fields(c.args), "--output", "json", "--server", server.URL())...)
			var value any
			if err := json.Unmarshal([]byte(out), &value); code != exitOK || err != nil {
				t.Errorf("as JSON: got exit code %d, %v and %s", code, err, out)
			}
		})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.spec; s.From != "mysql://root:hunter2@h/" || *s.Config.Memory != "128MiB" || *s.Config.StartAt != "earliest" || *s.Config.SyncpointInterval != "1m0s" {
		t.Errorf("got %+v", s)
	}
	if p := l.patch; p.From != nil || p.Config.Memory != nil || *p.Config.SyncpointInterval != "5s" || !slices.Equal(*p.Config.Tables, []string{"a.*", "b.*"}) {
		t.Errorf("got %+v", p)
	}
}

func TestExitCodes(t *testing.T) {
	l := &ledger{}
	server := serve(t, l, api.TLSFiles{})
	cases := []struct {
		name, args string
		fails      error
		code       int
		want       string
	}{
		{"no name", "changefeed show", nil, exitUsage, "NAME is missing"},
		{"a name too many", "changefeed show shop two", nil, exitUsage, `unexpected argument "two"`},
		{"no such command", "changefeed shw", nil, exitUsage, `did you mean "show"?`},
		{"an output of no kind", "nodes --output xml", nil, exitUsage, "--output"},
		{"a server that is none", "nodes --server ftp://x", nil, exitUsage, "--server"},
		{"nothing to change", "changefeed update shop", nil, exitUsage, "nothing is to change"},
		{"no upstream", "changefeed create shop --to file:///o", nil, exitUsage, "--from: is missing"},
		{"no table", "changefeed merge shop orders", nil, exitUsage, "schema.table"},
		{"nowhere to", "changefeed move shop a.b", nil, exitUsage, "--to is missing"},
		{"one span", "changefeed split shop a.b --into 1", nil, exitUsage, "--into"},
		{"a commit-ts that is none", "changefeed resume shop --from-checkpoint x", nil, exitUsage, "--from-checkpoint"},
		{"no such changefeed", "changefeed show none", nil, exitNotFound, "weir: changefeed none: there is none: see weir changefeed list"},
		{"no such node", "drain n9", nil, exitNotFound, "n9"},
		{"a state", "changefeed resume shop", api.Errorf(api.WrongState, "changefeed shop", "it is normal"), exitConflict, "it is normal"},
		{"a changed definition", "changefeed update shop --memory 1GiB", api.Errorf(api.Stale, "", "changed"), exitConflict, "changed"},
		{"a setting", "changefeed update shop --memory 1GiB", api.Errorf(api.InvalidSetting, "", "bad"), exitUsage, "bad"},
		{"no coordinator", "nodes", api.Errorf(api.NoCoordinator, "", "none is elected"), exitUnreachable, "none is elected"},
		{"not in time", "nodes", context.DeadlineExceeded, exitUnreachable, "in time"},
		{"an error", "nodes", fmt.Errorf("disk full"), exitError, "disk full"},
		{"no server", "nodes --server http://127.0.0.1:1,http://127.0.0.1:2", nil, exitUnreachable, "http://127.0.0.1:2: dial tcp 127.0.0.1:2: connect: connection refused"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l.mu.Lock()
			l.fails = c.fails
			l.mu.Unlock()
			var stdout, errs bytes.Buffer
			con := &console{out: &stdout, err: &errs, getenv: func(name string) string {
				return map[string]string{"WEIR_SERVER": server.URL()}[name]
			}}
			code := execute(t.Context(), strings.Fields(c.args), con)
			out, stderr := stdout.String(), errs.String()
			if code != c.code || !strings.Contains(stderr, c.want) || out != "" {
				t.Errorf("got exit code %d and\n%s%swant %d and %q", code, out, stderr, c.code, c.want)
			}
		})
	}
}

// What a process ends with is what the shell sees.
func TestExitStatusOfAProcess(t *testing.T) {
	server := serve(t, &ledger{}, api.TLSFiles{})
	for args, want := range map[string]int{
		"changefeed show none": exitNotFound, "nodes --server http://127.0.0.1:1": exitUnreachable, "changefeed show": exitUsage,
	} {
		if code, out, stderr := spawn(t, []string{"WEIR_SERVER=" + server.URL()}, strings.Fields(args)...); code != want || out != "" || stderr == "" {
			t.Errorf("%s: got exit code %d and\n%s%s", args, code, out, stderr)
		}
	}
}

// The servers are tried in turn: one that is away, one without a coordinator, and one that answers.
func TestServersInTurn(t *testing.T) {
	lost, good := &ledger{fails: api.Errorf(api.NoCoordinator, "", "none is elected")}, &ledger{}
	servers := "http://127.0.0.1:1," + serve(t, lost, api.TLSFiles{}).URL() + "," + serve(t, good, api.TLSFiles{}).URL()
	code, out, stderr := spawn(t, nil, "changefeed", "pause", "shop", "--server", servers)
	if code != exitOK || good.times() != 1 || lost.times() != 1 {
		t.Errorf("got exit code %d, asked %d and %d times, and\n%s%s", code, lost.times(), good.times(), out, stderr)
	}
}

// A drain is watched until the node is gone, and what is left is shown.
func TestDrainIsWatched(t *testing.T) {
	l := &ledger{left: 2}
	server := serve(t, l, api.TLSFiles{})
	code, out, stderr := spawn(t, nil, "drain", "n2", "--server", server.URL())
	if code != exitOK || !strings.Contains(out, "node n2 is drained") || !strings.Contains(stderr, "1 maintainer and 3 spans left\n") ||
		!strings.Contains(stderr, "0 maintainers and 1 span left\n") {
		t.Errorf("got exit code %d and\n%s%s", code, out, stderr)
	}
	undone := serve(t, &ledger{left: 9, undone: true}, api.TLSFiles{})
	if code, _, stderr := spawn(t, nil, "drain", "n2", "--server", undone.URL()); code != exitConflict || !strings.Contains(stderr, "undone") {
		t.Errorf("undone: got exit code %d and %s", code, stderr)
	}
}

func TestCompletion(t *testing.T) {
	server := serve(t, &ledger{}, api.TLSFiles{})
	for args, want := range map[string]string{
		"changefeed pause ": "shop\n", "drain ": "n1\n", "changefeed move shop a.b --to ": "n1\n", "changefeed pause shop ": ":4\n",
	} {
		_, out, _ := spawn(t, []string{"WEIR_SERVER=" + server.URL()}, append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if !strings.Contains(out, want) {
			t.Errorf("%s: got %q, want %q", args, out, want)
		}
	}
	if _, out, _ := spawn(t, []string{"WEIR_SERVER=http://127.0.0.1:1"}, "__complete", "drain", ""); out != ":4\n" {
		t.Errorf("without a server: got %q", out)
	}
}

func TestDurationsForPeople(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 80 * time.Millisecond: "80ms", 1440 * time.Millisecond: "1.4s", 42 * time.Second: "42s", 200 * time.Second: "3m20s",
		5*time.Hour + 12*time.Minute: "5h12m", 76 * time.Hour: "3d4h",
	} {
		if got := since(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
