// Package weir runs the weir binary as a user does, for tests: processes of their own, which are signalled and killed,
// and whole changefeeds from a MariaDB into files, whose result is compared with the server's tables.
package weir

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the weir under test, which Main builds once for all tests of a package.
var binary string

// Binary gives the path of the weir under test.
func Binary() string { return binary }

// Main builds the weir binary, with these flags of go build if any, and runs a package's tests: TestMain calls it and exits
// with what it returns.
func Main(m *testing.M, flags ...string) int {
	dir, err := os.MkdirTemp("", "weir-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "weir")
	build := exec.Command("go", slices.Concat([]string{"build", "-o", binary}, flags, []string{"github.com/weir-cdc/weir/cmd/node"})...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build weir: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A Process is one running weir.
type Process struct {
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

// Launch starts weir with these arguments; it is killed when the test ends, and what it said is shown if the test failed.
func Launch(t testing.TB, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(binary, args...), ended: make(chan struct{})}
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
		p.Kill()
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

// Pid gives the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Stdout gives what the process has said so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr gives what the process has logged so far.
func (p *Process) Stderr() string { return p.stderr.String() }

// Ended is closed once the process is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) {
	_ = p.cmd.Process.Signal(s) // one that has ended needs none
}

// Kill ends the process as a power cut would.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// exitTime bounds how long weir may take to end, or to catch up.
const exitTime = 60 * time.Second

// Wait waits for the end and gives the exit code.
func (p *Process) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(exitTime):
		p.Signal(syscall.SIGQUIT) // its goroutines' stacks tell what it waited for
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

// Eventually polls until the condition holds.
func (p *Process) Eventually(t testing.TB, what string, condition func() bool) {
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
