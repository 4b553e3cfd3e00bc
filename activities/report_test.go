package activities

import (
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/logging"
	"everfold/store"
)

// keepLogs has the lab's activities write the run's log files.
func (l *lab) keepLogs() {
	l.t.Helper()
	files := logging.OpenRun(filepath.Join(l.dir, "out", "production", "lab", "logs"), "lab", time.Unix(1_700_000_000, 0))
	l.t.Cleanup(files.Close)
	l.a.RunLogger = func(RunRef) *slog.Logger { return slog.New(files.Handler()) }
}

func (l *lab) report(s *config.Spec) (*WriteReportResult, error) {
	l.t.Helper()
	value, err := l.env.ExecuteActivity(WriteReportName, WriteReportInput{Run: Ref(s), SpecDigest: s.Digest()})
	if err != nil {
		return nil, err
	}
	var out WriteReportResult
	require.NoError(l.t, value.Get(&out))
	return &out, nil
}

// reported writes the report, which must go well, and gives its page.
func (l *lab) reported(s *config.Spec) (string, *WriteReportResult) {
	l.t.Helper()
	out, err := l.report(s)
	require.NoError(l.t, err)
	return l.object(artifact.ReportKey), out
}

// sectionOf is the part of a page with that id.
func sectionOf(t *testing.T, page, id string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, `<section id="`+id+`"`)
	require.True(t, found, "section %s", id)
	text, _, _ := strings.Cut(rest, "</section>")
	return text
}

// contains is require.Contains without the whole page in its message.
func contains(t *testing.T, text, want string) {
	t.Helper()
	require.True(t, strings.Contains(text, want), "%q", want)
}

const explained = "explain={importance: 2, dependence: 4, rows: 40}"

// A finished run's report has every section, from what the run's artifacts hold, needs nothing
// from elsewhere, and is the same when written again; nothing is then written twice.
func TestReport(t *testing.T) {
	l := newLab(t)
	l.keepLogs()
	s := l.spec(explained, "final={horizons: [60, 90, 180, 365], rmst: 365}")
	l.finished(s, "cox_ph")
	page, out := l.reported(s)
	require.Empty(t, out.Problems)
	require.Equal(t, artifact.ReportKey, out.Key)

	for id, wants := range map[string][]string{
		"leaderboard":  {"95\u00a0% interval", "best of 2 by cross-validation, optimistic", "scores_cindex.svg", "scores_ibs.png", "Differences from"},
		"curves":       {"brier.svg", "auc.svg", "km from"},
		"calibration":  {"calibration_1.svg", "calibration_3.svg", "1 horizon is beyond the end of the folds’ time grid", "Integrated calibration index"},
		"groups":       {"risk_groups.svg", "lowest risk", "highest risk"},
		"importance":   {"importance.svg", ">karno<"},
		"dependence":   {"dependence_6.svg", "Predicted survival by karno"},
		"models":       {"ties: efron", "coefficients_cox_ph.svg", "Hazard ratios of cox_ph", "Per original unit"},
		"proportional": {"GLOBAL", "3 of 3"},
		"data":         {"137", "No row was dropped", ">celltype<", "levels"},
		"warnings":     {"There were none"},
		"timeline":     {"timeline.svg", "Every fit ended well at its first attempt"},
		"files":        {"fitted on all rows: cox_ph;", "starter predict ", "predictions/oof.csv"},
	} {
		for _, want := range wants {
			require.True(t, strings.Contains(sectionOf(t, page, id), want), "%s: %s", id, want)
		}
	}
	require.NotContains(t, page, `id="problems"`)
	require.NotRegexp(t, `(src|href)="(https?:)?//|@import|url\(`, page)
	require.Equal(t, out.Pictures, strings.Count(page, "<figure"))
	for name := range l.bytes(".svg") {
		contains(t, page, strings.TrimPrefix(name, artifact.ReportPrefix))
	}
	require.Len(t, l.bytes(".png"), out.Pictures)

	before, err := l.run().List(t.Context(), artifact.ReportPrefix)
	require.NoError(t, err)
	l.fresh()
	l.put("report/old.svg", "of a report with more pictures")
	again, _ := l.reported(s)
	require.Equal(t, page, again)
	after, err := l.run().List(t.Context(), artifact.ReportPrefix)
	require.NoError(t, err)
	require.Equal(t, before, after, "nothing is written again, what is not of the report is removed")
}

// The headings of a report are in order, pictures have texts, tables have heads.
func TestReportIsAccessible(t *testing.T) {
	l := newLab(t)
	s := l.spec(explained)
	l.finished(s, "weibull_aft")
	page, out := l.reported(s)
	contains(t, page, `<html lang="en">`)
	level := 0
	for _, h := range regexp.MustCompile(`<h(\d)`).FindAllStringSubmatch(page, -1) {
		next := int(h[1][0] - '0')
		require.LessOrEqual(t, next, level+1)
		level = next
	}
	require.Equal(t, 1, strings.Count(page, "<h1>"))
	require.Equal(t, out.Pictures, strings.Count(page, `role="img" aria-labelledby="`))
	require.Equal(t, out.Pictures, strings.Count(page, "<desc id="))
	require.NotContains(t, page, "></desc>")
	require.Equal(t, strings.Count(page, "<table>"), strings.Count(page, "<caption>"))
	require.NotContains(t, page, "<th>")
	require.NotContains(t, page, "NaN")
	ids := regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1)
	seen := map[string]bool{}
	for _, id := range ids {
		require.False(t, seen[id[1]], id[1])
		seen[id[1]] = true
	}
	for _, to := range regexp.MustCompile(`aria-labelledby="(\S+) (\S+)"|href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		for _, id := range to[1:] {
			require.True(t, id == "" || seen[id], id)
		}
	}
}

// A run that is going on, or has failed, has a report of what is there; it names what is not.
func TestReportOfAPartialRun(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	page, out := l.reported(s)
	contains(t, page, "No model has been scored yet")
	contains(t, page, "9 planned fits are not complete")
	require.Zero(t, out.Pictures)

	_, err = l.fit(s, "cox_ph", 1, "")
	require.NoError(t, err)
	page, out = l.reported(s)
	require.Empty(t, out.Problems)
	contains(t, page, "No model is ranked")
	contains(t, sectionOf(t, page, "leaderboard"), "scores_cindex.svg")
	contains(t, sectionOf(t, page, "problems"), "cox_ph fold 0: no manifest")
	contains(t, sectionOf(t, page, "calibration"), "no out-of-fold predictions")
	contains(t, sectionOf(t, page, "importance"), "not asked for")
	contains(t, sectionOf(t, page, "files"), "--only-failed")
}

// Damaged files are named and left out, one by one; the report is written all the same.
func TestReportOfADamagedRun(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.finished(s, "cox_ph")
	whole := map[string]string{}
	keys := []string{artifact.OutOfFoldKey, artifact.PredictionsInfoKey, artifact.ProfileKey, artifact.SelectionKey, artifact.ComparisonKey,
		artifact.MetricsKey, artifact.ModelInfoKey("cox_ph"), artifact.PreparedKey, artifact.RunKey, artifact.ManifestKey("cox_ph", 1)}
	for _, key := range keys {
		whole[key] = l.object(key)
	}
	for _, key := range keys {
		t.Run(strings.ReplaceAll(key, "/", " "), func(t *testing.T) {
			l.fresh()
			l.put(key, "{not what it was")
			out, err := Report(t.Context(), l.run(), &Tables{})
			require.NoError(t, err)
			problems := sectionOf(t, l.object(artifact.ReportKey), "problems")
			if key == artifact.ManifestKey("cox_ph", 1) {
				contains(t, problems, "cox_ph fold 1: ")
			} else {
				contains(t, problems, "<code>"+key+"</code>: ")
				require.True(t, slices.ContainsFunc(out.Problems, func(p string) bool { return strings.HasPrefix(p, key+": ") }), out.Problems)
			}
			l.put(key, whole[key])
		})
	}
	require.NoError(t, l.run().Delete(t.Context(), artifact.RunKey))
	_, err := Report(t.Context(), l.run(), &Tables{})
	require.NoError(t, err, "model_metrics.csv is there")
	require.NoError(t, l.run().Delete(t.Context(), artifact.MetricsKey))
	_, err = Report(t.Context(), l.run(), &Tables{})
	require.ErrorIs(t, err, store.ErrNotFound)
}

// Attempts that came to nothing, lost workers and warnings are told, from logs and manifests.
func TestReportTellsWhatHappened(t *testing.T) {
	l := newLab(t)
	l.keepLogs()
	s := l.spec()
	log := l.a.RunLogger(Ref(s))
	log.Warn("cox_ph fold 1 is tried again", logging.KeyModel, "cox_ph", logging.KeyFold, 1, logging.KeyAttempt, 1, logging.CategoryRetry.Attr(), "error", "the store does not answer")
	log.Warn("a checkpoint is ignored", logging.KeyModel, "cox_ph", logging.KeyFold, 1, logging.CategoryStorage.Attr())
	log.Info("going on from a checkpoint", logging.KeyModel, "cox_ph", logging.KeyFold, 1)
	l.train(s, config.Request{})
	page, _ := l.reported(s)
	timeline := sectionOf(t, page, "timeline")
	contains(t, timeline, "attempt 1: is tried again (the store does not answer); went on from a checkpoint")
	contains(t, timeline, "starts of the run")
	warnings := sectionOf(t, page, "warnings")
	contains(t, warnings, "a checkpoint is ignored")
	contains(t, warnings, "retry: ")
	contains(t, warnings, "cox_ph fold 1")
}

// A report for an older spec is not written over the newer start's.
func TestReportIsSuperseded(t *testing.T) {
	l := newLab(t)
	old := l.spec()
	l.train(l.spec("metrics.cindex=harrell"), config.Request{})
	_, err := l.report(old)
	requireType(t, err, ErrSuperseded, false)
}
