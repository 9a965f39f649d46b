package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

const (
	readBuffer = 1 << 20
	maxPacket  = 1<<24 - 1
)

// packets reads the server's packets off a connection, through one large buffer.
type packets struct {
	conn  net.Conn
	buf   []byte
	r, w  int
	quiet time.Duration // how long the server may say nothing
}

func newPackets(conn net.Conn, quiet time.Duration) *packets {
	return &packets{conn: conn, buf: make([]byte, readBuffer), quiet: quiet}
}

// buffered tells whether more bytes are at hand without a read.
func (p *packets) buffered() bool { return p.r < p.w }

// fill waits up to wait for bytes; it is called with an empty buffer. more is false when none came in that time.
func (p *packets) fill(wait time.Duration) (more bool, err error) {
	if err := p.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return false, err
	}
	n, err := p.conn.Read(p.buf)
	p.r, p.w = 0, n
	if n > 0 {
		return true, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	return false, err
}

// need makes at least n bytes contiguous in the buffer.
func (p *packets) need(n int) error {
	for p.w-p.r < n {
		if p.r > 0 {
			copy(p.buf, p.buf[p.r:p.w])
			p.r, p.w = 0, p.w-p.r
		}
		if err := p.conn.SetReadDeadline(time.Now().Add(p.quiet)); err != nil {
			return err
		}
		m, err := p.conn.Read(p.buf[p.w:])
		p.w += m
		if err != nil && m == 0 {
			return p.lost(err)
		}
	}
	return nil
}

func (p *packets) lost(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the server said nothing for %v", p.quiet)
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the server closed the connection")
	}
	return err
}

// next appends the payload of the next packet, of all its parts, to dst, without its first byte, which it returns.
func (p *packets) next(dst []byte) (out []byte, first byte, err error) {
	if err := p.need(5); err != nil {
		return dst, 0, err
	}
	size := p.size()
	if size == 0 {
		return dst, 0, errors.New("the server sent an empty packet")
	}
	first = p.buf[p.r]
	p.r++
	if dst, err = p.take(dst, size-1); err != nil {
		return dst, first, err
	}
	for size == maxPacket {
		if err := p.need(4); err != nil {
			return dst, first, err
		}
		size = p.size()
		if dst, err = p.take(dst, size); err != nil {
			return dst, first, err
		}
	}
	return dst, first, nil
}

// size reads a packet's header, which is at hand.
func (p *packets) size() int {
	n := int(binary.LittleEndian.Uint32(p.buf[p.r:]) & maxPacket)
	p.r += 4
	return n
}

// take appends n bytes of the stream to dst. What is beyond the buffer is read straight into dst.
func (p *packets) take(dst []byte, n int) ([]byte, error) {
	have := min(n, p.w-p.r)
	dst = append(dst, p.buf[p.r:p.r+have]...)
	p.r += have
	if n -= have; n == 0 {
		return dst, nil
	}
	if n <= len(p.buf)/2 {
		if err := p.need(n); err != nil {
			return dst, err
		}
		dst = append(dst, p.buf[p.r:p.r+n]...)
		p.r += n
		return dst, nil
	}
	at := len(dst)
	dst = grow(dst, n)[:at+n]
	for at < len(dst) {
		if err := p.conn.SetReadDeadline(time.Now().Add(p.quiet)); err != nil {
			return dst, err
		}
		m, err := p.conn.Read(dst[at:])
		at += m
		if err != nil && m == 0 {
			return dst[:at], p.lost(err)
		}
	}
	return dst, nil
}

// grow makes room for n more bytes.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	bigger := make([]byte, len(b), max(2*cap(b), len(b)+n))
	copy(bigger, b)
	return bigger
}
