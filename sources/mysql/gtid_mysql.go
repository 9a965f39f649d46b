package mysql

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A mysqlSet is MySQL's GTID set: numbers by server UUID and tag, ordered by those.
type mysqlSet struct {
	entries []mysqlEntry
	cache   rendering
}

// A mysqlEntry is the numbers of one UUID and tag.
type mysqlEntry struct {
	uuid      [16]byte
	tag       string
	intervals []interval
}

// An interval is the numbers from first to last, both included.
type interval struct{ first, last uint64 }

// parseMySQLSet reads uuid:1-5:7,uuid:tag:1-3:othertag:5 with its blanks and line breaks.
func parseMySQLSet(text string) (mysqlSet, error) {
	var s mysqlSet
	for _, one := range strings.Split(text, ",") {
		parts := strings.Split(strings.TrimSpace(one), ":")
		if len(parts) == 1 && parts[0] == "" {
			continue
		}
		uuid, err := parseUUID(parts[0])
		if err != nil || len(parts) < 2 {
			return s, fmt.Errorf("%q is no part of a GTID set; write uuid:first-last", one)
		}
		tag := ""
		for _, part := range parts[1:] {
			part = strings.TrimSpace(part)
			if part != "" && (part[0] < '0' || part[0] > '9') {
				tag = strings.ToLower(part)
				continue
			}
			low, high, isRange := strings.Cut(part, "-")
			first, err := strconv.ParseUint(low, 10, 63)
			last := first
			if err == nil && isRange {
				last, err = strconv.ParseUint(high, 10, 63)
			}
			if err != nil || first == 0 || last < first {
				return s, fmt.Errorf("%q is no interval of a GTID set; write first-last", part)
			}
			s.insert(uuid, tag, interval{first, last})
		}
	}
	return s, nil
}

func parseMySQLGTID(text string) (gtid, error) {
	s, err := parseMySQLSet(text)
	if err != nil {
		return gtid{}, err
	}
	if len(s.entries) != 1 || len(s.entries[0].intervals) != 1 {
		return gtid{}, fmt.Errorf("%q is no GTID", text)
	}
	e := s.entries[0]
	return gtid{kind: mysqlGTID, uuid: e.uuid, tag: e.tag, number: e.intervals[0].first}, nil
}

func parseUUID(text string) (uuid [16]byte, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err == nil && len(b) != len(uuid) {
		err = fmt.Errorf("%q is no UUID", text)
	}
	copy(uuid[:], b)
	return uuid, err
}

// name prints the UUID and the tag.
func (e *mysqlEntry) name() string {
	h := hex.EncodeToString(e.uuid[:])
	text := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	if e.tag != "" {
		text += ":" + e.tag
	}
	return text
}

func (e *mysqlEntry) compare(uuid *[16]byte, tag string) int {
	if c := bytes.Compare(e.uuid[:], uuid[:]); c != 0 {
		return c
	}
	return strings.Compare(e.tag, tag)
}

func (s *mysqlSet) find(uuid *[16]byte, tag string) (int, bool) {
	for i := range s.entries {
		if c := s.entries[i].compare(uuid, tag); c >= 0 {
			return i, c == 0
		}
	}
	return len(s.entries), false
}

// add takes a GTID in; at the end of its entry's last interval, as nearly always, nothing is allocated.
func (s *mysqlSet) add(g *gtid) {
	i, ok := s.find(&g.uuid, g.tag)
	if ok {
		e := &s.entries[i]
		if n := len(e.intervals); n > 0 && e.intervals[n-1].last+1 == g.number {
			// "7" becomes "7-8": from the second number on only that changes.
			if e.intervals[n-1].first == e.intervals[n-1].last || s.cache.slot != i {
				s.cache.valid = false
			}
			e.intervals[n-1].last = g.number
			s.cache.slot = i
			return
		}
	}
	s.insert(g.uuid, g.tag, interval{g.number, g.number})
}

// insert takes an interval in, joined with those that it touches.
func (s *mysqlSet) insert(uuid [16]byte, tag string, v interval) {
	s.cache.valid = false
	i, ok := s.find(&uuid, tag)
	if !ok {
		s.entries = slices.Insert(s.entries, i, mysqlEntry{uuid: uuid, tag: tag})
	}
	s.cache.slot = i
	e := &s.entries[i]
	joined := e.intervals[:0:0]
	placed := false
	for _, have := range e.intervals {
		switch {
		case have.last+1 < v.first:
			joined = append(joined, have)
		case v.last+1 < have.first:
			if !placed {
				joined, placed = append(joined, v), true
			}
			joined = append(joined, have)
		default:
			v = interval{min(v.first, have.first), max(v.last, have.last)}
		}
	}
	if !placed {
		joined = append(joined, v)
	}
	e.intervals = joined
}

// remove takes one GTID out.
func (s *mysqlSet) remove(g *gtid) {
	i, ok := s.find(&g.uuid, g.tag)
	if !ok {
		return
	}
	s.cache.valid = false
	e := &s.entries[i]
	var left []interval
	for _, have := range e.intervals {
		if g.number < have.first || g.number > have.last {
			left = append(left, have)
			continue
		}
		if have.first < g.number {
			left = append(left, interval{have.first, g.number - 1})
		}
		if g.number < have.last {
			left = append(left, interval{g.number + 1, have.last})
		}
	}
	e.intervals = left
	if len(left) == 0 {
		s.entries = slices.Delete(s.entries, i, i+1)
	}
}

func (s *mysqlSet) contains(g *gtid) bool {
	i, ok := s.find(&g.uuid, g.tag)
	return ok && s.entries[i].contains(interval{g.number, g.number})
}

func (e *mysqlEntry) contains(v interval) bool {
	for _, have := range e.intervals {
		if have.first <= v.first && v.last <= have.last {
			return true
		}
	}
	return false
}

func (s *mysqlSet) containsSet(other *mysqlSet) bool {
	for i := range other.entries {
		e := &other.entries[i]
		mine, ok := s.find(&e.uuid, e.tag)
		for _, v := range e.intervals {
			if !ok || !s.entries[mine].contains(v) {
				return false
			}
		}
	}
	return true
}

func (s *mysqlSet) clone() mysqlSet {
	c := mysqlSet{entries: slices.Clone(s.entries)}
	for i := range c.entries {
		c.entries[i].intervals = slices.Clone(c.entries[i].intervals)
	}
	return c
}

// text prints the set behind a prefix.
func (s *mysqlSet) text(prefix string) string {
	c := &s.cache
	if len(s.entries) == 0 {
		return prefix
	}
	if !c.valid {
		if c.slot >= len(s.entries) {
			c.slot = 0
		}
		var head, tail strings.Builder
		head.WriteString(prefix)
		for i := range s.entries {
			switch {
			case i < c.slot:
				head.WriteString(s.entries[i].text() + ",")
			case i == c.slot:
				text := s.entries[i].text()
				head.WriteString(text[:strings.LastIndexAny(text, ":-")+1])
			default:
				tail.WriteString("," + s.entries[i].text())
			}
		}
		c.head, c.tail, c.valid = head.String(), tail.String(), true
	}
	e := &s.entries[c.slot]
	return c.text(e.intervals[len(e.intervals)-1].last)
}

func (e *mysqlEntry) text() string {
	var b strings.Builder
	b.WriteString(e.name())
	for _, v := range e.intervals {
		b.WriteByte(':')
		b.WriteString(strconv.FormatUint(v.first, 10))
		if v.last > v.first {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(v.last, 10))
		}
	}
	return b.String()
}

// encode gives the set as COM_BINLOG_DUMP_GTID takes it: the plain form, or, if there are tags, that of MySQL 8.3.
func (s *mysqlSet) encode() []byte {
	tagged := false
	for i := range s.entries {
		tagged = tagged || s.entries[i].tag != ""
	}
	n := uint64(len(s.entries))
	if tagged {
		n = 1<<56 | n<<8 | 1
	}
	b := binary.LittleEndian.AppendUint64(nil, n)
	for i := range s.entries {
		e := &s.entries[i]
		b = append(b, e.uuid[:]...)
		if tagged {
			b = append(b, byte(len(e.tag)<<1)) // a variable-length integer; tags are at most 32 characters long
			b = append(b, e.tag...)
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(len(e.intervals)))
		for _, v := range e.intervals {
			b = binary.LittleEndian.AppendUint64(b, v.first)
			b = binary.LittleEndian.AppendUint64(b, v.last+1)
		}
	}
	return b
}
