package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/replay"
	"github.com/weir-cdc/weir/test/weir"
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
	t.Cleanup(f.keep)
	return f
}

// keep copies what a failed test leaves behind, the upstream's data with its binlog too, below the folder KEEP.
func (f *fixture) keep() {
	to := os.Getenv("KEEP")
	if !f.t.Failed() || to == "" {
		return
	}
	to = filepath.Join(to, filepath.Base(filepath.Dir(f.out)), fmt.Sprint(os.Getpid(), "-", time.Now().UnixNano()))
	for name, dir := range map[string]string{"run": filepath.Dir(f.out), "upstream": f.server.DataDir()} {
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(dir)); err != nil {
			f.t.Logf("keep %s: %v", dir, err)
		}
	}
	f.t.Logf("kept in %s", to)
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
	o := weir.Compare(f.t, f.server, f.out, f.protocol)
	f.t.Logf("compared: %d rows in %d table versions", o.Rows(), len(o.Versions))
	return o
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
