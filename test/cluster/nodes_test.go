package cluster

import (
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
)

// Three nodes on loopback follow a server, each on an address of its own.
func TestThreeNodes(t *testing.T) {
	t.Parallel()
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, n INT)", "INSERT INTO shop.t SELECT seq, seq FROM shop.seq_1_to_1000")
	c := New(t, Options{})
	c.Start()
	f := c.Create("shop", FeedOptions{Server: server})
	t.Logf("caught up in %v", f.CatchUp())
	f.Compare()
}
