package mariadb

import (
	"context"
	"testing"
	"time"
)

// An Option changes how Start launches a server.
type Option func(*Options)

// Args gives the server further arguments, which win over the package's own.
func Args(args ...string) Option {
	return func(o *Options) { o.Args = append(o.Args, args...) }
}

// MySQL launches that mysqld in MariaDB's place.
func MySQL(path string) Option {
	return func(o *Options) { o.MySQL = path }
}

// Start launches a server for the test and kills it when the test ends. A machine without MariaDB fails the test.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	o := Options{Dir: t.TempDir()}
	for _, apply := range options {
		apply(&o)
	}
	s, err := Launch(context.Background(), o)
	if err != nil {
		t.Fatalf("start MariaDB: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Errorf("end MariaDB: %v", err)
		}
		s.DB().Close()
	})
	return s
}

// MustExec runs statements as Exec does and fails the test on an error.
func (s *Server) MustExec(t testing.TB, statements ...string) {
	t.Helper()
	if err := s.Exec(t.Context(), statements...); err != nil {
		t.Fatal(err)
	}
}

// MustRestart is Restart that fails the test on an error.
func (s *Server) MustRestart(t testing.TB, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Restart(ctx, args...); err != nil {
		t.Fatalf("restart MariaDB: %v", err)
	}
}
