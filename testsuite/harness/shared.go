package harness

import "sync"

// Shared is what several tests of a package need and the first one makes, by key. The zero value is
// empty.
type Shared[K comparable, V any] struct {
	mu sync.Mutex
	of map[K]V
}

// Get returns the value of a key, made where it is not there; others wait meanwhile. Nothing is kept
// where make fails its test.
func (s *Shared[K, V]) Get(key K, make func() V) V {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.of[key]; ok {
		return v
	}
	v := make()
	if s.of == nil {
		s.of = map[K]V{}
	}
	s.of[key] = v
	return v
}
