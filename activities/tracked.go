package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/tracker"
)

// Tracked is what a tracker should hold of a run, derived from the store alone: the same
// store gives the same, whoever asks and whenever.
type Tracked struct {
	Desired *tracker.Desired
	Folds   int // complete, of all models
	Planned int
}

// TrackedOptions say what is asked for.
type TrackedOptions struct {
	Experiment string
	SpecDigest string // of the start that asks; "": whichever there is
	// Status is the run's; tracker.Unknown takes it from the store: finished where every
	// planned fold is complete, or the run has come to its summary.
	Status tracker.Status
	Files  bool // tables, report and final models too
	Cache  *artifact.Cache
}

// NewTracked reads run.json and the manifests of a run, and describes them. s is rooted at
// the run's folder.
func NewTracked(ctx context.Context, s store.Store, o TrackedOptions) (*Tracked, error) {
	run, err := artifact.ReadCurrent(ctx, s, o.SpecDigest, o.Cache)
	if err != nil {
		return nil, err
	}
	manifests, err := artifact.ReadComplete(ctx, s, run, o.Cache)
	if err != nil {
		return nil, err
	}
	t := &tracked{ctx: ctx, store: s, run: run, manifests: manifests, status: o.Status}
	out := &Tracked{Folds: len(manifests), Planned: len(run.Tasks())}
	if t.status == tracker.Unknown {
		if t.status, err = t.derivedStatus(out); err != nil {
			return nil, err
		}
	}
	if out.Desired, err = t.desired(o); err != nil {
		return nil, fmt.Errorf("describe the run for the tracker: %w", err)
	}
	return out, nil
}

type tracked struct {
	ctx       context.Context
	store     store.Store
	run       *artifact.Run
	manifests []*artifact.Manifest
	status    tracker.Status
}

// derivedStatus: an incomplete run without a summary may be going on, or not; the store
// cannot tell.
func (t *tracked) derivedStatus(counts *Tracked) (tracker.Status, error) {
	if counts.Folds == counts.Planned {
		return tracker.Finished, nil
	}
	body, _, err := t.store.Get(t.ctx, artifact.SummaryKey)
	if errors.Is(err, store.ErrNotFound) {
		return tracker.Unknown, nil
	}
	if err != nil {
		return tracker.Unknown, err
	}
	return tracker.Finished, body.Close()
}

// over says that nobody works on the run, so that means and ranks are final.
func (t *tracked) over() bool { return t.status != tracker.Running && t.status != tracker.Unknown }

func (t *tracked) desired(o TrackedOptions) (*tracker.Desired, error) {
	params, err := runParams(t.run.Spec)
	if err != nil {
		return nil, err
	}
	d := &tracker.Desired{
		Key: t.key(), Experiment: o.Experiment, Started: t.run.Created.UnixMilli(), Ended: t.run.Created.UnixMilli(),
		Run: tracker.Node{Name: t.run.Spec.RunID(), Status: t.status, Params: params, Tags: t.tags()},
	}
	standings, err := artifact.Standings(artifact.FormatMetrics(rowsOf(t.manifests)), t.run.SummaryPlan())
	if err != nil {
		return nil, err
	}
	for _, m := range t.manifests {
		d.Run.Metrics = append(d.Run.Metrics, foldMetrics(m)...)
		d.Ended = max(d.Ended, m.FinishedAt)
	}
	for _, model := range t.run.Spec.AllModels() {
		node, err := t.model(model, standings)
		if err != nil {
			return nil, err
		}
		d.Models = append(d.Models, node)
	}
	if o.Files {
		err = t.addFiles(d)
	}
	return d, err
}

// key is the run's identity: its name, and the moment of its creation, which stays with its
// folder wherever that is copied or moved.
func (t *tracked) key() string {
	return t.run.Spec.RunID() + "@" + t.run.Created.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

func rowsOf(manifests []*artifact.Manifest) []artifact.MetricsRow {
	var rows []artifact.MetricsRow
	for _, m := range manifests {
		rows = append(rows, m.Row())
	}
	return rows
}

// foldMetrics are the numbers of a fold in model_metrics.csv; what is undefined is absent.
func foldMetrics(m *artifact.Manifest) []tracker.Metric {
	var out []tracker.Metric
	add := func(name string, v *float64) {
		if v != nil {
			out = append(out, tracker.Metric{Key: m.Model + "_" + name, Value: *v, Timestamp: m.FinishedAt, Step: int64(m.Fold)})
		}
	}
	add("cindex", m.Scores.CIndex)
	add("ibs", m.Scores.IBS)
	add("cindex_harrell", m.Scores.CIndexHarrell)
	add("cindex_ipcw", m.Scores.CIndexIPCW)
	add("auc_mean", m.Scores.AUCMean)
	add("ipa", m.Scores.IPA)
	add("fit_seconds", &m.FitSeconds)
	add("predict_seconds", &m.PredictSeconds)
	return out
}

// revision is how Build names the commit.
var revision = regexp.MustCompile(`\b[0-9a-f]{12,40}\b`)

func (t *tracked) tags() map[string]string {
	var models []string
	for _, m := range t.run.Spec.AllModels() {
		models = append(models, m.Name)
	}
	tags := map[string]string{
		"everfold.spec_digest": t.run.SpecDigest, "everfold.data_digest": t.run.Data.Digest, "everfold.build": t.run.Build,
		"everfold.models": strings.Join(models, ", "), "everfold.rows": strconv.Itoa(t.run.Data.Rows), "everfold.events": strconv.Itoa(t.run.Data.Events),
		"everfold.folds":     fmt.Sprintf("%d of %d complete", len(t.manifests), len(t.run.Tasks())),
		"mlflow.source.name": "everfold", "mlflow.source.type": "JOB",
		"mlflow.note.content": "Survival models by everfold. Metrics `<model>_<score>` have the fold as their step; the means are in the nested runs.",
	}
	if commit := revision.FindString(t.run.Build); commit != "" {
		tags["mlflow.source.git.commit"] = commit
	}
	return tags
}

// model is the nested run of one model: its settings, and its means once they are final.
func (t *tracked) model(m config.Model, standings []Standing) (tracker.Node, error) {
	params := map[string]string{"type": m.Type}
	settings, err := json.Marshal(m.Settings)
	if err == nil {
		err = flatten(settings, "", params)
	}
	if err != nil {
		return tracker.Node{}, fmt.Errorf("settings of %s: %w", m.Name, err)
	}
	n := tracker.Node{Model: m.Name, Name: m.Name, Status: t.status, Params: params, Tags: map[string]string{}}
	latest := int64(0)
	for _, done := range t.manifests {
		if done.Model == m.Name {
			latest = max(latest, done.FinishedAt)
		}
	}
	for _, st := range standings {
		if st.Model != m.Name {
			continue
		}
		n.Tags["everfold.folds"] = fmt.Sprintf("%d of %d complete", st.Folds, st.Folds+st.FailedFolds)
		if t.over() && st.FailedFolds > 0 && t.status == tracker.Finished {
			n.Status = tracker.Failed
		}
		if st.Folds > 0 && (t.over() || st.FailedFolds == 0) {
			n.Metrics = standingMetrics(st, latest)
		}
		if t.over() && st.Rank > 0 {
			n.Tags["everfold.rank"] = strconv.Itoa(st.Rank)
		}
		if t.over() && st.RankIBS > 0 {
			n.Tags["everfold.rank_ibs"] = strconv.Itoa(st.RankIBS)
		}
	}
	return n, nil
}

// standingMetrics have the number of folds as their step: means over more folds, should some
// come later, are then the newest.
func standingMetrics(st Standing, at int64) []tracker.Metric {
	var out []tracker.Metric
	for _, c := range []struct {
		key   string
		value *float64
	}{
		{"cindex_mean", st.CIndexMean}, {"cindex_std", st.CIndexStd}, {"cindex_lo", st.CIndexLo}, {"cindex_hi", st.CIndexHi},
		{"ibs_mean", st.IBSMean}, {"ibs_std", st.IBSStd}, {"ipa_mean", st.IPAMean},
	} {
		if c.value != nil {
			out = append(out, tracker.Metric{Key: c.key, Value: *c.value, Timestamp: at, Step: int64(st.Folds)})
		}
	}
	return out
}

// runParams are the parts of a spec that decide results, one parameter a key.
func runParams(s *config.Spec) (map[string]string, error) {
	out := map[string]string{"type": string(s.Type)}
	for name, part := range map[string]any{
		"data": s.Data, "preprocess": s.Preprocess, "folds": s.Folds, "metrics": s.Metrics, "final": s.Final,
	} {
		text, err := json.Marshal(part)
		if err == nil {
			err = flatten(text, name, out)
		}
		if err != nil {
			return nil, fmt.Errorf("%s of the spec: %w", name, err)
		}
	}
	return out, nil
}

// flatten writes the members of a JSON object as dotted keys; lists stay JSON.
func flatten(text []byte, prefix string, into map[string]string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	for key, value := range maps.All(members) {
		if prefix != "" {
			key = prefix + "." + key
		}
		var word string
		switch {
		case value[0] == '{':
			if err := flatten(value, key, into); err != nil {
				return err
			}
		case json.Unmarshal(value, &word) == nil && value[0] == '"':
			into[key] = word
		default:
			into[key] = string(value)
		}
	}
	return nil
}
