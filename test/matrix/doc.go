// Package matrix kills nodes of a cluster in the midst of DDL, at every place of the barrier protocol that a crash can find
// it: three node processes, built with the tag weir_faults, hold the statement at a point (actors/fault_on.go) while the
// test kills some of them with SIGKILL and starts them again; then the files must hold exactly what the upstream held, at
// the statement and at the end. docs/crash-matrix.md is the table of all cells, which make matrix runs.
//
// An ordinary run takes a sample, by WEIR_SEED if that is set. WEIR_MATRIX is "all", or parts of cells' names, separated by
// commas, all of which must be in a cell's name for it to be run. KEEP names a folder for what a failed run leaves behind.
package matrix
