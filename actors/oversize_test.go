package actors

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/relay"
)

// A transaction larger than the relay log's limit goes through, and is told of once; smaller ones are not.
func TestOversizeIsToldOnce(t *testing.T) {
	const limit = 1 << 20
	log, err := relay.Open(t.TempDir(), relay.Options{MaxBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	last := relay.Mark{Ts: 1, Position: "p1"}
	if err := log.Reset(last); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	logger := logrus.New()
	logger.SetOutput(&out)
	watchOversize(log, limit, logrus.NewEntry(logger))
	transaction := func(blocks int) {
		for i := range blocks {
			b := relay.Block{Data: make([]byte, 100<<10)}
			if i == 0 {
				start := last
				b.Start = &start
			}
			if i == blocks-1 {
				last = relay.Mark{Ts: last.Ts + 1, Position: "p" + string(rune('1'+last.Ts))}
				end := last
				b.End = &end
			}
			if err := log.Append(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Trim(last.Ts); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct{ blocks, told int }{{9, 0}, {1, 0}, {20, 1}, {3, 1}, {15, 2}} {
		transaction(c.blocks)
		if got := strings.Count(out.String(), "larger than the relay log's limit"); got != c.told {
			t.Fatalf("behind transaction %d: told %d times, want %d: %s", i+1, got, c.told, out.String())
		}
	}
	for _, want := range []string{"setting=relay-size", "limit=1048576", "bytes_so_far=1126400", "behind=p3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %s", out.String(), want)
		}
	}
}
