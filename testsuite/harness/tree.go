package harness

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"everfold/artifact"
	"everfold/store"
)

// Tree is what a run leaves: key to content, without what tells when and where it ran.
type Tree map[string]string

// ReadTree reads a run's folder. run.json and logs are left out, timings emptied, digests that
// cover them too, and the place of the data; of the report counts that it is there.
func ReadTree(tb testing.TB, s store.Store, folder, data string) Tree {
	tb.Helper()
	infos, err := s.List(tb.Context(), folder+"/")
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	found := Tree{}
	for _, info := range infos {
		key := strings.TrimPrefix(info.Key, folder+"/")
		if key == artifact.RunKey || strings.HasPrefix(key, artifact.LogsPrefix) {
			continue
		}
		content, _, err := store.ReadAll(tb.Context(), s, info.Key, 1<<30)
		if err != nil {
			tb.Fatalf("harness: %v", err)
		}
		switch {
		case key == artifact.MetricsKey:
			content = withoutTimings(tb, content)
		case strings.HasSuffix(key, ".json"):
			content = withoutAttempt(tb, content)
		case strings.HasPrefix(key, artifact.ReportPrefix):
			content = nil // pages and pictures that tell timings
		}
		found[key] = strings.ReplaceAll(string(content), data, "DATA")
	}
	return found
}

// Differences says which files differ, are missing or are too many, without their content;
// none where the two are equal.
func (want Tree) Differences(got Tree) []string {
	var found []string
	for key, content := range want {
		switch other, ok := got[key]; {
		case !ok:
			found = append(found, key+" is missing")
		case other != content:
			found = append(found, key+" differs")
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			found = append(found, key+" is too many")
		}
	}
	return found
}

// withoutTimings empties the columns of model_metrics.csv that measure time.
func withoutTimings(tb testing.TB, content []byte) []byte {
	tb.Helper()
	rows, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	if err != nil {
		tb.Fatalf("harness: %s: %v", artifact.MetricsKey, err)
	}
	for i, name := range rows[0] {
		if name == "fit_seconds" || name == "predict_seconds" {
			for _, row := range rows[1:] {
				row[i] = ""
			}
		}
	}
	var out strings.Builder
	if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return []byte(out.String())
}

// withoutAttempt leaves out of a manifest, or a document like it, what tells of the attempt,
// and the digest that covers that.
func withoutAttempt(tb testing.TB, content []byte) []byte {
	tb.Helper()
	var document map[string]any
	if err := json.Unmarshal(content, &document); err != nil {
		tb.Fatalf("harness: %v", err)
	}
	for _, key := range []string{"attempt", "worker", "build", "fit_seconds", "predict_seconds", "finished_at", "sha256"} {
		delete(document, key)
	}
	text, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return text
}
