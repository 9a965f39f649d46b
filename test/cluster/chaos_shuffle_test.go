package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/weir-cdc/weir/api"
)

// A shuffle splits, merges and moves tables by the API, whatever is up at the time.
type shuffle struct {
	counts map[string]int // answers, by what was asked and the answer's code
	end    context.CancelFunc
	work   sync.WaitGroup
}

// startShuffle starts one, which works until it is stopped.
func startShuffle(w *world) *shuffle {
	w.Helper()
	s := &shuffle{counts: map[string]int{}}
	var ctx context.Context
	ctx, s.end = context.WithCancel(context.Background())
	w.Cleanup(s.stop)
	random := rand.New(rand.NewPCG(w.random.Uint64(), 0))
	var nodes []*api.Client
	for _, n := range w.cluster.Nodes {
		nodes = append(nodes, w.cluster.client(5*time.Second, n.APIURL()))
	}
	s.work.Go(func() {
		for {
			select {
			case <-time.After(time.Duration(200+random.IntN(1000)) * time.Millisecond):
			case <-ctx.Done():
				return
			}
			kind, err := s.ask(ctx, nodes[random.IntN(len(nodes))], random)
			if ctx.Err() != nil {
				return
			}
			var e *api.Error
			switch {
			case err == nil:
				s.counts[kind+" done"]++
			case errors.As(err, &e) && e.Code != api.Internal:
				s.counts[kind+" "+string(e.Code)]++
			default:
				w.Errorf("%s: %v", kind, err)
			}
		}
	})
	return s
}

func (s *shuffle) stop() {
	s.end()
	s.work.Wait()
}

func (s *shuffle) ask(ctx context.Context, node *api.Client, random *rand.Rand) (kind string, err error) {
	table := api.Table{Schema: "shop", Name: fmt.Sprintf("s%d", random.IntN(6))}
	switch random.IntN(4) {
	case 0:
		table = api.Table{Schema: "bank", Name: fmt.Sprintf("a%d", random.IntN(4))}
	case 1:
		table = api.Table{Schema: "bank", Name: "ledger"}
	}
	switch random.IntN(3) {
	case 0:
		return "split", node.Split(ctx, "bank", table, 2+random.IntN(4))
	case 1:
		return "merge", node.Merge(ctx, "bank", table)
	}
	return "move", node.Move(ctx, "bank", table, fmt.Sprintf("n%d", 1+random.IntN(3)))
}
