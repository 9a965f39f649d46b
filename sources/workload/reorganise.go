package workload

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/weir-cdc/weir/schema"
)

const (
	deposit   = 100_000 // what the vault lends a new account
	atOnce    = 500     // accounts that one transaction funds or drains
	mostAdded = 6       // columns that are added to one table
)

// statement plans a DDL that changes no account.
func (b *Bank) statement(ddl string) step {
	return func(t *Transaction) { t.DDL = ddl }
}

// create plans the statement that makes a branch's table.
func (b *Bank) create(br *branch) step {
	return func(t *Transaction) {
		t.DDL = br.create()
		b.tables = append(b.tables, br)
	}
}

func (b *Bank) foundVault() []step {
	vault := b.newBranch("vault")
	return []step{
		b.create(vault),
		func(t *Transaction) {
			b.vault = vault
			b.insert(t, vault, 0)
		},
	}
}

// found plans a new branch: its table, then the funds of its accounts.
func (b *Bank) found() []step {
	br := b.newBranch(b.newName())
	return append([]step{b.create(br)}, b.fund(br)...)
}

func (b *Bank) newName() string {
	b.lastName++
	return fmt.Sprintf("branch_%03d", b.lastName)
}

// fund plans the accounts of a branch, after which it is open.
func (b *Bank) fund(br *branch) []step {
	var steps []step
	for left := b.options.Rows; left > 0; left -= atOnce {
		steps = append(steps, func(t *Transaction) {
			n := min(left, atOnce)
			b.add(t, b.vaultPlace(), -int64(n)*deposit)
			for range n {
				b.insert(t, br, deposit)
			}
			if left <= atOnce {
				b.branches = append(b.branches, br)
			}
		})
	}
	return steps
}

// drain plans the money of a branch back into the vault, and closes it. Its rows stay.
func (b *Bank) drain(br *branch) []step {
	b.branches = without(b.branches, br)
	var steps []step
	for first := 0; first < len(br.accounts); first += atOnce {
		steps = append(steps, func(t *Transaction) {
			total := int64(0)
			for i := first; i < min(first+atOnce, len(br.accounts)); i++ {
				p := place{br, i}
				balance := p.account().balance
				total += balance
				b.add(t, p, -balance)
			}
			b.add(t, b.vaultPlace(), total)
		})
	}
	return steps
}

func without(branches []*branch, br *branch) []*branch {
	return slices.DeleteFunc(branches, func(other *branch) bool { return other == br })
}

// reorganise plans a DDL, with what must go before it and after it so that no money is lost.
func (b *Bank) reorganise() []step {
	br := b.anyBranch()
	switch b.roll.IntN(12) {
	case 0, 1, 2:
		return b.addColumn(br)
	case 3:
		return b.dropColumn(br)
	case 4:
		return b.widenOwner(br)
	case 5:
		return b.toggleIndex(br)
	case 6, 7:
		return b.rename(br)
	case 8:
		return b.swap(br)
	case 9:
		return b.truncate(br)
	case 10:
		return b.replace(br)
	}
	return []step{b.statement("ALTER DATABASE `" + Database + "` DEFAULT CHARACTER SET " + charset + " COLLATE " + collation)}
}

// altered plans a statement that takes effect when it is written.
func (b *Bank) altered(ddl string, effect func()) []step {
	return []step{func(t *Transaction) {
		t.DDL = ddl
		effect()
	}}
}

func (b *Bank) addColumn(br *branch) []step {
	if len(br.extraColumns()) >= mostAdded {
		return b.dropColumn(br)
	}
	c := column{cell: textCell, Column: schema.Column{Name: "note_" + strconv.FormatUint(b.position, 10), Type: schema.VarChar,
		TypeName: "varchar", Charset: charset, Collation: collation, Length: noteLength, Nullable: true}}
	switch b.roll.IntN(3) {
	case 0:
		text := "none yet"
		c.Default = &text
	case 1:
		number := strconv.Itoa(b.roll.IntN(10))
		c = column{cell: numberCell, Column: schema.Column{Name: "tier_" + strconv.FormatUint(b.position, 10), Type: schema.Int,
			TypeName: "int", Length: 11, Default: &number}}
	}
	at := b.roll.IntN(len(br.columns) + 1)
	where := " FIRST"
	if at > 0 {
		where = " AFTER `" + br.columns[at-1].Name + "`"
	}
	return b.altered("ALTER TABLE "+br.ref()+" ADD COLUMN "+c.definition()+where, func() { br.addColumn(at, c) })
}

func (b *Bank) dropColumn(br *branch) []step {
	added := br.extraColumns()
	if len(added) == 0 {
		return b.addColumn(br)
	}
	at := added[b.roll.IntN(len(added))]
	return b.altered("ALTER TABLE "+br.ref()+" DROP COLUMN `"+br.columns[at].Name+"`", func() { br.dropColumn(at) })
}

func (b *Bank) widenOwner(br *branch) []step {
	at := br.offset(ownerCell)
	wide := br.columns[at]
	if wide.Length >= ownerMost {
		return b.toggleIndex(br)
	}
	wide.Length += 10
	return b.altered("ALTER TABLE "+br.ref()+" MODIFY COLUMN "+wide.definition(), func() {
		br.columns = slices.Clone(br.columns)
		br.columns[at] = wide
		br.revision++
	})
}

func (b *Bank) toggleIndex(br *branch) []step {
	ddl := "CREATE INDEX `by_owner` ON " + br.ref() + " (`owner`)"
	if br.indexed {
		ddl = "DROP INDEX `by_owner` ON " + br.ref()
	}
	return b.altered(ddl, func() { br.indexed = !br.indexed })
}

func (b *Bank) rename(br *branch) []step {
	name := b.newName()
	return b.altered("RENAME TABLE "+br.ref()+" TO "+quoted(name), func() { br.rename(name) })
}

// swap gives two branches each other's name in one statement.
func (b *Bank) swap(br *branch) []step {
	other := b.anyBranch()
	if other == br {
		return b.rename(br)
	}
	ddl := fmt.Sprintf("RENAME TABLE %s TO %s, %s TO %s, %s TO %s",
		br.ref(), quoted("swapped"), other.ref(), br.ref(), quoted("swapped"), other.ref())
	return b.altered(ddl, func() {
		mine, theirs := br.name, other.name
		br.rename(theirs)
		other.rename(mine)
	})
}

func (br *branch) rename(name string) {
	br.name = name
	br.revision++
}

// truncate drains a branch, empties its table, and funds it again.
func (b *Bank) truncate(br *branch) []step {
	steps := b.drain(br)
	steps = append(steps, b.altered("TRUNCATE TABLE "+br.ref(), func() {
		br.accounts = nil
		br.revision++
	})...)
	return append(steps, b.fund(br)...)
}

// replace founds a branch and drops another one's table.
func (b *Bank) replace(br *branch) []step {
	steps := b.found()
	steps = append(steps, b.drain(br)...)
	return append(steps, func(t *Transaction) {
		t.DDL = "DROP TABLE " + br.ref()
		b.tables = without(b.tables, br)
	})
}
