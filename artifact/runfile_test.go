package artifact_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/storetest"
)

// run.json is read back as written, and changes by compare-and-swap only.
func TestRunFile(t *testing.T) {
	s := memory()
	_, _, err := artifact.ReadRun(t.Context(), s)
	require.ErrorIs(t, err, store.ErrNotFound)
	run := newRun(t, s, parse(t, baseSpec))
	got, etag, err := artifact.ReadRun(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, run, got)
	require.Equal(t, run.Spec.Digest(), got.SpecDigest)

	require.NoError(t, artifact.WriteRun(t.Context(), s, run, "stale"), "equal content is success")
	got.Build = "newer"
	require.ErrorIs(t, artifact.WriteRun(t.Context(), s, got, ""), store.ErrConflict)
	require.ErrorIs(t, artifact.WriteRun(t.Context(), s, got, "stale"), store.ErrConflict)
	require.NoError(t, artifact.WriteRun(t.Context(), s, got, etag))
	got, _, err = artifact.ReadRun(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, "newer", got.Build)
}

// Whether run.json is still the version that was read is said for none, a whole one and a damaged
// one; a store that does not answer says nothing.
func TestCheckRun(t *testing.T) {
	s := memory()
	require.NoError(t, artifact.CheckRun(t.Context(), s, ""))
	require.ErrorIs(t, artifact.CheckRun(t.Context(), s, "former"), store.ErrConflict)
	overwrite(t, s, artifact.RunKey, []byte("damaged"))
	_, etag, err := artifact.ReadRun(t.Context(), s)
	require.ErrorIs(t, err, artifact.ErrDamaged)
	require.NoError(t, artifact.CheckRun(t.Context(), s, etag))
	overwrite(t, s, artifact.RunKey, []byte("another"))
	require.ErrorIs(t, artifact.CheckRun(t.Context(), s, etag), store.ErrConflict)
	require.ErrorIs(t, artifact.CheckRun(t.Context(), s, ""), store.ErrConflict)
	down := &storetest.Faulty{Store: s, Before: func(storetest.Op, string) error { return store.ErrUnavailable }}
	require.ErrorIs(t, artifact.CheckRun(t.Context(), down, etag), store.ErrUnavailable)
}

// A cache of decoded run files never hides that run.json is another by now.
func TestCacheSeesEveryRunFile(t *testing.T) {
	s := memory()
	cache := &artifact.Cache{}
	first := newRun(t, s, parse(t, baseSpec))
	c := claim(first, "cox", 0)
	c.Cache = cache
	for range 2 {
		a, err := artifact.Admit(t.Context(), s, c)
		require.NoError(t, err)
		require.Equal(t, first.SpecDigest, a.Run.SpecDigest)
	}
	second := newRun(t, s, with(t, "trees: 10", "trees: 11"))
	_, err := artifact.Admit(t.Context(), s, c)
	require.ErrorIs(t, err, artifact.ErrSuperseded)
	c = claim(second, "cox", 0)
	c.Cache = cache
	a, err := artifact.Admit(t.Context(), s, c)
	require.NoError(t, err)
	require.Equal(t, second.SpecDigest, a.Run.SpecDigest)
	_, err = store.PutBytes(t.Context(), s, artifact.RunKey, []byte("{"), store.Condition{})
	require.NoError(t, err)
	_, err = artifact.Admit(t.Context(), s, c)
	require.ErrorIs(t, err, artifact.ErrDamaged)
}

// Damage to run.json is found; its ETag still allows to replace it.
func TestRunFileDamage(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	whole := string(content(t, s, artifact.RunKey))
	for name, text := range map[string]string{
		"digit":          strings.Replace(whole, `"trees": 10`, `"trees": 11`, 1),
		"truncated":      whole[:len(whole)/2],
		"empty":          "",
		"sealed, no run": sealedText(`{"format":1,"spec":null,"sha256":""}`),
		"newer format":   sealedText(`{"format":2,"sha256":""}`),
		"other shape":    sealedText(`{"format":"x","sha256":""}`),
		"another spec":   resealed(t, strings.Replace(whole, `"trees": 10`, `"trees": 11`, 1)),
		"another digest": resealed(t, strings.Replace(whole, run.SpecDigest, strings.Repeat("0", 64), 1)),
		"hostile rows":   resealed(t, strings.Replace(whole, "\n  \"data\": {", "\n  \"data\": {\"final\": {\"file\": {\"key\": \"../x\"}},", 1)),
	} {
		overwrite(t, s, artifact.RunKey, []byte(text))
		_, etag, err := artifact.ReadRun(t.Context(), s)
		require.ErrorIs(t, err, artifact.ErrDamaged, name)
		require.ErrorContains(t, err, "run.json", name)
		require.NotEmpty(t, etag, name)
	}
	_, etag, _ := artifact.ReadRun(t.Context(), s)
	require.NoError(t, artifact.WriteRun(t.Context(), s, run, etag))

	down := &storetest.Faulty{Store: s, Before: func(storetest.Op, string) error { return store.ErrUnavailable }}
	_, _, err := artifact.ReadRun(t.Context(), down)
	require.ErrorIs(t, err, store.ErrUnavailable)
	run.Grid.Times = []float64{math.NaN()}
	require.ErrorContains(t, artifact.WriteRun(t.Context(), s, run, etag), "not finite")
}

// Whose spec is not the one that spec_digest says is found, by what both are.
func TestSpecDigestIsVerified(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	changed := with(t, "trees: 10", "trees: 11")
	text := strings.Replace(string(content(t, s, artifact.RunKey)), `"trees": 10`, `"trees": 11`, 1)
	overwrite(t, s, artifact.RunKey, []byte(resealed(t, text)))
	for _, digest := range []string{run.SpecDigest, changed.Digest()} {
		c := claim(run, "cox", 0)
		c.SpecDigest = digest
		_, err := artifact.Admit(t.Context(), s, c)
		require.ErrorIs(t, err, artifact.ErrDamaged)
		require.ErrorContains(t, err, "its spec has the digest "+changed.Digest()[:12]+"…, spec_digest says "+run.SpecDigest[:12])
	}
}

// resealed is a document that was changed, with its digest made right.
func resealed(t *testing.T, doc string) string {
	t.Helper()
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, []byte(doc)))
	head, _, found := strings.Cut(compact.String(), `"sha256":"`+compact.String()[compact.Len()-66:])
	require.True(t, found)
	return sealedText(head + `"sha256":""}`)
}

// sealedText puts the right digest into a compact document that ends with an empty one.
func sealedText(doc string) string {
	return strings.TrimSuffix(doc, `"}`) + store.SHA256([]byte(doc)) + `"}`
}

// A document that a newer program wrote with more keys still verifies.
func TestSealedDocumentMayHaveMoreKeys(t *testing.T) {
	m, err := artifact.DecodeManifest([]byte(sealedText(`{"format":1,"model":"cox","later":[1,2],"sha256":""}`)))
	require.NoError(t, err)
	require.Equal(t, "cox", m.Model)
	_, err = artifact.DecodeManifest([]byte(sealedText(`{"format":2,"sha256":""}`)))
	require.ErrorContains(t, err, "format 2")
}

// The grid stays that of the run's creation unless metrics.grid or the wish is another.
func TestKeepsGrid(t *testing.T) {
	run := newRun(t, memory(), parse(t, baseSpec))
	require.True(t, run.KeepsGrid(with(t, "folds:", "metrics: {tau: 3}\nfolds:"), false))
	require.True(t, run.KeepsGrid(with(t, "k: 3", "k: 4"), false))
	require.False(t, run.KeepsGrid(with(t, "folds:", "metrics: {grid: 10}\nfolds:"), false))
	require.False(t, run.KeepsGrid(with(t, "folds:", "metrics: {grid: burk80}\nfolds:"), false))
	require.False(t, run.KeepsGrid(run.Spec, true))
}

// Tasks are models in spec order, km last, each with its folds.
func TestTasks(t *testing.T) {
	run := newRun(t, memory(), parse(t, baseSpec))
	tasks := run.Tasks()
	require.Len(t, tasks, 9)
	require.Equal(t, "cox fold 0", tasks[0].String())
	require.Equal(t, "km fold 2", tasks[8].String())
	require.Equal(t, &artifact.SummaryPlan{Models: []string{"cox", "forest", "km"}, Folds: []int{0, 1, 2}}, run.SummaryPlan())
}

// Folds are read back as written, also where training rows are not all others.
func TestFoldData(t *testing.T) {
	s := memory()
	plain := foldData(1, 3)
	info, err := artifact.WriteFoldData(t.Context(), s, plain, tableRows)
	require.NoError(t, err)
	require.Nil(t, info.Train)
	require.Equal(t, info, artifact.DescribeFold(plain, tableRows))
	got, err := artifact.ReadFoldData(t.Context(), s, info, tableRows)
	require.NoError(t, err)
	require.Equal(t, plain, got)

	some := foldData(2, 3)
	some.Train = some.Train[:5]
	someInfo, err := artifact.WriteFoldData(t.Context(), s, some, tableRows)
	require.NoError(t, err)
	require.NotNil(t, someInfo.Train)
	require.Equal(t, someInfo, artifact.DescribeFold(some, tableRows))
	require.Equal(t, someInfo.TrainSHA256, someInfo.Train.SHA256)
	got, err = artifact.ReadFoldData(t.Context(), s, someInfo, tableRows)
	require.NoError(t, err)
	require.Equal(t, some, got)

	_, err = artifact.ReadFoldData(t.Context(), s, info, 10)
	require.ErrorIs(t, err, artifact.ErrDamaged, "rows beyond the table")
	for _, key := range []string{artifact.RowsKey(2), artifact.TimesKey(2), artifact.TrainKey(2)} {
		whole := content(t, s, key)
		overwrite(t, s, key, append(whole[:len(whole)-1:len(whole)-1], 0x7f))
		_, err = artifact.ReadFoldData(t.Context(), s, someInfo, tableRows)
		require.ErrorIs(t, err, store.ErrCorrupt, key)
		require.ErrorContains(t, err, key)
		overwrite(t, s, key, whole)
	}
}

// Whichever write of a fold's files fails, the error says so.
func TestWriteFoldDataFails(t *testing.T) {
	f := foldData(0, 3)
	f.Train = f.Train[:5]
	for _, key := range []string{artifact.RowsKey(0), artifact.TimesKey(0), artifact.TrainKey(0)} {
		full := &storetest.Faulty{Store: memory(), Before: func(_ storetest.Op, at string) error {
			if at == key {
				return store.ErrUnavailable
			}
			return nil
		}}
		_, err := artifact.WriteFoldData(t.Context(), full, f, tableRows)
		require.ErrorIs(t, err, store.ErrUnavailable, key)
	}
}
