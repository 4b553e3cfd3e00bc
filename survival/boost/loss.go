package boost

import (
	"math"

	"everfold/survival"
	"everfold/survival/riskset"
)

// loss is Breslow's log partial likelihood with rows in the order of time.
type loss struct {
	groups []riskset.Group
	weight []float64 // w
	events []float64 // d by group

	f      []float64 // F
	e      []float64 // w·e^{F − shift}
	shift  float64
	moved  float64 // bound on how far any F has moved since the shift was chosen
	atRisk []float64
	g, h   []float64
}

func newLoss(order *riskset.Order, y survival.Outcome) *loss {
	n := y.Len()
	l := &loss{groups: order.Groups, weight: order.Gather(y.Weight), events: make([]float64, len(order.Groups)),
		f: make([]float64, n), e: make([]float64, n), atRisk: make([]float64, len(order.Groups)),
		g: make([]float64, n), h: make([]float64, n)}
	if l.weight == nil {
		l.weight = make([]float64, n)
		for i := range l.weight {
			l.weight[i] = 1
		}
	}
	order.EventSums(l.events, l.weight)
	l.exponentiate()
	return l
}

// exponentiate computes e afresh, shifted so that the largest F has e^0: gradients do not
// depend on the shift, and nothing overflows.
func (l *loss) exponentiate() {
	l.shift, l.moved = math.Inf(-1), 0
	for _, f := range l.f {
		l.shift = max(l.shift, f)
	}
	for i, f := range l.f {
		l.e[i] = l.weight[i] * math.Exp(f-l.shift)
	}
}

// furthest is how far F may move before e is computed afresh: e^±300 is far from the ends
// of float64, and few products keep rounding small.
const furthest = 300

// add adds the value of its leaf to F of every row.
func (l *loss) add(leaf []int32, values []float64) {
	factor := make([]float64, len(values))
	most := 0.0
	for k, v := range values {
		factor[k] = math.Exp(v)
		most = max(most, math.Abs(v))
	}
	for i, k := range leaf {
		l.f[i] += values[k]
	}
	if l.moved += most; l.moved > furthest {
		l.exponentiate()
		return
	}
	for i, k := range leaf {
		l.e[i] *= factor[k]
	}
}

// gradient fills g and h and returns the log partial likelihood.
func (l *loss) gradient() float64 {
	sum, log := 0.0, 0.0
	for k := len(l.groups) - 1; k >= 0; k-- {
		for _, e := range l.e[l.groups[k].Start:l.groups[k].End] {
			sum += e
		}
		l.atRisk[k] = sum
	}
	var first, second float64 // Σ d/R and Σ d/R² up to the present time
	for k, grp := range l.groups {
		if d := l.events[k]; d > 0 && l.atRisk[k] > 0 {
			first += d / l.atRisk[k]
			second += d / l.atRisk[k] / l.atRisk[k]
			log -= d * (math.Log(l.atRisk[k]) + l.shift)
		}
		for i := grp.Start; i < grp.End; i++ {
			expected := l.e[i] * first
			l.g[i] = -expected
			l.h[i] = max(0, expected-l.e[i]*(l.e[i]*second)/l.weight[i])
		}
		for i := grp.Start; i < grp.Start+grp.Events; i++ {
			l.g[i] += l.weight[i]
			log += l.weight[i] * l.f[i]
		}
	}
	return log
}

// baseline is H₀ at F − center, center being the largest F.
func (l *loss) baseline() (center float64, h survival.StepFunction) {
	l.exponentiate()
	l.gradient()
	total := 0.0
	for k, grp := range l.groups {
		if l.events[k] > 0 {
			total += l.events[k] / l.atRisk[k]
			h.Times, h.Values = append(h.Times, grp.Time), append(h.Values, total)
		}
	}
	return l.shift, h
}
