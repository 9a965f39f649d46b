package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/replay"
)

// A fixture is an upstream, and a changefeed of it into files.
type fixture struct {
	t        *testing.T
	server   *mariadb.Server
	out      string
	protocol string
	args     []string
}

// newFixture starts an upstream; settings are further flags for weir.
func newFixture(t *testing.T, protocol string, settings ...string) *fixture {
	t.Helper()
	return newFixtureOf(t, mariadb.Start(t), protocol, settings...)
}

func newFixtureOf(t *testing.T, server *mariadb.Server, protocol string, settings ...string) *fixture {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{t: t, server: server, out: filepath.Join(dir, "out"), protocol: protocol}
	f.args = append([]string{"run",
		"--from", f.server.URI(), "--to", "file://" + f.out + "?flush-interval=100ms&protocol=" + protocol,
		"--start-at", "earliest", "--data-dir", filepath.Join(dir, "state"), "--syncpoint-interval", "1s",
	}, settings...)
	return f
}

// replace changes the arguments.
func (f *fixture) replace(old, with string) {
	for i := range f.args {
		f.args[i] = strings.ReplaceAll(f.args[i], old, with)
	}
}

// follow starts weir, which goes on where it was.
func (f *fixture) follow(more ...string) *process {
	f.t.Helper()
	return launch(f.t, append(slices.Clone(f.args), more...)...)
}

// catchUp runs weir until everything committed by now is in the files.
func (f *fixture) catchUp() {
	f.t.Helper()
	p := f.follow("--stop-at", "current")
	if code := p.wait(f.t); code != 0 {
		f.t.Fatalf("weir run --stop-at current: got exit code %d, want 0", code)
	}
}

// rows counts the rows that the files hold so far.
func (f *fixture) rows() int {
	o, err := replay.Read(f.out)
	if err != nil {
		return 0 // the folder is not there yet, or a schema file is not
	}
	return o.Rows()
}

// compare plays the files to their final state and compares every table of the upstream with it.
func (f *fixture) compare() {
	f.t.Helper()
	o, err := replay.Read(f.out)
	if err != nil {
		f.t.Fatal(err)
	}
	state, problems, err := o.Final()
	if err != nil {
		f.t.Fatal(err)
	}
	for i, p := range problems {
		if i == 20 {
			f.t.Errorf("%d problems in all", len(problems))
			break
		}
		f.t.Error(p)
	}
	upstream := f.tables()
	for _, name := range upstream {
		if state[name] == nil {
			f.t.Errorf("table %s is not in the files", name)
			continue
		}
		schema, table, _ := strings.Cut(name, ".")
		want, err := replay.Upstream(f.t.Context(), f.server.DB(), schema, table, state[name].Columns, f.protocol)
		if err != nil {
			f.t.Fatal(err)
		}
		if diff := replay.Diff(state[name].Rows(), want); diff != "" {
			f.t.Errorf("table %s: %s", name, diff)
		}
	}
	for name := range state {
		if !slices.Contains(upstream, name) {
			f.t.Errorf("table %s is in the files, but not upstream", name)
		}
	}
}

// tables lists the upstream's tables.
func (f *fixture) tables() (names []string) {
	f.t.Helper()
	result, err := f.server.DB().QueryContext(f.t.Context(), `SELECT CONCAT(table_schema, '.', table_name)
		FROM information_schema.tables WHERE table_type = 'BASE TABLE'
		AND table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')`)
	if err != nil {
		f.t.Fatal(err)
	}
	defer result.Close()
	for result.Next() {
		var name string
		if err := result.Scan(&name); err != nil {
			f.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := result.Err(); err != nil {
		f.t.Fatal(err)
	}
	return names
}
