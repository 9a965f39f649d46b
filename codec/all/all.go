// Package all registers every protocol with package codec.
package all

import (
	_ "github.com/weir-cdc/weir/codec/canaljson" // "canal-json"
	_ "github.com/weir-cdc/weir/codec/csv"       // "csv"
)
