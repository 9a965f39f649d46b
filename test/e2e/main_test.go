package e2e

import (
	"os"
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
