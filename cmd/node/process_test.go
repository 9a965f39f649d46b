package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/api"
)

// This test binary is also weir itself, in a process that asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("WEIR_TEST_AS_WEIR") != "" {
		os.Exit(execute(context.Background(), os.Args[1:], standard()))
	}
	os.Exit(m.Run())
}

// spawn runs weir as a process of its own, with a small environment.
func spawn(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append([]string{"WEIR_TEST_AS_WEIR=1", "PATH=" + os.Getenv("PATH"), "GOCOVERDIR=" + t.TempDir()}, env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// serve starts a server of the API, which ends with the test.
func serve(t *testing.T, c api.Control, files api.TLSFiles) *api.Server {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := api.Start(api.Options{Addr: "127.0.0.1:0", TLS: files, Control: c, Version: api.Version{Version: "v1"}, Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}
