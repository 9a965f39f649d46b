// Package all registers every sink with package sinks.
package all

import (
	_ "github.com/weir-cdc/weir/sinks/blackhole" // blackhole://
	_ "github.com/weir-cdc/weir/sinks/storage"   // file://
)
