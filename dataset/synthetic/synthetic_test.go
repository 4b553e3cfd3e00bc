package synthetic_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
	"everfold/dataset/synthetic"
	"everfold/survival"
	"everfold/survival/metric"
)

// rows is enough for the shares below to be within three standard errors.
const rows = 60_000

var customers = func() []synthetic.Customer {
	all := make([]synthetic.Customer, rows)
	for i := range all {
		all[i] = synthetic.At(1, i)
	}
	return all
}()

// share of the customers for which is holds.
func share(is func(c *synthetic.Customer) bool) float64 {
	n := 0
	for i := range customers {
		if is(&customers[i]) {
			n++
		}
	}
	return float64(n) / rows
}

// Claim: events, missing values and levels have the shares that the package states.
func TestShares(t *testing.T) {
	near := func(want float64, what string, is func(c *synthetic.Customer) bool) {
		t.Helper()
		require.InDelta(t, want, share(is), 3*math.Sqrt(want*(1-want)/rows)+1e-9, what)
	}
	require.InDelta(t, 0.55, share(func(c *synthetic.Customer) bool { return c.Terminated }), 0.01)
	for j, want := range []float64{0.015, 0.03, 0.045, 0.06, 0.075, 0, 0, 0, 0} {
		near(want, synthetic.NumericColumns[j], func(c *synthetic.Customer) bool { return math.IsNaN(c.Numeric[j]) })
	}
	for name, want := range map[string]float64{"basic": 0.34, "standard": 0.26, "plus": 0.19, "business": 0.12, "premium": 0.08, "legacy": 0.01} {
		near(want, name, func(c *synthetic.Customer) bool { return c.Tariff == name })
	}
	for name, want := range map[string]float64{"low": 0.441, "medium": 0.294, "high": 0.1764, "critical": 0.0686, "": 0.02} {
		near(want, "risk "+name, func(c *synthetic.Customer) bool { return c.Risk == name })
	}
}

// Claim: times are whole days from 1 to 3,650 as months of 4 decimals; of 287,013 rows about
// 3,600 are distinct.
func TestTimes(t *testing.T) {
	distinct := map[float64]bool{}
	for i := range 287_013 {
		distinct[synthetic.At(1, i).Months] = true
	}
	for months := range distinct {
		days := math.Round(months * 30.4375)
		require.Equal(t, math.Round(days/30.4375*1e4)/1e4, months)
		require.True(t, days >= 1 && days <= 3650)
	}
	require.InDelta(t, 3600, len(distinct), 60)
}

// Claim: any two latents correlate by 0.35: so do the logarithms of money columns.
func TestCorrelation(t *testing.T) {
	for _, pair := range [][2]int{{0, 1}, {2, 5}, {1, 4}} {
		var a, b []float64
		for i := range customers {
			x, y := customers[i].Numeric[pair[0]], customers[i].Numeric[pair[1]]
			if !math.IsNaN(x) && !math.IsNaN(y) {
				a, b = append(a, math.Log(x)), append(b, math.Log(y))
			}
		}
		require.InDelta(t, 0.35, correlation(a, b), 0.012)
	}
}

func correlation(a, b []float64) float64 {
	n, ma, mb := float64(len(a)), 0.0, 0.0
	for i := range a {
		ma, mb = ma+a[i]/n, mb+b[i]/n
	}
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+(a[i]-ma)*(b[i]-mb), aa+(a[i]-ma)*(a[i]-ma), bb+(b[i]-mb)*(b[i]-mb)
	}
	return ab / math.Sqrt(aa*bb)
}

// Claim: the hidden η ranks as it must under its own model. Among uncensored pairs the C of
// the truth is the mean over pairs of 1/(1 + exp(−|Δη|)): with censoring, times that matter
// are early, which changes it by less than 0.02.
func TestTrueConcordance(t *testing.T) {
	y, risk := survival.Outcome{}, []float64(nil)
	for _, c := range customers[:20_000] {
		y.Time, y.Event, risk = append(y.Time, c.Months), append(y.Event, c.Terminated), append(risk, c.LogHazard)
	}
	harrell, err := metric.Harrell(y, risk, metric.RiskRegression).Index()
	require.NoError(t, err)
	sum, pairs := 0.0, 0
	for i := range 2000 {
		for j := range i {
			sum += 1 / (1 + math.Exp(-math.Abs(risk[i]-risk[j])))
			pairs++
		}
	}
	require.InDelta(t, sum/float64(pairs), harrell, 0.02)
	require.InDelta(t, 0.745, harrell, 0.01)
}

// Claim: the bytes of a seed are these, wherever and whenever they are written; another seed
// has others.
func TestBytes(t *testing.T) {
	digest := func(table synthetic.Table) string {
		h := sha256.New()
		require.NoError(t, table.WriteCSV(t.Context(), h))
		return hex.EncodeToString(h.Sum(nil))
	}
	require.Equal(t, "5f6d73877e293c30211d7912199f867b9cda5052964030111c885d0be1ba87a9", digest(synthetic.Table{Rows: 20_000, Seed: 1}))
	require.NotEqual(t, digest(synthetic.Table{Rows: 10, Seed: 1}), digest(synthetic.Table{Rows: 10, Seed: 2}))
}

// Claim: a shorter table is the beginning of a longer one, also across batches.
func TestPrefix(t *testing.T) {
	var short, long bytes.Buffer
	require.NoError(t, synthetic.Table{Rows: 4_100, Seed: 3}.WriteCSV(t.Context(), &short))
	require.NoError(t, synthetic.Table{Rows: 9_000, Seed: 3}.WriteCSV(t.Context(), &long))
	require.True(t, bytes.HasPrefix(long.Bytes(), short.Bytes()))
}

var schema = dataset.Schema{ID: synthetic.KeyColumn, Time: synthetic.TimeColumn, Event: synthetic.EventColumn}

// Claim: the three formats hold one table: read back, their digests are equal, and the kinds
// of all columns are found without being named.
func TestFormatsAgree(t *testing.T) {
	table := synthetic.Table{Rows: 10_000, Seed: 5}
	digests := map[string]bool{}
	for name, write := range map[string]func(context.Context, io.Writer) error{
		"t.csv": table.WriteCSV, "t.csv.gz": table.WriteGzip, "t.parquet": table.WriteParquet,
	} {
		var file bytes.Buffer
		require.NoError(t, write(t.Context(), &file))
		open := func(context.Context) (io.ReadCloser, int64, error) {
			return io.NopCloser(bytes.NewReader(file.Bytes())), int64(file.Len()), nil
		}
		read, profile, err := dataset.Read(t.Context(), dataset.Source{Name: name, Open: open}, schema)
		require.NoError(t, err, name)
		require.Equal(t, 10_000, read.Rows())
		require.Len(t, read.Columns, 11)
		require.Equal(t, dataset.Categorical, read.Columns[10].Kind)
		require.Equal(t, "100010000", read.RowID(9_999))
		digests[profile.Digest] = true
	}
	require.Len(t, digests, 1)
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

// Claim: errors of the writer and of a cancelled context come back, from every format.
func TestWriteErrors(t *testing.T) {
	table := synthetic.Table{Rows: 5_000, Seed: 1}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, write := range []func(context.Context, io.Writer) error{table.WriteCSV, table.WriteGzip, table.WriteParquet} {
		require.ErrorIs(t, write(t.Context(), full{}), errFull)
		require.ErrorIs(t, write(cancelled, io.Discard), context.Canceled)
	}
}

func ExampleAt() {
	c := synthetic.At(1, 0)
	fmt.Println(c.Key, c.Tariff, c.Months, c.Terminated)
	// Output: 100000001 legacy 4.4682 true
}

func BenchmarkAt(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		synthetic.At(1, i)
	}
}
