package crash

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/replay"
)

// A fixture is an upstream, and a changefeed of it into files.
type fixture struct {
	t        *testing.T
	server   *mariadb.Server
	from     string
	out      string
	state    string
	protocol string
	options  string   // further options of the sink
	settings []string // further flags for weir
}

func newFixture(t *testing.T, server *mariadb.Server, protocol string, settings ...string) *fixture {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{
		t: t, server: server, from: server.URI(), out: filepath.Join(dir, "out"), state: filepath.Join(dir, "state"),
		protocol: protocol, settings: settings,
	}
	t.Cleanup(f.showDDL)
	return f
}

// follow starts weir, which goes on where it was.
func (f *fixture) follow(more ...string) *process {
	f.t.Helper()
	args := []string{"run",
		"--from", f.from, "--to", "file://" + f.out + "?flush-interval=100ms&protocol=" + f.protocol + f.options,
		"--start-at", "earliest", "--data-dir", f.state, "--syncpoint-interval", "1s",
	}
	return launch(f.t, slices.Concat(args, f.settings, more)...)
}

// catchUp runs weir until everything committed by now is in the files.
func (f *fixture) catchUp() {
	f.t.Helper()
	begin := time.Now()
	p := f.follow("--stop-at", "current")
	if code := p.within(f.t, 2*patience); code != 0 {
		f.t.Fatalf("weir run --stop-at current: got exit code %d, want 0; it said:\n%s", code, p.tail())
	}
	f.t.Logf("caught up in %v", time.Since(begin).Round(time.Millisecond))
}

// begin runs weir until the changefeed has begun. One that begins in the past takes the definitions of today, so they
// must not change before.
func (f *fixture) begin() { f.catchUp() }

// checkpoint reads the commit-ts up to which the files are complete; 0 if they say nothing yet.
func (f *fixture) checkpoint() uint64 {
	var m struct {
		Ts uint64 `json:"checkpoint-ts"`
	}
	data, err := os.ReadFile(filepath.Join(f.out, "metadata"))
	if err != nil || json.Unmarshal(data, &m) != nil {
		return 0
	}
	return m.Ts
}

// moves waits until the files' checkpoint has moved.
func (f *fixture) moves(p *process) {
	f.t.Helper()
	before := f.checkpoint()
	eventually(f.t, p, "the checkpoint moves", func() bool { return f.checkpoint() > before })
}

// interrupt ends weir as Ctrl-C does.
func (f *fixture) interrupt(p *process) {
	f.t.Helper()
	p.signal(os.Interrupt)
	if code := p.within(f.t, 10*time.Second); code != 0 {
		f.t.Fatalf("after Ctrl-C: got exit code %d, want 0; weir said:\n%s", code, p.tail())
	}
}

// compare plays the files to their final state and compares every table of the upstream with it.
func (f *fixture) compare() *replay.Output {
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
		if state[name[0]+"."+name[1]] == nil {
			f.t.Errorf("table %s is not in the files", name)
			continue
		}
		table := state[name[0]+"."+name[1]]
		want, err := replay.Upstream(f.t.Context(), f.server.DB(), name[0], name[1], table.Columns, f.protocol)
		if err != nil {
			f.t.Fatal(err)
		}
		if diff := replay.Diff(table.Rows(), want); diff != "" {
			f.t.Errorf("table %s: %s", name, diff)
		}
	}
	if len(state) != len(upstream) {
		f.t.Errorf("the files have %d tables, the upstream %d", len(state), len(upstream))
	}
	f.t.Logf("equal: %d tables, %d rows in %d table versions", len(upstream), o.Rows(), len(o.Versions))
	return o
}

// tables lists the upstream's tables as schema, table.
func (f *fixture) tables() (names [][2]string) {
	f.t.Helper()
	result, err := f.server.DB().QueryContext(f.t.Context(), `SELECT table_schema, table_name
		FROM information_schema.tables WHERE table_type = 'BASE TABLE'
		AND table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')`)
	if err != nil {
		f.t.Fatal(err)
	}
	defer result.Close()
	for result.Next() {
		var name [2]string
		if err := result.Scan(&name[0], &name[1]); err != nil {
			f.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := result.Err(); err != nil {
		f.t.Fatal(err)
	}
	return names
}

// setting reads a whole number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: want a positive number", name, text)
	}
	return n
}

// newRandom gives the test's source of random choices, and says its seed.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := setting(t, "WEIR_SEED", int(time.Now().UnixNano()%1e9)+1)
	t.Logf("seed: WEIR_SEED=%d", seed)
	return rand.New(rand.NewPCG(uint64(seed), 0))
}

// showDDL tells, for a test that failed, the statements that the upstream's binlogs hold.
func (f *fixture) showDDL() {
	if !f.t.Failed() {
		return
	}
	logs, err := filepath.Glob(filepath.Join(f.server.DataDir(), "bin.0*"))
	if err != nil || len(logs) == 0 {
		return
	}
	out, err := exec.Command("mariadb-binlog", slices.Concat([]string{"--base64-output=decode-rows"}, logs)...).Output()
	if err != nil {
		return
	}
	var ddl []string
	position := ""
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "\tGTID ") {
			position = line[strings.Index(line, "GTID "):]
		}
		if statement.MatchString(line) {
			ddl = append(ddl, strings.TrimSpace(position)+": "+line)
		}
	}
	f.t.Logf("the upstream's DDL ends:\n%s", strings.Join(ddl[max(0, len(ddl)-60):], ""))
}

var statement = regexp.MustCompile(`^(CREATE|ALTER|DROP|RENAME|TRUNCATE)`)
