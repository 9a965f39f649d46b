// Package bank writes a load to an upstream for tests, and knows what must come of it: transfers between accounts that
// keep their sum, a ledger of them, tables of all kinds of writes, and DDL on all of them. Whatever follows the upstream
// must hold, at every consistent cut, the same sum and exactly the transfers of that moment.
package bank
