package mysql

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

const (
	// blockBytes is the size from which on a block is appended though more is at hand.
	blockBytes = 512 << 10
	// pieceBytes is the size of the pieces of a large transaction.
	pieceBytes = 1 << 20
	// holdBytes is how much of a transaction is held until its end is known: up to that a ROLLBACK TO in it is undone.
	holdBytes = 32 << 20
	// pause is how long the end of a transaction waits for company when one was appended just before.
	pause = time.Millisecond
	// contactEvery is how often contact is told of at most, apart from heartbeats.
	contactEvery = 200 * time.Millisecond
	contactPause = 50 * time.Millisecond // without a byte, after which it is told what was appended
)

// A puller is one run of Pull: it moves what one connection brings into the log.
type puller struct {
	log     *relay.Log
	addr    string
	in      *packets
	t       *translator
	contact func(sources.Contact)

	last      relay.Mark    // the log's last boundary
	inside    bool          // the log ends beyond it, inside a transaction
	again     *relay.Reader // what the log holds beyond its last boundary already, as long as that comes again
	againLeft []byte
	appended  time.Time
	told      time.Time
	ctx       context.Context
}

// newPuller makes a puller that goes on behind the log's last boundary.
func newPuller(ctx context.Context, log *relay.Log, addr string, at *tracker, contact func(sources.Contact)) *puller {
	tailAt, tail := log.Tail()
	p := &puller{ctx: ctx, log: log, addr: addr, contact: contact, last: tail}
	p.t = newTranslator(at, log.Dir(), p.room)
	if log.End() > tailAt {
		p.inside, p.again = true, log.Reader(tailAt)
	}
	return p
}

func (p *puller) close() {
	if p.again != nil {
		p.again.Close()
	}
	p.t.close()
}

// run reads until an error. What is whole by then is appended.
func (p *puller) run() error {
	err := p.read()
	if lost := p.flush(); lost != nil {
		return fmt.Errorf("%w; and what was read by then: %w", err, lost)
	}
	return err
}

func (p *puller) read() error {
	for {
		if !p.in.buffered() {
			if err := p.wait(); err != nil {
				return err
			}
			if time.Since(p.told) >= contactEvery {
				p.tell(false)
			}
		}
		at := len(p.t.out)
		out, first, err := p.in.next(p.t.out)
		p.t.out = out
		if err != nil {
			p.t.out = out[:at]
			return fmt.Errorf("read the binlog of %s: %w", p.addr, err)
		}
		if first != 0 {
			err := p.refused(first, out[at:])
			p.t.out = out[:at]
			return err
		}
		if err := p.t.event(at); err != nil {
			p.t.abandon(at)
			return err
		}
		if err := p.room(); err != nil {
			return err
		}
		if p.t.caughtUp {
			if err := p.flush(); err != nil {
				return err
			}
			p.tell(true)
		}
	}
}

// refused reads a packet that is no event.
func (p *puller) refused(first byte, b []byte) error {
	switch first {
	case 0xff:
		return packetError(p.addr, b)
	case 0xfe:
		return fmt.Errorf("read the binlog of %s: the server ended it", p.addr)
	}
	return fmt.Errorf("read the binlog of %s: a packet begins with %#x", p.addr, first)
}

// wait is called when nothing is at hand: what is whole is appended, unless that was just done; then it waits a moment
// for more.
func (p *puller) wait() error {
	if p.t.holding() > 0 {
		if left := pause - time.Since(p.appended); left > 0 {
			more, err := p.in.fill(left)
			if err != nil {
				return p.readError(err)
			}
			if more {
				return nil
			}
		}
		if err := p.flush(); err != nil {
			return err
		}
	}
	if p.told.Before(p.appended) {
		// The upstream pauses: say how far it is without waiting for its heartbeat.
		if more, err := p.in.fill(contactPause); err != nil {
			return p.readError(err)
		} else if more {
			return nil
		}
		p.tell(false)
	}
	more, err := p.in.fill(quiet)
	if err == nil && !more {
		err = fmt.Errorf("the server said nothing for %v", quiet)
	}
	if err != nil {
		return p.readError(err)
	}
	return nil
}

func (p *puller) readError(err error) error {
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the server closed the connection")
	}
	return fmt.Errorf("read the binlog of %s: %w", p.addr, err)
}

// room appends what has become a block, or what of a large transaction need not be held.
func (p *puller) room() error {
	n := p.t.holding()
	if n < blockBytes && !(p.inside && p.t.phase == between) {
		return nil
	}
	return p.take(n)
}

// flush appends all that is whole.
func (p *puller) flush() error { return p.take(p.t.holding()) }

// take appends the first n bytes of out, in pieces, and moves the rest to the front. Its last boundary is the
// tracker's if the group in hand is not part of it.
func (p *puller) take(n int) error {
	if n == 0 {
		return nil
	}
	var end *relay.Mark
	if p.t.phase == between || n <= p.t.group {
		m := p.t.boundary()
		end = &m
	}
	if err := p.append(p.t.out[:n], end); err != nil {
		return err
	}
	p.t.handOver(n)
	p.t.out = p.t.out[:copy(p.t.out, p.t.out[n:])]
	p.appended = time.Now()
	return nil
}

// append appends whole events that end at a boundary, or inside a transaction if end is nil.
func (p *puller) append(data []byte, end *relay.Mark) error {
	data, err := p.repeat(data)
	if err != nil || len(data) == 0 {
		return err
	}
	for len(data) > 0 {
		n := piece(data)
		b := relay.Block{Data: data[:n]}
		if !p.inside {
			b.Start = &p.last
		}
		if n == len(data) {
			b.End = end
		}
		if err := p.appendBlock(b); err != nil {
			return err
		}
		p.inside = b.End == nil
		if b.End != nil {
			p.last = *b.End
		}
		data = data[n:]
	}
	return nil
}

// piece gives how many bytes of data make the next block: whole events.
func piece(data []byte) int {
	if len(data) <= pieceBytes+blockBytes {
		return len(data)
	}
	n := 0
	for n < len(data) && n < pieceBytes {
		n += eventSize(data[n:])
	}
	return n
}

// appendBlock waits while the log is full.
func (p *puller) appendBlock(b relay.Block) error {
	for {
		freed := p.log.Freed()
		err := p.log.Append(b)
		if !errors.Is(err, relay.ErrFull) {
			return err
		}
		select {
		case <-freed:
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
}

// repeat compares what comes again after a reconnect with what the log holds of it, and gives the rest.
func (p *puller) repeat(data []byte) ([]byte, error) {
	for p.again != nil && len(data) > 0 {
		if len(p.againLeft) == 0 {
			held, _, err := p.again.Next(pieceBytes, p.log.End())
			if errors.Is(err, io.EOF) {
				p.again.Close()
				p.again = nil
				break
			}
			if err != nil {
				return nil, err
			}
			p.againLeft = held
		}
		n := min(len(data), len(p.againLeft))
		if !bytes.Equal(data[:n], p.againLeft[:n]) {
			return nil, fatal(kindDiverged, "the relay log in %s holds a part of the transaction behind %s, which %s now sends with other bytes; "+
				"stop the process, remove that folder, and resume the changefeed from its checkpoint", p.log.Dir(), p.last.Position, p.addr)
		}
		data, p.againLeft = data[n:], p.againLeft[n:]
	}
	return data, nil
}

// tell reports contact with the upstream.
func (p *puller) tell(caughtUp bool) {
	p.told = time.Now()
	p.contact(sources.Contact{At: p.told, Position: p.position(), CaughtUp: caughtUp && !p.inside && len(p.t.out) == 0})
}

// position gives the position that was read up to: the last boundary's, or behind it where only the server's own
// events followed.
func (p *puller) position() string {
	if p.t.tracker.pos.kind == noGTID && p.t.phase == between && len(p.t.out) == 0 && len(p.t.tracker.pos.open) == 0 {
		at := position{file: p.t.file, at: p.t.endPos}
		return at.String()
	}
	return p.last.Position
}
