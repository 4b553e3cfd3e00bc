package artifact_test

import (
	"errors"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
)

func finalClaim(run *artifact.Run, model string) artifact.FinalClaim {
	return artifact.FinalClaim{Model: model, SpecDigest: run.SpecDigest}
}

func body(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func writeFinal(t *testing.T, s store.Store, run *artifact.Run, model string) *artifact.ModelInfo {
	t.Helper()
	info, outcome, err := artifact.WriteFinal(t.Context(), s, finalClaim(run, model), artifact.ModelInfo{Rows: 12}, body("model"))
	require.NoError(t, err)
	require.Equal(t, artifact.Written, outcome)
	return info
}

// A final model that is written is complete, is read back, and is not written again.
func TestWriteFinal(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	info := writeFinal(t, s, run, "forest")
	require.Equal(t, "rsf", info.Type)
	require.Equal(t, 10.0, info.Settings["trees"])
	refused := errors.New("refused")
	for _, fails := range []error{nil, refused} {
		err := artifact.ReadModel(t.Context(), s, info, func(in io.Reader, size int64) error {
			data := make([]byte, 2) // the rest is read for its digest
			_, err := io.ReadFull(in, data)
			require.NoError(t, err)
			require.Equal(t, "mo", string(data))
			require.EqualValues(t, len("model"), size)
			return fails
		})
		require.ErrorIs(t, err, fails)
	}
	a, err := artifact.AdmitFinal(t.Context(), s, finalClaim(run, "forest"))
	require.NoError(t, err)
	require.Equal(t, artifact.Reuse, a.Action())
	require.Equal(t, info.SHA256, a.Info.SHA256)
	_, outcome, err := artifact.WriteFinal(t.Context(), s, finalClaim(run, "forest"), artifact.ModelInfo{}, body("another"))
	require.NoError(t, err)
	require.Equal(t, artifact.Found, outcome)
	require.Equal(t, "model", string(content(t, s, artifact.ModelKey("forest"))))
}

// What the fit depends on changes the fingerprint; horizons, metrics and folds do not. The
// seed is neither a fold's nor another model's.
func TestFinalFingerprint(t *testing.T) {
	s := memory()
	of := func(spec *config.Spec, model string) string {
		in, err := newRun(t, s, spec).FinalInputs(model)
		require.NoError(t, err)
		return in.Fingerprint()
	}
	base := of(parse(t, baseSpec), "forest")
	for _, same := range []string{baseSpec + "final: {horizons: [1], models: all}\n", baseSpec + "metrics: {cindex: harrell}\n"} {
		require.Equal(t, base, of(parse(t, same), "forest"))
	}
	require.Equal(t, base, of(with(t, "k: 3", "k: 2"), "forest"))
	for _, other := range []*config.Spec{with(t, "trees: 10", "trees: 11"), with(t, "k: 3", "k: 3, seed: 1"),
		parse(t, baseSpec+"preprocess: {scale: none}\n"), parse(t, baseSpec+"metrics: {convention: mlr3proba}\n")} {
		require.NotEqual(t, base, of(other, "forest"))
	}
	require.NotEqual(t, artifact.FinalSeed(42, "forest"), artifact.FinalSeed(42, "cox"))
	require.NotEqual(t, artifact.FinalSeed(42, "forest"), artifact.FitSeed(42, "forest", 0))
	_, err := newRun(t, s, parse(t, baseSpec)).FinalInputs("none")
	require.Error(t, err)
}

// What is in place and does not verify, or is of other inputs, is to be fitted, with the
// reason; the file alone is no model.
func TestFinalDamage(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, s store.Store)
		want string
	}{
		"no model.json": {func(t *testing.T, s store.Store) {
			require.NoError(t, s.Delete(t.Context(), artifact.ModelInfoKey("cox")))
		}, "no models/cox/model.json"},
		"model.json is cut": {func(t *testing.T, s store.Store) {
			overwrite(t, s, artifact.ModelInfoKey("cox"), content(t, s, artifact.ModelInfoKey("cox"))[:50])
		}, "not JSON"},
		"no model.bin": {func(t *testing.T, s store.Store) { require.NoError(t, s.Delete(t.Context(), artifact.ModelKey("cox"))) }, "model.bin"},
		"other bytes":  {func(t *testing.T, s store.Store) { overwrite(t, s, artifact.ModelKey("cox"), []byte("medal")) }, "model.bin"},
		"another's file": {func(t *testing.T, s store.Store) {
			overwrite(t, s, artifact.ModelInfoKey("cox"), content(t, s, artifact.ModelInfoKey("forest")))
		}, "model.json of forest"},
	} {
		s := memory()
		run := newRun(t, s, parse(t, baseSpec))
		writeFinal(t, s, run, "forest")
		info := writeFinal(t, s, run, "cox")
		c.harm(t, s)
		a, err := artifact.AdmitFinal(t.Context(), s, finalClaim(run, "cox"))
		require.NoError(t, err, name)
		require.Equal(t, artifact.Train, a.Action(), name)
		require.Contains(t, a.Reason, c.want, name)
		again := writeFinal(t, s, run, "cox")
		require.Equal(t, info.File, again.File, name)
	}
	s := memory()
	writeFinal(t, s, newRun(t, s, parse(t, baseSpec)), "cox")
	run := newRun(t, s, parse(t, baseSpec+"preprocess: {scale: none}\n"))
	a, err := artifact.AdmitFinal(t.Context(), s, finalClaim(run, "cox"))
	require.NoError(t, err)
	require.Equal(t, "fitted from other inputs: preprocess.scale", a.Reason)
	info := *writeFinal(t, s, run, "cox")
	ended := errors.New("ended early")
	for _, damage := range [][]byte{nil, []byte("mo"), []byte("modem"), []byte("model and more")} {
		overwrite(t, s, artifact.ModelKey("cox"), damage)
		err = artifact.ReadModel(t.Context(), s, &info, func(io.Reader, int64) error { return ended })
		require.ErrorIs(t, err, artifact.ErrDamaged, "%s", damage)
	}
	require.NoError(t, s.Delete(t.Context(), artifact.ModelKey("cox")))
	err = artifact.ReadModel(t.Context(), s, &info, func(io.Reader, int64) error { return nil })
	require.ErrorIs(t, err, artifact.ErrDamaged)
}

// A writer that fails leaves no model.json, and the file of before; a spec that is not the
// run's any more may not write.
func TestWriteFinalFails(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	broken := errors.New("broken")
	_, _, err := artifact.WriteFinal(t.Context(), s, finalClaim(run, "cox"), artifact.ModelInfo{}, func(io.Writer) error { return broken })
	require.ErrorIs(t, err, broken)
	full := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put {
			return store.ErrUnavailable
		}
		return nil
	}}
	large := string(make([]byte, 1<<20)) // more than a stream holds back
	_, _, err = artifact.WriteFinal(t.Context(), full, finalClaim(run, "cox"), artifact.ModelInfo{}, body(large))
	require.ErrorIs(t, err, store.ErrUnavailable)
	infos, err := s.List(t.Context(), "models/")
	require.NoError(t, err)
	require.Empty(t, infos)
	_, _, err = artifact.WriteFinal(t.Context(), s, artifact.FinalClaim{Model: "cox", SpecDigest: "another"}, artifact.ModelInfo{}, body(""))
	require.ErrorIs(t, err, artifact.ErrSuperseded)
	_, _, err = artifact.WriteFinal(t.Context(), s, finalClaim(run, "cox"), artifact.ModelInfo{FitSeconds: math.NaN()}, body(""))
	require.ErrorContains(t, err, "models/cox/model.json")
}

// Of two writers of one model both succeed, and one model.json stays.
func TestFinalRace(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	raced := false
	faulty := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && key == artifact.ModelInfoKey("cox") && !raced {
			raced = true
			writeFinal(t, s, run, "cox")
		}
		return nil
	}}
	info, outcome, err := artifact.WriteFinal(t.Context(), faulty, finalClaim(run, "cox"), artifact.ModelInfo{Rows: 13}, body("model"))
	require.NoError(t, err)
	require.Equal(t, artifact.Found, outcome)
	require.Equal(t, 12, info.Rows)
}

// final.models names the models to fit; the better ones by final.select come first, and
// models without every fold are left out.
func TestFinalModels(t *testing.T) {
	standings := []artifact.Standing{{Model: "forest", Rank: 1, RankIBS: 2}, {Model: "cox", Rank: 2, RankIBS: 1}, {Model: "km"}}
	partial := []artifact.Standing{{Model: "cox", Rank: 1, RankIBS: 1}, {Model: "forest", FailedFolds: 1}, {Model: "km"}}
	none := []artifact.Standing{{Model: "cox"}, {Model: "forest"}, {Model: "km"}}
	for _, c := range []struct {
		final      string
		standings  []artifact.Standing
		models     []string
		incomplete []string
	}{
		{"{}", standings, []string{"forest"}, nil},
		{"{select: ibs}", standings, []string{"cox"}, nil},
		{"{models: all}", standings, []string{"forest", "cox"}, nil},
		{"{models: all, select: ibs}", standings, []string{"cox", "forest"}, nil},
		{"{models: [km, cox]}", standings, []string{"cox", "km"}, nil},
		{"{models: all}", partial, []string{"cox"}, []string{"forest"}},
		{"{}", none, nil, nil},
		{"{models: [forest]}", none, []string{"forest"}, nil},
	} {
		run := &artifact.Run{Spec: parse(t, baseSpec+"final: "+c.final+"\n")}
		models, incomplete := run.FinalModels(c.standings)
		require.Equal(t, c.models, models, c.final)
		require.Equal(t, c.incomplete, incomplete, c.final)
	}
}

// The plan names the final models: at once where they are named, "best" once every fold is
// there.
func TestPlanFinals(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	require.Nil(t, plan(t, s, run, artifact.PlanOptions{}).Finals)
	run = completeRun(t, s)
	want := []artifact.FinalPlan{{Model: "forest", Action: artifact.Train, Reason: "no models/forest/model.json"}}
	require.Equal(t, want, plan(t, s, run, artifact.PlanOptions{}).Finals)
	writeFinal(t, s, run, "forest")
	want[0].Action, want[0].Reason = artifact.Reuse, "complete"
	require.Equal(t, want, plan(t, s, run, artifact.PlanOptions{}).Finals)
	s = memory()
	run = newRun(t, s, parse(t, baseSpec+"final: {models: all}\n"))
	require.Len(t, plan(t, s, run, artifact.PlanOptions{}).Finals, 2)
}
