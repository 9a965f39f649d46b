package session

import "errors"

var errViolation = errors.New("the peer broke the protocol")

// An inbox puts parts into their order, and messages together.
type inbox struct {
	cfg     *Config
	next    uint64          // the number that comes next
	ahead   map[uint64]Part // came before their turn
	waiting int             // bytes of those
	whole   Message         // under construction
	size    int             // how long that will be; 0: nothing is
}

func newInbox(cfg *Config) inbox { return inbox{cfg: cfg, next: 1} }

// acked is the number up to which everything has arrived.
func (i *inbox) acked() uint64 { return i.next - 1 }

// take gives the messages that the part completes, with those that waited for it.
func (i *inbox) take(p Part, deliver func(Message)) error {
	if p.Seq < i.next {
		return nil
	}
	if p.Seq > i.next {
		i.keep(p)
		return nil
	}
	for ok := true; ok; p, ok = i.ahead[i.next] {
		if err := i.append(p, deliver); err != nil {
			return err
		}
		if _, waited := i.ahead[p.Seq]; waited {
			delete(i.ahead, p.Seq)
			i.waiting -= p.size()
		}
		i.next++
	}
	return nil
}

// keep remembers a part that is early. A sender has no more than its window under way: what is beyond is forgotten, and
// will come again.
func (i *inbox) keep(p Part) {
	if _, known := i.ahead[p.Seq]; known || i.waiting+p.size() > 2*i.cfg.Window {
		return
	}
	if i.ahead == nil {
		i.ahead = map[uint64]Part{}
	}
	i.ahead[p.Seq] = p
	i.waiting += p.size()
}

func (i *inbox) append(p Part, deliver func(Message)) error {
	if p.Size == 0 && i.size == 0 {
		deliver(Message{Head: p.Head, Body: p.Body})
		return nil
	}
	if i.size == 0 && p.Offset == 0 && p.Size > 0 && p.Size <= i.cfg.Largest {
		i.size, i.whole = p.Size, Message{Head: p.Head, Body: make([]byte, 0, p.Size)}
	}
	if i.size == 0 || p.Size != i.size || p.Offset != len(i.whole.Body) || p.Offset+len(p.Body) > p.Size {
		return errViolation
	}
	i.whole.Body = append(i.whole.Body, p.Body...)
	if p.last() {
		deliver(i.whole)
		i.whole, i.size = Message{}, 0
	}
	return nil
}
