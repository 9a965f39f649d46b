package e2e

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
)

// binary is the weir under test, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "weir-e2e-")
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

// A process is one running weir.
type process struct {
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{}
	err    error // of Wait, once ended is closed
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

// launch starts weir with these arguments; it is killed when the test ends, and what it said is shown if the test failed.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), ended: make(chan struct{})}
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
		p.kill()
		if t.Failed() {
			t.Logf("weir %s\nexit: %v\n%s%s", strings.Join(args, " "), p.err, tail(p.stdout.String()), tail(p.stderr.String()))
		}
	})
	return p
}

func tail(text string) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "")
}

func (p *process) signal(s os.Signal) {
	_ = p.cmd.Process.Signal(s) // one that has ended needs none
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// exitTime bounds how long weir may take to end, or to catch up.
const exitTime = 60 * time.Second

// wait gives the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(exitTime):
		p.signal(syscall.SIGQUIT) // its goroutines' stacks tell what it waited for
		<-p.ended
		t.Fatalf("weir did not end within %v", exitTime)
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

// eventually polls until the condition holds.
func eventually(t *testing.T, p *process, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(exitTime)
	for !condition() {
		select {
		case <-tick.C:
		case <-p.ended:
			if condition() {
				return
			}
			t.Fatalf("weir ended before %s", what)
		case <-deadline:
			t.Fatalf("not within %v: %s", exitTime, what)
		}
	}
}
