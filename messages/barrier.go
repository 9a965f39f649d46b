package messages

import (
	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/schema"
)

// FromKey turns a key into its message; the zero key is nil.
func FromKey(k barrier.Key) *Key {
	if k.IsZero() {
		return nil
	}
	return &Key{CommitTs: k.CommitTs, Kind: EventKind(k.Kind - barrier.DDL)}
}

// ToKey turns the message back.
func (x *Key) ToKey() barrier.Key {
	if x == nil {
		return barrier.Key{}
	}
	return barrier.Key{CommitTs: x.CommitTs, Kind: barrier.Kind(x.Kind) + barrier.DDL}
}

// FromPosition turns a position into its message.
func FromPosition(p barrier.Position) *Position { return &Position{Ts: p.Ts, Stage: Stage(p.Reach)} }

// ToPosition turns the message back.
func (x *Position) ToPosition() barrier.Position {
	return barrier.Position{Ts: x.GetTs(), Reach: barrier.Reach(x.GetStage())}
}

// FromSpan turns a span into its message.
func FromSpan(s barrier.Span) *Span {
	return &Span{TableId: int64(s.Table), Start: s.Start, End: s.End}
}

// ToSpan turns the message back.
func (x *Span) ToSpan() barrier.Span {
	return barrier.Span{Table: barrier.TableID(x.GetTableId()), Start: x.GetStart(), End: x.GetEnd()}
}

// FromEvent turns what the parties of a barrier know of its event into its message.
func FromEvent(e barrier.Event) *EventInfo {
	info := &EventInfo{Influence: uint32(influences[e.Influence]), Database: e.Schema, NeedsTrigger: e.Trigger}
	for _, t := range e.Tables {
		info.Tables = append(info.Tables, int64(t))
	}
	for _, t := range e.Drops {
		info.Drops = append(info.Drops, int64(t))
	}
	for _, t := range e.Adds {
		info.Adds = append(info.Adds, &AddedTable{Id: int64(t.ID), Database: t.Schema})
	}
	for _, m := range e.Moves {
		info.Moves = append(info.Moves, &MovedTable{Id: int64(m.ID), Database: m.Schema})
	}
	return info
}

// influences maps the protocol's scopes to the schema's.
var influences = map[barrier.Influence]schema.Influence{
	barrier.Normal: schema.Normal, barrier.Database: schema.DatabaseWide, barrier.All: schema.All,
}

// ToEvent turns the message back into the event at key.
func (x *EventInfo) ToEvent(key barrier.Key, blocks bool) barrier.Event {
	e := barrier.Event{Key: key, Schema: x.GetDatabase(), Trigger: x.GetNeedsTrigger(), Blocks: blocks}
	switch schema.Influence(x.GetInfluence()) {
	case schema.DatabaseWide:
		e.Influence = barrier.Database
	case schema.All:
		e.Influence = barrier.All
	default:
		for _, t := range x.GetTables() {
			e.Tables = append(e.Tables, barrier.TableID(t))
		}
	}
	for _, t := range x.GetDrops() {
		e.Drops = append(e.Drops, barrier.TableID(t))
	}
	for _, t := range x.GetAdds() {
		e.Adds = append(e.Adds, barrier.Table{ID: barrier.TableID(t.Id), Schema: t.Database})
	}
	for _, m := range x.GetMoves() {
		e.Moves = append(e.Moves, barrier.Move{ID: barrier.TableID(m.Id), Schema: m.Database})
	}
	return e
}

// ToEvent gives what the parties of a barrier must know of an event in the stream.
func (x *Event) ToEvent() barrier.Event {
	return x.GetInfo().ToEvent(x.GetKey().ToKey(), x.GetBlocks())
}

// FromStatus turns a status into its message; epoch and version travel with the envelope.
func FromStatus(s barrier.Status) *BlockStatus {
	m := &BlockStatus{
		Dispatcher: string(s.From), Key: FromKey(s.Event.Key), Stage: StatusStage(s.Stage), Previous: FromKey(s.Previous),
	}
	if s.Stage == barrier.StageDone {
		m.DoneAction, m.Outcome = ActionKind(s.Action), OutcomeKind(s.Outcome)+1
		return m
	}
	m.Info, m.Blocks = FromEvent(s.Event), s.Event.Blocks
	return m
}

// ToStatus turns the message back, with what its envelope carries.
func (x *BlockStatus) ToStatus(epoch uint64, version uint32) barrier.Status {
	s := barrier.Status{
		From: barrier.DispatcherID(x.Dispatcher), Epoch: barrier.Epoch(epoch), Version: barrier.Version(version),
		Stage: barrier.Stage(x.Stage), Previous: x.Previous.ToKey(), Action: barrier.Action(x.DoneAction),
		Event: x.Info.ToEvent(x.Key.ToKey(), x.Blocks),
	}
	if x.Outcome == OutcomeKind_OUTCOME_ALREADY_PAST {
		s.Outcome = barrier.AlreadyPast
	}
	return s
}

// FromOrder turns an order into its message.
func FromOrder(o barrier.Order) *BlockOrder {
	return &BlockOrder{Dispatcher: string(o.To), Key: FromKey(o.Key), Action: ActionKind(o.Action)}
}

// FromReply turns a reply into its message.
func FromReply(r barrier.Reply) *BlockOrder {
	return &BlockOrder{Dispatcher: string(r.To), Key: FromKey(r.Key), Reply: ReplyKind(r.Answer)}
}

// ToOrder turns the message back, with the epoch of its envelope.
func (x *BlockOrder) ToOrder(epoch uint64) barrier.Order {
	return barrier.Order{
		To: barrier.DispatcherID(x.Dispatcher), Epoch: barrier.Epoch(epoch), Key: x.Key.ToKey(), Action: barrier.Action(x.Action),
	}
}

// ToReply turns the message back, with the epoch of its envelope.
func (x *BlockOrder) ToReply(epoch uint64) barrier.Reply {
	return barrier.Reply{
		To: barrier.DispatcherID(x.Dispatcher), Epoch: barrier.Epoch(epoch), Key: x.Key.ToKey(), Answer: barrier.Answer(x.Reply),
	}
}

// FromReport turns a dispatcher's report into its message.
func FromReport(r barrier.Report) *Living {
	l := &Living{
		Dispatcher: string(r.ID), Span: FromSpan(r.Span), Database: r.Schema, Checkpoint: r.CheckpointTs,
		LastPassed: FromPosition(r.Passed), Slot: SlotState(r.Slot.State),
	}
	if r.Slot.State != barrier.SlotIdle {
		l.Key, l.Info, l.Blocks = FromKey(r.Slot.Event.Key), FromEvent(r.Slot.Event), r.Slot.Event.Blocks
	}
	return l
}

// ToReport turns the message back.
func (x *Living) ToReport() barrier.Report {
	r := barrier.Report{
		ID: barrier.DispatcherID(x.Dispatcher), Span: x.Span.ToSpan(), Schema: x.Database, CheckpointTs: x.Checkpoint,
		Passed: x.LastPassed.ToPosition(), Slot: barrier.Slot{State: barrier.SlotState(x.Slot)},
	}
	if r.Slot.State != barrier.SlotIdle {
		r.Slot.Event = x.Info.ToEvent(x.Key.ToKey(), x.Blocks)
	}
	return r
}
