package cluster

import (
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

// TestMain runs the victim of TestEmbedStartsAfterAnyKill in a process of its own.
func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		fmt.Fprintln(os.Stderr, victim(dir))
		os.Exit(1)
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
	for i := range 12 {
		out := kill(t, dir, time.Duration(rand.IntN(300))*time.Millisecond)
		for _, line := range out {
			written = max(written, line)
		}
		if i%4 == 3 {
			e := embedded(t, dir)
			c, err := NewStore(e.Client()).Checkpoint(t.Context(), "a")
			if written > 0 && (err != nil || c.CommitTs < written) {
				t.Fatalf("after kill %d: got %d, %v, want at least %d", i, c.CommitTs, err, written)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if written == 0 {
		t.Error("no run lived long enough to write")
	}
}

// A first start that is killed at any moment leaves nothing that stops the next one.
func TestEmbedStartsAfterAKilledFirstStart(t *testing.T) {
	for i := range 12 {
		dir := t.TempDir()
		kill(t, dir, time.Duration(15+10*i)*time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
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

// kill starts a victim, kills it after a while, and gives what it printed.
func kill(t *testing.T, dir string, after time.Duration) []uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	out, err := cmd.Output()
	if ctx.Err() == nil {
		t.Fatalf("the victim ended by itself: %v, %s", err, err.(*exec.ExitError).Stderr)
	}
	var written []uint64
	start := 0
	for i, b := range out {
		if b == '\n' { // a line that was cut has none
			n, err := strconv.ParseUint(string(out[start:i]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			written, start = append(written, n), i+1
		}
	}
	return written
}
