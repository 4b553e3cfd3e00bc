package survtest

import (
	"fmt"
	"math"

	"everfold/survival"
)

// Production is a table of the shape of one training fold in production: 229,611 rows, 11
// dense columns, 12 dummies, about 3,400 distinct times, three in five rows with an event:
// what benchmarks of fits use.
func Production() (*survival.Design, survival.Outcome) {
	const n, dense, dummies = 229_611, 11, 12
	u := func(i, stream int) float64 {
		_, f := math.Modf(float64(i+1) * math.Sqrt(float64(3+7*stream))) // no square is 3 mod 7
		return f
	}
	x := &survival.Design{Rows: n}
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	eta := make([]float64, n)
	for j := range dense + dummies {
		v, beta := make([]float64, n), 0.2*math.Sin(float64(j))
		for i := range v {
			v[i] = 3*u(i, j) - 1.5
			if j >= dense {
				v[i] = math.Floor(u(i, j) + 0.1)
			}
			eta[i] += beta * v[i]
		}
		x.Columns = append(x.Columns, survival.Column{Name: fmt.Sprintf("x%d", j), Term: fmt.Sprintf("x%d", j), Values: v})
	}
	for i, e := range eta {
		failure := -1500 * math.Log(u(i, 30)+1e-9) * math.Exp(-e)
		censored := 30 + 3600*u(i, 31)
		y.Event[i] = failure <= censored
		y.Time[i] = math.Ceil(min(failure, censored))
	}
	return x, y
}
