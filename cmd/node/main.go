// Command weir follows the changes of a database and writes them downstream, in order. It holds the commands, their
// flags and the wiring of the parts; what Weir does is in the packages that wire.go puts together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // --time-zone works on machines without a zone database

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/config"
)

// Set by the build, see the Makefile.
var version, commit = "unknown", "unknown"

// The exit codes.
const (
	exitOK    = 0
	exitError = 1 // something did not work; the error is on standard error
	exitUsage = 2 // the command line or the configuration is wrong; nothing was started
)

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], standard()))
}

// A console is what a command talks to.
type console struct {
	out, err io.Writer
	getenv   func(string) string
}

func standard() *console { return &console{out: os.Stdout, err: os.Stderr, getenv: os.Getenv} }

// usageError is a mistake in how the command was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// execute runs a command line and gives the exit code. The error is printed here and nowhere else.
func execute(ctx context.Context, args []string, c *console) int {
	root := newRoot(c)
	root.SetArgs(args)
	root.SetOut(c.out)
	root.SetErr(c.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(c.err, "weir: %s\n", text)
	}
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(c.err, "weir: see weir --help, or weir COMMAND --help")
	}
	return exitCode(err)
}

func newRoot(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:           "weir",
		Short:         "Follow the changes of a database and write them downstream, in order",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newRun(c), newDemo(c), newCheck(c), newNode(c, startNode), newChangefeed(c), newNodes(c), newDrain(c), newVersion(c))
	return root
}

// unknownCommand refuses what is no command; cobra itself would name no exit code.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	cmd.SuggestionsMinimumDistance = 2
	for _, s := range cmd.SuggestionsFor(args[0]) {
		text += fmt.Sprintf("; did you mean %q?", s)
	}
	return usageError{errors.New(text)}
}

// noArgs refuses arguments that are no flags.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("unexpected argument %q: settings are given as flags, as in --tables 'shop.*'", args[0])}
}

// flagError keeps the value of a flag that holds a URI out of the error, and names the flag that was meant.
func flagError(_ *cobra.Command, err error) error {
	text := err.Error()
	var name string
	if n, _ := fmt.Sscanf(text, "unknown flag: --%s", &name); n == 1 {
		text += config.Suggest(name)
	}
	return usageError{errors.New(text)}
}

func newVersion(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(c.out, "weir %s (commit %s)\n", version, commit)
			return err
		},
	}
}
