// Package session is how two nodes talk reliably over a transport that loses, repeats, delays and reorders packets:
// what one end of a link does, as a state machine without clock, network or actor.
//
// # Sessions
//
// Each end numbers the session that it wants to open, from a number that it never used before; a session is the pair of
// both ends' numbers. An end says Hello until the other has repeated its number: then the session is up, and
//
//   - messages arrive exactly once and in the order in which they were sent, while it is up at both ends;
//   - an end that gives it up, for whatever reason, takes a new number, and says so: the other end gives it up as well, at
//     the latest when it has heard nothing for Config.Silence;
//   - nothing that belongs to another pair is ever delivered.
//
// What was under way when a session ended may have arrived or not, as in a crash.
//
// # Phases
//
//	greeting  no session; says Hello until the other end has repeated this end's number
//	up        messages travel
//	refused   the ends have no version in common, which no later packet changes
//
// # Flow
//
// A message is cut into parts, which are numbered from 1 in each session. At most a window of bytes is under way without
// an acknowledgement. Acknowledgements are cumulative. When none has come for a while the end goes back to the
// oldest part and sends from there again, a little at first. The window shrinks while acknowledgements come late: a
// queue on a slow line would only delay what tells that the end lives.
//
// It bounds no queue: Backlog says how much waits, and the owner ends the session when that is too much.
package session
