package main

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// A screen is the place for log lines and, on a terminal, for one live line below them. It is safe for concurrent use.
type screen struct {
	mu      sync.Mutex
	to      io.Writer
	live    string // the live line as it stands
	width   func() int
	colours bool
	isTerm  bool
}

func newScreen(to io.Writer, getenv func(string) string) *screen {
	s := &screen{to: to, width: func() int { return 0 }}
	f, ok := to.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || getenv("TERM") == "dumb" {
		return s
	}
	s.isTerm = true
	s.colours = getenv("NO_COLOR") == ""
	s.width = func() int {
		w, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 80
		}
		return w
	}
	return s
}

const clearLine = "\r\x1b[K"

// Write puts log output above the live line.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == "" {
		return s.to.Write(p)
	}
	if _, err := io.WriteString(s.to, clearLine); err != nil {
		return 0, err
	}
	n, err := s.to.Write(p)
	if err == nil {
		_, err = io.WriteString(s.to, s.live)
	}
	return n, err
}

// show replaces the live line; "" takes it away. A line wider than the terminal is cut, or it could not be replaced.
func (s *screen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.width(); w > 1 {
		if runes := []rune(line); len(runes) >= w {
			line = string(runes[:w-1])
		}
	}
	if line == s.live {
		return
	}
	s.live = line
	io.WriteString(s.to, clearLine+line) //nolint:errcheck // a closed terminal is no reason to stop following
}
