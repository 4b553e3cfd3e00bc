package activities

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
	"everfold/survival"
)

func (l *lab) final(s *config.Spec, model string) (*FitFinalResult, error) {
	l.t.Helper()
	value, err := l.env.ExecuteActivity(FitFinalName, FitFinalInput{Run: Ref(s), SpecDigest: s.Digest(), Model: model})
	if err != nil {
		return nil, err
	}
	var out FitFinalResult
	require.NoError(l.t, value.Get(&out))
	return &out, nil
}

func (l *lab) predict(s *config.Spec, model string) (*PredictResult, error) {
	l.t.Helper()
	value, err := l.env.ExecuteActivity(PredictName, PredictInput{Run: Ref(s), SpecDigest: s.Digest(), Model: model})
	if err != nil {
		return nil, err
	}
	var out PredictResult
	require.NoError(l.t, value.Get(&out))
	return &out, nil
}

// finished trains a run, fits the final model and predicts; it must go well.
func (l *lab) finished(s *config.Spec, model string) *PredictResult {
	l.t.Helper()
	l.train(s, config.Request{})
	require.Empty(l.t, l.summarize(s).Incomplete)
	_, err := l.final(s, model)
	require.NoError(l.t, err)
	out, err := l.predict(s, model)
	require.NoError(l.t, err)
	require.Empty(l.t, out.Missing)
	return out
}

func (l *lab) object(key string) string {
	l.t.Helper()
	content, _, err := store.ReadAll(l.t.Context(), l.run(), key, 1<<26)
	require.NoError(l.t, err, key)
	return string(content)
}

func (l *lab) put(key, content string) {
	l.t.Helper()
	_, err := store.PutBytes(l.t.Context(), l.run(), key, []byte(content), store.Condition{})
	require.NoError(l.t, err)
}

// finalFiles are those whose bytes depend on run.json and the data alone.
func (l *lab) finalFiles(model string) map[string]string {
	l.t.Helper()
	files := map[string]string{}
	for _, key := range []string{artifact.ModelKey(model), artifact.CardKey(model), artifact.PredictKey(model),
		artifact.PredictionsKey, artifact.ParquetKey, artifact.OutOfFoldKey} {
		files[key] = l.object(key)
	}
	return files
}

// A run ends with the best model fitted on all rows, its description and card, and
// predictions; doing it all again changes nothing.
func TestFinalModelAndPredictions(t *testing.T) {
	l := newLab(t)
	s := l.spec("final.horizons=[30, 90.5, 200]", "final.rmst=365")
	l.train(s, config.Request{})
	summary := l.summarize(s)
	require.Len(t, summary.Finals, 1)
	model := summary.Finals[0]
	require.Equal(t, summary.Leaderboard[0].Model, model)
	fit, err := l.final(s, model)
	require.NoError(t, err)
	require.Equal(t, Train, fit.Action)
	out, err := l.predict(s, model)
	require.NoError(t, err)
	require.Equal(t, PredictResult{Model: model, Action: Train, Rows: 137, OutOfFold: 3 * 137, Attempt: 1, Seconds: out.Seconds}, *out)

	var info artifact.ModelInfo
	require.NoError(t, json.Unmarshal([]byte(l.object(artifact.ModelInfoKey(model))), &info))
	require.Equal(t, 137, info.Rows)
	require.NotEmpty(t, info.Coefficients)
	require.NotEmpty(t, info.Columns)
	require.Equal(t, 999.0, info.Times.Last)
	card := l.object(artifact.CardKey(model))
	require.Contains(t, card, "best of 2 by cross-validation, optimistic")
	require.Contains(t, card, "once corrected for the choice")

	before := l.bytes(".json")
	files := l.finalFiles(model)
	l.fresh()
	fit, err = l.final(s, model)
	require.NoError(t, err)
	require.Equal(t, Reuse, fit.Action)
	out, err = l.predict(s, model)
	require.NoError(t, err)
	require.Equal(t, Reuse, out.Action)
	require.Equal(t, files, l.finalFiles(model))
	require.Equal(t, before, l.bytes(".json"))
	requireNoState(t, l)
}

func requireNoState(t *testing.T, l *lab) {
	t.Helper()
	infos, err := l.run().List(t.Context(), artifact.CheckpointsPrefix)
	require.NoError(t, err)
	require.Empty(t, infos)
}

// records reads a CSV of the run as header and cells by column.
func (l *lab) records(key string) []map[string]string {
	l.t.Helper()
	rows, err := csv.NewReader(strings.NewReader(l.object(key))).ReadAll()
	require.NoError(l.t, err)
	var out []map[string]string
	for _, row := range rows[1:] {
		cells := map[string]string{}
		for i, name := range rows[0] {
			cells[name] = row[i]
		}
		out = append(out, cells)
	}
	return out
}

// predictions.csv holds every row in the order of the table, ranks by risk from the highest,
// and survival that falls with the horizon; the mean lies under the curve's bounds.
func TestPredictionsAreConsistent(t *testing.T) {
	l := newLab(t)
	l.finished(l.spec("final.horizons=[30, 200]", "final.rmst=200"), "cox_ph")
	rows := l.records(artifact.PredictionsKey)
	require.Len(t, rows, 137)
	risks := make([]float64, len(rows))
	for i, r := range rows {
		require.Equal(t, strconv.Itoa(i), r["id"])
		require.Equal(t, "true", r["in_training"])
		require.Equal(t, "false", r["extrapolated"])
		risks[i] = real(t, r["risk"])
		early, late, mean := real(t, r["survival_30"]), real(t, r["survival_200"]), real(t, r["rmst"])
		require.Less(t, late, early)
		require.Greater(t, mean, 30*early+170*late, "S falls, so it is above its right end")
		require.Less(t, mean, 30+170*early)
	}
	for i, r := range rows {
		higher := 0
		for _, other := range risks {
			if other > risks[i] {
				higher++
			}
		}
		require.Equal(t, strconv.Itoa(higher+1), r["risk_rank"])
	}
}

func real(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return v
}

// Beyond the last observed time a model without a law has empty cells, a Weibull model
// extrapolates and says so; both are warnings.
func TestBeyondTheLastTime(t *testing.T) {
	for model, want := range map[string]struct{ filled, warning string }{
		"cox_ph":      {"false", "[survival_2000 rmst] of the predictions lie beyond the last observed time: their cells are empty"},
		"weibull_aft": {"true", "[survival_2000 rmst] of the predictions lie beyond the last observed time: they are extrapolated by the model's law"},
	} {
		l := newLab(t)
		out := l.finished(l.spec("final.horizons=[2000, 100]", "final.rmst=1500"), model)
		require.Equal(t, []string{want.warning}, out.Warnings)
		for _, r := range l.records(artifact.PredictionsKey) {
			require.NotEmpty(t, r["survival_100"])
			require.Equal(t, want.filled, r["extrapolated"])
			require.Equal(t, want.filled == "true", r["survival_2000"] != "" && r["rmst"] != "")
		}
	}
}

// oof.csv is the stored curves: at a grid time they are it, between grid times lines, from
// S(0) = 1, and empty beyond the last.
func TestOutOfFold(t *testing.T) {
	l := newLab(t)
	s := l.spec("metrics.grid=[100, 200, 400]", "final.horizons=[50, 200, 300, 500]", "final.rmst=400")
	l.finished(s, "cox_ph")
	m, _, err := artifact.ReadManifest(t.Context(), l.run(), "weibull_aft", 1)
	require.NoError(t, err)
	risk, surv, err := artifact.ReadResult(t.Context(), l.run(), m)
	require.NoError(t, err)
	k := 0
	for _, r := range l.records(artifact.OutOfFoldKey) {
		if r["model"] != "weibull_aft" || r["fold"] != "1" {
			continue
		}
		first, second, third := float64(surv[3*k]), float64(surv[3*k+1]), float64(surv[3*k+2])
		require.Equal(t, risk[k], real(t, r["risk"]))
		require.InDelta(t, (1+first)/2, real(t, r["survival_50"]), 1e-15)
		require.Equal(t, second, real(t, r["survival_200"]))
		require.InDelta(t, (second+third)/2, real(t, r["survival_300"]), 1e-15)
		require.Empty(t, r["survival_500"])
		k++
	}
	require.Equal(t, m.TestRows, k)
}

// The bytes do not depend on threads or worker.
func TestFinalBytesWhateverTheWorker(t *testing.T) {
	one, two := newLab(t), newLab(t)
	two.a.Cores = NewCores(3, 3)
	set := []string{"models=[{type: rsf, trees: 7}, {type: gbsa, trees: 9}]", "final.models=all"}
	for _, model := range []string{"rsf", "gbsa"} {
		one.finished(one.spec(set...), model)
		two.finished(two.spec(set...), model)
		for key, content := range one.finalFiles(model) {
			if key == artifact.CardKey(model) { // it names the data file
				continue
			}
			require.Equal(t, content, two.finalFiles(model)[key], key)
		}
	}
}

// Damage is found: a model file that does not verify is fitted again with the same bytes,
// and predictions are not made from it; a damaged table is written again.
func TestFinalDamage(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.finished(s, "cox_ph")
	files := l.finalFiles("cox_ph")
	for _, damage := range []string{artifact.ModelKey("cox_ph"), artifact.ModelInfoKey("cox_ph")} {
		l.put(damage, "not it")
		out, err := l.predict(s, "cox_ph")
		require.NoError(t, err)
		require.Contains(t, out.Missing, damage)
		fit, err := l.final(s, "cox_ph")
		require.NoError(t, err)
		require.Equal(t, Train, fit.Action)
		require.Equal(t, files, l.finalFiles("cox_ph"))
	}
	for _, key := range []string{artifact.OutOfFoldKey, artifact.PredictionsInfoKey} {
		l.put(key, "not it")
		out, err := l.predict(s, "cox_ph")
		require.NoError(t, err)
		require.Equal(t, Train, out.Action)
		require.Equal(t, files, l.finalFiles("cox_ph"))
	}
	l.put(artifact.CardKey("cox_ph"), "not it")
	l.put(artifact.PredictKey("cox_ph"), "that of another release")
	fit, err := l.final(s, "cox_ph")
	require.NoError(t, err)
	require.Equal(t, Reuse, fit.Action, "card and predict.py are no reason to fit again")
	require.Equal(t, files, l.finalFiles("cox_ph"))
}

// A fold whose predictions are damaged after it was found complete is named, not tried for
// ever, and nothing is written; fitted again, the tables have the bytes they had.
func TestFoldDamagedBeforePredictions(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.finished(s, "cox_ph")
	files := l.finalFiles("cox_ph")
	l.put(artifact.OutOfFoldKey, "not it") // so that the tables are written again
	l.put(artifact.RiskKey("cox_ph", 1), "not it")
	out, err := l.predict(s, "cox_ph")
	require.NoError(t, err)
	require.Len(t, out.Incomplete, 1)
	require.Equal(t, FoldRef{Model: "cox_ph", Fold: 1}, FoldRef{Model: out.Incomplete[0].Model, Fold: out.Incomplete[0].Fold})
	require.Contains(t, out.Incomplete[0].Reason, artifact.RiskKey("cox_ph", 1))
	_, err = l.fit(s, "cox_ph", 1, "")
	require.NoError(t, err)
	out, err = l.predict(s, "cox_ph")
	require.NoError(t, err)
	require.Empty(t, out.Incomplete)
	require.Equal(t, files, l.finalFiles("cox_ph"))
}

// A final model that verifies but does not decode is no damage: fitting it again would find
// it complete, so it is not tried for ever.
func TestFinalThatDoesNotDecode(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.finished(s, "cox_ph")
	claim := artifact.FinalClaim{Model: "cox_ph", SpecDigest: s.Digest()}
	admission, err := artifact.AdmitFinal(t.Context(), l.run(), claim)
	require.NoError(t, err)
	other := *admission.Info
	content := []byte("of another program")
	l.put(other.File.Key, string(content))
	other.File.Bytes, other.File.SHA256 = int64(len(content)), store.SHA256(content)
	_, err = decode(t.Context(), l.run(), &other)
	require.ErrorIs(t, err, survival.ErrBadModelFile)
	require.Equal(t, class{errUnknown, true}, classOf(err))

	other.Preprocess = json.RawMessage(`{"terms": 3}`)
	_, err = decode(t.Context(), l.run(), &other)
	require.ErrorContains(t, err, artifact.ModelInfoKey("cox_ph"))
	require.Equal(t, class{errUnknown, true}, classOf(err))
}

// Another setting gives another final model in place of the old one; another horizon gives
// other predictions from the same model. Both are refused to an execution of an older spec.
func TestFinalFollowsTheSpec(t *testing.T) {
	l := newLab(t)
	old := l.spec()
	l.finished(old, "cox_ph")
	before := l.object(artifact.ModelKey("cox_ph"))
	s := l.spec("final.horizons=[77]")
	l.train(s, config.Request{})
	l.summarize(s)
	fit, err := l.final(s, "cox_ph")
	require.NoError(t, err)
	require.Equal(t, Reuse, fit.Action)
	out, err := l.predict(s, "cox_ph")
	require.NoError(t, err)
	require.Equal(t, Train, out.Action)
	require.Contains(t, l.object(artifact.PredictionsKey), "id,survival_77,rmst,risk,risk_rank,in_training,extrapolated\n")
	_, err = l.final(old, "cox_ph")
	requireType(t, err, ErrSuperseded, false)
	_, err = l.predict(old, "cox_ph")
	requireType(t, err, ErrSuperseded, false)

	s = l.spec("models=[{type: cox_ph, alpha: 2}, {type: weibull_aft}]")
	l.train(s, config.Request{RetrainChanged: true})
	l.summarize(s)
	fit, err = l.final(s, "cox_ph")
	require.NoError(t, err)
	require.Equal(t, Train, fit.Action)
	require.NotEqual(t, before, l.object(artifact.ModelKey("cox_ph")))
}

// A final fit that is stopped goes on from its checkpoint and stores the bytes of an
// undisturbed one; summarizing again in between leaves the checkpoint.
func TestFinalGoesOnFromCheckpoint(t *testing.T) {
	plain, l := newLab(t), newLab(t)
	s := plain.boosting()
	plain.finished(s, "gbsa")
	s = l.boosting()
	l.train(s, config.Request{})
	l.summarize(s)
	quick, every := l.root, l.a.CheckpointEvery
	l.a.CheckpointEvery = time.Nanosecond
	var once sync.Once
	l.root = &storetest.Faulty{Store: quick, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && isState(key) {
			once.Do(func() { close(l.stops) })
		}
		return nil
	}}
	_, err := l.final(s, "gbsa")
	requireType(t, err, ErrInterrupted, true)
	l.root, l.stops, l.a.CheckpointEvery = quick, make(chan struct{}), every
	l.fresh()
	l.summarize(s)
	require.Len(t, l.states(), 1)
	require.Contains(t, l.states()[0], "gbsa/final/")
	_, err = l.final(s, "gbsa")
	require.NoError(t, err)
	_, err = l.predict(s, "gbsa")
	require.NoError(t, err)
	require.Equal(t, plain.object(artifact.ModelKey("gbsa")), l.object(artifact.ModelKey("gbsa")))
	require.Equal(t, plain.object(artifact.PredictionsKey), l.object(artifact.PredictionsKey))
	requireNoState(t, l)
}

// There is no final model of a model that lacks folds, which is a warning.
func TestFinalsOfIncompleteRuns(t *testing.T) {
	l := newLab(t)
	s := l.spec("final.models=all")
	l.train(s, config.Request{})
	require.NoError(t, l.run().Delete(t.Context(), artifact.ManifestKey("cox_ph", 1)))
	in := SummarizeInput{Run: Ref(s), SpecDigest: s.Digest(), Excused: []FoldRef{{Model: "cox_ph", Fold: 1, Failed: true}}}
	value, err := l.env.ExecuteActivity(SummarizeName, in)
	require.NoError(t, err)
	var out SummarizeResult
	require.NoError(t, value.Get(&out))
	require.Equal(t, []string{"weibull_aft"}, out.Finals)
	require.Equal(t, []string{"no final model of cox_ph: not every planned fold is complete"}, out.Warnings)
}

// Every type of model can be a final model and predict.
func TestEveryTypeAsFinalModel(t *testing.T) {
	l := newLab(t)
	s := l.spec("models=[{type: coxnet}, {type: cox_stratified, strata: [celltype]}, {type: orsf, trees: 3}, {type: cox_ph}, {type: stack, of: [cox_ph]}]",
		"final.models=[coxnet, cox_stratified, orsf, stack, km]")
	l.train(s, config.Request{})
	summary := l.summarize(s)
	require.ElementsMatch(t, []string{"coxnet", "cox_stratified", "orsf", "stack", "km"}, summary.Finals)
	require.Equal(t, "km", summary.Finals[4], "an unranked model is the last to predict from")
	seen := map[string]bool{}
	for _, model := range summary.Finals {
		_, err := l.final(s, model)
		require.NoError(t, err, model)
		_, err = l.predict(s, model)
		require.NoError(t, err, model)
		seen[l.object(artifact.PredictionsKey)] = true
	}
	require.Len(t, slices.Collect(maps.Keys(seen)), 5)
}
