package mysql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A mariaSet is MariaDB's GTID position: the latest GTID of each domain, by domain.
type mariaSet struct {
	latest []gtid
	cache  rendering
}

// A rendering remembers the text around the one number that changes with each transaction.
type rendering struct {
	slot       int // which entry the number is of; -1: nothing is remembered
	head, tail string
	valid      bool
}

func parseMariaSet(text string) (mariaSet, error) {
	var s mariaSet
	if text == "" {
		return s, nil
	}
	for _, one := range strings.Split(text, ",") {
		g, err := parseMariaGTID(strings.TrimSpace(one))
		if err != nil {
			return s, err
		}
		if last := s.last(g.domain); last.kind != noGTID {
			return s, fmt.Errorf("%q names domain %d twice", text, g.domain)
		}
		s.add(&g)
	}
	return s, nil
}

func parseMariaGTID(text string) (gtid, error) {
	parts := strings.Split(text, "-")
	if len(parts) == 3 {
		domain, err1 := strconv.ParseUint(parts[0], 10, 32)
		server, err2 := strconv.ParseUint(parts[1], 10, 32)
		number, err3 := strconv.ParseUint(parts[2], 10, 64)
		if err1 == nil && err2 == nil && err3 == nil {
			return gtid{kind: mariaGTID, domain: uint32(domain), server: uint32(server), number: number}, nil
		}
	}
	return gtid{}, fmt.Errorf("%q is no GTID; MariaDB's are domain-server-sequence, MySQL's uuid:number", text)
}

// String prints the GTID as its server does.
func (g *gtid) String() string {
	switch g.kind {
	case mariaGTID:
		return fmt.Sprintf("%d-%d-%d", g.domain, g.server, g.number)
	case mysqlGTID:
		e := mysqlEntry{uuid: g.uuid, tag: g.tag}
		return e.name() + ":" + strconv.FormatUint(g.number, 10)
	}
	return ""
}

func (s *mariaSet) find(domain uint32) (int, bool) {
	for i := range s.latest {
		if s.latest[i].domain >= domain {
			return i, s.latest[i].domain == domain
		}
	}
	return len(s.latest), false
}

// last gives the latest GTID of a domain, of kind noGTID if there is none.
func (s *mariaSet) last(domain uint32) gtid {
	if i, ok := s.find(domain); ok {
		return s.latest[i]
	}
	return gtid{}
}

func (s *mariaSet) add(g *gtid) {
	i, ok := s.find(g.domain)
	switch {
	case !ok:
		s.latest = slices.Insert(s.latest, i, *g)
		s.cache.valid = false
	case s.cache.slot != i || s.latest[i].server != g.server:
		s.cache.valid = false
		fallthrough
	default:
		s.latest[i] = *g
	}
	s.cache.slot = i
}

// lower takes the set back to before a prepared group.
func (s *mariaSet) lower(x *openXA) {
	i, ok := s.find(x.gtid.domain)
	switch {
	case !ok || s.latest[i].number < x.gtid.number:
	case x.before.kind == noGTID:
		s.latest = slices.Delete(s.latest, i, i+1)
	default:
		s.latest[i] = x.before
	}
	s.cache.valid = false
}

func (s *mariaSet) clone() mariaSet { return mariaSet{latest: slices.Clone(s.latest)} }

// text prints the set behind a prefix.
func (s *mariaSet) text(prefix string) string {
	if len(s.latest) == 0 {
		return prefix
	}
	c := &s.cache
	if !c.valid {
		var head, tail strings.Builder
		head.WriteString(prefix)
		for i := range s.latest {
			g := &s.latest[i]
			switch {
			case i < c.slot:
				head.WriteString(g.String() + ",")
			case i == c.slot:
				fmt.Fprintf(&head, "%d-%d-", g.domain, g.server)
			default:
				tail.WriteString("," + g.String())
			}
		}
		c.head, c.tail, c.valid = head.String(), tail.String(), true
	}
	return c.text(s.latest[c.slot].number)
}

func (c *rendering) text(number uint64) string {
	var digits [20]byte
	b := strconv.AppendUint(digits[:0], number, 10)
	return c.head + string(b) + c.tail
}
