package link

import (
	"time"

	"github.com/weir-cdc/weir/cluster/link/session"
	"github.com/weir-cdc/weir/messages"
)

// seal puts a packet into the envelope that travels. The payload is not copied.
func seal(from, to string, p session.Packet) *messages.Envelope {
	e := &messages.Envelope{Version: p.Version, From: from, To: to, Session: p.Mine, PeerSession: p.Yours}
	switch {
	case p.Hello == nil:
		e.Ack = &messages.Ack{Seq: p.Ack}
		e.Data = sealParts(p.Parts)
	case p.Hello.Reply:
		e.HelloReply = &messages.HelloReply{MinVersion: p.Hello.Versions.Min, MaxVersion: p.Hello.Versions.Max,
			StartedMs: p.Hello.Started.UnixMilli()}
	default:
		e.Hello = &messages.Hello{MinVersion: p.Hello.Versions.Min, MaxVersion: p.Hello.Versions.Max,
			StartedMs: p.Hello.Started.UnixMilli()}
	}
	return e
}

func sealParts(parts []session.Part) []*messages.Data {
	data := make([]messages.Data, len(parts))
	sealed := make([]*messages.Data, len(parts))
	for i, p := range parts {
		d := &data[i]
		d.Seq, d.Size, d.Offset, d.Payload = p.Seq, uint64(p.Size), uint64(p.Offset), p.Body
		d.Target, d.Sender, d.SenderIncarnation, d.Type = p.Head.Target, p.Head.Sender, p.Head.SenderIncarnation, p.Head.Type
		sealed[i] = d
	}
	return sealed
}

// open gives the packet in an envelope.
func open(e *messages.Envelope) session.Packet {
	p := session.Packet{Version: e.Version, Mine: e.Session, Yours: e.PeerSession, Ack: e.GetAck().GetSeq()}
	switch {
	case e.Hello != nil:
		p.Hello = hello(e.Hello, false)
	case e.HelloReply != nil:
		p.Hello = hello(e.HelloReply, true)
	default:
		p.Parts = openParts(e.Data)
	}
	return p
}

func hello(h interface {
	GetMinVersion() uint32
	GetMaxVersion() uint32
	GetStartedMs() int64
}, reply bool) *session.Hello {
	return &session.Hello{
		Versions: session.Range{Min: h.GetMinVersion(), Max: h.GetMaxVersion()},
		Started:  time.UnixMilli(h.GetStartedMs()),
		Reply:    reply,
	}
}

func openParts(data []*messages.Data) []session.Part {
	parts := make([]session.Part, len(data))
	for i, d := range data {
		parts[i] = session.Part{Seq: d.Seq, Size: int(d.Size), Offset: int(d.Offset), Body: d.Payload,
			Head: session.Head{Target: d.Target, Sender: d.Sender, SenderIncarnation: d.SenderIncarnation, Type: d.Type}}
	}
	return parts
}
