package activities

import (
	"context"
	"encoding/csv"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival"
)

// table reads a CSV of the run: rows by column name.
func (l *lab) table(key string) []map[string]string {
	l.t.Helper()
	content, _, err := store.ReadAll(l.t.Context(), l.run(), key, 1<<24)
	require.NoError(l.t, err)
	records, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	require.NoError(l.t, err)
	var rows []map[string]string
	for _, record := range records[1:] {
		row := map[string]string{}
		for k, name := range records[0] {
			row[name] = record[k]
		}
		rows = append(rows, row)
	}
	return rows
}

func cell(t *testing.T, row map[string]string, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(row[column], 64)
	require.NoError(t, err, "%s of %v", column, row)
	return v
}

// The manifest of a forest has its out-of-bag error, others have none.
func TestOutOfBagError(t *testing.T) {
	l := newLab(t)
	l.train(l.spec("models=[{type: cox_ph}, {type: rsf, trees: 5}]"), config.Request{})
	forest, _, err := artifact.ReadManifest(t.Context(), l.run(), "rsf", 0)
	require.NoError(t, err)
	require.NotNil(t, forest.OutOfBag)
	require.Greater(t, forest.OutOfBag.Rows, forest.TrainRows/2)
	require.InDelta(t, 0.5, forest.OutOfBag.Error, 0.3)
	cox, _, err := artifact.ReadManifest(t.Context(), l.run(), "cox_ph", 0)
	require.NoError(t, err)
	require.Nil(t, cox.OutOfBag)
}

// coefficients.csv has every coefficient of the linear models per original unit, the scaled
// one beside it, and what follows from the standard error; coxnet has no standard error.
func TestCoefficients(t *testing.T) {
	l := newLab(t)
	s := l.spec("models=[{type: cox_ph}, {type: weibull_aft}, {type: coxnet}, {type: rsf, trees: 5}]")
	l.train(s, config.Request{})
	l.summarize(s)
	rows := l.table(artifact.CoefficientsKey)
	require.Len(t, rows, 3*3*8, "8 design columns, 3 folds, 3 linear models")
	for _, row := range rows {
		b := cell(t, row, "estimate")
		require.InDelta(t, math.Exp(b), cell(t, row, "ratio"), 1e-12)
		require.Empty(t, row["robust_se"], "neither groups nor weights")
		if row["model"] == "coxnet" {
			require.Empty(t, row["se"]+row["lo"]+row["ratio_hi"]+row["z"]+row["p"])
			continue
		}
		se := cell(t, row, "se")
		require.InDelta(t, b+1.959963984540054*se, cell(t, row, "hi"), 1e-9)
		require.InDelta(t, b/se, cell(t, row, "z"), 1e-9)
		require.InDelta(t, math.Erfc(math.Abs(b/se)/math.Sqrt2), cell(t, row, "p"), 1e-12)
		require.InDelta(t, b/se, cell(t, row, "scaled_estimate")/cell(t, row, "scaled_se"), 1e-9)
		if row["column"] == "karno" {
			require.NotEqual(t, row["estimate"], row["scaled_estimate"])
		} else if strings.Contains(row["column"], "=") {
			require.Equal(t, row["estimate"], row["scaled_estimate"], "dummies are not scaled")
			require.True(t, strings.HasPrefix(row["column"], row["term"]+"="))
		}
	}
	var tests []string
	for _, row := range l.table(artifact.ModelTestsKey)[:3] {
		tests = append(tests, row["test"]+" "+row["df"])
		require.Less(t, cell(t, row, "p"), 0.01)
	}
	require.Equal(t, []string{"likelihood_ratio 8", "wald 8", "score 8"}, tests)
}

// Rows with a group or a weight have robust standard errors, which the interval then uses,
// and robust tests; a ridge model has the errors, but no tests.
func TestRobustErrors(t *testing.T) {
	l := newLab(t)
	s := l.spec("data.group=diagtime", "models=[{type: cox_ph}, {type: cox_ph, name: ridge, alpha: 1.0}]")
	l.train(s, config.Request{})
	l.summarize(s)
	for _, row := range l.table(artifact.CoefficientsKey) {
		robust := cell(t, row, "robust_se")
		require.NotEqual(t, row["se"], row["robust_se"])
		require.InDelta(t, cell(t, row, "estimate")/robust, cell(t, row, "z"), 1e-9)
	}
	names := map[string]int{}
	for _, row := range l.table(artifact.ModelTestsKey) {
		require.Equal(t, "cox_ph", row["model"])
		names[row["test"]]++
	}
	require.Equal(t, map[string]int{"likelihood_ratio": 3, "wald": 3, "score": 3, "robust_wald": 3, "robust_score": 3}, names)
}

// Every fold of every model has the further scores.
func TestDetailTables(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.train(s, config.Request{})
	l.summarize(s)
	rows := l.table(artifact.DetailsKey)
	require.Len(t, rows, 9)
	for _, row := range rows {
		require.Greater(t, cell(t, row, "log_loss"), 0.0)
		total := 0.0
		for k := range 10 {
			total += cell(t, row, "dcal_"+strconv.Itoa(k+1))
		}
		require.InDelta(t, 45, total, 1.01, "every test row is in the buckets")
		if row["model"] == config.KM {
			require.Equal(t, []string{"0.5", "0"}, []string{row["antolini"], row["cindex_harrell_se"]})
			continue
		}
		require.Greater(t, cell(t, row, "cindex_harrell_se"), 0.0)
	}
	calibration := l.table(artifact.CalibrationKey)
	require.Len(t, calibration, 9*4)
	require.Greater(t, cell(t, calibration[0], "ici"), 0.0)
	require.Len(t, l.table(artifact.CurvesKey)[:10], 10)
}

// Details are scores: a change of the metric settings computes them again from the stored
// files, with equal fits.
func TestDetailsAreRescored(t *testing.T) {
	l := newLab(t)
	l.train(l.spec(), config.Request{})
	l.summarize(l.spec())
	before := l.table(artifact.CoefficientsKey)
	s := l.spec("metrics.convention=scikit-survival")
	done := l.train(s, config.Request{})
	require.Equal(t, 9, count(done, Rescore))
	l.summarize(s)
	require.Len(t, l.table(artifact.DetailsKey), 9)
	require.Equal(t, before, l.table(artifact.CoefficientsKey))
}

// reporting is a linear model that only reports.
type reporting struct {
	survival.Model
	coefficients []survival.Coefficient
}

func (r reporting) Report() survival.Report { return survival.Report{Coefficients: r.coefficients} }

// More coefficients than a manifest should hold are left out with a warning; those of
// something else than design columns, such as a stack's bases, without one. A context that
// ends after the last step takes nothing from the result.
func TestCoefficientsThatAreNotListed(t *testing.T) {
	x, m := &survival.Design{}, reporting{}
	for k := range maxCoefficients + 1 {
		name := strconv.Itoa(k)
		x.Columns = append(x.Columns, survival.Column{Name: name, Term: name})
		m.coefficients = append(m.coefficients, survival.Coefficient{Column: name, Value: 1})
	}
	j := &job{table: &dataset.Table{}}
	out, err := j.infer(t.Context(), &fitted{model: m, report: m.Report(), x: x})
	require.NoError(t, err)
	require.Empty(t, out.coefficients)
	require.Len(t, out.warnings, 1)
	require.Equal(t, "resource", out.warnings[0].Category)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, err := j.infer(ended, &fitted{model: m, report: m.Report(), x: x})
	require.NoError(t, err)
	require.Equal(t, out, late)

	out, err = j.infer(t.Context(), &fitted{model: m, report: m.Report(), x: &survival.Design{}})
	require.NoError(t, err)
	require.Equal(t, &inference{}, out)
}
