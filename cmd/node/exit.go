package main

import (
	"errors"
	"net/http"

	"github.com/weir-cdc/weir/api"
)

// The exit codes of the commands that ask a cluster.
const (
	exitNotFound    = 3 // no such changefeed, table, node or checkpoint
	exitConflict    = 4 // not in the state that it is in
	exitUnreachable = 5 // no server answers, or none is ready
)

// exitHelp is in the help of each command that asks a cluster.
const exitHelp = `Exit status: 0 done, 1 an error, 2 the command line or a setting is wrong, 3 there is no such changefeed, table, node or
checkpoint, 4 it is not possible in the state that it is in, 5 no server answers, or none is ready.`

// exitCode gives the exit code of an error.
func exitCode(err error) int {
	var usage usageError
	var asked *api.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case !errors.As(err, &asked):
		return exitError
	}
	switch asked.Code.Status() {
	case http.StatusBadRequest:
		return exitUsage
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return exitConflict
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return exitUnreachable
	}
	return exitError
}
