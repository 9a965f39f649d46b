package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/api"
)

// A remote is the cluster that a command asks, and the form in which it shows the answer.
type remote struct {
	*console
	servers []string
	tls     api.TLSFiles
	timeout time.Duration
	output  string
}

// addRemote gives a command the flags of a remote.
func addRemote(cmd *cobra.Command, c *console) *remote {
	r := &remote{console: c}
	f := cmd.PersistentFlags()
	f.SortFlags = false
	f.StringSliceVar(&r.servers, "server", nil, "URLs of nodes, tried in turn; also WEIR_SERVER (default http://"+api.DefaultAddr+")")
	f.StringVar(&r.tls.CA, "tls-ca", "", "PEM file of the CA of the servers; also WEIR_TLS_CA")
	f.StringVar(&r.tls.Cert, "tls-cert", "", "PEM file of the certificate to show; also WEIR_TLS_CERT")
	f.StringVar(&r.tls.Key, "tls-key", "", "PEM file of its key; also WEIR_TLS_KEY")
	f.DurationVar(&r.timeout, "timeout", 40*time.Second, "how long to wait for one answer")
	f.StringVar(&r.output, "output", "table", "table or json")
	return r
}

// client makes the client that the flags and the environment describe.
func (r *remote) client() (*api.Client, error) {
	if r.output != "table" && r.output != "json" {
		return nil, usageError{fmt.Errorf("--output: %q is not known: give table or json", r.output)}
	}
	if r.timeout <= 0 {
		return nil, usageError{fmt.Errorf("--timeout: %v is no time to wait: give one like 10s", r.timeout)}
	}
	servers := r.servers
	if env := r.getenv("WEIR_SERVER"); len(servers) == 0 && env != "" {
		servers = strings.Split(env, ",")
	}
	files := r.tls
	for variable, file := range map[string]*string{"WEIR_TLS_CA": &files.CA, "WEIR_TLS_CERT": &files.Cert, "WEIR_TLS_KEY": &files.Key} {
		if *file == "" {
			*file = r.getenv(variable)
		}
	}
	c, err := api.NewClient(api.ClientOptions{Servers: servers, TLS: files, Timeout: r.timeout, Agent: "weir/" + version})
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// show prints a value as JSON, or by what prints it for people.
func (r *remote) show(value any, people func(io.Writer) error) error {
	if r.output == "json" {
		e := json.NewEncoder(r.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(value)
	}
	return people(r.out)
}

// say prints one line for people, or a value as JSON.
func (r *remote) say(value any, format string, args ...any) error {
	return r.show(value, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		return err
	})
}

// rows prints aligned columns below their titles.
func rows(w io.Writer, titles string, lines [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(titles, " ", "\t"))
	for _, l := range lines {
		for i, cell := range l {
			l[i] = strings.Map(printable, orDash(cell))
		}
		fmt.Fprintln(t, strings.Join(l, "\t"))
	}
	return t.Flush()
}

// printable keeps what comes from elsewhere from moving the terminal's cursor.
func printable(c rune) rune {
	if c < ' ' || c == 0x7f {
		return ' '
	}
	return c
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// age writes how long ago a time is, as since does.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return since(now.Sub(t))
}

// since writes a duration as people say it: 80ms, 1.4s, 42s, 3m20s, 5h12m, 3d4h.
func since(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0)
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

// perSecond writes a rate of bytes.
func perSecond(bytes float64) string { return fmt.Sprintf("%.1f MB/s", bytes/1e6) }

// wantArgs takes exactly these arguments.
func wantArgs(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError{fmt.Errorf("%s is missing", strings.Join(names[len(args):], " and "))}
		case len(args) > len(names):
			return usageError{fmt.Errorf("unexpected argument %q", args[len(names)])}
		}
		return nil
	}
}

// completeWait is how long completion may take.
const completeWait = time.Second

// completeFeeds offers the names of changefeeds for the first argument, if a server is there to ask.
func (r *remote) completeFeeds(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		names = complete(cmd, r, (*api.Client).Changefeeds, func(cf api.Changefeed) string { return cf.Name })
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeNodes offers the names of nodes for the first argument.
func (r *remote) completeNodes(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		names = complete(cmd, r, (*api.Client).Nodes, func(n api.Node) string { return n.Name })
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func complete[T any](cmd *cobra.Command, r *remote, list func(*api.Client, context.Context) ([]T, error), name func(T) string) (names []string) {
	c, err := r.client()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWait)
	defer cancel()
	all, err := list(c, ctx)
	if err != nil {
		return nil
	}
	for _, t := range all {
		names = append(names, name(t))
	}
	return names
}

// needsCommand is what a command that only holds others does.
func needsCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return usageError{errors.New("unknown command " + fmt.Sprintf("%q for %q", args[0], cmd.CommandPath()) + suggestions(cmd, args[0]))}
}

func suggestions(cmd *cobra.Command, arg string) (text string) {
	cmd.SuggestionsMinimumDistance = 2
	for _, s := range cmd.SuggestionsFor(arg) {
		text += fmt.Sprintf("; did you mean %q?", s)
	}
	return text
}
