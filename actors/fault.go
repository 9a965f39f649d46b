package actors

// A faultPoint names a place at which a process can be held, and then killed, in the midst of a DDL, or of a span's way to
// another dispatcher. Only builds with the tag weir_faults stop there: the crash matrix (test/matrix) is run with one.
type faultPoint string

const (
	// atMeeting: an event has come, and the dispatcher has not looked at it.
	atMeeting faultPoint = "meeting"
	// atWriting: the dispatcher is to write, and its sink was not asked to.
	atWriting faultPoint = "writing"
	// atWritten: the sink has written, and nobody was told.
	atWritten faultPoint = "written"
	// atPassing: the order to pass is there, and is not carried out. A DDL that the trigger writes by itself has no such
	// order: there it is the answer to its report.
	atPassing faultPoint = "passing"
	// atPassed: the event is behind the dispatcher, and the maintainer was not told.
	atPassed faultPoint = "passed"
	// atArriving: the dispatcher was made, and has met nothing.
	atArriving faultPoint = "arriving"
	// atLeaving: the dispatcher is to end, and has not said its last words.
	atLeaving faultPoint = "leaving"
)
