package cluster

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// A node that stood still wakes up after its lease: not for a moment may it believe in it. The store counts the lease
// out first, and another may start then.
func TestAStoppedNodeWakesUpWithoutItsLease(t *testing.T) {
	e, endpoint := oneMember(t, TLSFiles{})
	s := NewStore(e.Client())
	nodes := s.WatchNodes(t.Context())
	p := spawn(t, joinEndpoint, endpoint)
	p.await(t, "joined")
	until(t, nodes, "the node", func(list []NodeInfo) bool { return len(list) == 1 })
	p.await(t, "valid")
	stopped := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, nodes, "its end", func(list []NodeInfo) bool { return len(list) == 0 })
	gone := time.Now()
	t.Logf("given up after %v", gone.Sub(stopped))
	if waited := gone.Sub(stopped); waited < DefaultTTL*4/5 {
		t.Errorf("given up after %v, within the node's own deadline", waited)
	}
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for invalid := 0; invalid < 100; {
		var word string
		var at int64
		if _, err := fmt.Sscan(receive(t, p.lines), &word, &at); err != nil {
			t.Fatal(err)
		}
		switch {
		case word == "invalid":
			invalid++
		case time.Unix(0, at).After(gone):
			t.Fatalf("valid %v after it was given up", time.Unix(0, at).Sub(gone))
		}
	}
}
