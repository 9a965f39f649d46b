// Package sinktest is the conversation that every sink must hold, as a test suite. A sink's own test gives Run a Harness
// for a fresh downstream; the suite plays dispatchers against it, among them ones that crash, repeat themselves and
// replay. It brings a source format of its own, so a sink is tested without a source.
package sinktest
