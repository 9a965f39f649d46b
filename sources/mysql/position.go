package mysql

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

const (
	gtidPrefix = "gtid:"
	xaPrefix   = ";xa="
)

// A position is a place between the groups of an upstream's binlog, in one of three forms.
type position struct {
	kind byte // mariaGTID, mysqlGTID; noGTID: a file position

	maria mariaSet
	mysql mysqlSet
	file  string
	at    uint64

	// open holds the XA transactions that are prepared here, in the order of their preparation.
	open []openXA
}

// An openXA is a prepared XA transaction: its group lies before the position, its rows come after.
type openXA struct {
	xid    string // as the XA_PREPARE event has it, raw
	gtid   gtid   // of the group that prepared it
	before gtid   // MariaDB: the one before that in the domain, kind noGTID if there is none
	file   string // of a file position: where the group begins
	at     uint64
}

// parsePosition reads what String prints.
func parsePosition(text string) (*position, error) {
	main, xa, hasXA := strings.Cut(text, xaPrefix)
	p := &position{}
	var err error
	if set, ok := strings.CutPrefix(main, gtidPrefix); ok {
		err = p.parseSet(set)
	} else {
		p.file, p.at, err = parseFilePosition(main)
	}
	if err != nil {
		return nil, err
	}
	if hasXA {
		for _, one := range strings.Split(xa, "|") {
			if err := p.parseOpen(one); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// parseSet reads a GTID set of either flavour. The empty set is MariaDB's; MySQL's is told by the server's flavour.
func (p *position) parseSet(set string) (err error) {
	set = strings.TrimSpace(set)
	if len(set) >= 36 && strings.Count(set[:36], "-") == 4 && len(strings.Split(set, "-")[0]) == 8 {
		p.kind = mysqlGTID
		p.mysql, err = parseMySQLSet(set)
		return err
	}
	p.kind = mariaGTID
	p.maria, err = parseMariaSet(set)
	return err
}

func parseFilePosition(text string) (string, uint64, error) {
	i := strings.LastIndexByte(text, ':')
	if i > 0 {
		if at, err := strconv.ParseUint(text[i+1:], 10, 64); err == nil && at >= 4 {
			return text[:i], at, nil
		}
	}
	return "", 0, fmt.Errorf("%q is no position; write gtid:SET or FILE:POS", text)
}

// String prints the position as --start-at takes it.
func (p *position) String() string {
	var text string
	switch p.kind {
	case mariaGTID:
		text = p.maria.text(gtidPrefix)
	case mysqlGTID:
		text = p.mysql.text(gtidPrefix)
	default:
		text = p.file + ":" + strconv.FormatUint(p.at, 10)
	}
	if len(p.open) == 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(text)
	for i, x := range p.open {
		if i == 0 {
			b.WriteString(xaPrefix)
		} else {
			b.WriteByte('|')
		}
		b.WriteString(hex.EncodeToString([]byte(x.xid)))
		b.WriteByte('@')
		b.WriteString(x.from(p.kind))
	}
	return b.String()
}

// from prints where the prepared group is.
func (x *openXA) from(kind byte) string {
	switch kind {
	case mariaGTID:
		if x.before.kind == noGTID {
			return x.gtid.String()
		}
		return x.gtid.String() + "/" + x.before.String()
	case mysqlGTID:
		return x.gtid.String()
	}
	return x.file + ":" + strconv.FormatUint(x.at, 10)
}

func (p *position) parseOpen(text string) error {
	id, from, ok := strings.Cut(text, "@")
	xid, err := hex.DecodeString(id)
	if !ok || err != nil {
		return fmt.Errorf("%q tells no prepared XA transaction", text)
	}
	x := openXA{xid: string(xid)}
	switch p.kind {
	case mariaGTID:
		own, before, has := strings.Cut(from, "/")
		if x.gtid, err = parseMariaGTID(own); err == nil && has {
			x.before, err = parseMariaGTID(before)
		}
	case mysqlGTID:
		x.gtid, err = parseMySQLGTID(from)
	default:
		x.file, x.at, err = parseFilePosition(from)
	}
	p.open = append(p.open, x)
	return err
}

// advance takes the group into the position.
func (p *position) advance(g *gtid, endPos uint64) {
	switch p.kind {
	case mariaGTID:
		p.maria.add(g)
	case mysqlGTID:
		p.mysql.add(g)
	default:
		p.at = endPos
	}
}

// prepare notes that the group, not yet advanced over, ends as a prepared XA transaction.
func (p *position) prepare(xid []byte, g *gtid) {
	x := openXA{xid: string(xid), gtid: *g, file: p.file, at: p.at}
	if p.kind == mariaGTID {
		x.before = p.maria.last(g.domain)
	}
	p.open = append(p.open, x)
}

// resolve notes that a prepared transaction has come to its end.
func (p *position) resolve(xid []byte) {
	for i := range p.open {
		if p.open[i].xid == string(xid) {
			p.open = append(p.open[:i:i], p.open[i+1:]...)
			return
		}
	}
}

// isOpen tells whether an XA transaction is prepared here.
func (p *position) isOpen(xid []byte) bool {
	for i := range p.open {
		if p.open[i].xid == string(xid) {
			return true
		}
	}
	return false
}

// covers tells whether a group lies before the position. endPos and file are for file positions.
func (p *position) covers(g *gtid, file string, endPos uint64) bool {
	switch p.kind {
	case mariaGTID:
		last := p.maria.last(g.domain)
		return last.kind != noGTID && g.number <= last.number
	case mysqlGTID:
		return p.mysql.contains(g)
	}
	return compareFiles(file, p.file) < 0 || file == p.file && endPos <= p.at
}

// reached tells whether all before goal is before p, too. XA transactions don't count.
func (p *position) reached(goal *position) bool {
	switch {
	case goal.kind == mariaGTID && len(goal.maria.latest) == 0:
		return true
	case p.kind != goal.kind:
		return false
	case p.kind == mariaGTID:
		for i := range goal.maria.latest {
			if !p.covers(&goal.maria.latest[i], "", 0) {
				return false
			}
		}
		return true
	case p.kind == mysqlGTID:
		return p.mysql.containsSet(&goal.mysql)
	}
	return p.covers(&gtid{}, p.file, 0) && (compareFiles(goal.file, p.file) < 0 || goal.file == p.file && goal.at <= p.at)
}

// resume gives the position to read from so that all prepared XA transactions come again.
func (p *position) resume() *position {
	from := *p
	from.open = nil
	switch p.kind {
	case mariaGTID:
		from.maria = p.maria.clone()
		for i := range p.open {
			from.maria.lower(&p.open[i])
		}
	case mysqlGTID:
		from.mysql = p.mysql.clone()
		for i := range p.open {
			from.mysql.remove(&p.open[i].gtid)
		}
	default:
		for i := range p.open {
			x := &p.open[i]
			if compareFiles(x.file, from.file) < 0 || x.file == from.file && x.at < from.at {
				from.file, from.at = x.file, x.at
			}
		}
	}
	return &from
}

// compareFiles orders binlog files by their number; names of one server differ in nothing else.
func compareFiles(a, b string) int {
	if a == b {
		return 0
	}
	na, nb := fileNumber(a), fileNumber(b)
	switch {
	case na < nb:
		return -1
	case na > nb:
		return 1
	}
	return strings.Compare(a, b)
}

func fileNumber(name string) uint64 {
	n, _ := strconv.ParseUint(name[strings.LastIndexByte(name, '.')+1:], 10, 64)
	return n
}
