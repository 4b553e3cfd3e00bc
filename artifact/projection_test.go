package artifact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/storetest"
)

func real(v float64) *float64 { return &v }

// explained is a result with something for every table. shift moves its importance.
func explained(task artifact.Task, shift float64) artifact.Result {
	r := result(task)
	m := &r.Manifest
	m.Details = &artifact.Details{
		HarrellSE: real(0.02), Antolini: real(0.7), DCal: &artifact.DCal{Chisq: 3, P: 0.25, Counts: []float64{1, 0, 0, 0, 0, 0, 0, 0, 0, 3}},
		Reasons: map[string]string{"log_loss": "why", "cindex_ipcw_se": "why"},
		Horizons: []artifact.AtHorizon{{Horizon: 2.5, Brier: real(0.1), ICI: real(0.05), Reasons: map[string]string{"auc": "no case"},
			Curve: []artifact.CurvePoint{{Predicted: 0.1, Observed: 0.2}, {Predicted: 0.3, Observed: 0.4}}}},
	}
	m.Coefficients = []artifact.Coefficient{
		{Term: "sex", Column: "sex=m", Estimate: 0.5, SE: real(0.25), Scaled: 0.5, ScaledSE: real(0.25)},
		{Term: "age", Column: "age", Estimate: 800, SE: real(100), RobustSE: real(200), Scaled: 8, ScaledSE: real(1)},
		{Term: "flat", Column: "flat"}}
	m.ModelTests = []artifact.ModelTest{{Test: "wald", Chisq: 4, DF: 2, P: real(0.125)}}
	m.PHTests = []artifact.PHTest{{Term: "age", Transform: "km", DF: 1}}
	m.Explanation = &artifact.Explanation{Rows: 4, Repeats: 5,
		Importance: []artifact.Importance{{Column: "flat"}, {Column: "sex", CIndexDrop: real(0.01)}, {Column: "age", CIndexDrop: real(0.2 + shift), IBSRise: real(0.1)}},
		Dependence: []artifact.Dependence{{Column: "sex", Values: []string{"f", "m"}, Horizons: []float64{1, 2}, Survival: [][]float64{{0.9, 0.8}, {0.7, 0.5}}}}}
	return r
}

func explainedRun(t testing.TB, s store.Store) *artifact.Run {
	t.Helper()
	run := newRun(t, s, parse(t, baseSpec))
	for _, task := range run.Tasks() {
		r := result(task)
		if task.Model == "cox" {
			r = explained(task, float64(task.Fold)/10)
		}
		_, _, err := artifact.WriteFold(t.Context(), s, claim(run, task.Model, task.Fold), r)
		require.NoError(t, err)
	}
	return run
}

// lines are the header and the first rows of a table.
func lines(t testing.TB, s store.Store, key string, n int) []string {
	t.Helper()
	return strings.Split(string(content(t, s, key)), "\n")[:n]
}

// Every table has its published columns, undefined values are empty and have their reason.
func TestProjections(t *testing.T) {
	s := memory()
	run := explainedRun(t, s)
	_, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	for key, want := range map[string][]string{
		artifact.PHTestsKey:    {"model,fold,term,transform,chisq,df,p", "cox,0,age,km,,1,"},
		artifact.ModelTestsKey: {"model,fold,test,chisq,df,p", "cox,0,wald,4,2,0.125"},
		artifact.DetailsKey: {"model,fold,cindex_harrell_se,cindex_ipcw_se,antolini,log_loss,dcal_chisq,dcal_p,dcal_1,dcal_2,dcal_3,dcal_4,dcal_5,dcal_6,dcal_7,dcal_8,dcal_9,dcal_10,reason",
			`cox,0,0.02,,0.7,,3,0.25,1,0,0,0,0,0,0,0,0,3,"cindex_ipcw_se, log_loss: why"`},
		artifact.CalibrationKey: {"model,fold,horizon,brier,auc,ici,e50,e90,emax,reason", "cox,0,2.5,0.1,,0.05,,,,auc: no case"},
		artifact.CurvesKey:      {"model,fold,horizon,predicted,observed", "cox,0,2.5,0.1,0.2", "cox,0,2.5,0.3,0.4"},
		artifact.ImportanceKey:  {"model,fold,column,cindex_drop,ibs_rise,repeats,rows", "cox,0,flat,,,5,4", "cox,0,sex,0.01,,5,4", "cox,0,age,0.2,0.1,5,4"},
		artifact.DependenceKey: {"model,fold,column,value,horizon,survival", "cox,0,sex,f,1,0.9", "cox,0,sex,f,2,0.8",
			"cox,0,sex,m,1,0.7", "cox,0,sex,m,2,0.5"},
	} {
		require.Equal(t, want, lines(t, s, key, len(want)), key)
	}
}

// A coefficient's interval, ratio, z and p follow from its robust standard error where it
// has one, else from the model-based one; a ratio beyond float64 is empty.
func TestCoefficientTable(t *testing.T) {
	s := memory()
	run := explainedRun(t, s)
	_, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	require.Equal(t, []string{
		"model,fold,term,column,estimate,se,robust_se,lo,hi,ratio,ratio_lo,ratio_hi,z,p,scaled_estimate,scaled_se",
		"cox,0,sex,sex=m,0.5,0.25,,0.010009003864986599,0.9899909961350134,1.6487212707001282,1.0100592614804444,2.6912102409465146,2,0.04550026389635844,0.5,0.25",
		"cox,0,age,age,800,100,200,408.00720309198925,1191.9927969080109,,1.5677502533518302e+177,,4,6.334248366623994e-05,8,1",
		"cox,0,flat,flat,0,,,,,1,,,,,0,",
	}, lines(t, s, artifact.CoefficientsKey, 4))
}

// The summary ranks columns by their mean drop of C and has the corrected interval over
// folds: drops .2, .3, .4 of 4 test and 8 training rows each give .3 ± 4.303·.1·√(1/3 + ½).
func TestImportanceSummary(t *testing.T) {
	s := memory()
	run := explainedRun(t, s)
	_, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	rows := lines(t, s, artifact.ImportanceSummaryKey, 4)
	require.Equal(t, "model,column,rank,cindex_drop,cindex_drop_lo,cindex_drop_hi,ibs_rise,ibs_rise_lo,ibs_rise_hi,n_folds", rows[0])
	require.Regexp(t, `^cox,age,1,0\.3\d*,-0\.0927\d*,0\.6927\d*,0\.1\d*,`, rows[1])
	require.Regexp(t, `^cox,sex,2,0\.01,0\.01,0\.01,,,,3$`, rows[2])
	require.Equal(t, "cox,flat,3,,,,,,,3", rows[3])
}

// The tables are rebuilt from manifests alone, to the byte; a run with nothing for a table
// has none, and one that had loses its rows.
func TestProjectionsAreRebuilt(t *testing.T) {
	s := memory()
	run := explainedRun(t, s)
	_, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	keys := []string{artifact.CoefficientsKey, artifact.DetailsKey, artifact.ImportanceSummaryKey, artifact.DependenceKey}
	var before []string
	for _, key := range keys {
		before = append(before, string(content(t, s, key)))
		require.NoError(t, s.Delete(t.Context(), key))
	}
	_, err = artifact.RebuildSummary(t.Context(), s)
	require.NoError(t, err)
	for k, key := range keys {
		require.Equal(t, before[k], string(content(t, s, key)))
	}

	for fold := range 3 {
		require.NoError(t, s.Delete(t.Context(), artifact.ManifestKey("cox", fold)))
		writeFold(t, s, claim(run, "cox", fold))
	}
	_, err = artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	require.Equal(t, "model,fold,column,value,horizon,survival\n", string(content(t, s, artifact.DependenceKey)))

	plain := memory()
	run = completeRun(t, plain)
	_, err = artifact.Summarize(t.Context(), plain, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	_, _, err = store.ReadAll(t.Context(), plain, artifact.DependenceKey, 1<<20)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// Rescoring replaces the details and keeps what comes from the fit.
func TestWriteScoresReplacesDetails(t *testing.T) {
	s := memory()
	explainedRun(t, s)
	run := newRun(t, s, with(t, "folds:", "metrics: {cindex: harrell}\nfolds:"))
	m, _, err := artifact.WriteScores(t.Context(), s, claim(run, "cox", 0), artifact.Rescored{Details: &artifact.Details{Antolini: real(0.9)}})
	require.NoError(t, err)
	require.Equal(t, artifact.Details{Antolini: real(0.9)}, *m.Details)
	require.Len(t, m.Coefficients, 3)
	require.NotNil(t, m.Explanation)
}

// Comparison and selection have their columns; without rows there is no file.
func TestWriteComparison(t *testing.T) {
	s := memory()
	require.NoError(t, artifact.WriteComparison(t.Context(), s,
		[]artifact.Comparison{{Metric: "cindex", A: "a", B: "b", Folds: 3, DF: 2, Difference: real(0.5), PHolm: real(1)}, {Metric: "ibs", A: "a", B: "b", Reason: "why"}}, nil))
	require.Equal(t, "metric,model_a,model_b,n_folds,difference,se,lo,hi,t,df,p,p_holm,reason\ncindex,a,b,3,0.5,,,,,2,,1,\nibs,a,b,0,,,,,,0,,,why\n",
		string(content(t, s, artifact.ComparisonKey)))
	_, _, err := store.ReadAll(t.Context(), s, artifact.SelectionKey, 1<<20)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, artifact.WriteComparison(t.Context(), s, nil, []artifact.Selection{{Metric: "cindex", Model: "a", Models: 2,
		Apparent: real(0.7), Corrected: real(0.65), Optimism: real(0.05), Low: real(0.6), Hi: real(0.75), Chosen: 150, Replicates: 200, Rows: 90}}))
	require.Equal(t, "metric,model,n_models,apparent,corrected,optimism,lo,hi,chosen,replicates,rows,reason\ncindex,a,2,0.7,0.65,0.05,0.6,0.75,150,200,90,\n",
		string(content(t, s, artifact.SelectionKey)))
}

// What is explained is part of the fit fingerprint where it is asked for, but not of km's.
func TestExplainFingerprint(t *testing.T) {
	s := memory()
	plain := newRun(t, s, parse(t, baseSpec))
	on := newRun(t, s, with(t, "folds:", "explain: {dependence: 5}\nfolds:"))
	for model, differs := range map[string]bool{"cox": true, "forest": true, "km": false} {
		a, err := plain.FitInputs(model, 0)
		require.NoError(t, err)
		b, err := on.FitInputs(model, 0)
		require.NoError(t, err)
		require.Equal(t, differs, a.Fingerprint() != b.Fingerprint(), model)
	}
}

// A store that does not answer for a final model fails the publication of ph_tests.csv, by
// name: the table would lose rows otherwise.
func TestPublishPHTestsFails(t *testing.T) {
	s := memory()
	run := explainedRun(t, s)
	faulty := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if op == storetest.Get && key == artifact.ModelInfoKey("cox") {
			return store.ErrUnavailable
		}
		return nil
	}}
	err := artifact.PublishPHTests(t.Context(), faulty, run, nil)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, artifact.PHTestsKey)
	require.NoError(t, artifact.PublishPHTests(t.Context(), s, run, nil))
	require.Equal(t, []string{"model,fold,term,transform,chisq,df,p", "cox,0,age,km,,1,"}, lines(t, s, artifact.PHTestsKey, 2))
}
