package matrix

import (
	"os"
	"testing"

	"github.com/weir-cdc/weir/test/weir"
)

func TestMain(m *testing.M) { os.Exit(weir.Main(m, "-tags", "weir_faults")) }
