package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// ClockVariable names the file that tells a weir of SkewedClock how many seconds its clock is ahead of the machine's.
const ClockVariable = "WEIR_TEST_CLOCK"

// SkewedClock builds a weir whose wall clock can be set from outside; without privileges over the machine's own clock there
// is no other way, as a Go program asks the kernel for the time without a library in between. The monotonic clock stays as
// it is, as it does on a machine whose clock is set. It gives "" where this is not known to work.
func SkewedClock(t testing.TB) (binary string) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return ""
	}
	home, err := exec.Command("go", "list", "-f", "{{.Dir}}", program).Output()
	if err != nil {
		t.Fatalf("find weir's sources: %v", err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for name, content := range map[string]string{"skewed_clock.go": clockReader, "skewed_clock.s": clockCall} {
		file := filepath.Join(dir, name)
		replace[filepath.Join(string(bytes.TrimSpace(home)), name)] = file
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "weir")
	build := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build weir with a clock that can be set: %v\n%s", err, out)
	}
	return binary
}

const program = "github.com/weir-cdc/weir/cmd/node"

// clockReader lets the runtime call skewedClock for what it calls in the kernel's shared object else.
const clockReader = `package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	_ "unsafe" // for go:linkname
)

//go:linkname vdsoClockgettimeSym runtime.vdsoClockgettimeSym
var vdsoClockgettimeSym uintptr

// skewedClock is clock_gettime, in C's convention, whose wall clock is skew seconds ahead.
func skewedClock()

// skewedClockAddress gives where skewedClock begins.
func skewedClockAddress() uintptr

var skew int64

func init() {
	readSkew()
	vdsoClockgettimeSym = skewedClockAddress()
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			readSkew()
		}
	}()
}

func readSkew() {
	data, _ := os.ReadFile(os.Getenv("` + ClockVariable + `"))
	if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil {
		atomic.StoreInt64(&skew, n)
	}
}
`

// clockCall asks the kernel by a system call. The clock is in DI, where the answer goes to in SI; clock 0 is the wall clock.
const clockCall = `#include "textflag.h"

TEXT ·skewedClock(SB),NOSPLIT|NOFRAME,$0-0
	MOVQ $228, AX
	SYSCALL
	TESTQ DI, DI
	JNE done
	MOVQ ·skew(SB), CX
	ADDQ CX, 0(SI)
done:
	RET

TEXT ·skewedClockAddress(SB),NOSPLIT|NOFRAME,$0-8
	LEAQ ·skewedClock(SB), AX
	MOVQ AX, ret+0(FP)
	RET
`

// SetClock sets the clock of a node that runs the weir of SkewedClock, by so many seconds off the machine's.
func (n *Node) SetClock(seconds int) {
	t := n.cluster.t
	t.Helper()
	if err := replaceFile(n.clockFile(), fmt.Appendln(nil, seconds)); err != nil {
		t.Fatal(err)
	}
}

func (n *Node) clockFile() string { return filepath.Join(n.cluster.Dir, n.Name+".clock") }

// skew makes a node run a weir of SkewedClock.
func (n *Node) skew(binary string) {
	n.Binary = binary
	n.Env = append(n.Env, ClockVariable+"="+n.clockFile())
}

// replaceFile writes a file so that readers see the old or the new content.
func replaceFile(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
