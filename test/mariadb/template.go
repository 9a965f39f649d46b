package mariadb

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// logFileSize is small, so that a data directory is quick to copy.
const logFileSize = "32M"

// An initialiser makes a data directory for a program.
type initialiser func(ctx context.Context, program, dir string) error

// copyTemplate makes a data directory out of the template of this version of MariaDB, which is initialised once per
// machine and user.
func copyTemplate(ctx context.Context, program string, initialise initialiser, dataDir string) error {
	template, err := template(ctx, program, initialise)
	if err != nil {
		return err
	}
	if err := os.CopyFS(dataDir, os.DirFS(template)); err != nil {
		return fmt.Errorf("copy the data directory's template: %w", err)
	}
	return nil
}

func template(ctx context.Context, program string, initialise initialiser) (string, error) {
	version, err := exec.CommandContext(ctx, program, "--no-defaults", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", program, err)
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	key := sha256.Sum256([]byte(program + string(version) + logFileSize))
	dir := filepath.Join(cache, fmt.Sprintf("mariadb-%x", key[:8]))
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	// Whole or not at all.
	half := dir + ".half"
	if err := os.RemoveAll(half); err != nil {
		return "", fmt.Errorf("make the data directory's template: %w", err)
	}
	if err := initialise(ctx, program, half); err != nil {
		return "", err
	}
	if err := os.Rename(half, dir); err != nil {
		return "", fmt.Errorf("make the data directory's template: %w", err)
	}
	return dir, nil
}

func initialiseMariaDB(ctx context.Context, _, dir string) error {
	install, err := find("mariadb-install-db")
	if err != nil {
		return err
	}
	return run(exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+dir,
		"--auth-root-authentication-method=normal",
		"--force",        // also where neither the machine's name nor localhost resolves
		"--skip-test-db", // nor the anonymous users, which would win over root's grants
		"--innodb-log-file-size="+logFileSize))
}

// rootByTCP lets root in from 127.0.0.1: a server that resolves no names does not take that for localhost.
const rootByTCP = "CREATE USER root@'127.0.0.1';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"

func initialiseMySQL(ctx context.Context, program, dir string) error {
	statements := dir + ".sql"
	if err := os.WriteFile(statements, []byte(rootByTCP), 0o600); err != nil {
		return fmt.Errorf("make the data directory's template: %w", err)
	}
	defer os.Remove(statements)
	args := []string{"--no-defaults", "--initialize-insecure", "--secure-file-priv=NULL", "--datadir=" + dir, "--init-file=" + statements}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	return run(exec.CommandContext(ctx, program, args...))
}

// run runs a command, whose output is in the error if there is one.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w; it says:\n%s", cmd.Path, err, out)
	}
	return nil
}

// cacheDir gives the user's cache folder for the templates, or one among the temporary files for a user without one.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err == nil {
		dir := filepath.Join(base, "weir-test")
		if os.MkdirAll(dir, 0o755) == nil {
			return dir, nil
		}
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("weir-test-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for the data directory's template: %w", err)
	}
	return dir, nil
}

// lock waits for the file lock, which other processes hold while they make the same template.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory's template: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
