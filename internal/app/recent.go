package app

// recent keeps the values that were used last, by key, at most so many: whoever may start runs
// can name any number of stores and trackers. It ends nothing: a value that is in use goes on
// without it. The zero value is empty; not safe for concurrent use.
type recent[K comparable, V any] struct {
	held  map[K]*held[V]
	clock int64
}

type held[V any] struct {
	value V
	used  int64
}

// mostRecent is more than the runs that a worker has in hand at once.
const mostRecent = 64

// get returns the value of a key, made where it is not there. An error is kept nowhere.
func (r *recent[K, V]) get(key K, make func() (V, error)) (V, error) {
	r.clock++
	if h, ok := r.held[key]; ok {
		h.used = r.clock
		return h.value, nil
	}
	value, err := make()
	if err != nil {
		return value, err
	}
	if r.held == nil {
		r.held = map[K]*held[V]{}
	}
	r.held[key] = &held[V]{value, r.clock}
	if len(r.held) > mostRecent {
		oldest := key
		for k, h := range r.held {
			if h.used < r.held[oldest].used {
				oldest = k
			}
		}
		delete(r.held, oldest)
	}
	return value, nil
}
