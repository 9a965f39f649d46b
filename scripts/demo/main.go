// Command demo shows weir at work: it starts a private MariaDB on a free port, fills a shop, lets weir follow it into a
// folder while orders and DDL go on, stops weir, changes more, lets weir resume, and compares the files with the
// server's own tables. Run it by make demo.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
)

func main() {
	out := flag.String("out", "demo-out", "folder for the files; one of an earlier demo is emptied")
	length := flag.Duration("for", 25*time.Second, "how long the shop is busy while weir follows")
	weir := flag.String("weir", "bin/weir", "the weir to show")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, *weir, *out, *length); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, weir, out string, length time.Duration) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := empty(out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "weir-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	say("starting a private MariaDB")
	server, err := mariadb.Launch(ctx, mariadb.Options{Dir: work})
	if err != nil {
		return err
	}
	defer func() {
		// The user's Ctrl-C has ended ctx by now; the server still gets its shutdown in order.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if err := server.Stop(ending); err != nil {
			fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		}
	}()
	shop := &shop{server: server}
	say("filling a shop on port %d", server.Port())
	if err := shop.open(ctx); err != nil {
		return err
	}
	f := follower{weir: weir, args: []string{"run",
		"--from", server.URI(), "--to", "file://" + filepath.ToSlash(out) + "?protocol=csv&flush-interval=1s",
		"--tables", "shop.*", "--start-at", "earliest", "--syncpoint-interval", "5s",
		"--changefeed", "demo", "--data-dir", filepath.Join(work, "state")}}
	if err := act(ctx, shop, f, length); err != nil {
		return err
	}
	return report(ctx, shop, out)
}

// act lets weir follow the busy shop, stops it, lets the shop go on without it, and lets it catch up.
func act(ctx context.Context, shop *shop, f follower, length time.Duration) error {
	say("following it: %s %s", f.weir, strings.Join(quoted(f.args), " "))
	running, err := f.start()
	if err != nil {
		return err
	}
	busy, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	worked := make(chan error, 1)
	go func() { worked <- shop.work(busy) }()
	select {
	case err = <-worked:
	case <-running.ended:
		cancel()
		<-worked
		err = fmt.Errorf("weir ended by itself: %v", running.err)
	}
	if err := errors.Join(err, running.stop()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	say("stopped weir; the shop goes on without it")
	if err := shop.serve(ctx, 300); err != nil {
		return err
	}
	say("resuming weir until it has everything: the same command with --stop-at current")
	f.args = append(f.args[:len(f.args):len(f.args)], "--stop-at", "current")
	if running, err = f.start(); err != nil {
		return err
	}
	select {
	case <-running.ended:
		return running.err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), running.stop())
	}
}

// A follower is how weir is called.
type follower struct {
	weir string
	args []string
}

// A run is one running weir.
type run struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once err is set
	err   error
}

func (f follower) start() (*run, error) {
	cmd := exec.Command(f.weir, f.args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// A group of its own: the terminal's Ctrl-C reaches the demo alone, which stops weir once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start weir: %w", err)
	}
	r := &run{cmd: cmd, ended: make(chan struct{})}
	go func() {
		r.err = cmd.Wait()
		close(r.ended)
	}()
	return r, nil
}

// stop asks weir to end in order, as Ctrl-C does.
func (r *run) stop() error {
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-r.ended
	return r.err
}

// empty empties the folder of an earlier demo. It touches no other.
func empty(out string) error {
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	var owner struct{ Changefeed string }
	data, err := os.ReadFile(filepath.Join(out, ".weir.json"))
	if err != nil || json.Unmarshal(data, &owner) != nil || strings.Split(owner.Changefeed, "/")[0] != "demo" {
		return fmt.Errorf("%s holds files that no demo wrote: give another folder with -out", out)
	}
	return os.RemoveAll(out)
}

func say(format string, args ...any) { fmt.Printf("== "+format+"\n", args...) }

func quoted(args []string) []string {
	shown := make([]string, len(args))
	for i, a := range args {
		shown[i] = a
		if strings.ContainsAny(a, "*?&") {
			shown[i] = "'" + a + "'"
		}
	}
	return shown
}
