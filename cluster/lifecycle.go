package cluster

import (
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"
)

// The framework restarts whatever it is told to, an actor that is already stopping too: that one comes back to life,
// and a parent that waits for its end waits for good. So a restart must not follow a stop. Whether one was asked for
// is known to the framework alone, in two unexported words; they are read here. The version of the framework is
// pinned, and a test of the supervisor fails where the words are not found.

// stateStopping is the framework's number for it; higher ones are later.
const stateStopping = 2

// stopping tells whether the actor behind ctx is on its way out. Call it from that actor only.
func stopping(ctx actor.Context) bool { return load(ctx, "state") >= stateStopping }

// stopAsked tells whether somebody asked for the actor's stop, or it is gone.
func stopAsked(system *actor.ActorSystem, pid *actor.PID) bool {
	process, alive := system.ProcessRegistry.GetLocal(pid.Id)
	return !alive || load(process, "dead") != 0
}

// load reads an int32 that its owner writes atomically; 0 if there is no such field.
func load(of any, field string) int32 {
	v := reflect.ValueOf(of)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return 0
	}
	word := v.Elem().FieldByName(field)
	if word.Kind() != reflect.Int32 {
		return 0
	}
	return atomic.LoadInt32((*int32)(unsafe.Pointer(word.UnsafeAddr())))
}
