package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/weir-cdc/weir/barrier"
)

// TestTranscripts plays the transcripts: what each operator does, and what becomes of it when things happen in between.
// Regenerate with
//
//	go test ./schedule -run TestTranscripts -rewrite
//
// and read the difference. The commands are the methods of stage.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		s := &stage{s: New(modest()), now: time.Unix(1_700_000_000, 0), at: map[barrier.DispatcherID]NodeID{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			play, known := plays[d.Cmd]
			if !known {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			return play(s, d)
		})
	})
}

// A stage is the maintainer; it does what it is told, and numbers the dispatchers.
type stage struct {
	s      *Scheduler
	now    time.Time
	number int
	at     map[barrier.DispatcherID]NodeID
}

var plays = map[string]func(*stage, *datadriven.TestData) string{
	"up":         (*stage).up,
	"down":       (*stage).down,
	"drain":      (*stage).drain,
	"home":       (*stage).home,
	"absent":     (*stage).absent,
	"placed":     (*stage).placed,
	"counted":    (*stage).counted,
	"gone":       (*stage).gone,
	"dropped":    (*stage).dropped,
	"traffic":    (*stage).traffic,
	"splittable": (*stage).splittable,
	"keep":       (*stage).keep,
	"move":       (*stage).move,
	"split":      (*stage).split,
	"merge":      (*stage).merge,
	"step":       (*stage).step,
	"state":      (*stage).state,
	"drained":    (*stage).drained,
}

// up, down, drain n1 n2 ..; down tells which dispatchers are to be outwaited.
func (g *stage) up(d *datadriven.TestData) string {
	for _, a := range d.CmdArgs {
		g.s.NodeUp(NodeID(a.Key))
	}
	return ""
}

func (g *stage) down(d *datadriven.TestData) string {
	g.s.NodeDown(NodeID(d.CmdArgs[0].Key))
	return fmt.Sprintln(g.s.Dispatchers(NodeID(d.CmdArgs[0].Key)))
}

func (g *stage) drain(d *datadriven.TestData) string {
	g.s.NodeDraining(NodeID(d.CmdArgs[0].Key))
	return ""
}

func (g *stage) drained(d *datadriven.TestData) string {
	return fmt.Sprintln(g.s.Drained(NodeID(d.CmdArgs[0].Key)))
}

func (g *stage) home(d *datadriven.TestData) string {
	g.s.SetHome(NodeID(d.CmdArgs[0].Key))
	return ""
}

// absent 5 6 trigger: tables without a dispatcher, served in the answer by a step without the limits of time.
func (g *stage) absent(d *datadriven.TestData) string {
	var absent []barrier.Absent
	for _, a := range d.CmdArgs {
		absent = append(absent, barrier.Absent{Span: spanOf(a.Key)})
	}
	return g.do(absent, nil)
}

// placed span id n1: it was found alive there, and counts.
func (g *stage) placed(d *datadriven.TestData) string {
	id := barrier.DispatcherID(d.CmdArgs[1].Key)
	g.s.Placed(id, spanOf(d.CmdArgs[0].Key), NodeID(d.CmdArgs[2].Key))
	g.s.Counted(id)
	return ""
}

func (g *stage) counted(d *datadriven.TestData) string {
	for _, a := range d.CmdArgs {
		g.s.Counted(barrier.DispatcherID(a.Key))
	}
	return ""
}

func (g *stage) gone(d *datadriven.TestData) string {
	for _, a := range d.CmdArgs {
		g.s.Gone(barrier.DispatcherID(a.Key))
	}
	return ""
}

func (g *stage) dropped(d *datadriven.TestData) string {
	g.s.Dropped(tableOf(d))
	return ""
}

// traffic d1 900
func (g *stage) traffic(d *datadriven.TestData) string {
	g.s.Traffic(barrier.DispatcherID(d.CmdArgs[0].Key), uint64(number(d.CmdArgs[1].Key)))
	return ""
}

// splittable 5 false
func (g *stage) splittable(d *datadriven.TestData) string {
	g.s.Splittable(tableOf(d), d.CmdArgs[1].Key == "true")
	return ""
}

func (g *stage) keep(d *datadriven.TestData) string {
	g.s.Keep(tableOf(d), d.CmdArgs[1].Key == "true")
	return ""
}

// move 5 n2, split 5 4, merge 5
func (g *stage) move(d *datadriven.TestData) string {
	return answer(g.s.Move(tableOf(d), NodeID(d.CmdArgs[1].Key)))
}

func (g *stage) split(d *datadriven.TestData) string {
	return answer(g.s.Split(tableOf(d), number(d.CmdArgs[1].Key)))
}

func (g *stage) merge(d *datadriven.TestData) string { return answer(g.s.Merge(tableOf(d))) }

// step [after=10s] [stay=(d1,d2)] [fail]: a step, whose orders are done, or, with fail, no Place of them.
func (g *stage) step(d *datadriven.TestData) string {
	if d.HasArg("after") {
		g.now = g.now.Add(after(d))
	}
	return g.do(nil, d)
}

func (g *stage) do(absent []barrier.Absent, d *datadriven.TestData) string {
	var stay []string
	if d != nil {
		for _, a := range d.CmdArgs {
			if a.Key == "stay" {
				stay = a.Vals
			}
		}
	}
	var text strings.Builder
	for _, a := range g.s.Step(g.now, absent, func(id barrier.DispatcherID) bool { return !slices.Contains(stay, string(id)) }) {
		text.WriteString(short(a.String()))
		if place, is := a.(Place); is && (d == nil || !d.HasArg("fail")) {
			g.number++
			id := barrier.DispatcherID(fmt.Sprintf("d%d", g.number))
			g.s.Placed(id, place.Span, place.Node)
			fmt.Fprintf(&text, " as %s", id)
		}
		text.WriteString("\n")
	}
	if text.Len() == 0 {
		return "nothing\n"
	}
	return text.String()
}

// state is every span and what is under way.
func (g *stage) state(*datadriven.TestData) string { return short(g.s.picture()) + "\n" }

func after(d *datadriven.TestData) time.Duration {
	for _, a := range d.CmdArgs {
		if a.Key == "after" {
			if span, err := time.ParseDuration(a.Vals[0]); err == nil {
				return span
			}
		}
	}
	panic("step after=1s")
}

func answer(err error) string {
	if err != nil {
		return err.Error() + "\n"
	}
	return "accepted\n"
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func tableOf(d *datadriven.TestData) barrier.TableID {
	return barrier.TableID(number(d.CmdArgs[0].Key))
}

// The quarters of the key space, and its eighths, have short names, since the numbers say nothing.
var shorts = func() map[string]uint64 {
	m := map[string]uint64{}
	for i := uint64(1); i < 8; i++ {
		m[fmt.Sprintf("%d/8", i)] = i << 61
	}
	return m
}()

func short(text string) string {
	for name, n := range shorts {
		text = strings.ReplaceAll(text, strconv.FormatUint(n, 10), name)
	}
	return text
}

// spanOf reads "5", "5:2/8-4/8", "5:4/8-" and "trigger".
func spanOf(text string) barrier.Span {
	if text == "trigger" {
		return barrier.TriggerSpan
	}
	table, keys, _ := strings.Cut(text, ":")
	from, to, _ := strings.Cut(keys, "-")
	return barrier.Span{Table: barrier.TableID(number(table)), Start: shorts[from], End: shorts[to]}
}
