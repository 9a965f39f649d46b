package mysql

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

const testUUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"

// A mysqlServer makes the events of a MySQL server.
type mysqlServer struct {
	events [][]byte
	at     uint32
}

func (m *mysqlServer) add(kind byte, body []byte) {
	e := rawEvent(kind, 1700000000, body)
	m.at += uint32(len(e))
	binary.LittleEndian.PutUint32(e[endPosAt:], m.at)
	m.events = append(m.events, e)
}

func (m *mysqlServer) rotate(file string) {
	m.at = 4
	e := rawEvent(rotateEvent, 0, append(binary.LittleEndian.AppendUint64(nil, 4), file...))
	binary.LittleEndian.PutUint16(e[flagsAt:], flagArtificial)
	m.events = append(m.events, e)
}

// gtid begins a group whose original commit was at micros.
func (m *mysqlServer) gtid(number uint64, micros uint64) {
	uuid, _ := parseUUID(testUUID)
	b := append([]byte{0}, uuid[:]...)
	b = binary.LittleEndian.AppendUint64(b, number)
	b = append(b, 2)
	b = append(b, make([]byte, 16)...)
	b = append(b, binary.LittleEndian.AppendUint64(nil, micros+5e6|1<<55)[:7]...)
	b = append(b, binary.LittleEndian.AppendUint64(nil, micros)[:7]...)
	m.add(gtidEvent, b)
}

func (m *mysqlServer) anonymous() { m.add(anonymousGTIDEvent, make([]byte, 25)) }

func (m *mysqlServer) query(text string) { m.add(queryEvent, queryBody("shop", text)) }

// rows adds a table map and an insert of version 2 with extra data.
func (m *mysqlServer) rows(images string) {
	m.add(tableMapEvent, tableMapBody("shop", "a", 9))
	m.add(writeRowsV2, rowsV2(images))
}

func rowsV2(images string) []byte {
	b := rowsEventBody(9, []byte(images))
	return append(append(bytes.Clone(b[:8]), 5, 0, 0xaa, 0xbb, 0xcc), b[8:]...)
}

// translateAll has a puller's translator take the events, from a position on, and walks what it makes.
func translateAll(t *testing.T, at relay.Mark, events [][]byte) (*transcript, []byte, error) {
	t.Helper()
	tr, err := newTracker(at)
	if err != nil {
		t.Fatal(err)
	}
	x := newTranslator(tr, t.TempDir(), func() error { return nil })
	defer x.close()
	for _, e := range events {
		n := len(x.out)
		x.out = append(x.out, e...)
		if err := x.event(n); err != nil {
			return nil, nil, err
		}
	}
	out := bytes.Clone(x.out[:x.holding()])
	l := walkBytes(t, at, out)
	if last := x.boundary(); len(l.marks) > 0 && l.marks[len(l.marks)-1] != last {
		t.Errorf("the walk ends at %v, the translator at %v", l.marks[len(l.marks)-1], last)
	}
	return l, out, nil
}

func ts(ms uint64) uint64 { return ms << logicalBits }

func TestMySQLGroups(t *testing.T) {
	var m mysqlServer
	m.rotate("binlog.000007")
	m.gtid(4, 1700000000123456)
	m.query("BEGIN")
	m.add(rowsQueryEvent, []byte("\x05hello"))
	m.rows("one")
	m.rows("three")
	m.add(xidEvent, make([]byte, 8))
	m.gtid(5, 1700000000123999) // within the same millisecond
	m.query("CREATE TABLE a (i INT)")
	m.gtid(6, 1600000000000000) // the clock jumps back
	m.query("BEGIN")
	m.query("CREATE TABLE `c` (i INT) START TRANSACTION")
	m.rows("rows")
	m.add(xidEvent, make([]byte, 8))
	m.gtid(7, 1700000001000000)
	m.query("CREATE USER u IDENTIFIED BY 'secret'")
	m.gtid(8, 1700000002000000)
	m.query("BEGIN")
	m.query("COMMIT")
	got, out, err := translateAll(t, relay.Mark{Ts: 1, Position: "gtid:" + testUUID + ":1-3"}, m.events)
	if err != nil {
		t.Fatal(err)
	}
	first := ts(1700000000123)
	want := []string{
		fmt.Sprintf("%d.0 shop.a op=1 3 bytes 0303030300", first),
		fmt.Sprintf("%d.1 shop.a op=1 5 bytes 0303030300", first),
		fmt.Sprintf("%d commit gtid:%s:1-4", first, testUUID),
		fmt.Sprintf("%d ddl shop: CREATE TABLE a (i INT)", first+1),
		fmt.Sprintf("%d commit gtid:%s:1-5", first+1, testUUID),
		fmt.Sprintf("%d ddl shop: CREATE TABLE `c` (i INT)", first+2),
		fmt.Sprintf("%d commit ", first+2),
		fmt.Sprintf("%d.0 shop.a op=1 4 bytes 0303030300", first+3),
		fmt.Sprintf("%d commit gtid:%s:1-6", first+3, testUUID),
		fmt.Sprintf("%d commit gtid:%s:1-7", ts(1700000001000), testUUID),
		fmt.Sprintf("%d commit gtid:%s:1-8", ts(1700000002000), testUUID),
	}
	if !slices.Equal(got.lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got.lines, "\n"), strings.Join(want, "\n"))
	}
	if bytes.Contains(out, []byte("secret")) || bytes.Contains(out, []byte("hello")) {
		t.Error("the relay holds the text of what is of no use downstream")
	}
}

func TestMySQLFilePositions(t *testing.T) {
	var m mysqlServer
	m.rotate("binlog.000007")
	m.at = 400
	m.anonymous()
	m.query("BEGIN")
	m.rows("one")
	m.add(xidEvent, make([]byte, 8))
	end := m.at
	m.rotate("binlog.000008")
	m.anonymous()
	m.query("DROP TABLE a")
	got, _, err := translateAll(t, relay.Mark{Ts: 1, Position: "binlog.000007:400"}, m.events)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{fmt.Sprintf("binlog.000007:%d", end), fmt.Sprintf("binlog.000008:%d", m.at)}
	if len(got.marks) != 2 || got.marks[0].Position != want[0] || got.marks[1].Position != want[1] {
		t.Errorf("got %v, want %q", got.marks, want)
	}

	// From in between: what is covered is passed over, and the rest is the same.
	again, _, err := translateAll(t, got.marks[0], m.events)
	if err != nil {
		t.Fatal(err)
	}
	if tail := got.lines[len(got.lines)-len(again.lines):]; !slices.Equal(again.lines, tail) || len(again.lines) != 2 {
		t.Errorf("from in between: got %q, want %q", again.lines, tail)
	}
}

// payloadOf packs events into a TRANSACTION_PAYLOAD event.
func payloadOf(t *testing.T, compression byte, events ...[]byte) []byte {
	t.Helper()
	plain := bytes.Join(events, nil)
	packed := plain
	if compression == compressionZstd {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		packed = w.EncodeAll(plain, nil)
		w.Close()
	}
	length := func(n int) []byte { return binary.LittleEndian.AppendUint16([]byte{0xfc}, uint16(n)) }
	b := append([]byte{2, 1, compression}, 1, 3)
	if compression == compressionNone {
		b = append([]byte{2, 3}, append(length(compressionNone), 1, 3)...)
	}
	b = append(append(b, length(len(packed))...), 0)
	return append(b, packed...)
}

func TestMySQLCompressedPayload(t *testing.T) {
	var plain, inner mysqlServer
	inner.query("BEGIN")
	for range 20 {
		inner.rows(strings.Repeat("row image ", 40))
	}
	inner.add(xidEvent, make([]byte, 8))
	plain.gtid(4, 1700000000000000)
	plain.events = append(plain.events, inner.events...)
	at := relay.Mark{Ts: 1, Position: "gtid:" + testUUID + ":1-3"}
	_, want, err := translateAll(t, at, plain.events)
	if err != nil {
		t.Fatal(err)
	}
	for _, compression := range []byte{compressionZstd, compressionNone} {
		var packed mysqlServer
		packed.gtid(4, 1700000000000000)
		packed.add(transactionPayload, payloadOf(t, compression, inner.events...))
		_, got, err := translateAll(t, at, packed.events)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("compression %d: the relay holds other bytes than those of the plain transaction", compression)
		}
	}
}

func TestMySQLXA(t *testing.T) {
	xid := makeXID(1, []byte("g"), []byte("b"))
	var m mysqlServer
	m.gtid(4, 1700000000000000)
	m.query("XA START X'67',X'62',1")
	m.rows("prepared")
	m.query("XA END X'67',X'62',1")
	m.add(xaPrepareEvent, append([]byte{0}, xid...))
	m.gtid(5, 1700000001000000)
	m.query("XA START X'68',X'',1")
	m.rows("in one phase")
	m.query("XA END X'68',X'',1")
	m.add(xaPrepareEvent, append([]byte{1}, makeXID(1, []byte("h"), nil)...))
	m.gtid(6, 1700000002000000)
	m.query("XA COMMIT X'67',X'62',1")
	at := relay.Mark{Ts: 1, Position: "gtid:" + testUUID + ":1-3"}
	got, out, err := translateAll(t, at, m.events)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"commit", "0 shop.a op=1 12 bytes", "commit", "0 shop.a op=1 8 bytes", "commit"}
	if plot := got.plot(); !slices.Equal(plot, want) {
		t.Errorf("got %q, want %q", plot, want)
	}
	// To resume while it is prepared is to fetch its group again, and no other.
	between := got.marks[1]
	pos, err := parsePosition(between.Position)
	if err != nil || pos.String() != between.Position {
		t.Fatalf("the position %q reads as %v %v", between.Position, pos, err)
	}
	if from := pos.resume().String(); from != "gtid:"+testUUID+":1-3:5" {
		t.Errorf("resumes from %s", from)
	}
	resumed := append(slices.Clone(m.events[:6]), m.events[12:]...)
	_, rest, err := translateAll(t, between, resumed)
	if err != nil {
		t.Fatal(err)
	}
	if len(rest) == 0 || !bytes.HasSuffix(out, rest) {
		t.Error("the resumed stream is not the end of the whole")
	}
}

func TestMySQLTaggedGTID(t *testing.T) {
	pos, err := parsePosition("gtid:" + testUUID + ":1-3:blue:1-2:5")
	if err != nil {
		t.Fatal(err)
	}
	uuid, _ := parseUUID(testUUID)
	pos.advance(&gtid{kind: mysqlGTID, uuid: uuid, tag: "blue", number: 3}, 0)
	if got, want := pos.String(), "gtid:"+testUUID+":1-3,"+testUUID+":blue:1-3:5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b := pos.mysql.encode()
	if b[7] != 1 || b[0] != 1 || b[1] != 2 || b[8+16] != 0 || string(b[8+17+24+17:][:4]) != "blue" {
		t.Errorf("encoded as %x", b)
	}
}

func TestEventsThatEndAFeed(t *testing.T) {
	for _, c := range []struct {
		kind byte
		want string
	}{
		{partialUpdateRows, kindRowValue}, {incidentEvent, kindIncident}, {executeLoadEvent, kindFormat}, {99, kindUnknown},
	} {
		var m mysqlServer
		m.gtid(4, 1700000000000000)
		m.query("BEGIN")
		m.add(c.kind, []byte("body"))
		_, _, err := translateAll(t, relay.Mark{Ts: 1, Position: "gtid:" + testUUID + ":1-3"}, m.events)
		if kindOf(err) != c.want {
			t.Errorf("event type %d: got %v, want %s", c.kind, err, c.want)
		}
	}
}

// An upstream that crashed leaves a transaction without its end in a file; it was never committed.
func TestTornUpstream(t *testing.T) {
	var m mysqlServer
	m.gtid(4, 1700000000000000)
	m.query("BEGIN")
	m.rows("lost")
	m.rotate("binlog.000009")
	m.gtid(4, 1700000001000000)
	m.query("BEGIN")
	m.rows("kept!")
	m.add(xidEvent, make([]byte, 8))
	got, _, err := translateAll(t, relay.Mark{Ts: 1, Position: "gtid:" + testUUID + ":1-3"}, m.events)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"0 shop.a op=1 5 bytes", "commit"}; !slices.Equal(got.plot(), want) {
		t.Errorf("got %q, want %q", got.plot(), want)
	}
}

func TestChecksumIsVerified(t *testing.T) {
	stream := serverStream(3, 1, 100)
	for _, flip := range []int{0, 200, 300} {
		log, err := relay.Open(t.TempDir(), relay.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Reset(relay.Mark{Ts: 1, Position: "gtid:"}); err != nil {
			t.Fatal(err)
		}
		broken := bytes.Clone(stream)
		if flip > 0 {
			broken[len(broken)-flip] ^= 4
		}
		err = feed(t, log, broken)
		if wrong := strings.Contains(err.Error(), "checksum is wrong"); wrong != (flip > 0) {
			t.Errorf("flip %d: %v", flip, err)
		}
		log.Close()
	}
}

func TestHeartbeatIsContact(t *testing.T) {
	log, err := relay.Open(t.TempDir(), relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.Reset(relay.Mark{Ts: 1, Position: "gtid:"}); err != nil {
		t.Fatal(err)
	}
	at, err := newTracker(relay.Mark{Ts: 1, Position: "gtid:"})
	if err != nil {
		t.Fatal(err)
	}
	var contacts []sources.Contact
	p := newPuller(context.Background(), log, "test", at, func(c sources.Contact) { contacts = append(contacts, c) })
	defer p.close()
	p.t.out = append(p.t.out, rawEvent(heartbeatEvent, 0, []byte("binlog.000001"))...)
	if err := p.t.event(0); err != nil || !p.t.caughtUp {
		t.Fatalf("a heartbeat: %v", err)
	}
	p.tell(p.t.caughtUp)
	if len(contacts) != 1 || !contacts[0].CaughtUp || contacts[0].Position != "gtid:" {
		t.Errorf("got %+v", contacts)
	}
}
