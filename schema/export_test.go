package schema

// FullEvery has a full state stored after so many steps.
func (h *History) FullEvery(steps int) { h.perFull = steps }
