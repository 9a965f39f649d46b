// Command testreport reads the output of `go test -json` on its input and prints one line per package, all that a
// failed test said, and at the end how many tests passed, failed and were skipped. Its exit status is 1 if anything
// failed, a package that does not build or that died included.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	// Interrupted together with the tests, it still has to say how far they came.
	signal.Ignore(os.Interrupt)
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintf(os.Stderr, "testreport: read the test events: %v\n", err)
		os.Exit(1)
	}
	r.summary()
	if r.failed > 0 {
		os.Exit(1)
	}
}

// An event is one line of `go test -json`, as `go doc test2json` and `go help buildjson` describe it.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build events, instead of Package
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// A report counts test results, subtests included, and keeps what unfinished tests and packages have said.
type report struct {
	out                     io.Writer
	passed, failed, skipped int
	said                    map[string]*strings.Builder // by package, or by package and test
	failures                map[string]int              // failed tests by package
}

func newReport(out io.Writer) *report {
	return &report{out: out, said: map[string]*strings.Builder{}, failures: map[string]int{}}
}

// read takes events until the input ends. A line that is no event, as the go command prints for some errors, is
// shown as it is.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				r.take(e)
			} else {
				fmt.Fprintf(r.out, "%s", line)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	key := e.ImportPath + e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if r.said[key] == nil {
			r.said[key] = &strings.Builder{}
		}
		r.said[key].WriteString(e.Output)
	case "build-fail":
		r.show(key)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e, key)
		} else {
			r.endTest(e, key)
		}
		delete(r.said, key)
	}
}

func (r *report) endTest(e event, key string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		fmt.Fprintf(r.out, "skip  %s %s\n", e.Package, e.Test)
	case "fail":
		r.failed++
		r.failures[e.Package]++
		r.show(key)
	}
}

// endPackage prints the package's line. A package that failed without a failed test did not build, or died, or ran out
// of time: what it said is shown, with that of its unfinished tests, and it counts as one failure.
func (r *report) endPackage(e event, key string) {
	switch {
	case e.Action == "skip":
		return
	case e.Action == "fail" && r.failures[e.Package] == 0:
		r.failed++
		for k := range r.said {
			if strings.HasPrefix(k, e.Package+" ") && k != key {
				r.show(k)
				delete(r.said, k)
			}
		}
		r.show(key)
	}
	fmt.Fprintf(r.out, "%-5s %s  %.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
}

func (r *report) show(key string) {
	if b := r.said[key]; b != nil {
		fmt.Fprint(r.out, b.String())
	}
}

func (r *report) summary() {
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
}
