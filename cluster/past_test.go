package cluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/relay"
)

func takenAt(ts uint64, wall time.Time) Checkpoint {
	return Checkpoint{CommitTs: ts, Mark: relay.Mark{Ts: ts, Position: fmt.Sprintf("bin.1:%d", ts)}, Wall: wall}
}

func TestPastIsBoundedAndThinsWithAge(t *testing.T) {
	var p past
	began := time.Unix(1700000000, 0)
	entries := 0
	for s := range 3 * 24 * 3600 / 10 { // three days, a checkpoint each 10 s
		now := began.Add(time.Duration(s) * 10 * time.Second)
		next, gone, added := p.add(takenAt(uint64(s+1), now))
		if added {
			entries++
		}
		if len(next) != len(p)+map[bool]int{true: 1}[added]-len(gone) {
			t.Fatalf("%d entries, %d gone, then %d", len(p), len(gone), len(next))
		}
		p = next
		if len(p) > pastEntries {
			t.Fatalf("%d entries", len(p))
		}
		if s < 24*360 {
			continue
		}
		for i := 1; i < len(p); i++ {
			age := now.Sub(p[i-1].Wall)
			apart := p[i].Wall.Sub(p[i-1].Wall)
			if apart < pastSpacing || apart > max(2*pastSpacing, age/4) {
				t.Fatalf("at an age of %v, %v apart", age, apart)
			}
		}
		if oldest := now.Sub(p[0].Wall); oldest > pastAge+pastSpacing || oldest < pastAge*3/4 {
			t.Fatalf("the oldest is %v old", oldest)
		}
	}
	if want := 3 * 24 * 60; entries != want {
		t.Errorf("%d entries were made, want one a minute, %d", entries, want)
	}
	t.Logf("%d entries", len(p))
}

func TestPastSurvivesAClockSetBack(t *testing.T) {
	now := time.Unix(1700000000, 0)
	p, _, _ := past(nil).add(takenAt(1, now))
	p, _, added := p.add(takenAt(2, now.Add(-time.Hour)))
	if !added || len(p) != 2 {
		t.Errorf("got %v", p)
	}
	if _, _, added = p.add(takenAt(3, now.Add(-time.Hour+time.Second))); added {
		t.Error("an entry a second later")
	}
}

func TestPastNamesWhatThereIs(t *testing.T) {
	var p past
	for i := range 50 {
		p = append(p, takenAt(uint64(i+1), time.Unix(int64(i), 0)))
	}
	text := p.String()
	for _, part := range []string{"50 (bin.1:50,", "30 between", "1 (bin.1:1,"} {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not name %s", text, part)
		}
	}
	if got := strings.Count(text, "taken"); got != 20 {
		t.Errorf("names %d", got)
	}
}

// withPast makes a changefeed with checkpoints a minute apart, in a state.
func withPast(t *testing.T, s *Store, name string, n int, state State) *Activation {
	t.Helper()
	if err := s.Create(t.Context(), testChangefeed(t, name)); err != nil {
		t.Fatal(err)
	}
	a := activate(t, s, name)
	for i := range n {
		at := takenAt(uint64(100*(i+1)), time.Unix(1700000000, 0).Add(time.Duration(i)*time.Minute))
		if err := a.SetCheckpoint(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetState(t.Context(), name, state, ""); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestResetGoesBackToACheckpointThatIsKept(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	old := withPast(t, s, "a", 5, Stopped)
	tests := []struct {
		at   string
		want uint64
	}{{"499", 400}, {"bin.1:300", 300}, {"300", 300}, {"100", 100}}
	for _, tt := range tests {
		got, err := s.ResetCheckpoint(ctx, "a", tt.at)
		if err != nil || got.CommitTs != tt.want {
			t.Fatalf("%s: got %+v, %v, want %d", tt.at, got, err, tt.want)
		}
		if now, err := s.Checkpoint(ctx, "a"); err != nil || now != got {
			t.Fatalf("%s: stored is %+v, %v", tt.at, now, err)
		}
		if all, err := s.Checkpoints(ctx, "a"); err != nil || all[len(all)-1] != got {
			t.Fatalf("%s: later ones are left: %v, %v", tt.at, all, err)
		}
	}
	if err := old.SetCheckpoint(ctx, takenAt(600, time.Now())); !errors.Is(err, ErrFenced) {
		t.Errorf("the former maintainer: got %v, want ErrFenced", err)
	}
	now := activate(t, s, "a")
	if err := now.SetCheckpoint(ctx, takenAt(150, time.Now())); err != nil {
		t.Fatal(err)
	}
	if oldest, err := now.OldestCheckpoint(ctx); err != nil || oldest != 150 {
		// the one at 100 is far older than a day by the wall clock
		t.Errorf("oldest: %d, %v, want 150", oldest, err)
	}
}

func TestResetRefuses(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	withPast(t, s, "a", 3, Failed)
	withPast(t, s, "busy", 3, Warning)
	tests := []struct {
		name, at string
		want     error
		says     string
	}{
		{"a", "99", ErrNoSuchCheckpoint, "bin.1:100"},
		{"a", "301", ErrNoSuchCheckpoint, "lies ahead"},
		{"a", "bin.9:1", ErrNoSuchCheckpoint, "bin.1:200"},
		{"busy", "200", ErrNotResting, "pause"},
		{"none", "200", ErrNoChangefeed, "none"},
	}
	for _, tt := range tests {
		before, _ := s.Checkpoint(ctx, tt.name)
		_, err := s.ResetCheckpoint(ctx, tt.name, tt.at)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s at %s: got %v, want %v that says %q", tt.name, tt.at, err, tt.want, tt.says)
		}
		if after, _ := s.Checkpoint(ctx, tt.name); after != before {
			t.Errorf("%s at %s: changed to %+v", tt.name, tt.at, after)
		}
	}
}

// Definitions may be forgotten only below what can still be gone back to.
func TestOldestCheckpointFollowsThePast(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	a := withPast(t, s, "a", 3, Normal)
	if got, err := a.OldestCheckpoint(ctx); err != nil || got != 100 {
		t.Fatalf("got %d, %v, want 100", got, err)
	}
	later := time.Unix(1700000000, 0).Add(pastAge + 90*time.Second)
	if err := a.SetCheckpoint(ctx, takenAt(9000, later)); err != nil {
		t.Fatal(err)
	}
	if got, err := a.OldestCheckpoint(ctx); err != nil || got != 300 {
		t.Errorf("got %d, %v, want 300", got, err)
	}
	all, err := s.Checkpoints(ctx, "a")
	if err != nil || len(all) != 2 || all[0].CommitTs != 300 {
		t.Errorf("stored: %v, %v", all, err)
	}
	empty := activate(t, s, "b")
	if _, err := empty.OldestCheckpoint(ctx); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("got %v, want ErrNoCheckpoint", err)
	}
}
