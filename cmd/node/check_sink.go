package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/weir-cdc/weir/sinks"
)

// lowSpace is the free space below which a folder is worth a warning.
const lowSpace = 1 << 30

// checkSink looks at a downstream: its URI and options by the sink itself, and a folder as it lies there.
func checkSink(_ context.Context, uri string) []finding {
	if _, err := sinks.Open(uri, sinks.Env{Changefeed: "check"}); err != nil {
		return []finding{{Status: statusError, Name: "uri", Detail: err.Error()}}
	}
	findings := []finding{{Status: statusOK, Name: "uri", Detail: mask(uri)}}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return findings
	}
	return append(findings, checkFolder(filepath.Clean(u.Path))...)
}

func checkFolder(dir string) []finding {
	place, err := existing(dir)
	if err != nil {
		return []finding{{Status: statusError, Name: "folder", Detail: err.Error(), Fix: "mkdir -p " + quoteShell(dir)}}
	}
	return []finding{checkWritable(dir, place), checkContent(dir, place), checkSpace(place)}
}

// existing gives the folder, or the nearest one above it that exists, in which it would be made.
func existing(dir string) (string, error) {
	for place := dir; ; place = filepath.Dir(place) {
		info, err := os.Stat(place)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is a file, not a folder", place)
		case err == nil:
			return place, nil
		case !errors.Is(err, fs.ErrNotExist) || place == filepath.Dir(place):
			return "", err
		}
	}
}

func checkWritable(dir, place string) finding {
	f, err := os.CreateTemp(place, ".weir-check-")
	if err != nil {
		return finding{Status: statusError, Name: "writable", Detail: err.Error(),
			Fix: "sudo install -d -o " + fmt.Sprint(os.Getuid()) + " " + quoteShell(dir)}
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return finding{Status: statusError, Name: "writable", Detail: err.Error()}
	}
	if place == dir {
		return finding{Status: statusOK, Name: "writable", Detail: dir}
	}
	return finding{Status: statusOK, Name: "writable", Detail: dir + " will be made"}
}

// checkContent tells whose files are in the folder: it must be empty, or a changefeed's own.
func checkContent(dir, place string) finding {
	f := finding{Status: statusOK, Name: "content", Detail: "empty"}
	if place != dir {
		return f
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.Status, f.Detail = statusError, err.Error()
		return f
	}
	var owner struct{ Changefeed string }
	data, err := os.ReadFile(filepath.Join(dir, ".weir.json"))
	switch {
	case err == nil && json.Unmarshal(data, &owner) == nil:
		f.Status, f.Detail = statusWarning, fmt.Sprintf("it belongs to changefeed %q, which alone can go on in it", owner.Changefeed)
	case !onlyOurs(entries):
		f.Status, f.Detail, f.Fix = statusError, "it holds files that are not Weir's", "name an empty folder"
	}
	return f
}

// onlyOurs tells that nothing is there but what does not hinder a new changefeed.
func onlyOurs(entries []fs.DirEntry) bool {
	for _, e := range entries {
		if e.Name() != ".weir.lock" && e.Name() != "lost+found" {
			return false
		}
	}
	return true
}

func checkSpace(place string) finding {
	f := finding{Status: statusOK, Name: "free space"}
	var s syscall.Statfs_t
	if err := syscall.Statfs(place, &s); err != nil {
		f.Status, f.Detail = statusWarning, err.Error()
		return f
	}
	free := uint64(s.Bavail) * uint64(s.Bsize)
	f.Detail = fmt.Sprintf("%.1f GB", float64(free)/1e9)
	if free < lowSpace {
		f.Status, f.Fix = statusWarning, "make room: when the disk is full the changefeed waits in state warning"
	}
	return f
}

// quoteShell makes text one word of a shell command.
func quoteShell(text string) string {
	quoted := "'"
	for _, r := range text {
		if r == '\'' {
			quoted += `'\''`
		} else {
			quoted += string(r)
		}
	}
	return quoted + "'"
}
