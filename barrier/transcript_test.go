package barrier

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestTranscripts plays the transcripts: the specification as conversations. Each invariant has the file of its name, and
// each rule that was once missing or wrong has one that shows what went wrong. Regenerate with
//
//	go test ./barrier -run TestTranscripts -rewrite
//
// and read the difference. The commands are the methods of stage.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		s := &stage{parties: map[DispatcherID]*Party{}, events: map[Key]Event{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			play, known := commands[d.Cmd]
			if !known {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			return play(s, d)
		})
	})
}

// A stage is a maintainer's side and some dispatchers' sides; the transcript is the network between them.
type stage struct {
	maintainer *Barrier
	boot       *Bootstrap
	parties    map[DispatcherID]*Party
	events     map[Key]Event
}

// commands: those with a dispatcher's id first are what happens to the maintainer because of it; those that begin with
// the word "at" happen at the dispatcher itself.
var commands = map[string]func(*stage, *datadriven.TestData) string{
	"event":       (*stage).event,
	"changefeed":  (*stage).changefeed,
	"create":      (*stage).create,
	"live":        (*stage).live,
	"replicating": (*stage).replicating,
	"waiting":     (*stage).waiting,
	"written":     (*stage).written,
	"done":        (*stage).done,
	"advance":     (*stage).advance,
	"tick":        (*stage).tick,
	"removed":     (*stage).removed,
	"reshape":     (*stage).reshape,
	"state":       (*stage).state,
	"may-move":    (*stage).mayMove,
	"bootstrap":   (*stage).bootstrap,
	"answer":      (*stage).answer,
	"lost":        (*stage).lost,
	"finish":      (*stage).finish,
	"party":       (*stage).party,
	"at-meet":     (*stage).atMeet,
	"at-flushed":  (*stage).atFlushed,
	"at-executed": (*stage).atExecuted,
	"at-order":    (*stage).atOrder,
	"at-reply":    (*stage).atReply,
	"at-tick":     (*stage).atTick,
	"at-activate": (*stage).atActivate,
	"at-advance":  (*stage).atAdvance,
	"at-state":    (*stage).atState,
}

func lines(effects []Effect) string {
	if len(effects) == 0 {
		return "nothing\n"
	}
	var text strings.Builder
	for _, e := range effects {
		fmt.Fprintln(&text, e)
	}
	return text.String()
}

// event ddl@42 normal tables=(1,2) [trigger] [drops=..] [adds=..] [moves=(1:x)] [nonblocking] | database schema=s | all
func (s *stage) event(d *datadriven.TestData) string {
	e := Event{Key: keyOf(d.CmdArgs[0].Key), Blocks: !d.HasArg("nonblocking"), Trigger: d.HasArg("trigger")}
	if e.Key.Kind == Syncpoint || d.HasArg("all") {
		e.Influence = All
	}
	if d.HasArg("database") {
		e.Influence = Database
		e.Schema = argument(d, "schema", "")
	}
	for _, t := range list(d, "tables") {
		e.Tables = append(e.Tables, TableID(number(t)))
	}
	for _, t := range list(d, "drops") {
		e.Drops = append(e.Drops, TableID(number(t)))
	}
	for _, t := range list(d, "adds") {
		e.Adds = append(e.Adds, tableOf(t))
	}
	for _, t := range list(d, "moves") {
		e.Moves = append(e.Moves, Move{tableOf(t).ID, tableOf(t).Schema})
	}
	s.events[e.Key] = e
	return e.String() + "\n"
}

// changefeed tables=(1,2,3:other) [checkpoint=1] [epoch=1]: a first start, nothing is live.
func (s *stage) changefeed(d *datadriven.TestData) string {
	boot := NewBootstrap(Epoch(number(argument(d, "epoch", "1"))), number(argument(d, "checkpoint", "1")), nil)
	b, effects := boot.Finish(tablesOf(d))
	s.maintainer = b
	return lines(effects)
}

// create t1 span: the dispatcher exists and does not count yet.
func (s *stage) create(d *datadriven.TestData) string {
	start, err := s.maintainer.Create(spanOf(d.CmdArgs[1].Key), idOf(d))
	if err != nil {
		return err.Error() + "\n"
	}
	return fmt.Sprintf("%s starts %s\n", idOf(d), start)
}

// live: creates and counts a dispatcher for each "id span" of the input, the first starts of a changefeed.
func (s *stage) live(d *datadriven.TestData) string {
	for line := range strings.Lines(d.Input) {
		f := strings.Fields(line)
		if _, err := s.maintainer.Create(spanOf(f[1]), DispatcherID(f[0])); err != nil {
			return err.Error() + "\n"
		}
		s.maintainer.Replicating(DispatcherID(f[0]))
	}
	return "ok\n"
}

func (s *stage) replicating(d *datadriven.TestData) string {
	s.maintainer.Replicating(idOf(d))
	return "ok\n"
}

func (s *stage) status(d *datadriven.TestData, stage Stage) Status {
	st := Status{From: idOf(d), Epoch: Epoch(number(argument(d, "epoch", fmt.Sprint(s.maintainer.Epoch())))), Version: CurrentVersion,
		Stage: stage, Event: s.events[keyOf(d.CmdArgs[1].Key)]}
	if d.HasArg("legacy") {
		st.Version = TypedDone - 1
	}
	return st
}

// waiting t1 ddl@42 [epoch=1]
func (s *stage) waiting(d *datadriven.TestData) string {
	return lines(s.maintainer.Status(s.status(d, StageWaiting)))
}

// written trigger ddl@42 [previous=ddl@40]
func (s *stage) written(d *datadriven.TestData) string {
	st := s.status(d, StageWritten)
	if p := argument(d, "previous", ""); p != "" {
		st.Previous = keyOf(p)
	}
	return lines(s.maintainer.Status(st))
}

// done t1 ddl@42 write|pass|untyped [already-past] [legacy] [epoch=1]
func (s *stage) done(d *datadriven.TestData) string {
	st := s.status(d, StageDone)
	st.Event = Event{Key: keyOf(d.CmdArgs[1].Key)}
	st.Action = actionOf(d.CmdArgs[2].Key)
	if d.HasArg("already-past") {
		st.Outcome = AlreadyPast
	}
	return lines(s.maintainer.Status(st))
}

// advance t1 checkpoint=42 [passed=after-ddl@42]
func (s *stage) advance(d *datadriven.TestData) string {
	var passed Position
	if p := argument(d, "passed", ""); p != "" {
		passed = positionOf(p)
	}
	return lines(s.maintainer.Advance(idOf(d), number(argument(d, "checkpoint", "0")), passed))
}

// tick [n=3]
func (s *stage) tick(d *datadriven.TestData) string {
	return ticks(d, s.maintainer.Tick)
}

// removed t1 [checkpoint=4] [passed=..] [slot=waiting:ddl@42]: with no more than the id it was lost.
func (s *stage) removed(d *datadriven.TestData) string {
	return lines(s.maintainer.Removed(idOf(d), s.lastReport(d)))
}

func (s *stage) lastReport(d *datadriven.TestData) Report {
	r := Report{CheckpointTs: number(argument(d, "checkpoint", "0"))}
	if p := argument(d, "passed", ""); p != "" {
		r.Passed = positionOf(p)
	}
	r.Slot = s.slotOf(argument(d, "slot", ""))
	return r
}

// reshape from=(1) to=(1/0-100,1/100-)
func (s *stage) reshape(d *datadriven.TestData) string {
	var from, to []Span
	for _, x := range list(d, "from") {
		from = append(from, spanOf(x))
	}
	for _, x := range list(d, "to") {
		to = append(to, spanOf(x))
	}
	if err := s.maintainer.Reshape(from, to); err != nil {
		return err.Error() + "\n"
	}
	return "ok\n"
}

// state: what is in flight, what is absent, and the ceiling of the checkpoint.
func (s *stage) state(*datadriven.TestData) string {
	var text strings.Builder
	for _, f := range s.maintainer.InFlight(3) {
		fmt.Fprintln(&text, f)
	}
	for _, a := range s.maintainer.Absent() {
		fmt.Fprintf(&text, "absent: %s, would start %s\n", a.Span, s.maintainer.spans.member(a.Span).start())
	}
	fmt.Fprintf(&text, "checkpoint: %s\n", ceiling(s.maintainer.CheckpointCeiling()))
	return text.String()
}

func ceiling(ts uint64) string {
	if ts == NoCeiling {
		return "free"
	}
	return fmt.Sprintf("at most %d", ts)
}

func (s *stage) mayMove(d *datadriven.TestData) string {
	return fmt.Sprintf("%v\n", s.maintainer.MayMove(idOf(d)))
}

// bootstrap epoch=2 checkpoint=4 nodes=(a,b)
func (s *stage) bootstrap(d *datadriven.TestData) string {
	s.maintainer = nil
	s.boot = NewBootstrap(Epoch(number(argument(d, "epoch", "2"))), number(argument(d, "checkpoint", "1")), list(d, "nodes"))
	return s.bootState()
}

func (s *stage) bootState() string {
	return fmt.Sprintf("ready %v, missing %v, tables at %s\n", s.boot.Ready(), s.boot.Missing(), s.boot.TriggerPosition())
}

// answer a, with "id span checkpoint passed [slot]" in each line of the input
func (s *stage) answer(d *datadriven.TestData) string {
	var reports []Report
	for line := range strings.Lines(d.Input) {
		f := strings.Fields(line)
		r := Report{ID: DispatcherID(f[0]), Span: spanOf(f[1]), CheckpointTs: number(f[2]), Passed: positionOf(f[3]), Schema: "s"}
		if len(f) > 4 {
			r.Slot = s.slotOf(f[4])
		}
		reports = append(reports, r)
	}
	s.boot.Answered(string(idOf(d)), reports)
	return s.bootState()
}

func (s *stage) lost(d *datadriven.TestData) string {
	s.boot.Lost(string(idOf(d)))
	return s.bootState()
}

// finish tables=(1,2)
func (s *stage) finish(d *datadriven.TestData) string {
	b, effects := s.boot.Finish(tablesOf(d))
	s.maintainer = b
	var text strings.Builder
	for _, l := range b.Living() {
		fmt.Fprintf(&text, "%s (%s) goes on %s\n", l.ID, l.Span, l.Start)
	}
	return text.String() + lines(effects)
}

// party t1 [trigger] [start=after-ddl@42] [checkpoint=1] [epoch=1]
func (s *stage) party(d *datadriven.TestData) string {
	start := Start{At(1), number(argument(d, "checkpoint", "1"))}
	if p := argument(d, "start", ""); p != "" {
		start.Position = positionOf(p)
	}
	epoch := Epoch(number(argument(d, "epoch", "1")))
	if d.HasArg("trigger") {
		s.parties[idOf(d)] = NewTrigger(idOf(d), epoch, start)
	} else {
		s.parties[idOf(d)] = NewParty(idOf(d), epoch, start)
	}
	return "ok\n"
}

func (s *stage) at(d *datadriven.TestData) *Party { return s.parties[idOf(d)] }

func (s *stage) atMeet(d *datadriven.TestData) string {
	return lines(s.at(d).Meet(s.events[keyOf(d.CmdArgs[1].Key)]))
}

func (s *stage) atFlushed(d *datadriven.TestData) string {
	return lines(s.at(d).Flushed(keyOf(d.CmdArgs[1].Key)))
}

func (s *stage) atExecuted(d *datadriven.TestData) string {
	return lines(s.at(d).Executed(keyOf(d.CmdArgs[1].Key)))
}

// at-order t1 write ddl@42 [epoch=1] [to=t0]
func (s *stage) atOrder(d *datadriven.TestData) string {
	return lines(s.at(d).Order(Order{DispatcherID(argument(d, "to", string(idOf(d)))), Epoch(number(argument(d, "epoch", "1"))),
		keyOf(d.CmdArgs[2].Key), actionOf(d.CmdArgs[1].Key)}))
}

// at-reply t1 ack|ignored ddl@42 [epoch=1]
func (s *stage) atReply(d *datadriven.TestData) string {
	answer := Ack
	if d.CmdArgs[1].Key == "ignored" {
		answer = Ignored
	}
	return lines(s.at(d).Reply(Reply{DispatcherID(argument(d, "to", string(idOf(d)))), Epoch(number(argument(d, "epoch", "1"))),
		keyOf(d.CmdArgs[2].Key), answer}))
}

func (s *stage) atTick(d *datadriven.TestData) string { return ticks(d, s.at(d).Tick) }

func (s *stage) atActivate(d *datadriven.TestData) string {
	return fmt.Sprintf("%v\n", s.at(d).Activate(Epoch(number(argument(d, "epoch", "2")))))
}

func (s *stage) atAdvance(d *datadriven.TestData) string {
	s.at(d).Advance(number(argument(d, "checkpoint", "0")))
	return "ok\n"
}

func (s *stage) atState(d *datadriven.TestData) string {
	p := s.at(d)
	return fmt.Sprintf("%s, last passed %s, checkpoint: %s, pending %v, may stop %v\n",
		p.Slot(), p.LastPassed(), ceiling(p.Ceiling()), p.Pending(), p.MayStop())
}

// ticks plays n ticks and tells at which of them something happened.
func ticks(d *datadriven.TestData, tick func() []Effect) string {
	var text strings.Builder
	for i := range number(argument(d, "n", "1")) {
		for _, e := range tick() {
			fmt.Fprintf(&text, "after %.1fs: %s\n", float64(i+1)*TickPeriod.Seconds(), e)
		}
	}
	if text.Len() == 0 {
		return "nothing\n"
	}
	return text.String()
}

func idOf(d *datadriven.TestData) DispatcherID { return DispatcherID(d.CmdArgs[0].Key) }

func argument(d *datadriven.TestData, name, unless string) string {
	if values := list(d, name); len(values) > 0 {
		return values[0]
	}
	return unless
}

func list(d *datadriven.TestData, name string) []string {
	for _, a := range d.CmdArgs {
		if a.Key == name {
			return a.Vals
		}
	}
	return nil
}

func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func keyOf(s string) Key {
	kind, ts, _ := strings.Cut(s, "@")
	if kind == "syncpoint" {
		return Key{number(ts), Syncpoint}
	}
	return Key{number(ts), DDL}
}

// positionOf reads "before-ddl@42", "after-ddl@42" or "at@42".
func positionOf(s string) Position {
	place, key, _ := strings.Cut(s, "-")
	switch place {
	case "before":
		return keyOf(key).Before()
	case "after":
		return keyOf(key).After()
	}
	return At(keyOf(s).CommitTs)
}

// spanOf reads "trigger", "1", "1/0-100" or "1/100-".
func spanOf(s string) Span {
	if s == "trigger" {
		return TriggerSpan
	}
	id, keys, cut := strings.Cut(s, "/")
	span := Whole(TableID(number(id)))
	if cut {
		start, end, _ := strings.Cut(keys, "-")
		span.Start = number(start)
		if end != "" {
			span.End = number(end)
		}
	}
	return span
}

// tableOf reads "1" or "1:schema".
func tableOf(s string) Table {
	id, schema, named := strings.Cut(s, ":")
	if !named {
		schema = "s"
	}
	return Table{ID: TableID(number(id)), Schema: schema}
}

func tablesOf(d *datadriven.TestData) []Table {
	var tables []Table
	for _, t := range list(d, "tables") {
		tables = append(tables, tableOf(t))
	}
	return tables
}

func actionOf(s string) Action {
	return Action(max(0, slices.Index([]string{"untyped", "write", "pass"}, s)))
}

// slotOf reads "waiting:ddl@42"; nothing is idle.
func (s *stage) slotOf(text string) Slot {
	state, key, found := strings.Cut(text, ":")
	if !found {
		return Slot{}
	}
	i := slices.Index([]string{"idle", "flushing", "waiting", "writing", "written"}, state)
	return Slot{SlotState(i), s.events[keyOf(key)]}
}
