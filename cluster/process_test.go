package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	memberOptions = "WEIR_TEST_MEMBER"
	joinEndpoint  = "WEIR_TEST_JOIN"
)

// A process is another process of this test binary, by what it prints.
type process struct {
	cmd   *exec.Cmd
	lines chan string
}

func spawn(t *testing.T, variable, value string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), lines: make(chan string, 10_000)}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), variable+"="+value), os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	for range p.lines {
	}
	p.cmd.Wait()
}

// await reads lines up to one with that beginning.
func (p *process) await(t *testing.T, beginning string) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("the process ended before %q", beginning)
			}
			if strings.HasPrefix(line, beginning) {
				return line
			}
			t.Logf("process %d: %s", p.cmd.Process.Pid, line)
		case <-deadline:
			t.Fatalf("no %q came", beginning)
		}
	}
}

// runMember is the main function of a process that is a member of the store and a node, until its input ends.
func runMember(options string) error {
	var o EmbedOptions
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return err
	}
	o.Log = quiet()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	e, err := Embed(ctx, o)
	if err != nil {
		fmt.Println("failed:", err)
		return nil
	}
	defer e.Close()
	s := NewStore(e.Client())
	_, err = s.Join(ctx, JoinOptions{ID: o.Name + "-" + strconv.Itoa(os.Getpid()), Info: NodeInfo{Name: o.Name}, Log: quiet()})
	if err != nil {
		fmt.Println("failed:", err)
		return nil
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// runNode is the main function of a process that is a node, and prints when it last found its lease valid.
func runNode(endpoint string) error {
	ctx := context.Background()
	s, err := Dial(ctx, DialOptions{Endpoints: []string{endpoint}, Log: quiet()})
	if err != nil {
		return err
	}
	n, err := s.Join(ctx, JoinOptions{ID: "victim", Log: quiet()})
	if err != nil {
		return err
	}
	fmt.Println("joined")
	for range time.Tick(time.Millisecond) {
		began := time.Now() // before the question: a stop in between is the writer's, not the lease's
		if n.LeaseValid() {
			fmt.Println("valid", began.UnixNano())
		} else {
			fmt.Println("invalid", began.UnixNano())
		}
	}
	return nil
}
