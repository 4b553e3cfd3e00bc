package hostile_test

import (
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
	"everfold/survival"
	"everfold/survival/preprocess"
)

// Of documents the targets below change bytes, and single values by their number: see edited.

// FuzzSpec: whatever a spec file holds.
func FuzzSpec(f *testing.F) {
	f.Add([]byte(specText), []byte{})
	f.Add([]byte("a: &a [1,2]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n"), []byte{})
	f.Add([]byte("? {a: b}\n: [- - - x, !!y z, 'q']\n--- >\n t"), []byte{})
	f.Add([]byte("run: r\ndata: &d {<<: {uri: /a.csv}, time: t, event: |-\n  e\n}\nmodels: [{type: km}]"), []byte{})
	f.Add(encoded(f, spec(f)), []byte("3 [{\"type\":\"gbsa\",\"trees\":1e9}]\n40 -1"))
	f.Fuzz(func(t *testing.T, text, edits []byte) {
		text = edited(text, edits)
		bounded(t, len(text), 4*mib, 8<<10, func() {
			if s, err := config.ParseYAML(text, "spec.yaml"); err == nil {
				require.NoError(t, s.Check(), "what is accepted is accepted again")
			}
		})
	})
}

// FuzzInput: whatever a client starts the three workflows with.
func FuzzInput(f *testing.F) {
	run := encoded(f, spec(f))
	f.Add(run, []byte("7 \"../x\"\n9"))
	f.Add([]byte(`{"run_template":"churn-{date}","timezone":"../../etc/passwd","prune":{"keep":1e9},"spec":`+string(run)+`}`), []byte("5 {}"))
	f.Add([]byte(`{"request":{"force":["a:1"],"start":{"spec":"/x","set":["a=b"]}},"recover":{"model":"../x","only":["folds"]}}`), []byte{})
	f.Fuzz(func(t *testing.T, text, edits []byte) {
		text = edited(text, edits)
		bounded(t, len(text), 4*mib, 4<<10, func() {
			if s, _, err := config.DecodeInput(text); err == nil {
				require.NoError(t, s.CheckNames())
				require.NoError(t, s.Check(), "what is accepted is accepted again")
			}
			_, _, _ = config.DecodeRecovery(text)
			if s, err := config.DecodeScheduled(text); err == nil {
				require.NoError(t, config.CheckRun(s.Spec.Type, s.RunAt(time.Unix(1_700_000_000, 0))))
			}
		})
	})
}

// digested gives a run.json the digest of the spec in it, so that decoders get past that, too.
func digested(body []byte) []byte {
	var doc map[string]json.RawMessage
	var s config.Spec
	if json.Unmarshal(body, &doc) != nil || json.Unmarshal(doc["spec"], &s) != nil {
		return body
	}
	doc["spec_digest"] = []byte(`"` + s.Digest() + `"`)
	text, err := json.Marshal(doc)
	if err != nil {
		return body
	}
	return text
}

// FuzzRunFile: whatever a store has for run.json.
func FuzzRunFile(f *testing.F) {
	s := storetest.Memory()
	run := &artifact.Run{Spec: spec(f), Folds: []artifact.FoldInfo{{Index: 1, TrainRows: 2, TestRows: 1}}}
	require.NoError(f, artifact.WriteRun(f.Context(), s, run, ""))
	content, _, err := store.ReadAll(f.Context(), s, artifact.RunKey, mib)
	require.NoError(f, err)
	f.Add(unsealed(f, content), []byte("12 1000000000000"))
	f.Add([]byte(`{"format":1,"spec":{"run":"../../x","type":"production"},"data":{"file":{"key":"/etc/passwd","sha256":"../../../dev/zero"}}}`), []byte{})
	f.Fuzz(func(t *testing.T, body, edits []byte) {
		text := sealed(digested(edited(body, edits)))
		s := holding(t, artifact.RunKey, text)
		bounded(t, len(text), 4*mib, 2<<10, func() {
			run, _, err := artifact.ReadRun(t.Context(), s)
			if err != nil {
				return
			}
			require.NoError(t, run.Spec.CheckNames())
			require.NotPanics(t, func() { store.Prefixed(s, run.Spec.RunID()) })
			_ = run.Spec.Digest()
			for _, fold := range run.Folds {
				_, _ = artifact.ReadFoldData(t.Context(), s, fold, run.Data.Rows)
			}
		})
	})
}

// FuzzManifest: whatever a store has for a fold's manifest.
func FuzzManifest(f *testing.F) {
	m := artifact.Manifest{Model: "cox", Type: "cox_ph", Files: []artifact.File{
		{Key: artifact.RiskKey("cox", 0), SHA256: store.SHA256(nil), Bytes: 8, Shape: []int{1}},
		{Key: artifact.SurvKey("cox", 0), SHA256: store.SHA256(nil), Bytes: 8, Shape: []int{1, 2}},
	}}
	content, err := m.Encode()
	require.NoError(f, err)
	f.Add(unsealed(f, content), []byte("9 [4611686018427387904,2]"))
	f.Add([]byte(`{"format":1,"model":"cox","files":[{"key":"../../x","bytes":-1,"shape":[9223372036854775807,2]}]}`), []byte{})
	f.Fuzz(func(t *testing.T, body, edits []byte) {
		text := sealed(edited(body, edits))
		s := holding(t, artifact.ManifestKey("cox", 0), text)
		bounded(t, len(text), 4*mib, 1<<10, func() {
			m, _, err := artifact.ReadManifest(t.Context(), s, "cox", 0)
			if err != nil {
				return
			}
			require.Error(t, artifact.Verify(t.Context(), s, m), "there are no files")
			_, _, err = artifact.ReadResult(t.Context(), s, m)
			require.Error(t, err)
		})
	})
}

// FuzzModelInfo: whatever a store has for model.json, and for the preprocessing in it.
func FuzzModelInfo(f *testing.F) {
	pipeline := pipelineText(f)
	f.Add(encoded(f, map[string]any{"format": 1, "model": "cox", "type": "cox_ph", "preprocess": json.RawMessage(pipeline),
		"file": artifact.File{Key: artifact.ModelKey("cox"), SHA256: store.SHA256(nil)}}), []byte("20 [[]]"))
	f.Add([]byte(`{"format":1,"model":"cox","file":{"key":"models/cox/model.bin","bytes":9223372036854775807,"sha256":"x"}}`), []byte{})
	f.Fuzz(func(t *testing.T, body, edits []byte) {
		text := sealed(edited(body, edits))
		s := holding(t, artifact.ModelInfoKey("cox"), text)
		bounded(t, len(text), 4*mib, 1<<10, func() {
			info, err := artifact.ReadFinal(t.Context(), s, "cox")
			if err != nil {
				return
			}
			applied(t, info.Preprocess)
		})
	})
}

// FuzzPipeline: whatever a store has for a fitted preprocessing.
func FuzzPipeline(f *testing.F) {
	f.Add(pipelineText(f), []byte("8 -1\n9 1e308"))
	f.Add([]byte(`{"version":1,"terms":[{"factor":{"levels":["a"],"first":1,"known":[{"level":"a","to":0}]}}]}`), []byte{})
	f.Fuzz(func(t *testing.T, text, edits []byte) {
		text = edited(text, edits)
		bounded(t, len(text), 4*mib, 1<<10, func() { applied(t, text) })
	})
}

// rows are of both kinds, with gaps.
func rows() *survival.Frame {
	return &survival.Frame{Rows: 3, Columns: []survival.Feature{
		{Name: "x", Kind: survival.NumericFeature, Values: []float64{1, 2, 4}},
		{Name: "s", Kind: survival.CategoricalFeature, Codes: []int32{0, 1, -1}, Levels: []string{"a", "b"}},
	}}
}

func pipelineText(f testing.TB) []byte {
	p, err := preprocess.Fit(context.Background(), rows(), []int{0, 1, 2}, preprocess.Options{Impute: "median", Scale: "standard", Encode: "treatment"})
	require.NoError(f, err)
	return encoded(f, p)
}

// applied asks a pipeline, which may be nonsense, for some rows.
func applied(t *testing.T, text []byte) {
	var p preprocess.Pipeline
	if json.Unmarshal(text, &p) != nil {
		return
	}
	_, _, _ = p.Apply(t.Context(), rows(), []int{0, 2})
}

// FuzzTables: whatever a store has for the tables that are read back.
func FuzzTables(f *testing.F) {
	f.Add([]byte("model,fold,cindex,ibs,cindex_harrell,cindex_ipcw,auc_mean,n_train,n_test,events_train,events_test,fit_seconds,predict_seconds,converged,repeat,ipa,reason\ncox,0,0.7,0.1,,,,8,4,3,2,1.5,20,true,0,,\n"))
	f.Add([]byte("metric,model,n_models,apparent,corrected,optimism,lo,hi,chosen,replicates,rows,reason\ncindex,cox,2,0.7,0.69,0.01,,,5,100,10,\n"))
	f.Add([]byte("metric,model_a,model_b,n_folds,difference,se,lo,hi,t,df,p,p_holm,reason\ncindex,cox,km,3,0.1,,,,,2,,,x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := storetest.Memory()
		for _, key := range []string{artifact.SelectionKey, artifact.ComparisonKey} {
			_, err := store.PutBytes(t.Context(), s, key, text, store.Condition{})
			require.NoError(t, err)
		}
		bounded(t, len(text), 4*mib, 1<<10, func() {
			if rows, err := artifact.ParseMetrics(text); err == nil {
				_ = artifact.FormatMetrics(rows)
			}
			_, _ = artifact.SummaryFromMetrics(text, nil)
			_, _ = artifact.ReadSelection(t.Context(), s)
			_, _ = artifact.ReadComparisons(t.Context(), s)
		})
	})
}

// FuzzPredictions: whatever a store has for predictions.json, read with all that is in its folder.
func FuzzPredictions(f *testing.F) {
	run := &artifact.Run{Spec: spec(f), Folds: []artifact.FoldInfo{{Index: 1, TrainRows: 2, TestRows: 1}},
		Versions: artifact.Versions{Models: map[string]int{"km": 1, "cox_ph": 1, "rsf": 1, "stack": 1}}}
	oof := artifact.File{Key: artifact.OutOfFoldKey, SHA256: store.SHA256([]byte(csvText)), Bytes: int64(len(csvText))}
	f.Add(encoded(f, artifact.PredictionsInfo{Format: 1, Model: "cox", Rows: 3, Horizons: []float64{1, 2}, Files: []artifact.File{oof}}), []byte("9 -1"))
	f.Fuzz(func(t *testing.T, body, edits []byte) {
		text := sealed(edited(body, edits))
		s := holding(t, artifact.PredictionsInfoKey, text)
		require.NoError(t, artifact.WriteRun(t.Context(), s, run, ""))
		_, err := store.PutBytes(t.Context(), s, artifact.OutOfFoldKey, []byte(csvText), store.Condition{})
		require.NoError(t, err)
		bounded(t, len(text), 4*mib, 1<<10, func() {
			c, err := artifact.ReadContents(t.Context(), s)
			require.NoError(t, err)
			_ = c.OutOfFold(t.Context(), func(in io.Reader) error { _, err := io.Copy(io.Discard, in); return err })
		})
	})
}
