package weir

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/replay"
)

// A Changefeed is an upstream and one changefeed of it into files.
type Changefeed struct {
	Server   *mariadb.Server
	Out      string   // the folder that it writes to
	Protocol string   // "csv" or "canal-json"
	Args     []string // of weir
	t        testing.TB
}

// NewChangefeed gives a changefeed of an upstream, not yet started; settings are further flags for weir. It begins at
// the earliest position.
func NewChangefeed(t testing.TB, server *mariadb.Server, protocol string, settings ...string) *Changefeed {
	t.Helper()
	dir := t.TempDir()
	f := &Changefeed{t: t, Server: server, Out: filepath.Join(dir, "out"), Protocol: protocol}
	f.Args = append([]string{"run",
		"--from", f.Server.URI(), "--to", "file://" + f.Out + "?flush-interval=100ms&protocol=" + protocol,
		"--start-at", "earliest", "--data-dir", filepath.Join(dir, "state"), "--syncpoint-interval", "1s",
	}, settings...)
	return f
}

// Replace changes the arguments of weir.
func (f *Changefeed) Replace(old, with string) {
	for i := range f.Args {
		f.Args[i] = strings.ReplaceAll(f.Args[i], old, with)
	}
}

// Follow starts weir, which goes on where it was.
func (f *Changefeed) Follow(more ...string) *Process {
	f.t.Helper()
	return Launch(f.t, append(slices.Clone(f.Args), more...)...)
}

// CatchUp runs weir until everything committed by now is in the files.
func (f *Changefeed) CatchUp() {
	f.t.Helper()
	p := f.Follow("--stop-at", "current")
	if code := p.Wait(f.t); code != 0 {
		f.t.Fatalf("weir run --stop-at current: got exit code %d, want 0", code)
	}
}

// Rows counts the rows that the files hold so far.
func (f *Changefeed) Rows() int {
	o, err := replay.Read(f.Out)
	if err != nil {
		return 0 // the folder is not there yet, or a schema file is not
	}
	return o.Rows()
}

// Compare plays the files to their final state and compares every table of the upstream with it.
func (f *Changefeed) Compare() {
	f.t.Helper()
	Compare(f.t, f.Server, f.Out, f.Protocol)
}

// Compare plays the files below a folder to their final state and compares every table of a server with it.
func Compare(t testing.TB, server *mariadb.Server, dir, protocol string) *replay.Output {
	t.Helper()
	o, err := replay.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	state, problems, err := o.Final()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range problems {
		if i == 20 {
			t.Errorf("%d problems in all", len(problems))
			break
		}
		t.Error(p)
	}
	CompareState(t, server, state, protocol)
	return o
}

// CompareState compares every table of a server with a state.
func CompareState(t testing.TB, server *mariadb.Server, state replay.State, protocol string) {
	t.Helper()
	upstream := Tables(t, server)
	for _, name := range upstream {
		if state[name] == nil {
			t.Errorf("table %s is not in the files", name)
			continue
		}
		schema, table, _ := strings.Cut(name, ".")
		want, err := replay.Upstream(t.Context(), server.DB(), schema, table, state[name].Columns, protocol)
		if err != nil {
			t.Fatal(err)
		}
		if diff := replay.Diff(state[name].Rows(), want); diff != "" {
			t.Errorf("table %s: %s", name, diff)
		}
	}
	for name := range state {
		if !slices.Contains(upstream, name) {
			t.Errorf("table %s is in the files, but not upstream", name)
		}
	}
}

// Tables lists the upstream's tables as schema.table.
func (f *Changefeed) Tables() (names []string) {
	f.t.Helper()
	return Tables(f.t, f.Server)
}

// Tables lists a server's tables as schema.table.
func Tables(t testing.TB, server *mariadb.Server) (names []string) {
	t.Helper()
	result, err := server.DB().QueryContext(t.Context(), `SELECT CONCAT(table_schema, '.', table_name)
		FROM information_schema.tables WHERE table_type = 'BASE TABLE'
		AND table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')`)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	for result.Next() {
		var name string
		if err := result.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}
