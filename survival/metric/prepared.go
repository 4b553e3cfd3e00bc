package metric

import (
	"context"

	"everfold/survival"
)

// Prepared is a fold that is being scored. [Prepared.Evaluate] and [Prepared.Describe] share
// what both look at, so that together they cost less than [Evaluate] and [Describe]; the numbers
// are the same. It is used by one goroutine at a time.
type Prepared struct {
	fold      Fold
	cfg       Config
	g         weighing
	noWeights error       // why there is no g
	surv      [][]float32 // by grid time, then test row
	reached   []int       // by test row: how many grid times lie before its own

	concordance *concordances
	brier, auc  curve
}

// concordances are Harrell's and Uno's C.
type concordances struct {
	harrell, uno     Estimate
	noHarrell, noUno error
}

// curve is a score at every grid time, once it is known.
type curve struct {
	known  bool
	values []float64
	err    error
}

// Prepare begins to score a fold. Errors and panics are those of [Evaluate].
func Prepare(f Fold, cfg Config) (*Prepared, error) {
	if err := checkFold(f, cfg); err != nil {
		return nil, err
	}
	f.Train, f.Test = unitWeights(f.Train), unitWeights(f.Test)
	p := &Prepared{fold: f, cfg: cfg, surv: byTime(f.Surv, len(f.Times)), reached: make([]int, f.Test.Len())}
	for i, t := range f.Test.Time {
		p.reached[i] = reachedBy(f.Times, t)
	}
	p.g, p.noWeights = newWeighing(f.Train, f.Test, cfg.Convention)
	return p, nil
}

// concordances sums the pairs once for C and its standard errors.
func (p *Prepared) concordances() *concordances {
	if p.concordance != nil {
		return p.concordance
	}
	c := &concordances{noUno: p.noWeights}
	sweep := newPairSweep(p.fold.Test, p.fold.Risk, p.cfg.Convention, nil)
	c.harrell, c.noHarrell = estimate(p.fold.Test, sweep)
	if c.noUno == nil {
		c.uno, c.noUno = estimate(p.fold.Test, sweep.again(p.g.pairWeights(p.fold.Test, p.cfg.Tau)))
	}
	p.concordance = c
	return c
}

// eachCurve calls enter with every test row and its curve, which is valid until the next call.
func (p *Prepared) eachCurve(ctx context.Context, enter func(row int, s []float64)) error {
	m := len(p.fold.Times)
	s := make([]float64, m)
	for row := range p.reached {
		if row%checkRows == 0 {
			if err := survival.Check(ctx, 1, 4); err != nil {
				return err
			}
		}
		for j, v := range p.fold.Surv[row*m : (row+1)*m] {
			s[j] = float64(v)
		}
		enter(row, s)
	}
	return nil
}

// brierCurve is the Brier score at every grid time.
func (p *Prepared) brierCurve(ctx context.Context) ([]float64, error) {
	if c := &p.brier; !c.known {
		if c.err = p.noWeights; c.err == nil {
			b := newBrier(p.g, p.fold.Test, p.fold.Times)
			if err := p.eachCurve(ctx, func(row int, s []float64) { b.add(row, p.reached[row], s) }); err != nil {
				return nil, err
			}
			c.values, c.err = b.Curve()
		}
		c.known = true
	}
	return p.brier.values, p.brier.err
}

// brierAt is the Brier score at grid time number j, which may be defined where that at another
// one is not.
func (p *Prepared) brierAt(ctx context.Context, j int) (float64, error) {
	all, err := p.brierCurve(ctx)
	if p.noWeights != nil || err != nil && reasonOf(err) == "" {
		return 0, err
	}
	if err == nil {
		return all[j], nil
	}
	b, s := newBrier(p.g, p.fold.Test, p.fold.Times[j:j+1]), make([]float64, 1)
	for i, v := range p.surv[j] {
		s[0] = float64(v)
		b.add(i, b.reached(i), s)
	}
	one, err := b.Curve()
	if err != nil {
		return 0, err
	}
	return one[0], nil
}

// aucCurve is the AUC at every grid time.
func (p *Prepared) aucCurve() ([]float64, error) {
	if c := &p.auc; !c.known {
		if c.err = p.noWeights; c.err == nil {
			c.values, c.err = p.g.auc(p.fold.Test, p.fold.Times, p.fold.Risk, p.surv, p.cfg.Convention)
		}
		c.known = true
	}
	return p.auc.values, p.auc.err
}

// aucAt is the AUC at grid time number j, which may be defined where that at another one is
// not; NaN without case or control.
func (p *Prepared) aucAt(j int) (float64, error) {
	all, err := p.aucCurve()
	if p.noWeights != nil {
		return 0, err
	}
	if err == nil {
		return all[j], nil
	}
	one, err := p.g.auc(p.fold.Test, p.fold.Times[j:j+1], p.fold.Risk, p.surv[j:j+1], p.cfg.Convention)
	if err != nil {
		return 0, err
	}
	return one[0], nil
}
