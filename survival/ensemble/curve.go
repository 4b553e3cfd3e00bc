package ensemble

import "everfold/survival/tree"

// steps are the drops of the leaves of one tree, merged by cell of the wanted times.
type steps struct {
	offset []int32
	cell   []int32
	drop   []float64
}

// fill computes the drops: of S, or the steps of H.
func (s *steps) fill(l *tree.Leaves, cell []int32, times int, hazard bool) {
	s.offset, s.cell, s.drop = append(s.offset[:0], 0), s.cell[:0], s.drop[:0]
	for k := range len(l.Offset) - 1 {
		alive, start := 1.0, len(s.cell)
		for e := int(l.Offset[k]); e < int(l.Offset[k+1]); e++ {
			c, drop := cell[l.Rank[e]], l.Hazard(e)
			if int(c) >= times {
				break
			}
			if !hazard {
				drop = float64(drop * alive)
				alive -= drop
			}
			if n := len(s.cell); n > start && s.cell[n-1] == c {
				s.drop[n-1] += drop
				continue
			}
			s.cell, s.drop = append(s.cell, c), append(s.drop, drop)
		}
		s.offset = append(s.offset, int32(len(s.cell)))
	}
}

func (s *steps) add(drops []float64, leaf int32) {
	for e := s.offset[leaf]; e < s.offset[leaf+1]; e++ {
		drops[s.cell[e]] += s.drop[e]
	}
}
