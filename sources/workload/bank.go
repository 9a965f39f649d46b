package workload

import (
	"fmt"
	"math/rand/v2"

	"github.com/weir-cdc/weir/rows"
)

// A Bank is the workload's model: branches, which are tables of accounts, and a vault that lends the branches their
// money, so that all balances add up to zero, always. What transaction n does follows from the options' seed, n, and
// the Bank's state behind transaction n-1.
type Bank struct {
	options  Options
	position uint64 // transactions done
	vault    *branch
	branches []*branch // open for business
	tables   []*branch // all that exist, the vault too
	steps    []step    // transactions that are planned next
	random   *rand.PCG
	roll     *rand.Rand
	lastID   int64
	lastName int
	serial   uint64 // of the last branch made
}

// A step is one planned transaction.
type step func(t *Transaction)

// A Transaction is what commits at once: a statement, or changes of rows. It holds until the next one is made.
type Transaction struct {
	Number  uint64
	WallMs  int64
	DDL     string // "" for changes
	Changes []Change
}

// A Change is a change of one row of one table.
type Change struct {
	Op       rows.Op
	Old, New account
	branch   *branch
}

// An account is a row.
type account struct {
	id      int64
	balance int64
	owner   string
	opened  uint64  // packed by rows.PackDate
	updated int64   // Unix milliseconds
	extras  []extra // values of the columns added later, by slot; shared between copies, never changed in place
}

// NewBank makes a Bank at position 0, where nothing exists.
func NewBank(o Options) *Bank {
	b := &Bank{options: o, random: rand.NewPCG(0, 0)}
	b.roll = rand.New(b.random)
	b.plan(b.statement("CREATE DATABASE `bank` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"))
	b.plan(b.foundVault()...)
	for range o.Tables {
		b.plan(b.found()...)
	}
	return b
}

// BankAt makes the Bank behind transaction n.
func BankAt(o Options, n uint64) *Bank {
	b := NewBank(o)
	b.Skip(n)
	return b
}

// Skip goes on to the state behind transaction n.
func (b *Bank) Skip(n uint64) {
	var t Transaction
	for b.position < n {
		b.Next(&t)
	}
}

// Position is the number of the last transaction.
func (b *Bank) Position() uint64 { return b.position }

// Next makes the next transaction.
func (b *Bank) Next(t *Transaction) {
	b.position++
	b.random.Seed(b.options.Seed, b.position)
	*t = Transaction{Number: b.position, WallMs: b.options.wallMs(b.position), Changes: t.Changes[:0]}
	if len(b.steps) == 0 && b.ddlDue() {
		b.plan(b.reorganise()...)
	}
	if len(b.steps) > 0 {
		next := b.steps[0]
		b.steps = b.steps[1:]
		next(t)
		return
	}
	b.trade(t)
}

func (b *Bank) ddlDue() bool {
	every := b.options.ddlEvery()
	return every > 0 && b.position%every == 0
}

func (b *Bank) plan(steps ...step) { b.steps = append(b.steps, steps...) }

// trade is a day's business: transfers, and now and then an account opened, closed, or given a new number.
func (b *Bank) trade(t *Transaction) {
	switch kind := b.roll.IntN(100); {
	case kind < 3:
		b.openAccount(t)
	case kind < 6 && b.closeAccount(t):
	case kind < 7 && b.renumber(t):
	default:
		for range 1 + b.roll.IntN(3) {
			b.transfer(t)
		}
	}
}

// transfer moves money between two accounts; the vault steps in for one that has none, and for one that would pay itself.
func (b *Bank) transfer(t *Transaction) {
	from, to := b.pick(), b.pick()
	amount := 1 + b.roll.Int64N(5000)
	if balance := from.account().balance; from == to || balance <= 0 {
		from = b.vaultPlace()
	} else {
		amount = min(amount, balance)
	}
	b.add(t, from, -amount)
	b.add(t, to, amount)
}

func (b *Bank) openAccount(t *Transaction) {
	amount := 1 + b.roll.Int64N(5000)
	b.add(t, b.vaultPlace(), -amount)
	b.insert(t, b.anyBranch(), amount)
}

// closeAccount moves an account's money to another one and deletes it; not if its branch has hardly any left.
func (b *Bank) closeAccount(t *Transaction) bool {
	from, to := b.pick(), b.pick()
	if from.branch == to.branch || len(from.branch.accounts) <= b.options.Rows/2 || len(from.branch.accounts) < 2 {
		return false
	}
	b.add(t, to, from.account().balance)
	t.Changes = append(t.Changes, Change{Op: rows.Delete, branch: from.branch, Old: *from.account()})
	from.branch.remove(from.index)
	return true
}

// renumber changes a row's key.
func (b *Bank) renumber(t *Transaction) bool {
	p := b.pick()
	if p.branch == b.vault {
		return false
	}
	b.lastID++
	b.change(t, p, func(a *account) { a.id = b.lastID })
	return true
}

// A place is where an account stands.
type place struct {
	branch *branch
	index  int
}

func (p place) account() *account { return &p.branch.accounts[p.index] }

func (b *Bank) vaultPlace() place { return place{branch: b.vault} }

func (b *Bank) anyBranch() *branch { return b.branches[b.roll.IntN(len(b.branches))] }

func (b *Bank) pick() place {
	branch := b.anyBranch()
	if len(branch.accounts) == 0 {
		return b.vaultPlace()
	}
	return place{branch, b.roll.IntN(len(branch.accounts))}
}

// add changes a balance, and now and then the value of a column that was added.
func (b *Bank) add(t *Transaction, p place, amount int64) {
	b.change(t, p, func(a *account) {
		a.balance += amount
		if len(a.extras) > 0 && b.roll.IntN(4) == 0 {
			a.extras = p.branch.redraw(a.extras, b.roll)
		}
	})
}

func (b *Bank) change(t *Transaction, p place, f func(a *account)) {
	a := p.account()
	old := *a
	f(a)
	a.updated = t.WallMs
	t.Changes = append(t.Changes, Change{Op: rows.Update, branch: p.branch, Old: old, New: *a})
}

func (b *Bank) insert(t *Transaction, br *branch, balance int64) {
	b.lastID++
	a := account{
		id:      b.lastID,
		balance: balance,
		owner:   ownerName(b.roll, b.lastID),
		opened:  packedDay(t.WallMs),
		updated: t.WallMs,
		extras:  br.defaults(),
	}
	br.accounts = append(br.accounts, a)
	t.Changes = append(t.Changes, Change{Op: rows.Insert, branch: br, New: a})
}

var (
	firstNames = []string{"Ada", "Björn", "Chloé", "Đorđe", "Edsger", "Fatima", "Grace", "Hải", "Ines", "Jürgen", "Κώστας", "Lü", "Михаил", "Nuño", "小雨", "Zoë 🦆"}
	lastNames  = []string{"Ångström", "Böhm", "Çelik", "Dijkstra", "d'Étoile", "Fibonacci", "Gödel", "Hopper", "Ivanov", "Łukasiewicz", "\"Quote\"", "Back\\slash"}
)

func ownerName(roll *rand.Rand, id int64) string {
	return fmt.Sprintf("%s %s %d", firstNames[roll.IntN(len(firstNames))], lastNames[roll.IntN(len(lastNames))], id)
}
