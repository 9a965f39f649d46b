package crash

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/bank"
	"github.com/weir-cdc/weir/test/mariadb"
)

const (
	hugeRows    = 110_000
	hugeRowSize = 20_000
	smallRows   = 1_000_000
	hugeSpace   = 16 << 30 // the table, its binlog, the server's temporary file, the relay log twice, the output
	memoryLimit = 512 << 20
)

// hugeSums describes the rows of one transaction of more than 2 GB.
type hugeSums struct{ rows, numbers, checksums int64 }

// One transaction of more than 2 GB of rows goes through a process that never takes more than 512 MB of memory, also one
// that was killed in the middle of it.
func TestHugeTransaction(t *testing.T) {
	requireSpace(t, os.TempDir(), hugeSpace)
	server := mariadb.Start(t, mariadb.Args("--innodb-buffer-pool-size=512M", "--innodb-log-file-size=1G", "--innodb-doublewrite=0",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=O_DIRECT_NO_FSYNC"))
	server.MustExec(t, "CREATE DATABASE big; CREATE TABLE big.t (id INT PRIMARY KEY, n BIGINT NOT NULL, txt MEDIUMTEXT NOT NULL)")
	begin := time.Now()
	insert := "INSERT INTO big.t SELECT seq, seq * 7, CONCAT(MD5(seq), REPEAT(CHAR(97 + seq MOD 26), %d)) FROM big.seq_%d_to_%d"
	server.MustExec(t, "BEGIN; "+fmt.Sprintf(insert, hugeRowSize-32, 1, hugeRows)+"; "+
		fmt.Sprintf(insert, 20, hugeRows+1, hugeRows+smallRows)+"; COMMIT")
	t.Logf("written in %v", time.Since(begin).Round(time.Second))
	want := upstreamSums(t, server)
	if want.rows != hugeRows+smallRows || hugeRows*hugeRowSize < 2<<30 {
		t.Fatalf("the transaction has %d rows only", want.rows)
	}
	t.Run("file", func(t *testing.T) {
		f := newFixture(t, server, "csv", "--memory", "128MiB")
		random := bank.Random(t)
		for range 3 {
			p := f.follow()
			select {
			case <-time.After(time.Second + time.Duration(random.IntN(5000))*time.Millisecond):
			case <-p.ended:
				t.Fatalf("weir ended by itself; it said:\n%s", p.tail())
			}
			p.kill()
		}
		f.runHeld("file://" + f.out + "?flush-interval=100ms&protocol=csv")
		if got := f.fileSums(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("blackhole", func(t *testing.T) {
		f := newFixture(t, server, "csv", "--memory", "128MiB")
		f.runHeld("blackhole://")
	})
}

// runHeld follows to the present position, and looks at the peak of the process's memory until it ends.
func (f *fixture) runHeld(to string) {
	f.t.Helper()
	begin := time.Now()
	p := launch(f.t, slices.Concat([]string{"run", "--from", f.from, "--to", to, "--start-at", "earliest",
		"--data-dir", f.state, "--stop-at", "current"}, f.settings)...)
	var peak int64
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * patience)
	for p.alive() {
		select {
		case <-tick.C:
			peak = max(peak, peakMemory(f.t, p))
		case <-p.ended:
		case <-deadline:
			f.t.Fatalf("not done after %v; weir said:\n%s", 2*patience, p.tail())
		}
	}
	if code := p.within(f.t, patience); code != 0 {
		f.t.Fatalf("got exit code %d, want 0; weir said:\n%s", code, p.tail())
	}
	f.t.Logf("done in %v, peak memory %d MB", time.Since(begin).Round(100*time.Millisecond), peak>>20)
	switch {
	case peak == 0:
		f.t.Error("the peak memory was not seen")
	case peak > memoryLimit:
		f.t.Errorf("peak memory: got %d MB, want %d MB at most", peak>>20, memoryLimit>>20)
	}
}

// peakMemory reads the most physical memory that the process has had; 0 once it has ended.
func peakMemory(t *testing.T, p *process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatalf("read %q: %v", line, err)
			}
			return kib << 10
		}
	}
	return 0 // a process that is being reaped has no memory
}

func requireSpace(t *testing.T, dir string, want uint64) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	if free := s.Bavail * uint64(s.Bsize); free < want {
		t.Fatalf("%s has %d MB free, this test needs %d MB: set TMPDIR to a larger file system", dir, free>>20, want>>20)
	}
}

func upstreamSums(t *testing.T, server *mariadb.Server) (sums hugeSums) {
	t.Helper()
	err := server.DB().QueryRowContext(t.Context(), "SELECT COUNT(*), SUM(n), SUM(CRC32(CONCAT(id, ',', n, ',\"', txt, '\"'))) FROM big.t").
		Scan(&sums.rows, &sums.numbers, &sums.checksums)
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// fileSums reads the files that the index names, without holding them in memory.
func (f *fixture) fileSums() (sums hugeSums) {
	f.t.Helper()
	indexes, err := filepath.Glob(filepath.Join(f.out, "big/t/*/*/meta/CDC.index"))
	if err != nil || len(indexes) != 1 {
		f.t.Fatalf("got indexes %q, %v, want one", indexes, err)
	}
	last, err := os.ReadFile(indexes[0])
	if err != nil {
		f.t.Fatal(err)
	}
	folder := filepath.Dir(filepath.Dir(indexes[0]))
	files, err := filepath.Glob(filepath.Join(folder, "CDC*.csv"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, name := range files {
		if filepath.Base(name) <= strings.TrimSpace(string(last)) {
			f.addSums(name, &sums)
		}
	}
	return sums
}

func (f *fixture) addSums(name string, sums *hugeSums) {
	f.t.Helper()
	file, err := os.Open(name)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := r.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return
		}
		if err != nil {
			f.t.Fatalf("read %s: %v", name, err)
		}
		fields := bytes.SplitN(bytes.TrimSuffix(line, []byte("\r\n")), []byte(","), 5)
		if len(fields) != 5 || string(fields[0]) != `"I"` {
			f.t.Fatalf("read %s: %.80q is no inserted row", name, line)
		}
		values := bytes.SplitN(fields[4], []byte(","), 3)
		n, err := strconv.ParseInt(string(values[1]), 10, 64)
		if err != nil {
			f.t.Fatalf("read %s: %v", name, err)
		}
		sums.rows++
		sums.numbers += n
		sums.checksums += int64(crc32.ChecksumIEEE(fields[4]))
	}
}
