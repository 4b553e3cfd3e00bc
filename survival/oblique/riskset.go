package oblique

import "everfold/survival/tree"

// riskSets are the risk sets of a node, which the direction and the cut share. With the
// weights d_k of the events and Y_k of the rows at risk at the node's event time k, and
// c_k = d_k(Y_k − d_k)/(Y_k − 1), tree.Variance, row i of weight w_i and time t_i has
//
//	score_i = w_i·(δ_i − Σ_{t_k ≤ t_i} d_k/Y_k),    share_i = w_i·Σ_{t_k ≤ t_i} c_k/Y_k.
type riskSets struct {
	rows   []member
	times  []eventTime
	events int // rows with an event
}

// member is a row of the node.
type member struct {
	weight, atRisk, score, share float64 // atRisk: the weight of the row and all after it
	event                        int     // 1 or 0
}

// eventTime is one event time of the node.
type eventTime struct {
	start int     // its first row: those at risk are this one and all after it
	c     float64 // c_k/Y_k²
}

// sweep fills the risk sets of a node's rows, positions in ascending order of time.
func (s *riskSets) sweep(y tree.Ranked, rows []int32, weight []float64) {
	s.rows, s.times, s.events = resize(s.rows, len(rows)), s.times[:0], 0
	risk := 0.0
	for i := len(rows) - 1; i >= 0; i-- { // from the end: rounding never leaves less than is there
		w := weight[rows[i]]
		risk += w
		s.rows[i] = member{weight: w, atRisk: risk}
	}
	hazard, share := 0.0, 0.0
	for i := 0; i < len(rows); {
		start, rank, d := i, y.Rank[rows[i]], 0.0
		for ; i < len(rows) && y.Rank[rows[i]] == rank; i++ {
			if y.Event[rows[i]] {
				s.rows[i].event = 1
				d += s.rows[i].weight
				s.events++
			}
		}
		if d > 0 {
			risk := s.rows[start].atRisk
			c := tree.Variance(d, risk, y.Subject()) / risk
			hazard += d / risk
			share += c
			s.times = append(s.times, eventTime{start: start, c: c / risk})
		}
		for k := start; k < i; k++ {
			m := &s.rows[k]
			m.score, m.share = m.weight*(float64(m.event)-hazard), m.weight*share
		}
	}
}
