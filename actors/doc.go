// Package actors is the cast: the shells that turn messages and timer ticks into calls of the pure packages, and
// what those return into messages.
//
//	node ── coordinator                     the list of changefeeds and their states
//	     ├─ puller ── pull                  reads the upstream into the relay log
//	     ├─ maintainer ── feeder ── reader  spans, barrier and checkpoint; who receives what; walks over the log
//	     │             └─ keeper            writes the metadata store
//	     └─ group ── dispatcher ...         one span each, one of them the table trigger
//	              └─ sink ── workers        the downstream
//
// Every parent supervises its children. A dispatcher, sink, feeder or reader that panics is stopped, and made anew by its
// owner from the last checkpoint under a new id or epoch; node, maintainer, group, coordinator and puller restart in
// place, with backoff, and rebuild in Started. Nothing is kept in an actor that the stream, the metadata store or the
// downstream's own record cannot give back.
package actors
