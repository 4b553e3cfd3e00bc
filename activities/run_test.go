package activities

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
)

// A run goes from data to a leaderboard; a second start of it does nothing again.
func TestRunFromDataToLeaderboard(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	done := l.train(s, config.Request{})
	require.Len(t, done, 9)
	require.Equal(t, 9, count(done, Train))

	out := l.summarize(s)
	require.Empty(t, out.Incomplete)
	require.Len(t, out.Leaderboard, 3)
	require.Equal(t, "km", out.Leaderboard[2].Model)
	require.Zero(t, out.Leaderboard[2].Rank)

	manifests := l.bytes(".json")
	require.Equal(t, 9, count(l.train(s, config.Request{}), Reuse))
	after := l.bytes(".json")
	delete(manifests, artifact.RunKey) // its time of update may change
	delete(after, artifact.RunKey)
	require.Equal(t, manifests, after, "a complete fold's manifest is never rewritten")
}

// The same spec and data give the same payload bytes, whatever the threads and whichever
// worker fitted what.
func TestSameBytesWhateverTheWorker(t *testing.T) {
	one, two := newLab(t), newLab(t)
	one.train(one.spec(), config.Request{})
	two.a.Cores = NewCores(2, 2)
	plan, err := two.prepare(two.spec(), config.Request{})
	require.NoError(t, err)
	for i := len(plan.Models) - 1; i >= 0; i-- {
		for _, f := range plan.Models[i].Folds {
			two.fresh()
			_, err := two.fit(two.spec(), plan.Models[i].Model, f.Fold, "")
			require.NoError(t, err)
		}
	}
	require.Equal(t, one.bytes(".npy"), two.bytes(".npy"))
	require.Equal(t, one.bytes(".parquet"), two.bytes(".parquet"))
}

// model_metrics.csv is complete after every fold.
func TestPublishAfterEveryFold(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	for fold := range 3 {
		_, err := l.fit(s, "cox_ph", fold, "")
		require.NoError(t, err)
		_, err = l.env.ExecuteActivity(PublishMetricsName, PublishInput{Run: Ref(s), SpecDigest: s.Digest()})
		require.NoError(t, err)
		content, _, err := store.ReadAll(t.Context(), l.run(), artifact.MetricsKey, 1<<20)
		require.NoError(t, err)
		rows, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, fold+2)
	}
}

// Another metric setting rescores stored fits; nothing is fitted again.
func TestMetricSettingsRescore(t *testing.T) {
	l := newLab(t)
	l.train(l.spec(), config.Request{})
	npy := l.bytes(".npy")
	done := l.train(l.spec("metrics.cindex=harrell"), config.Request{})
	require.Equal(t, 9, count(done, Rescore))
	require.Equal(t, npy, l.bytes(".npy"))
	out := l.summarize(l.spec("metrics.cindex=harrell"))
	require.Empty(t, out.Incomplete)
}

// A changed parameter is refused with the list and nothing is overwritten; on request only
// the folds that it touches are fitted again.
func TestChangedParameterIsRefused(t *testing.T) {
	l := newLab(t)
	l.train(l.spec(), config.Request{})
	before := l.bytes(".json")
	changed := l.spec("models.cox_ph.ties=breslow")
	_, err := l.prepare(changed, config.Request{})
	app := requireType(t, err, ErrInvalidSpec, false)
	require.Contains(t, app.Message(), "cox_ph fold 0")
	require.Contains(t, app.Message(), "--retrain-changed")
	require.NotContains(t, app.Message(), "weibull_aft fold")
	require.Equal(t, before, l.bytes(".json"))

	done := l.train(changed, config.Request{RetrainChanged: true})
	require.Equal(t, 3, count(done, Train))
	require.Equal(t, 6, count(done, Reuse))
}

// Adding a model or a repeat to a finished run trains only what is new.
func TestGrowingARun(t *testing.T) {
	l := newLab(t)
	l.train(l.spec(), config.Request{})
	done := l.train(l.spec("models=[{type: cox_ph}, {type: weibull_aft}, {type: cox_ph, name: ridge, alpha: 1.0}]"), config.Request{})
	require.Equal(t, 3, count(done, Train))
	require.Equal(t, 9, count(done, Reuse))
	done = l.train(l.spec("folds.repeats=2"), config.Request{})
	require.Equal(t, 9, count(done, Train))
	require.Equal(t, 9, count(done, Reuse))
}

// A forced fold is fitted again, once; a second attempt of the same force finds it done.
func TestForce(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.train(s, config.Request{})
	plan, err := l.prepare(s, config.Request{Force: []string{"cox_ph:1"}})
	require.NoError(t, err)
	force := plan.Models[0].Folds[1].Force
	require.NotEmpty(t, force)
	first, err := l.fit(s, "cox_ph", 1, force)
	require.NoError(t, err)
	require.Equal(t, Train, first.Action)
	again, err := l.fit(s, "cox_ph", 1, force)
	require.NoError(t, err)
	require.Equal(t, Reuse, again.Action)
	require.Equal(t, first.Manifest, again.Manifest)
}

// A fresh start is refused where the run has artifacts.
func TestFreshIsRefusedOverArtifacts(t *testing.T) {
	l := newLab(t)
	l.train(l.spec(), config.Request{Fresh: true})
	_, err := l.prepare(l.spec(), config.Request{Fresh: true})
	app := requireType(t, err, ErrInvalidSpec, false)
	require.Contains(t, app.Message(), "--run ID")
}

// A worker of an older spec stops before it writes anything.
func TestSupersededFitStops(t *testing.T) {
	l := newLab(t)
	old := l.spec()
	l.train(l.spec("metrics.cindex=harrell"), config.Request{})
	before := l.bytes(".json")
	_, err := l.fit(old, "cox_ph", 0, "")
	requireType(t, err, ErrSuperseded, false)
	require.Equal(t, before, l.bytes(".json"))
}

// Unpenalised Cox models have their proportional-hazards tests in ph_tests.csv, a row a
// term and one for all; a ridge has none. The final model's rows follow those of the folds,
// and stay when the tables are written again.
func TestProportionalHazardsTests(t *testing.T) {
	l := newLab(t)
	s := l.spec("models=[{type: cox_ph}, {type: cox_ph, name: ridge, alpha: 1.0}]")
	l.train(s, config.Request{})
	l.summarize(s)
	content, _, err := store.ReadAll(t.Context(), l.run(), artifact.PHTestsKey, 1<<20)
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"model", "fold", "term", "transform", "chisq", "df", "p"}, rows[0])
	require.Len(t, rows, 1+3*7, "6 terms and GLOBAL in each of 3 folds")
	for i, row := range rows[1:] {
		require.Equal(t, "cox_ph", row[0])
		require.Equal(t, "km", row[3])
		require.Equal(t, i%7 == 6, row[2] == "GLOBAL")
		require.NotEmpty(t, row[6])
	}
	for _, model := range []string{"ridge", "cox_ph"} {
		_, err = l.final(s, model)
		require.NoError(t, err)
	}
	want := l.object(artifact.PHTestsKey)
	records := l.records(artifact.PHTestsKey)
	require.Len(t, records, 4*7)
	for i, row := range records[3*7:] {
		require.Equal(t, []string{"cox_ph", "final"}, []string{row["model"], row["fold"]})
		require.Equal(t, i == 6, row["term"] == "GLOBAL")
	}
	l.summarize(s)
	require.Equal(t, want, l.object(artifact.PHTestsKey))
	l.put(artifact.ModelInfoKey("cox_ph"), "not it")
	l.summarize(s)
	require.Len(t, l.records(artifact.PHTestsKey), 3*7)
}
