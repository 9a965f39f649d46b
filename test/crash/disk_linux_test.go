package crash

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/bank"
	"github.com/weir-cdc/weir/test/mariadb"
)

// mountSmall mounts a file system in memory at a new folder.
func mountSmall(t *testing.T, dir, size string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("weir-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a small file system at %s: %v: this test needs root, in a container CAP_SYS_ADMIN", dir, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

func remount(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount("weir-test", dir, "tmpfs", syscall.MS_REMOUNT|flags, options); err != nil {
		t.Fatalf("remount %s: %v", dir, err)
	}
}

// fill takes all space of a file system, and gives the function that gives it back.
func takeSpace(t *testing.T, dir string) (giveBack func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 16 {
		block := make([]byte, size)
		for err = nil; err == nil; {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// A full output folder is waited for in state warning, with the reason; with space it goes on by itself.
func TestOutputIsFull(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t), "csv")
	mountSmall(t, f.out, "64m")
	l := bank.Start(t, f.server, bank.Random(t))
	f.begin()
	l.Flow(200, 4)
	p := f.follow()
	f.moves(p)
	for round := range 3 {
		warned := strings.Count(p.stderr.String(), "state=warning")
		giveBack := takeSpace(t, f.out)
		eventually(t, p, "the warning names the reason", func() bool {
			text := p.stderr.String()
			return strings.Count(text, "state=warning") > warned && strings.Contains(text, "no space left on device: free space on that file system")
		})
		if round == 1 {
			p.kill() // and started with a full disk
			p = f.follow()
			eventually(t, p, "the warning comes again", func() bool { return p.said("state=warning") && p.said("no space left") })
		}
		giveBack()
		f.moves(p)
	}
	l.Stop()
	f.interrupt(p)
	f.catchUp()
	l.CheckCuts(f.compare(), f.out)
}

// The same with an output folder that becomes read-only.
func TestOutputIsReadOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t), "csv")
	mountSmall(t, f.out, "64m")
	l := bank.Start(t, f.server, bank.Random(t))
	f.begin()
	l.Flow(200, 4)
	p := f.follow()
	f.moves(p)
	for range 3 {
		warned := strings.Count(p.stderr.String(), "state=warning")
		// A file that is open for writing keeps the file system as it is.
		eventually(t, p, "the folder is read-only", func() bool {
			return syscall.Mount("weir-test", f.out, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "") == nil
		})
		eventually(t, p, "the warning names the reason", func() bool {
			text := p.stderr.String()
			return strings.Count(text, "state=warning") > warned && strings.Contains(text, "read-only file system: mount that file system writable")
		})
		remount(t, f.out, 0, "")
		f.moves(p)
	}
	l.Stop()
	f.interrupt(p)
	f.catchUp()
	l.CheckCuts(f.compare(), f.out)
}

// A full data directory either is waited for, or ends weir with an error that names the disk; nothing is lost.
func TestDataDirIsFull(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t), "csv")
	mountSmall(t, f.state, "128m")
	l := bank.Start(t, f.server, bank.Random(t))
	f.begin()
	l.Flow(200, 4)
	p := f.follow()
	f.moves(p)
	for round := range 3 {
		begin := len(p.stderr.String())
		giveBack := takeSpace(t, f.state)
		eventually(t, p, "the reason is named", func() bool { return strings.Contains(p.stderr.String()[begin:], "no space left") })
		if round == 1 {
			p.kill() // and started with a full disk
			p = f.follow()
			await(t, "the reason is named or weir ends", func() bool { return !p.alive() || p.said("no space left") })
		}
		ended := p.endsWithin(3 * time.Second)
		giveBack()
		if ended {
			if code := p.within(t, time.Second); code != 1 || !strings.Contains(lastLine(p), "no space left") {
				t.Errorf("got exit code %d, want 1 and the reason; weir said:\n%s", code, p.tail())
			}
			t.Logf("round %d: ended: %s", round, lastLine(p))
			p = f.follow()
		}
		f.moves(p)
	}
	l.Stop()
	f.interrupt(p)
	f.catchUp()
	l.CheckCuts(f.compare(), f.out)
}

// endsWithin tells whether weir ends by itself in that time.
func (p *process) endsWithin(limit time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(limit):
		return false
	}
}

func lastLine(p *process) string {
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	return fmt.Sprintf("%.300s", lines[len(lines)-1])
}
