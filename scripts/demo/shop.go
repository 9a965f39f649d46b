package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
)

const (
	customers = 5000
	products  = 200
)

// A shop is the upstream: customers who order.
type shop struct {
	server *mariadb.Server
	orders int
	ddl    []string // statements done while it was followed
}

// open makes and fills the tables.
func (s *shop) open(ctx context.Context) error {
	if err := s.server.Exec(ctx, `
CREATE DATABASE shop;
CREATE TABLE shop.customers (id INT PRIMARY KEY, name VARCHAR(80) NOT NULL, city VARCHAR(40), credit DECIMAL(10,2) NOT NULL);
CREATE TABLE shop.products (id INT PRIMARY KEY, name VARCHAR(80) NOT NULL, stock INT NOT NULL);
CREATE TABLE shop.orders (id BIGINT PRIMARY KEY, customer INT NOT NULL, product INT NOT NULL, pieces INT NOT NULL,
  placed DATETIME(3) NOT NULL, state ENUM('new','paid','sent') NOT NULL DEFAULT 'new')`); err != nil {
		return err
	}
	if err := s.fill(ctx, "customers", customers, func(i int) string {
		return fmt.Sprintf("(%d, 'Customer %d', %s, %d.50)", i, i, []string{"'Köln'", "'Łódź'", "'東京'", "NULL"}[i%4], i%900)
	}); err != nil {
		return err
	}
	return s.fill(ctx, "products", products, func(i int) string { return fmt.Sprintf("(%d, 'Product %d', 1000000)", i, i) })
}

func (s *shop) fill(ctx context.Context, table string, rows int, row func(i int) string) error {
	const batch = 1000
	for from := 1; from <= rows; from += batch {
		var values []string
		for i := from; i < min(from+batch, rows+1); i++ {
			values = append(values, row(i))
		}
		if err := s.server.Exec(ctx, "INSERT INTO shop."+table+" VALUES "+strings.Join(values, ",")); err != nil {
			return err
		}
	}
	return nil
}

// changes are what happens to the shop's tables while it is followed, evenly spread.
var changes = []string{
	"ALTER TABLE shop.customers ADD COLUMN since DATE NOT NULL DEFAULT '2020-01-01' AFTER city",
	"CREATE TABLE shop.returns (id INT AUTO_INCREMENT PRIMARY KEY, order_id BIGINT NOT NULL, why TEXT)",
	"INSERT INTO shop.returns (order_id, why) VALUES (1, 'too small'), (2, 'too \"big\"'), (3, NULL)",
	"RENAME TABLE shop.returns TO shop.refunds",
	"ALTER TABLE shop.orders ADD COLUMN note VARCHAR(100), ADD INDEX by_customer (customer)",
	"CREATE TABLE shop.sketch (id INT PRIMARY KEY); INSERT INTO shop.sketch VALUES (1),(2),(3)",
	"TRUNCATE TABLE shop.sketch; INSERT INTO shop.sketch VALUES (4)",
	"DROP TABLE shop.sketch",
}

// work serves customers until ctx ends, and makes all of the changes on the way.
func (s *shop) work(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return errors.New("work: the context has no deadline")
	}
	pause := time.Until(deadline) / time.Duration(len(changes)+1)
	next := time.NewTicker(pause)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
			if len(s.ddl) < len(changes) {
				statement := changes[len(s.ddl)]
				say("upstream: %s", statement)
				if err := s.server.Exec(ctx, statement); err != nil && ctx.Err() == nil {
					return err
				}
				s.ddl = append(s.ddl, statement)
			}
		default:
			if err := s.serve(ctx, 1); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// serve does n transactions: orders that are placed, paid, sent, and cleared away when they are old.
func (s *shop) serve(ctx context.Context, n int) error {
	for range n {
		if err := s.transaction(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *shop) transaction(ctx context.Context) error {
	const perTransaction = 10
	var orders []string
	product := 1 + rand.IntN(products)
	for range perTransaction {
		s.orders++
		orders = append(orders, fmt.Sprintf("(%d, %d, %d, %d, NOW(3))", s.orders, 1+rand.IntN(customers), product, 1+rand.IntN(5)))
	}
	return s.server.Exec(ctx, fmt.Sprintf(`BEGIN;
INSERT INTO shop.orders (id, customer, product, pieces, placed) VALUES %s;
UPDATE shop.products SET stock = stock - %d WHERE id = %d;
UPDATE shop.orders SET state = 'paid' WHERE id BETWEEN %d AND %d;
UPDATE shop.orders SET state = 'sent' WHERE id = %d;
DELETE FROM shop.orders WHERE id BETWEEN %d AND %d;
COMMIT`, strings.Join(orders, ","), perTransaction, product,
		s.orders-100, s.orders-91, s.orders-200, s.orders-20000, s.orders-19991))
}
