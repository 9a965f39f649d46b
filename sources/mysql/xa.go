package mysql

import "bytes"

// spill moves the group's rows from out to the spool.
func (t *translator) spill() error {
	if err := t.rows.append(t.out[t.body:]); err != nil {
		return err
	}
	t.out = t.out[:t.body]
	return nil
}

// prepare ends the group of an XA transaction at its XA PREPARE: the rows wait.
func (t *translator) prepare(at int) error {
	b := t.out[at+headerSize:]
	if len(b) < 13 || t.phase == between {
		return t.bad("an XA PREPARE makes no sense")
	}
	onePhase, xid := b[0] != 0, bytes.Clone(b[1:])
	t.out = t.out[:at]
	if t.rows == nil {
		t.rows = &spool{dir: t.spoolDir}
	}
	if onePhase {
		if t.phase == inside {
			if err := t.unspool(t.rows); err != nil {
				return err
			}
		}
		return t.end(len(t.out), committed, nil)
	}
	if err := t.spill(); err != nil {
		return err
	}
	if old := t.spools[string(xid)]; t.phase == inside || t.tracker.pos.isOpen(xid) {
		old.close()
		t.spools[string(xid)], t.rows = t.rows, nil
	}
	return t.end(len(t.out), prepared, xid)
}

// unspool puts spooled rows before what the group's body has in out.
func (t *translator) unspool(s *spool) (err error) {
	rest := bytes.Clone(t.out[t.body:])
	t.out = t.out[:t.body]
	t.rows = nil // they are the body's own now, and may be handed on
	t.out, err = s.each(t.out, func(out []byte) ([]byte, error) {
		t.out = out
		t.tracker.enter(rowsPart)
		err := t.room()
		return t.out, err
	})
	if err == nil && len(rest) > 0 {
		t.out = append(t.out, rest...)
		t.tracker.enter(rowsPart)
	}
	s.close()
	return err
}

// resolve ends the group that commits or rolls back a prepared XA transaction.
func (t *translator) resolve(at int, xid []byte, commit bool) error {
	t.out = t.out[:at]
	if t.phase != inside {
		return t.end(at, resolved, xid)
	}
	rows, ok := t.spools[string(xid)]
	delete(t.spools, string(xid))
	switch {
	case ok && commit:
		if err := t.unspool(rows); err != nil {
			return err
		}
	case ok:
		rows.close()
	case commit:
		return fatal(kindXA, "the XA transaction that %s:%d commits was prepared before the changefeed's start; "+
			"begin the changefeed at a position before its XA PREPARE", t.file, t.endPos)
	}
	return t.end(len(t.out), resolved, xid)
}
