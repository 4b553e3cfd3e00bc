package cox

import (
	"context"
	"math"
	"slices"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/nonparam"
)

// PHTransform names the g(t) of TestProportional.
const PHTransform = "km"

// PHTest is one row of TestProportional.
type PHTest struct {
	Term  string  // survival.Column.Term, or "GLOBAL"
	Chisq float64 // NaN where Reason says why there is none
	DF    int     // columns of the term that are not held
	P     float64 // NaN as Chisq
	// Reason says why the data do not determine the test; empty otherwise.
	Reason string
}

// TestProportional tests the proportional hazards of each term, and of all together, against
// coefficients β_j + θ_j·g(t) with g(t) = 1 − S(t−), S the Kaplan–Meier curve of all training
// rows, unweighted and over all strata, entry times included. It is the score test of θ = 0
// with β as estimated (Grambsch and Therneau 1994, Biometrika 81:515, without their
// approximation that the risk sets' covariance is constant), as R's cox.zph of survival ≥ 3.0
// with transform "km", terms and global.
//
// Columns that share a Term are one term, in order of first appearance; terms of held
// columns only are left out. x and y are those that m was fitted on; errors and panics are
// those of Diagnose, and it panics for a penalised model.
func TestProportional(ctx context.Context, x *survival.Design, y survival.Outcome, m *Model, opt DiagnosticOptions) ([]PHTest, error) {
	d, err := Diagnose(ctx, x, y, m, opt)
	if err != nil {
		return nil, err
	}
	return d.TestProportional(ctx)
}

// TestProportional is the function of that name. The error is the context's.
func (d *Diagnostics) TestProportional(ctx context.Context) ([]PHTest, error) {
	d.refusePenalty()
	score, info, err := d.timeVarying(ctx, d.centredTimes())
	if err != nil {
		return nil, err
	}
	p := d.l.Matrix.P
	test := func(name string, columns []int) PHTest {
		active := slices.Clone(d.active)
		for _, j := range columns {
			active = append(active, p+j)
		}
		b := make([]float64, 2*p)
		for _, j := range columns {
			b[p+j] = score[j]
		}
		statistic, ok := linear.Quadratic(info, 2*p, active, b)
		if !ok {
			return PHTest{Term: name, DF: len(columns), Chisq: math.NaN(), P: math.NaN(),
				Reason: "the events tell nothing of a change over time"}
		}
		return PHTest{Term: name, DF: len(columns), Chisq: statistic, P: upperTail(statistic, len(columns))}
	}
	var tests []PHTest
	for _, term := range d.terms() {
		tests = append(tests, test(term.name, term.columns))
	}
	if len(d.active) > 0 {
		tests = append(tests, test("GLOBAL", d.active))
	}
	return tests, nil
}

// term is a source column and its design columns that are not held.
type term struct {
	name    string
	columns []int
}

func (d *Diagnostics) terms() []term {
	var terms []term
	for _, j := range d.active {
		name := d.x.Columns[j].Term
		at := slices.IndexFunc(terms, func(t term) bool { return t.name == name })
		if at < 0 {
			at = len(terms)
			terms = append(terms, term{name: name})
		}
		terms[at].columns = append(terms[at].columns, j)
	}
	return terms
}

// centredTimes is g at each group less its mean over events. The test does not depend on
// that constant; the conditioning of its matrix does.
func (d *Diagnostics) centredTimes() []float64 {
	groups := d.l.Order.Groups
	unweighted := d.y
	unweighted.Weight = nil
	curve := nonparam.KaplanMeier(unweighted)
	g := make([]float64, len(groups))
	sum, events := 0.0, 0
	for k := range groups {
		g[k] = 1 - curve.Left(groups[k].Time)
		sum += float64(g[k] * float64(groups[k].Events))
		events += groups[k].Events
	}
	for k := range g {
		g[k] -= sum / float64(events)
	}
	return g
}

// timeVarying gives the score of θ and the information of (β, θ), 2P×2P, upper triangle, in
// the model with covariates x and x·g(t), at the estimate and θ = 0: score and
// information of each event time count with weight 1, g and g².
func (d *Diagnostics) timeVarying(ctx context.Context, g []float64) (score, info []float64, err error) {
	p := d.l.Matrix.P
	score, info = make([]float64, p), make([]float64, 4*p*p)
	for k, group := range d.l.Order.Groups {
		for r := group.Start; r < group.Start+group.Events; r++ {
			d.matrix.AddRows(score, r, []float64{g[k] * d.l.caseWeight(r)})
		}
		if group.Events > 0 {
			for j := range score {
				score[j] -= float64(g[k] * d.moments[k].weighted(j))
			}
		}
	}
	weight := make([]float64, len(g))
	for k := range weight {
		weight[k] = 1
	}
	for _, corner := range []struct{ row, column int }{{0, 0}, {0, p}, {p, p}} {
		block, err := d.information(ctx, weight)
		if err != nil {
			return nil, nil, err
		}
		for i := range p {
			for j := range p {
				info[(corner.row+i)*2*p+corner.column+j] = block[min(i, j)*p+max(i, j)]
			}
		}
		for k := range weight {
			weight[k] *= g[k]
		}
	}
	return score, info, nil
}

// information is Σ_k weight_k·I_k, upper triangle, with I_k the information of the event
// time k: the likelihood's own formula with every hazard step weighted.
func (d *Diagnostics) information(ctx context.Context, weight []float64) ([]float64, error) {
	l, p := d.l, d.l.Matrix.P
	info := make([]float64, p*p)
	step, tied := make([]float64, len(weight)), make([]float64, len(weight))
	c := newCurvature(p)
	c.begin(ctx, info)
	for k := range d.moments {
		m := &d.moments[k]
		step[k], tied[k] = weight[k]*l.step[k], weight[k]*l.tied[k]
		switch {
		case l.Order.Groups[k].Events == 0 || weight[k] == 0:
		case m.tied == nil:
			c.subtract(weight[k]*m.SS, m.mean, 1)
		default:
			inc := m.Increment
			inc.SS, inc.ST, inc.TT = weight[k]*inc.SS, weight[k]*inc.ST, weight[k]*inc.TT
			c.subtractTied(inc, m.mean, m.tied)
		}
	}
	if c.flush(); c.err != nil {
		return nil, c.err
	}
	exposure := make([]float64, l.Matrix.N)
	l.Order.Exposure(exposure, step, tied)
	for i, r := range l.risk {
		exposure[i] *= r
	}
	inner, block := make([]float64, p*p), make([]float64, p*p)
	if err := l.Matrix.Gram(ctx, inner, exposure, l.Threads); err != nil {
		return nil, err
	}
	sums, total := l.Matrix.Sums(exposure, l.Threads)
	l.Matrix.Square(block, inner, sums, total)
	for i, v := range block {
		info[i] += v
	}
	return info, nil
}
