package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A contender is a program that reads a whole binlog.
type contender struct {
	name    string
	command func(u *upstream, out string) *exec.Cmd
	check   func(u *upstream, out string) error // did all of it arrive?
}

// The names, as the report and its targets use them.
const (
	dump      = "mariadb-binlog --raw"
	baseline  = "go-mysql canal, JSON lines"
	tuned     = "same, encoded by hand"
	blackhole = "weir to blackhole"
	toCSV     = "weir to csv"
	toJSON    = "weir to canal-json"
)

// programs are the paths of what is run.
type programs struct{ weir, canal string }

func (p programs) contenders() []contender {
	return []contender{
		{dump, rawDump, dumpIsWhole},
		{baseline, p.overCanal(false), func(u *upstream, out string) error { return linesAre(u.load.Rows, out, ".jsonl") }},
		{tuned, p.overCanal(true), func(u *upstream, out string) error { return linesAre(u.load.Rows, out, ".jsonl") }},
		{blackhole, p.run("blackhole://"), func(*upstream, string) error { return nil }},
		{toCSV, p.runToFiles("csv"), func(u *upstream, out string) error { return linesAre(u.load.Rows, out, ".csv") }},
		{toJSON, p.runToFiles("canal-json"), func(u *upstream, out string) error { return linesAre(u.load.Rows, out, ".json") }},
	}
}

func rawDump(u *upstream, out string) *exec.Cmd {
	return exec.Command("mariadb-binlog", "--no-defaults", "--read-from-remote-server", "--raw", "--host=127.0.0.1",
		"--port="+strconv.Itoa(u.Port()), "--protocol=tcp", "--user=root", "--result-file="+out+"/", "--to-last-log", u.binlogs[0])
}

func (p programs) overCanal(tuned bool) func(u *upstream, out string) *exec.Cmd {
	return func(u *upstream, out string) *exec.Cmd {
		return exec.Command(p.canal, "-addr", u.Addr(), "-binlog", u.binlogs[0], "-rows", strconv.Itoa(u.load.Rows),
			"-out", filepath.Join(out, "rows.jsonl"), fmt.Sprintf("-tuned=%v", tuned))
	}
}

func (p programs) runToFiles(protocol string) func(u *upstream, out string) *exec.Cmd {
	return func(u *upstream, out string) *exec.Cmd {
		return p.run("file://"+filepath.Join(out, "files")+"?protocol="+protocol)(u, out)
	}
}

func (p programs) run(to string) func(u *upstream, out string) *exec.Cmd {
	return func(u *upstream, out string) *exec.Cmd {
		return exec.Command(p.weir, "run", "--from", u.URI(), "--to", to, "--tables", "bench.*",
			"--start-at", "earliest", "--stop-at", "current", "--data-dir", filepath.Join(out, "data"))
	}
}

func dumpIsWhole(u *upstream, out string) error {
	var size int64
	err := eachFile(out, "", func(path string) error {
		info, err := os.Stat(path)
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err == nil && size < u.logBytes*99/100 { // the newest file's tail may be a rotate event short
		err = fmt.Errorf("%d bytes of %d arrived", size, u.logBytes)
	}
	return err
}

func linesAre(want int, out, suffix string) error {
	lines := 0
	err := eachFile(out, suffix, func(path string) error {
		name := filepath.Base(path)
		if strings.Contains(path, "/meta/") || !strings.HasPrefix(name, "CDC") && !strings.HasPrefix(name, "rows") {
			return nil // schema files and bookkeeping
		}
		n, err := countLines(path)
		lines += n
		return err
	})
	if err == nil && lines != want {
		err = fmt.Errorf("%d rows of %d arrived", lines, want)
	}
	return err
}

func eachFile(dir, suffix string, do func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		return do(path)
	})
}

func countLines(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines, buffer := 0, make([]byte, 256<<10)
	for {
		n, err := f.Read(buffer)
		lines += bytes.Count(buffer[:n], []byte{'\n'})
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
	}
}

// A sample is one run of a contender.
type sample struct {
	Wall time.Duration `json:"wall_ns"`
	CPU  time.Duration `json:"cpu_ns"`
	Peak int64         `json:"peak_bytes"` // resident memory
}

const runTimeout = 10 * time.Minute

// measure runs the contender once, in an empty folder that is removed again.
func (c contender) measure(ctx context.Context, u *upstream, dir string) (s sample, err error) {
	out, err := os.MkdirTemp(dir, "out")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(out)) }()
	syscall.Sync() // what the one before left to write is not this one's
	if s, err = observe(ctx, c.command(u, out)); err != nil {
		return s, fmt.Errorf("%s on %s: %w", c.name, u.load.Name, err)
	}
	if err := c.check(u, out); err != nil {
		return s, fmt.Errorf("%s on %s: %w", c.name, u.load.Name, err)
	}
	return s, nil
}

// observe runs a program to its end.
func observe(ctx context.Context, cmd *exec.Cmd) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	var said tail
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peak := int64(0)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			peak = max(peak, highWater(cmd.Process.Pid))
		case <-ctx.Done():
			cmd.Process.Kill()
			<-ended
			return sample{}, fmt.Errorf("not done: %w; it said:\n%s", ctx.Err(), said.text)
		case err := <-ended:
			wall := time.Since(began)
			if err != nil {
				return sample{}, fmt.Errorf("%w; it said:\n%s", err, said.text)
			}
			state := cmd.ProcessState
			return sample{Wall: wall, CPU: state.UserTime() + state.SystemTime(), Peak: peak}, nil
		}
	}
}

// highWater reads the peak of resident memory. The kernel's number at the end would count this process too, whose
// memory a child shares before it becomes another program.
func highWater(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// tail keeps the end of what a program said.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	const keep = 4000
	t.text = append(t.text, p...)
	if extra := len(t.text) - keep; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}
