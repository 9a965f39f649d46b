package link

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/weir-cdc/weir/messages"
)

// travels is the protobuf package whose messages may travel.
var travels = (*messages.Envelope)(nil).ProtoReflect().Descriptor().FullName().Parent()

// undelivered is the type of actor.DeadLetterResponse on the wire; the payload is the path of the target that does not
// live.
const undelivered = ""

// An encoder turns messages into bytes. What it refuses is logged once for each type: the log shall not drown.
type encoder struct {
	log  *logrus.Entry
	told sync.Map // type -> true
}

func newEncoder(log *logrus.Entry) *encoder { return &encoder{log: log} }

// What can not travel: errForeign is of a kind that never does, and nobody waits for it.
var (
	errForeign  = errors.New("not of the kinds that travel")
	errTooLarge = errors.New("too large")
)

func (e *encoder) encode(message any) (name string, body []byte, err error) {
	switch m := message.(type) {
	case *actor.DeadLetterResponse:
		return undelivered, []byte(m.GetTarget().GetId()), nil
	case proto.Message:
		if d := m.ProtoReflect().Descriptor(); d.FullName().Parent() == travels {
			return e.marshal(string(d.FullName()), m)
		}
	}
	e.refuse(fmt.Sprintf("%T", message), "link: message dropped: only those of the protobuf package "+string(travels)+" travel between nodes")
	return "", nil, errForeign
}

func (e *encoder) marshal(name string, m proto.Message) (string, []byte, error) {
	body, err := proto.Marshal(m)
	if err != nil {
		e.log.WithError(err).WithField("type", name).Error("link: message dropped: encode it")
		return "", nil, err
	}
	return name, body, nil
}

func (e *encoder) refuse(kind, why string) {
	if _, told := e.told.LoadOrStore(kind, true); !told {
		e.log.WithField("type", kind).Error(why)
	}
}

// A decoder is the other way; it belongs to one peer.
type decoder struct {
	types map[string]protoreflect.MessageType
	log   *logrus.Entry
}

func newDecoder(log *logrus.Entry) *decoder {
	return &decoder{types: map[string]protoreflect.MessageType{}, log: log}
}

func (d *decoder) decode(name string, body []byte) (proto.Message, bool) {
	kind, known := d.types[name]
	if !known {
		kind = d.find(name)
		d.types[name] = kind
	}
	if kind == nil {
		return nil, false
	}
	m := kind.New().Interface()
	if err := proto.Unmarshal(body, m); err != nil {
		d.log.WithField("type", name).Error("link: message dropped: it is not what its type says")
		return nil, false
	}
	return m, true
}

func (d *decoder) find(name string) protoreflect.MessageType {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil || !strings.HasPrefix(name, string(travels)+".") {
		d.log.WithField("type", name).Error("link: messages dropped: this version does not know their type")
		return nil
	}
	return kind
}
