// Package link joins the nodes of a cluster: between each two of them it keeps one session (package session), on top of
// proto.actor's remote, which alone loses messages whenever a connection ends and tells nobody.
//
// To actors another node is an address, "weir:" and its incarnation: Hub.PID names an actor there, and ctx.Send and
// ctx.Request to it, also from a future, arrive exactly once and in order while the session lives. The receiver sees a
// sender of the same form. The session's beginning and end are told to one actor of each node, as *Peer; what was under
// way at its end may be lost, as in a crash. What is sent while no session is up is a dead letter.
//
// # Who is there
//
//	hub   the actor "link": takes every envelope off the wire, hands it to the peer it is for, keeps the clock
//	peer  one for each other node, a child of the hub: the shell around a session
//
// Hub itself is the resolver that proto.actor asks for addresses of this form: it encodes a message in the turn of
// whoever sends it.
//
// # What it does not do
//
// Only messages of the protobuf package weir travel; another one is dropped with an error in the log. One that has no form, as
// a text that is not UTF-8, ends the session: what comes behind it must not arrive without it. Headers do not
// travel. Watch across nodes does not work: the watcher is told Terminated at once, with an error in the log. Follow the
// session with *Peer, and the actor by heartbeats of the conversation.
package link
