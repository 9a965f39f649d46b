package cluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A weir whose clock is a day ahead logs the time of tomorrow.
func TestSkewedClock(t *testing.T) {
	binary := SkewedClock(t)
	if binary == "" {
		t.Log("the clock can be set on linux/amd64 only")
		return
	}
	file := filepath.Join(t.TempDir(), "clock")
	if err := os.WriteFile(file, []byte("86400\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "node", "--name", "n1", "--data-dir", "/dev/null/none", "--addr", "127.0.0.1:0", "--api-addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), ClockVariable+"="+file)
	out, _ := cmd.CombinedOutput() // it cannot make its data directory
	if want := time.Now().Add(24 * time.Hour).Format("2006-01-02"); !strings.Contains(string(out), want) {
		t.Errorf("got log %q, want the date %s", out, want)
	}
}
