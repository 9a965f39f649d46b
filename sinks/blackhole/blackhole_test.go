package blackhole_test

import (
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	_ "github.com/weir-cdc/weir/sinks/blackhole"

	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sinks/sinktest"
)

func TestConversation(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		return sinktest.Harness{Open: func(env sinks.Env) *actor.Props {
			props, err := sinks.Open("blackhole://", env)
			if err != nil {
				t.Fatal(err)
			}
			return props
		}}
	})
}

func TestOptions(t *testing.T) {
	for uri, want := range map[string]string{
		"blackhole://?decode=maybe": "true or false",
		"blackhole://?color=black":  "decode",
		"whitehole://":              "blackhole://",
	} {
		if _, err := sinks.Open(uri, sinks.Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error that tells of %q", uri, err, want)
		}
	}
	if _, err := sinks.Open("blackhole://?decode=false", sinks.Env{}); err != nil {
		t.Error(err)
	}
}
