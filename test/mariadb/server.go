// Package mariadb runs private MariaDB servers for the tests, the benchmarks and the demo: each on a free port of the
// loopback interface, with a data directory of its own, ROW binlog on, and root without a password. It is no part of
// the weir binary. A server dies with the process that launched it.
package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver behind DB
)

// Options say how to launch a server. The zero value of all but Dir is ready to use.
type Options struct {
	// Dir takes the data directory and the log; it must exist. A data directory that is already in it is used again.
	Dir string
	// Port is the port to listen on; 0 takes a free one.
	Port int
	// Args go to mariadbd after the package's own, so they win.
	Args []string
	// MySQL is the path of a mysqld, which is then launched in MariaDB's place.
	MySQL string
}

// A Server is one private MariaDB. Its methods are not safe for concurrent use, except those that only read.
type Server struct {
	options Options
	program string
	db      *sql.DB
	process *process // nil while the server is down
}

// startTime bounds how long a server may take until it answers, crash recovery included.
const startTime = 2 * time.Minute

// Launch starts a server and waits until it answers.
func Launch(ctx context.Context, o Options) (*Server, error) {
	program, initialise := o.MySQL, initialiseMySQL
	if o.MySQL == "" {
		initialise = initialiseMariaDB
		var err error
		if program, err = find("mariadbd"); err != nil {
			return nil, err
		}
	}
	s := &Server{options: o, program: program}
	if _, err := os.Stat(s.dataDir()); errors.Is(err, os.ErrNotExist) {
		if err := copyTemplate(ctx, program, initialise, s.dataDir()); err != nil {
			return nil, err
		}
	}
	if o.Port != 0 {
		return s, s.start(ctx)
	}
	// Another process may take the free port before the server does.
	var err error
	for range 5 {
		if s.options.Port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.start(ctx); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Port gives the port that the server listens on, also while it is down.
func (s *Server) Port() int { return s.options.Port }

// Addr gives host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.options.Port)) }

// URI gives the address as weir's --from and --to take it.
func (s *Server) URI() string { return "mysql://root@" + s.Addr() + "/" }

// DSN gives the address as the Go driver takes it, for one default schema, or none if it is empty.
func (s *Server) DSN(schema string) string {
	return "root@tcp(" + s.Addr() + ")/" + schema + "?multiStatements=true&interpolateParams=true&maxAllowedPacket=0"
}

// Pid gives the process id of the running server, 0 while it is down.
func (s *Server) Pid() int {
	if s.process == nil {
		return 0
	}
	return s.process.cmd.Process.Pid
}

// DataDir gives the directory that holds the server's data and binlogs.
func (s *Server) DataDir() string { return s.dataDir() }

// DB gives a pool of connections that lives as long as the Server: it reconnects after a restart.
func (s *Server) DB() *sql.DB { return s.db }

// Exec runs statements, one string after the other; a string may hold several, separated by semicolons.
func (s *Server) Exec(ctx context.Context, statements ...string) error {
	for _, q := range statements {
		if _, err := s.db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("run %.200q: %w", q, err)
		}
	}
	return nil
}

// Stop shuts the server down in order, then closes the pool.
func (s *Server) Stop(ctx context.Context) error {
	err := s.shutDown(ctx)
	return errors.Join(err, s.db.Close())
}

// Kill ends the server at once, as a power cut would, without closing the pool: Restart brings it back.
func (s *Server) Kill() error {
	if s.process == nil {
		return nil
	}
	err := s.process.kill()
	s.process = nil
	return err
}

// Restart shuts the server down, if it is up, and starts it again on the same port and data. More args, if given, are
// added to those of the last start and win.
func (s *Server) Restart(ctx context.Context, args ...string) error {
	if err := s.shutDown(ctx); err != nil {
		return err
	}
	s.options.Args = append(s.options.Args[:len(s.options.Args):len(s.options.Args)], args...)
	return s.start(ctx)
}

func (s *Server) shutDown(ctx context.Context) error {
	if s.process == nil {
		return nil
	}
	err := s.process.stop(ctx)
	s.process = nil
	return err
}

func (s *Server) dataDir() string { return filepath.Join(s.options.Dir, "data") }
func (s *Server) logFile() string { return filepath.Join(s.options.Dir, "mariadbd.log") }

// errPortTaken tells that somebody else listens on the port.
var errPortTaken = errors.New("mariadb: the port is taken")

func (s *Server) start(ctx context.Context) error {
	if s.db == nil {
		db, err := sql.Open("mysql", s.DSN(""))
		if err != nil {
			return err
		}
		s.db = db
	}
	p, err := launch(s.program, s.args(), s.logFile())
	if err != nil {
		return err
	}
	if err := s.awaitReady(ctx, p); err != nil {
		return errors.Join(err, p.kill())
	}
	s.process = p
	return nil
}

// args puts durability below speed: a test's server may be killed, its machine may not.
func (s *Server) args() []string {
	args := []string{
		"--no-defaults",
		"--datadir=" + s.dataDir(),
		"--tmpdir=" + s.options.Dir, // a server that starts deletes the temporary tables that it finds in its folder
		"--socket=mariadbd.sock",    // below the data directory; its full path could be too long for a socket
		"--pid-file=mariadbd.pid",
		"--bind-address=127.0.0.1",
		"--port=" + strconv.Itoa(s.options.Port),
		"--server-id=1",
		"--log-bin=bin",
		"--binlog-row-metadata=FULL",
		"--character-set-server=utf8mb4",
		"--skip-name-resolve",
		"--performance-schema=OFF",
		"--innodb-buffer-pool-size=64M",
		"--innodb-flush-log-at-trx-commit=2",
		"--sync-binlog=0",
	}
	if s.options.MySQL != "" {
		// The X plugin would listen on a port of its own, and a package's folder for files need not be there.
		args = append(args, "--mysqlx=OFF", "--secure-file-priv=NULL")
	} else {
		args = append(args, "--binlog-format=ROW", "--innodb-log-file-size="+logFileSize)
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root") // mariadbd refuses to run as root unless told
	}
	return append(args, s.options.Args...)
}

func (s *Server) awaitReady(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		// A foreign server on the port would answer too: ours must have said that it listens.
		if p.said("ready for connections") && s.db.PingContext(ctx) == nil {
			return nil
		}
		select {
		case <-p.exited:
			if p.said("Address already in use") {
				return errPortTaken
			}
			return fmt.Errorf("mariadbd ended before it was ready: %v; its log ends:\n%s", p.err, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("mariadbd was not ready within %v: %w; its log ends:\n%s", startTime, ctx.Err(), p.tail())
		case <-tick.C:
		}
	}
}

// find looks a program up, also where Debian keeps servers, which is not on every user's path.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed; run: make deps", name)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// A process is one run of mariadbd.
type process struct {
	cmd    *exec.Cmd
	log    string
	from   int64         // where this run's part of the log begins
	exited chan struct{} // closed once the process is gone and err is set
	err    error
}

func launch(program string, args []string, logFile string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open mariadbd's log: %w", err)
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("open mariadbd's log: %w", err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p := &process{cmd: cmd, log: logFile, from: info.Size(), exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// stop asks the server to shut down and waits until it is gone; it is killed when ctx ends.
func (p *process) stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop mariadbd: %w", err)
	}
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("stop mariadbd: %w", ctx.Err()), p.kill())
	}
}

func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill mariadbd: %w", err)
	}
	<-p.exited
	return nil
}

func (p *process) output() string {
	data, err := os.ReadFile(p.log)
	if err != nil || int64(len(data)) < p.from {
		return ""
	}
	return string(data[p.from:])
}

func (p *process) said(text string) bool { return strings.Contains(p.output(), text) }

func (p *process) tail() string {
	lines := strings.Split(strings.TrimSpace(p.output()), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
