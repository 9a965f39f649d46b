package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	cases := []struct {
		name, in, counts string
		shows            []string
		hides            []string
	}{
		{
			name: "passing tests are counted and silent",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"p","Test":"TestA/sub","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
`,
			counts: "2 passed, 0 failed, 0 skipped",
			shows:  []string{"ok    p  0.2s"},
			hides:  []string{"quiet"},
		},
		{
			name: "a failed test tells what it said",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p","Elapsed":0.2}
`,
			counts: "0 passed, 1 failed, 0 skipped",
			shows:  []string{"got 1, want 2", "FAIL  p"},
		},
		{
			name: "a skipped test is named",
			in: `{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}
`,
			counts: "0 passed, 0 failed, 1 skipped",
			shows:  []string{"skip  p TestA"},
		},
		{
			name: "a package that does not build is a failure",
			in: `{"ImportPath":"p [p.test]","Action":"build-output","Output":"x.go:1: undefined: y\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}
`,
			counts: "0 passed, 1 failed, 0 skipped",
			shows:  []string{"undefined: y"},
		},
		{
			name: "a package that died is a failure, with what its unfinished tests said",
			in: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"panic: test timed out\n"}
{"Action":"output","Package":"p","Output":"exit status 2\n"}
{"Action":"fail","Package":"p"}
`,
			counts: "1 passed, 1 failed, 0 skipped",
			shows:  []string{"panic: test timed out", "exit status 2"},
		},
		{
			name:   "a package without tests counts nothing",
			in:     `{"Action":"skip","Package":"p"}` + "\n",
			counts: "0 passed, 0 failed, 0 skipped",
		},
		{
			name:   "what is no event is shown",
			in:     "go: cannot find main module\n",
			counts: "0 passed, 0 failed, 0 skipped",
			shows:  []string{"go: cannot find main module"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			r.summary()
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if got := lines[len(lines)-1]; got != c.counts {
				t.Errorf("counts: got %q, want %q", got, c.counts)
			}
			for _, s := range c.shows {
				if !strings.Contains(out.String(), s) {
					t.Errorf("output lacks %q:\n%s", s, out.String())
				}
			}
			for _, s := range c.hides {
				if strings.Contains(out.String(), s) {
					t.Errorf("output has %q:\n%s", s, out.String())
				}
			}
		})
	}
}
