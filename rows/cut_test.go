package rows

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/span"
)

// letters is a Plan whose images are a letter each: its place in the key space. It can not read '!'.
type letters struct{}

func (letters) Row([]byte, []Value) (int, error) { return 0, errors.New("not asked for") }

func (letters) Skip(body []byte) (int, uint64, error) {
	if body[0] == '!' {
		return 0, 0, errors.New("no letter")
	}
	return 1, uint64(body[0]) << 56, nil
}

func TestCut(t *testing.T) {
	// a to i, j to r, and from t on; s is nowhere.
	space, err := span.New([]span.Range{{Start: 'a' << 56, End: 'j' << 56}, {Start: 'j' << 56, End: 's' << 56}, {Start: 't' << 56}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		op         Op
		body, want string
	}{
		{Insert, "", ""},
		{Insert, "abc", "0+abc"},
		{Insert, "abjksst", "0+ab 1+jk -1+ss 2+t"},
		{Delete, "aja", "0-a 1-j 0-a"},
		{Update, "abab", "0=abab"},
		{Update, "abajjajk", "0=ab 0-a 1+j 1-j 0+a 1=jk"},
		{Update, "ajbk", "0-a 1+j 0-b 1+k"},
		{Update, "jaab", "1-j 0+a 0=ab"},
		{Update, "asss", "0-a -1+s -1=ss"},
	} {
		pieces, err := Cut(nil, letters{}, space, c.op, []byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
		}
		var got []string
		for _, p := range pieces {
			got = append(got, fmt.Sprintf("%d%c%s", p.Place, " +=-"[p.Op], c.body[p.Start:p.End]))
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.body, got, c.want)
		}
	}
}

// A body that can not be read leaves what was there before.
func TestCutBroken(t *testing.T) {
	space, err := span.New([]span.Range{{}})
	if err != nil {
		t.Fatal(err)
	}
	before := []Piece{{Place: 7}}
	for _, c := range []struct {
		op   Op
		body string
	}{{Insert, "a!"}, {Update, "ab!a"}, {Update, "aba!"}, {0, "a"}} {
		if got, err := Cut(before, letters{}, space, c.op, []byte(c.body)); err == nil || len(got) != 1 || got[0].Place != 7 {
			t.Errorf("%s: got %v, %v", c.body, got, err)
		}
	}
}
