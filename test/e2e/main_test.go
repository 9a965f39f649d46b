package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

func TestMain(m *testing.M) { os.Exit(weir.Main(m)) }

// newChangefeed starts an upstream of its own for a changefeed; settings are further flags for weir.
func newChangefeed(t *testing.T, protocol string, settings ...string) *weir.Changefeed {
	t.Helper()
	return weir.NewChangefeed(t, mariadb.Start(t), protocol, settings...)
}

// refuses runs weir, which must end with exit code 1 and an error that holds all the words, and gives all that it said.
func refuses(t *testing.T, f *weir.Changefeed, words ...string) string {
	t.Helper()
	p := f.Follow()
	if code := p.Wait(t); code != 1 {
		t.Errorf("got exit code %d, want 1", code)
	}
	_, last, _ := strings.Cut("\n"+p.Stderr(), "\nweir: ")
	for _, w := range words {
		if !strings.Contains(last, w) {
			t.Errorf("got %q, want an error that names %q", last, w)
		}
	}
	return p.Stderr()
}
