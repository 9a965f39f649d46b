package cluster

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

const victimDir = "WEIR_TEST_VICTIM_DIR"

// TestMain is also the main function of the processes that tests start.
func TestMain(m *testing.M) {
	if target := os.Getenv(sendTo); target != "" {
		if err := sender(target); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(victimDir); dir != "" {
		fmt.Fprintln(os.Stderr, victim(dir))
		os.Exit(1)
	}
	for variable, run := range map[string]func(string) error{memberOptions: runMember, joinEndpoint: runNode} {
		if value := os.Getenv(variable); value != "" {
			if err := run(value); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

// victim moves a checkpoint on, and prints each one that is written, until it is killed.
func victim(dir string) error {
	ctx := context.Background()
	e, err := Embed(ctx, EmbedOptions{Dir: dir, Log: quiet()})
	if err != nil {
		return err
	}
	s := NewStore(e.Client())
	epoch, err := s.NextEpoch(ctx, "a")
	if err != nil {
		return err
	}
	for ts := epoch << 32; ; ts++ {
		if err := s.Activation("a", epoch).SetCheckpoint(ctx, checkpointAt(ts)); err != nil {
			return err
		}
		fmt.Println(ts)
	}
}

// However early or late the process is killed: the store starts again, and knows each checkpoint that was written.
func TestEmbedStartsAfterAnyKill(t *testing.T) {
	dir := t.TempDir()
	var written uint64
	for i := range 10 {
		if i%2 == 0 {
			written = killAfter(t, dir, 1+rand.IntN(40))
		} else {
			kill(t, dir, time.Duration(rand.IntN(300))*time.Millisecond)
		}
		if i%3 != 0 {
			continue // also several kills in a row
		}
		e := embedded(t, dir)
		if c, err := NewStore(e.Client()).Checkpoint(t.Context(), "a"); err != nil || c.CommitTs < written {
			t.Fatalf("after kill %d: got %d, %v, want at least %d", i, c.CommitTs, err, written)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A first start that is killed at any moment leaves nothing that stops the next one.
func TestEmbedStartsAfterAKilledFirstStart(t *testing.T) {
	for i := range 8 {
		dir := t.TempDir()
		kill(t, dir, time.Duration(15+15*i)*time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		e, err := Embed(ctx, EmbedOptions{Dir: dir, Log: quiet()})
		cancel()
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func newVictim(dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// kill ends a victim after a while, wherever it is then.
func kill(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	cmd := newVictim(dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	defer timer.Stop()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != -1 {
		t.Fatalf("the victim ended by itself, with %d", code)
	}
}

// killAfter ends a victim once it has told of so many checkpoints, and gives the last.
func killAfter(t *testing.T, dir string, checkpoints int) (last uint64) {
	t.Helper()
	cmd := newVictim(dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < checkpoints && lines.Scan(); n++ {
		if last, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != -1 {
		t.Fatalf("the victim ended by itself, with %d", code)
	}
	return last
}
