package image

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/weir-cdc/weir/schema"
)

// A server is a MariaDB of the tests' own.
type server struct {
	dir  string
	db   *sql.DB
	stop func()
}

// mariadb starts the server when a test first asks for it: fuzzing, whose workers are processes of their own, never does.
var mariadb = sync.OnceValues(startMariaDB)

// started is the server that TestMain has to stop.
var started *server

func TestMain(m *testing.M) {
	code := m.Run()
	if started != nil {
		started.stop()
	}
	os.Exit(code)
}

func theServer(t testing.TB) *server {
	t.Helper()
	s, err := mariadb()
	if err != nil {
		t.Fatal("start mariadbd: ", err)
	}
	return s
}

func startMariaDB() (*server, error) {
	dir, err := os.MkdirTemp("", "weir-image-")
	if err != nil {
		return nil, err
	}
	install := exec.Command("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--datadir="+dir)
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	socket := filepath.Join(dir, "s.sock")
	process := exec.Command("mariadbd", "--no-defaults", "--user=root", "--datadir="+dir, "--socket="+socket, "--skip-networking",
		"--log-bin=bin", "--binlog-format=ROW", "--binlog-checksum=NONE", "--server-id=1", "--default-storage-engine=MyISAM")
	if err := process.Start(); err != nil {
		return nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- process.Wait() }()
	stop := func() {
		_ = process.Process.Kill()
		<-exited
		_ = os.RemoveAll(dir)
	}
	if err := waitForSocket(socket, exited); err != nil {
		stop()
		return nil, err
	}
	db, err := sql.Open("mysql", "root@unix("+socket+")/?multiStatements=true&time_zone=%27%2B00:00%27&sql_mode=%27%27&charset=utf8mb4")
	if err != nil {
		stop()
		return nil, err
	}
	db.SetMaxOpenConns(1)
	started = &server{dir: dir, db: db, stop: stop}
	return started, nil
}

func waitForSocket(socket string, exited chan error) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case err := <-exited:
			exited <- err
			return fmt.Errorf("it exited: %w", err)
		case <-deadline:
			return errors.New("it does not answer")
		case <-poll.C:
			if conn, err := net.Dial("unix", socket); err == nil {
				return conn.Close()
			}
		}
	}
}

func run(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := theServer(t).db.Exec(query, args...); err != nil {
		t.Fatalf("%v: %.300s", err, query)
	}
}

// texts gives a query's answer, NULL as "NULL".
func texts(t testing.TB, query string) [][]string {
	t.Helper()
	answer, err := theServer(t).db.Query(query)
	if err != nil {
		t.Fatalf("%v: %.300s", err, query)
	}
	defer answer.Close()
	names, err := answer.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for answer.Next() {
		row := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := answer.Scan(into...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(names))
		for i, cell := range row {
			line[i] = "NULL"
			if cell.Valid {
				line[i] = cell.String
			}
		}
		all = append(all, line)
	}
	if err := answer.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A chunk is a rows event of the server's binlog.
type chunk struct {
	table  string
	layout []byte
	body   []byte
	update bool
}

// capture gives the rows events of what do does.
func capture(t testing.TB, do func()) []chunk {
	t.Helper()
	run(t, "FLUSH BINARY LOGS")
	do()
	file := texts(t, "SHOW MASTER STATUS")[0][0]
	data, err := os.ReadFile(filepath.Join(theServer(t).dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return chunks(data[4:])
}

// chunks cuts a binlog without checksums into its rows events.
func chunks(data []byte) []chunk {
	var all []chunk
	var table string
	var layout []byte
	for len(data) >= 19 {
		size := binary.LittleEndian.Uint32(data[9:])
		body := data[19:size]
		switch kind := data[4]; kind {
		case 19: // TABLE_MAP
			names := body[8:]
			schemaLen := int(names[0])
			tableLen := int(names[schemaLen+2])
			table = string(names[schemaLen+3 : schemaLen+3+tableLen])
			layout, _ = LayoutOf(names[schemaLen+tableLen+4:])
		case 23, 24, 25: // WRITE, UPDATE, DELETE, version 1
			_, bitmapAndRows, _ := cutCountedHead(body[8:])
			present := (len(layout0(layout)) + 7) / 8
			if kind == 24 {
				present *= 2
			}
			all = append(all, chunk{table: table, layout: layout, body: bitmapAndRows[present:], update: kind == 24})
		}
		data = data[size:]
	}
	return all
}

// cutCountedHead cuts off a packed number of one or three bytes.
func cutCountedHead(b []byte) (head, rest []byte, ok bool) {
	if b[0] == 0xFC {
		return b[:3], b[3:], true
	}
	return b[:1], b[1:], true
}

func layout0(layout []byte) []byte {
	types, _, _, _ := cutLayout(layout)
	return types
}

// define reads a table's definition as the server has it.
func define(t testing.TB, name string) *schema.Table {
	t.Helper()
	table := &schema.Table{Schema: "t", Name: name}
	for _, c := range texts(t, `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COALESCE(CHARACTER_SET_NAME, ''), COALESCE(CHARACTER_MAXIMUM_LENGTH, -1),
		COALESCE(NUMERIC_PRECISION, 0), COALESCE(NUMERIC_SCALE, DATETIME_PRECISION, 0), COLUMN_KEY FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = 't' AND TABLE_NAME = '`+name+`' ORDER BY ORDINAL_POSITION`) {
		col := schema.Column{Name: c[0], TypeName: c[1], Charset: c[3], Unsigned: strings.Contains(c[2], "unsigned"), PK: c[7] == "PRI"}
		col.Type = typesByName[c[1]]
		fmt.Sscan(c[4], &col.Length)
		fmt.Sscan(c[5], &col.Precision)
		fmt.Sscan(c[6], &col.Scale)
		switch col.Type {
		case schema.Bit:
			col.Length = col.Precision
		case schema.Enum, schema.Set:
			list := strings.TrimSuffix(c[2][strings.Index(c[2], "('")+2:], "')")
			col.Elems = strings.Split(list, "','")
		}
		if col.PK {
			table.Handle = append(table.Handle, len(table.Columns))
		}
		table.Columns = append(table.Columns, col)
	}
	return table
}

var typesByName = map[string]schema.Type{
	"tinyint": schema.TinyInt, "smallint": schema.SmallInt, "mediumint": schema.MediumInt, "int": schema.Int, "bigint": schema.BigInt,
	"float": schema.Float, "double": schema.Double, "decimal": schema.Decimal, "bit": schema.Bit, "year": schema.Year,
	"date": schema.Date, "time": schema.Time, "datetime": schema.DateTime, "timestamp": schema.Timestamp,
	"char": schema.Char, "varchar": schema.VarChar, "tinytext": schema.TinyText, "text": schema.Text, "mediumtext": schema.MediumText,
	"longtext": schema.LongText, "binary": schema.Binary, "varbinary": schema.VarBinary, "tinyblob": schema.TinyBlob, "blob": schema.Blob,
	"mediumblob": schema.MediumBlob, "longblob": schema.LongBlob, "enum": schema.Enum, "set": schema.Set,
	"geometry": schema.Geometry, "point": schema.Geometry, "linestring": schema.Geometry, "uuid": schema.UUID, "inet4": schema.Inet4,
	"inet6": schema.Inet6,
}
