package mysql

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"testing"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
)

// silent counts what it is told.
type silent struct{ rows, commits, bytes int }

func (s *silent) Rows(e *sources.RowsEvent) error {
	s.rows++
	s.bytes += len(e.Body)
	return nil
}
func (s *silent) DDL(*schema.Statement) error { return nil }
func (s *silent) Commit(relay.Mark, int64) error {
	s.commits++
	return nil
}

// relayTransactions makes relay bytes: n groups with events rows events of size bytes of row images each.
func relayTransactions(n, events, size int) []byte {
	var b []byte
	for i := range n {
		b = appendBegin(b, 1700000000000, &gtid{kind: mariaGTID, server: 1, number: uint64(i + 1)})
		for range events {
			b = append(b, rawEvent(tableMapEvent, 0, tableMapBody("shop", "orders", 18))...)
			b = append(b, rawEvent(writeRowsV1, 0, rowsEventBody(18, make([]byte, size)))...)
		}
		b = appendEnd(b, committed, 0, nil)
	}
	return b
}

func benchmarkWalk(b *testing.B, events, size int) {
	data := relayTransactions(2000, events, size)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var s silent
	for b.Loop() {
		w := newWalker(relay.Mark{Ts: 1, Position: "gtid:"})
		if err := w.Walk(data, &s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(s.commits)/b.Elapsed().Seconds(), "tx/s")
	b.ReportMetric(float64(s.rows)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkWalkLargeRows(b *testing.B) { benchmarkWalk(b, 20, 8<<10) }
func BenchmarkWalkSingle(b *testing.B)    { benchmarkWalk(b, 1, 150) }

// serverStream makes what a server sends: n groups in packets, with checksums.
func serverStream(n, events, size int) []byte {
	var b []byte
	packet := func(e []byte) {
		e = binary.LittleEndian.AppendUint32(sized(e, len(e)+checksumSize), 0)
		sum(e)
		b = append(b, byte(len(e)+1), byte((len(e)+1)>>8), byte((len(e)+1)>>16), 0, 0)
		b = append(b, e...)
	}
	b = append(b, packetOf(formatEventBytes())...)
	for i := range n {
		gtid := binary.LittleEndian.AppendUint64(nil, uint64(i+1))
		packet(rawEvent(mariaGTIDEvent, 1, append(gtid, make([]byte, 11)...)))
		for range events {
			packet(rawEvent(tableMapEvent, 1, tableMapBody("shop", "orders", 18)))
			packet(rawEvent(writeRowsV1, 1, rowsEventBody(18, make([]byte, size))))
		}
		packet(rawEvent(xidEvent, 1, make([]byte, 8)))
	}
	return b
}

func benchmarkPull(b *testing.B, events, size int) {
	const n = 500
	stream := serverStream(n, events, size)
	log, err := relay.Open(b.TempDir(), relay.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		if err := log.Reset(relay.Mark{Ts: 1, Position: "gtid:"}); err != nil {
			b.Fatal(err)
		}
		feed(b, log, stream)
		if _, m := log.Tail(); m.Position != "gtid:0-0-500" {
			b.Fatalf("the log ends at %v", m)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "tx/s")
}

// feed has a puller read a stream from a socket.
func feed(t testing.TB, log *relay.Log, stream []byte) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		bytes.NewReader(stream).WriteTo(conn)
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, tail := log.Tail()
	at, err := newTracker(tail)
	if err != nil {
		t.Fatal(err)
	}
	p := newPuller(context.Background(), log, "test", at, func(sources.Contact) {})
	defer p.close()
	p.in = newPackets(conn, quiet)
	return p.run()
}

func BenchmarkPullLargeRows(b *testing.B) { benchmarkPull(b, 20, 8<<10) }
func BenchmarkPullSingle(b *testing.B)    { benchmarkPull(b, 1, 150) }
