package crash

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/bank"
	"github.com/weir-cdc/weir/test/mariadb"
)

// An upstream that is killed, or restarted, in the middle of its writes is waited for, whatever it lost itself.
func TestUpstreamGoesAndComes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t), "csv")
	l := bank.Start(t, f.server, bank.Random(t))
	f.begin()
	l.Flow(200, 4)
	p := f.follow()
	for round := range 6 {
		f.moves(p)
		if round%2 == 0 {
			if err := f.server.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		f.server.MustRestart(t)
	}
	f.moves(p)
	l.Stop()
	f.interrupt(p)
	f.catchUp()
	l.CheckCuts(f.compare(), f.out)
}

func TestBinlogRotates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t, mariadb.Args("--max-binlog-size=65536")), "csv")
	l := bank.Start(t, f.server, bank.Random(t))
	f.begin()
	l.Flow(200, 4)
	p := f.follow()
	for range 30 {
		f.server.MustExec(t, "FLUSH BINARY LOGS")
		if err := f.server.DB().PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f.moves(p)
	f.server.MustExec(t, "FLUSH BINARY LOGS; FLUSH BINARY LOGS")
	f.moves(p)
	l.Stop()
	f.interrupt(p)
	f.catchUp()
	l.CheckCuts(f.compare(), f.out)
	if strings.Contains(p.stderr.String(), "level=warning") {
		t.Errorf("a rotation is nothing to warn of; weir said:\n%s", p.tail())
	}
}

// A second replica with the same server id: the upstream lets only one of the two read. Weir says what to do, and loses
// nothing.
func TestServerIDTaken(t *testing.T) {
	t.Parallel()
	const id = "4711"
	t.Run("by another program", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, mariadb.Start(t), "csv", "--server-id", id)
		l := bank.Start(t, f.server, bank.Random(t))
		f.begin()
		l.Flow(100, 2)
		p := f.follow()
		f.moves(p)
		other := exec.Command("mariadb-binlog", "--no-defaults", "--read-from-remote-server", "--host=127.0.0.1", "--user=root", "--raw",
			"--port="+strings.TrimPrefix(f.server.Addr(), "127.0.0.1:"), "--stop-never", "--stop-never-slave-server-id="+id,
			"--result-file="+t.TempDir()+"/", "bin.000001")
		other.SysProcAttr = attributes()
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, p, "weir names the setting", func() bool { return p.said("server-id") })
		_ = other.Process.Kill()
		_ = other.Wait() // it was killed
		l.Stop()
		endOrder(t, p)
		f.catchUp()
		l.CheckCuts(f.compare(), f.out)
	})
	t.Run("by another weir", func(t *testing.T) {
		t.Parallel()
		server := mariadb.Start(t)
		one, two := newFixture(t, server, "csv", "--server-id", id), newFixture(t, server, "csv", "--server-id", id)
		l := bank.Start(t, server, bank.Random(t))
		one.begin()
		two.begin()
		l.Flow(100, 2)
		p := one.follow()
		one.moves(p)
		q := two.follow()
		await(t, "one of the two names the setting", func() bool { return p.said("server-id") || q.said("server-id") })
		l.Stop()
		endOrder(t, p)
		endOrder(t, q)
		one.catchUp()
		l.CheckCuts(one.compare(), one.out)
		two.catchUp()
		two.compare()
	})
}

// endOrder ends a weir that may have given up by itself, with an error that names the setting.
func endOrder(t *testing.T, p *process) {
	t.Helper()
	if p.alive() {
		p.signal(os.Interrupt)
	}
	code := p.within(t, 20*time.Second)
	if code != 0 && !(code == 1 && p.said("server-id")) {
		t.Errorf("got exit code %d; weir said:\n%s", code, p.tail())
	}
	t.Logf("exit code %d", code)
}
