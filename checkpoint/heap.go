package checkpoint

// A heap orders records by key, lowest first. Each record knows its place, so that one in the middle can change or go.
type heap[ID comparable] []*record[ID]

func (h *heap[ID]) push(r *record[ID]) {
	r.key, r.place = r.limit(), len(*h)
	*h = append(*h, r)
	h.up(r.place)
}

func (h *heap[ID]) remove(r *record[ID]) {
	at, end := r.place, len(*h)-1
	h.swap(at, end)
	(*h)[end] = nil
	*h = (*h)[:end]
	if at < end {
		h.fix((*h)[at])
	}
}

// fix restores the order after the key of r changed.
func (h *heap[ID]) fix(r *record[ID]) {
	h.up(r.place)
	h.down(r.place)
}

func (h *heap[ID]) up(at int) {
	for at > 0 {
		parent := (at - 1) / 2
		if (*h)[parent].key <= (*h)[at].key {
			return
		}
		h.swap(at, parent)
		at = parent
	}
}

func (h *heap[ID]) down(at int) {
	for {
		child := 2*at + 1
		if child >= len(*h) {
			return
		}
		if other := child + 1; other < len(*h) && (*h)[other].key < (*h)[child].key {
			child = other
		}
		if (*h)[at].key <= (*h)[child].key {
			return
		}
		h.swap(at, child)
		at = child
	}
}

func (h *heap[ID]) swap(a, b int) {
	s := *h
	s[a], s[b] = s[b], s[a]
	s[a].place, s[b].place = a, b
}
