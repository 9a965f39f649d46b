//go:build race

package barrier

// raceDetector: the core and its worlds are single-threaded, and the detector makes them several times slower. So the
// exploration keeps to its quick worlds while it is on.
const raceDetector = true
