package artifact_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/storetest"
)

// A manifest is read back as written, and equal manifests are equal bytes.
func TestManifestRoundTrip(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	m := writeFold(t, s, claim(run, "cox", 1))
	got, etag, err := artifact.ReadManifest(t.Context(), s, "cox", 1)
	require.NoError(t, err)
	require.NotEmpty(t, etag)
	first, err := m.Encode()
	require.NoError(t, err)
	second, err := got.Encode()
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))
	require.Equal(t, string(first), string(content(t, s, artifact.ManifestKey("cox", 1))))
	require.Nil(t, got.Scores.AUCMean)
	require.Equal(t, []int{4, 3}, got.Files[1].Shape)
	require.Equal(t, "<f4", got.Files[1].DType)
}

// Any changed digit, letter or cut of a manifest is found.
func TestManifestDamageIsFound(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	m := writeFold(t, s, claim(run, "cox", 1))
	text, err := m.Encode()
	require.NoError(t, err)
	for at, c := range text {
		if c == ' ' || c == '\n' {
			continue // white space outside of strings has no meaning
		}
		damaged := bytes.Clone(text)
		damaged[at] = c ^ 1
		_, err := artifact.DecodeManifest(damaged)
		require.ErrorIs(t, err, artifact.ErrDamaged, "byte %d", at)
	}
	for cut := range len(text) - 2 {
		_, err := artifact.DecodeManifest(text[:cut])
		require.ErrorIs(t, err, artifact.ErrDamaged, "cut at %d", cut)
	}
	for _, other := range []string{"", "{}", "null", "[]", `{"sha256":""}`, string(text) + "{}"} {
		_, err := artifact.DecodeManifest([]byte(other))
		require.ErrorIs(t, err, artifact.ErrDamaged, "%.20q", other)
	}
	_, err = artifact.DecodeManifest(make([]byte, 17<<20))
	require.ErrorIs(t, err, artifact.ErrDamaged)
}

// A manifest of another format, or another fold's in its place, does not count.
func TestForeignManifestsDoNotCount(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	overwrite(t, s, artifact.ManifestKey("cox", 0), content(t, s, artifact.ManifestKey("cox", 1)))
	_, etag, err := artifact.ReadManifest(t.Context(), s, "cox", 0)
	require.ErrorIs(t, err, artifact.ErrDamaged)
	require.ErrorContains(t, err, "cox fold 1")
	require.NotEmpty(t, etag, "needed to replace it")

	m, _, err := artifact.ReadManifest(t.Context(), s, "cox", 2)
	require.NoError(t, err)
	m.Files = m.Files[:1]
	text, err := m.Encode()
	require.NoError(t, err)
	overwrite(t, s, artifact.ManifestKey("cox", 2), text)
	_, _, err = artifact.ReadManifest(t.Context(), s, "cox", 2)
	require.ErrorIs(t, err, artifact.ErrDamaged)

	overwrite(t, s, artifact.ManifestKey("km", 0), make([]byte, 17<<20))
	_, etag, err = artifact.ReadManifest(t.Context(), s, "km", 0)
	require.ErrorIs(t, err, artifact.ErrDamaged)
	require.NotEmpty(t, etag)
	require.Equal(t, "cox:0=train cox:2=train km:0=train", actions(plan(t, s, run, artifact.PlanOptions{})))
}

// Numbers that JSON cannot hold are refused before anything is written.
func TestManifestRefusesNonFiniteNumbers(t *testing.T) {
	nan := math.NaN()
	for _, m := range []artifact.Manifest{
		{Scores: artifact.Scores{CIndex: &nan}}, {Scores: artifact.Scores{IPA: &nan}}, {FitSeconds: math.Inf(1)},
	} {
		_, err := m.Encode()
		require.ErrorContains(t, err, "not finite")
	}
}

// Damage to any file of a fold is found and named, and exactly that fold is fitted again;
// afterwards everything is complete.
func TestPayloadDamageIsNamed(t *testing.T) {
	damages := map[string]func(t *testing.T, s store.Store, key, other string){
		"truncated": func(t *testing.T, s store.Store, key, _ string) {
			whole := content(t, s, key)
			overwrite(t, s, key, whole[:len(whole)-1])
		},
		"empty": func(t *testing.T, s store.Store, key, _ string) { overwrite(t, s, key, nil) },
		"one bit": func(t *testing.T, s store.Store, key, _ string) {
			whole := content(t, s, key)
			whole[len(whole)-3] ^= 1
			overwrite(t, s, key, whole)
		},
		"swapped": func(t *testing.T, s store.Store, key, other string) { overwrite(t, s, key, content(t, s, other)) },
		"missing": func(t *testing.T, s store.Store, key, _ string) { require.NoError(t, s.Delete(t.Context(), key)) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			for _, key := range []func(string, int) string{artifact.RiskKey, artifact.SurvKey} {
				s := memory()
				run := completeRun(t, s)
				damage(t, s, key("forest", 1), key("forest", 2))
				p := plan(t, s, run, artifact.PlanOptions{})
				require.Equal(t, "forest:1=train", actions(p))
				for _, f := range p.Folds {
					if f.Action == artifact.Train {
						require.Contains(t, f.Reason, key("forest", 1))
						require.False(t, f.Changed)
					}
				}
				summary, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
				require.NoError(t, err)
				require.Len(t, summary.Incomplete, 1)
				require.Contains(t, summary.Incomplete[0].Reason, key("forest", 1))
				require.Len(t, summary.Metrics, 8)
				require.NotContains(t, string(content(t, s, artifact.MetricsKey)), "\nforest,1,")

				writeFold(t, s, claim(run, "forest", 1))
				require.Empty(t, actions(plan(t, s, run, artifact.PlanOptions{})))
			}
		})
	}
}

// A store that fails is not taken for a damaged artifact.
func TestStoreErrorsAreNotDamage(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	for _, part := range []string{"_risk.npy", "fold1.json"} {
		down := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
			if op == storetest.Get && strings.HasSuffix(key, part) {
				return fmt.Errorf("get %s: %w", key, store.ErrUnavailable)
			}
			return nil
		}}
		_, err := artifact.BuildPlan(t.Context(), down, run, artifact.PlanOptions{})
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.NotErrorIs(t, err, artifact.ErrDamaged)
		_, err = artifact.Summarize(t.Context(), down, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
		require.ErrorIs(t, err, store.ErrUnavailable)
	}
}
