package session

import "time"

// A Packet is what one end sends the other.
type Packet struct {
	Version uint32 // 0 with a hello
	Mine    uint64 // the sender's number of the session
	Yours   uint64 // the receiver's, as far as the sender knows; else 0
	Hello   *Hello
	Ack     uint64 // every part up to this one has arrived; not with a hello
	Parts   []Part
}

// Hello opens a session.
type Hello struct {
	Versions Range
	Started  time.Time // when the sender's process began
	Reply    bool      // it answers one, and asks for nothing
}

// A Message is what travels from one end's owner to the other's. Nobody changes Body once it is sent.
type Message struct {
	Head
	Body []byte
}

// Head is what the owners say of a message.
type Head struct {
	Target, Sender, SenderIncarnation, Type string
}

// overhead is roughly what a message costs beside its bytes.
const overhead = 64

// Size is what the message counts for in Backlog.
func (m Message) Size() int { return len(m.Body) + m.Head.size() + overhead }

func (h Head) size() int {
	return len(h.Target) + len(h.Sender) + len(h.SenderIncarnation) + len(h.Type)
}

// A Part is a message, or a piece of one.
type Part struct {
	Seq    uint64
	Size   int // of the whole message; 0: the part is whole
	Offset int
	Head   Head // of a whole part, and of the first piece
	Body   []byte
}

// last tells whether the part completes its message.
func (p Part) last() bool { return p.Offset+len(p.Body) >= p.Size }

func (p Part) size() int { return len(p.Body) + p.Head.size() + overhead }
