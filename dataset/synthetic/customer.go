package synthetic

import (
	"math"

	"everfold/survival/resample"
)

// Customer is one row of the table.
type Customer struct {
	Key        int64
	Numeric    [9]float64 // in the order of NumericColumns; NaN where missing
	Tariff     string
	Risk       string // "" where missing
	Months     float64
	Terminated bool
	LogHazard  float64 // the true log-hazard η; not a column of the table
}

// NumericColumns are the names of the numeric covariates, money first, then counts.
var NumericColumns = [9]string{
	"debit_exp_smooth", "credit_exp_smooth", "balance_exp_smooth", "past_due_exp_smooth", "waobd",
	"margin_exp_smooth", "total_settlements", "active_settlements", "defaulted_settlements",
}

// The latent Gaussians, in the order in which they are drawn: the numeric columns, then the
// two categorical ones.
const (
	debit = iota
	credit
	balance
	pastDue
	waobd
	margin
	total
	active
	defaulted
	tariff
	risk
	latents
)

const (
	firstCount = total // columns from here on are counts, those before are money

	correlation  = 0.35 // of any two latents
	daysPerMonth = 30.4375

	shape, scaleDays            = 1.3, 1500.0  // of the Weibull baseline
	entryFirst, entryLast       = 30.0, 3650.0 // days under observation at most: uniform, as customers joined at all times
	meanDropoutDays             = 4000.0       // of the exponential loss to follow-up
	firstKey              int64 = 100_000_001
)

// Of a numeric column with latent z: exp(location + spread·z), in cents or floored.
var marginals = [9]struct{ location, spread float64 }{
	{6.2, 0.8}, {6.0, 0.8}, {7.1, 1.0}, {3.9, 1.0}, {4.6, 0.7}, {5.0, 0.8}, {1.4, 0.6}, {0.8, 0.6}, {-0.7, 0.6},
}

// missingShare of the first numeric columns.
var missingShare = [...]float64{0.015, 0.03, 0.045, 0.06, 0.075}

// riskMissingShare is that of the risk level.
const riskMissingShare = 0.02

// level is a category with its share of customers and its effect on the log-hazard.
type level struct {
	name          string
	share, effect float64
}

// factor cuts a latent Gaussian into levels: level k is below limits[k] and not below the
// limit before it.
type factor struct {
	levels []level
	limits []float64
}

var (
	tariffs = newFactor(level{"basic", 0.34, 0}, level{"standard", 0.26, -0.10}, level{"plus", 0.19, -0.20},
		level{"business", 0.12, 0.15}, level{"premium", 0.08, -0.35}, level{"legacy", 0.01, 0.60})
	risks = newFactor(level{"low", 0.45, -0.20}, level{"medium", 0.30, 0}, level{"high", 0.18, 0.25}, level{"critical", 0.07, 0.55})
)

func newFactor(levels ...level) factor {
	f := factor{levels: levels}
	sum := 0.0
	for _, l := range levels[:len(levels)-1] {
		sum += l.share
		f.limits = append(f.limits, normalQuantile(sum))
	}
	f.limits = append(f.limits, math.Inf(1))
	return f
}

// of is the level into which a latent falls.
func (f *factor) of(z float64) level {
	k := 0
	for z >= f.limits[k] {
		k++
	}
	return f.levels[k]
}

// purpose names the table's random numbers among those of a seed.
const purpose = "dataset/synthetic"

// At is the given row, from 0, of the table of a seed. It depends on nothing else, so a
// shorter table is the beginning of a longer one, and rows can be had in any order.
func At(seed uint64, row int) Customer {
	return at(resample.SubSeed(seed, purpose), row)
}

func at(key uint64, row int) Customer {
	d := draws{key: [2]uint32{uint32(key), uint32(key >> 32)}, row: uint64(row)}
	z := d.latents()
	c := Customer{Key: firstKey + int64(row), LogHazard: logHazard(&z)}
	for j, m := range marginals {
		v := exp(m.location + float64(m.spread*z[j]))
		if c.Numeric[j] = math.Floor(v); j < firstCount {
			c.Numeric[j] = math.Round(100*v) / 100
		}
	}
	for j, share := range missingShare {
		if d.uniform() < share {
			c.Numeric[j] = math.NaN()
		}
	}
	c.Tariff, c.Risk = tariffs.of(z[tariff]).name, risks.of(z[risk]).name
	if d.uniform() < riskMissingShare {
		c.Risk = ""
	}
	c.Months, c.Terminated = d.outcome(c.LogHazard)
	return c
}

// logHazard is η: linear in most latents, with a quadratic hinge, an interaction and a sine
// that no linear model can follow, and centred so that 55 % of the customers leave.
func logHazard(z *[latents]float64) float64 {
	hinge := max(0, z[pastDue])
	return intercept + float64(0.55*z[debit]) - float64(0.60*z[credit]) - float64(0.40*z[total]) +
		float64(0.50*z[defaulted]) + float64(0.25*z[waobd]) +
		float64(0.22*float64(hinge*hinge)) + float64(0.15*float64(z[waobd]*z[margin])) + float64(0.30*sin(2*z[balance])) +
		tariffs.of(z[tariff]).effect + risks.of(z[risk]).effect
}

// intercept of the log-hazard.
const intercept = 0.17

// draws are the random numbers of one row: Philox blocks under the seed's key, counted by row
// and by draw.
type draws struct {
	key  [2]uint32
	row  uint64
	next uint32
}

// uniform is the next draw from the open interval (0, 1), a multiple of 2⁻⁵³.
func (d *draws) uniform() float64 {
	b := resample.Block([4]uint32{uint32(d.row), uint32(d.row >> 32), d.next, 0}, d.key)
	d.next++
	return (float64(uint64(b[1])<<20|uint64(b[0])>>12) + 0.5) / (1 << 52)
}

// latents are standard Gaussians that share one factor.
func (d *draws) latents() (z [latents]float64) {
	common := math.Sqrt(correlation) * normalQuantile(d.uniform())
	for j := range z {
		z[j] = common + float64(math.Sqrt(1-correlation)*normalQuantile(d.uniform()))
	}
	return z
}

// outcome draws the time until the customer leaves, by inversion of the survival function
// exp(−(t/scale)^shape·e^η), and the two kinds of censoring. Times are whole days, as months.
func (d *draws) outcome(logHazard float64) (months float64, terminated bool) {
	leaves := scaleDays * exp((log(-log(d.uniform()))-logHazard)/shape)
	observed := entryFirst + float64((entryLast-entryFirst)*d.uniform())
	observed = min(observed, -meanDropoutDays*log(d.uniform()))
	days := math.Ceil(min(leaves, observed))
	return math.Round(days/daysPerMonth*1e4) / 1e4, leaves <= observed
}
