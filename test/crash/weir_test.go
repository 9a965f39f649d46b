package crash

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// binary is the weir under test, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(&mysql.NopLogger{}) // it would tell of every connection that a test breaks
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "weir-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "weir")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build weir: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A process is one life of weir.
type process struct {
	cmd     *exec.Cmd
	started time.Time
	stdout  output
	stderr  output
	ended   chan struct{}
	err     error // of Wait, once ended is closed
}

// output collects what a process says; it may be read while the process lives.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// launch starts weir with these arguments; it is killed when the test ends.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), started: time.Now(), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.SysProcAttr = attributes()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // one that has ended needs none
		<-p.ended
	})
	return p
}

func (p *process) signal(s os.Signal) {
	_ = p.cmd.Process.Signal(s) // one that has ended needs none
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// alive tells that the process has not ended.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// said tells whether the log holds the text.
func (p *process) said(text string) bool { return strings.Contains(p.stderr.String(), text) }

// tail gives the last lines of what the process said.
func (p *process) tail() string {
	lines := strings.SplitAfter(p.stdout.String()+p.stderr.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "")
}

// within waits for the end, at most so long, and gives the exit code.
func (p *process) within(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.signal(syscall.SIGQUIT) // its goroutines' stacks tell what it waited for
		<-p.ended
		t.Fatalf("weir did not end within %v; it said:\n%s", limit, p.stderr.String())
	}
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return 0
	case errors.As(p.err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(p.err)
	return -1
}

// patience bounds what must come about.
const patience = 60 * time.Second

// eventually polls until the condition holds, and fails the test if the process ends before.
func eventually(t *testing.T, p *process, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-tick.C:
		case <-p.ended:
			if condition() {
				return
			}
			t.Fatalf("weir ended before %s; it said:\n%s", what, p.tail())
		case <-deadline:
			t.Fatalf("not within %v: %s; weir said:\n%s", patience, what, p.tail())
		}
	}
}

// await polls until the condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
