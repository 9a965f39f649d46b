package schedule

import (
	"fmt"
	"strings"

	"github.com/weir-cdc/weir/barrier"
)

// A NodeID names one incarnation of a node.
type NodeID string

// An Action is what the maintainer has to do: Place, Remove or Reshape.
type Action interface {
	String() string
	action()
}

// Place asks for a dispatcher of an absent span: barrier.Create, and the message to the node's group. The maintainer
// tells Placed before the next Step.
type Place struct {
	Span barrier.Span
	Node NodeID
}

// Remove asks for the orderly end of a dispatcher. The answer, or the loss of its node, is told as Gone. It may be asked
// for again if that takes long; an order for a dispatcher that is ending or gone changes nothing.
type Remove struct {
	Dispatcher barrier.DispatcherID
	Node       NodeID
}

// Reshape asks to cut absent spans of a table anew: barrier.Reshape. The new ones are absent then.
type Reshape struct{ Old, New []barrier.Span }

func (Place) action()   {}
func (Remove) action()  {}
func (Reshape) action() {}

// String gives "place 5[0,100) on n1".
func (a Place) String() string { return fmt.Sprintf("place %s on %s", a.Span, a.Node) }

// String gives "remove 7.1 from n1".
func (a Remove) String() string { return fmt.Sprintf("remove %s from %s", a.Dispatcher, a.Node) }

// String gives "reshape 5 into 5[0,100) 5[100,)".
func (a Reshape) String() string { return fmt.Sprintf("reshape %s into %s", list(a.Old), list(a.New)) }

func list(spans []barrier.Span) string {
	var text []string
	for _, s := range spans {
		text = append(text, s.String())
	}
	return strings.Join(text, " ")
}
