package oblique

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// node is a random node: every row of a sample, with ties of times and draws.
func node(t *rapid.T) *grower {
	n, p := rapid.IntRange(2, 60).Draw(t, "rows"), rapid.IntRange(1, 5).Draw(t, "columns")
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	g := &grower{plan: &plan{columns: p, opt: Options{Try: p, MinLeaf: 1}}, rng: rng}
	g.tree = &obliqueTree{fill: make([]float64, p)}
	rank := int32(0)
	for i := range n {
		if i > 0 && rng.IntN(3) > 0 {
			rank++
		}
		g.outcome.Rank = append(g.outcome.Rank, rank)
		g.outcome.Event = append(g.outcome.Event, rng.IntN(2) == 0)
		g.weight = append(g.weight, float64(1+rng.IntN(3)))
		g.rows = append(g.rows, int32(i))
		for j := range p {
			v := math.Round(4*rng.NormFloat64()) * math.Pow(10, float64(3*j-3))
			g.values = append(g.values, v)
		}
	}
	g.direction.reset(p)
	g.risk.sweep(g.outcome, g.rows, g.weight)
	return g
}

// eachRiskSet calls visit for every event time of the node, from the definitions: d, Y and
// c = d(Y−d)/(Y−1) of the rows at risk.
func eachRiskSet(g *grower, visit func(rank int32, d, y, c float64)) {
	for k, rank := range g.outcome.Rank {
		if k > 0 && g.outcome.Rank[k-1] == rank {
			continue
		}
		d, y := 0.0, 0.0
		for i, r := range g.outcome.Rank {
			if r >= rank {
				y += g.weight[i]
			}
			if r == rank && g.outcome.Event[i] {
				d += g.weight[i]
			}
		}
		if d > 0 && y > 1 {
			visit(rank, d, y, d*(y-d)/(y-1))
		} else if d > 0 {
			visit(rank, d, y, 0)
		}
	}
}

// U and V of a node are the sums over event times of Σ_events w·z − d·z̄ and of c times the
// covariance of z at risk.
func TestDirectionEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := node(t)
		if !g.gather(g.rows) {
			return
		}
		m, d := len(g.split.column), &g.direction
		d.accumulate(&g.risk, m, g.opt.Try)
		u, v := make([]float64, m), mat.NewSymDense(m, nil)
		z := func(i, a int) float64 { return d.z[i*g.opt.Try+a] }
		eachRiskSet(g, func(rank int32, events, y, c float64) {
			mean := make([]float64, m)
			for a := range m {
				for i, r := range g.outcome.Rank {
					if r >= rank {
						mean[a] += g.weight[i] * z(i, a) / y
					}
				}
				u[a] -= events * mean[a]
			}
			for i, r := range g.outcome.Rank {
				for a := range m {
					if r == rank && g.outcome.Event[i] {
						u[a] += g.weight[i] * z(i, a)
					}
					for b := 0; b <= a && r >= rank; b++ {
						v.SetSym(a, b, v.At(a, b)+c*g.weight[i]/y*(z(i, a)-mean[a])*(z(i, b)-mean[b]))
					}
				}
			}
		})
		for a := range m {
			near(t, d.u[a], u[a], "U")
			for b := range a + 1 {
				near(t, d.v[a*(a+1)/2+b], v.At(a, b), "V")
			}
		}
	})
}

func near(t *rapid.T, got, want float64, what string) {
	if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
		t.Fatalf("%s is %g, want %g", what, got, want)
	}
}

// The direction solves (V + ridge·diag V)β = U, as gonum finds β. Constant columns are not drawn.
func TestSolve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := node(t)
		if !g.gather(g.rows) {
			return
		}
		m, d := len(g.split.column), &g.direction
		d.accumulate(&g.risk, m, g.opt.Try)
		a := mat.NewSymDense(m, nil)
		for i := range m {
			for j := range i + 1 {
				v := d.v[i*(i+1)/2+j]
				if i == j {
					v *= 1 + ridge
				}
				a.SetSym(i, j, v)
			}
			if d.v[i*(i+1)/2+i] <= negligible {
				return
			}
		}
		var want mat.VecDense
		if err := want.SolveVec(a, mat.NewVecDense(m, append([]float64(nil), d.u...))); err != nil {
			t.Fatal(err)
		}
		factor(d.v, m, ridge)
		solve(d.v, d.u)
		for i, b := range d.u {
			near(t, b, want.AtVec(i), "β")
		}
	})
}

// Without a ridge, a column that repeats another or never varies gets coefficient 0, and
// the others solve their own equations.
func TestSolveSingular(t *testing.T) {
	v := []float64{2, 2, 2, 0, 0, 0, 1, 1, 0, 3} // columns 0 and 1 equal, 2 constant
	u := []float64{3, 3, 0, 4}
	factor(v, 4, 0)
	solve(v, u)
	for a, want := range []float64{1, 0, 0, 1} {
		if math.Abs(u[a]-want) > 1e-12 {
			t.Errorf("β[%d] is %g, want %g", a, u[a], want)
		}
	}
}

// The chosen cut has the largest log-rank statistic, by its definition, of all candidates
// that leave a row and an event on both sides.
func TestCutEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := node(t)
		if !g.gather(g.rows) || !g.combine() {
			return
		}
		found := g.cut(g.rows)
		best := 0.0
		for _, cut := range g.cutter.cuts {
			if z, valid := direct(g, cut); valid {
				best = max(best, z)
			}
		}
		if found != (best > 1e-9) {
			t.Fatalf("found %v, the best statistic is %g", found, best)
		}
		if found {
			z, _ := direct(g, g.split.cut)
			near(t, z, best, "statistic")
		}
	})
}

// direct is the log-rank statistic of a cut and whether it is valid.
func direct(g *grower, cut float64) (z float64, valid bool) {
	left := func(i int) bool { return g.cutter.value[i] <= cut }
	rows, events := [2]int{}, [2]int{}
	for i := range g.rows {
		side := 0
		if left(i) {
			side = 1
		}
		rows[side]++
		if g.outcome.Event[i] {
			events[side]++
		}
	}
	u, v := 0.0, 0.0
	eachRiskSet(g, func(rank int32, d, y, c float64) {
		dl, yl := 0.0, 0.0
		for i, r := range g.outcome.Rank {
			if left(i) && r >= rank {
				yl += g.weight[i]
				if r == rank && g.outcome.Event[i] {
					dl += g.weight[i]
				}
			}
		}
		u += dl - d*yl/y
		v += yl / y * (1 - yl/y) * c
	})
	return statistic(u, v), min(rows[0], rows[1]) >= g.opt.MinLeaf && min(events[0], events[1]) >= leafEvents
}
