package cluster

// judge compares the files with the upstream: at the end, and at every syncpoint.
func (w *world) judge() {
	w.Helper()
	w.load.CheckCuts(w.feed.Compare(), w.out())
	w.note("judged")
}
