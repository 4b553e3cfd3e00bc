package artifact_test

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
)

// A written fold is complete, described by the run, and read back as computed.
func TestWriteFold(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	c := claim(run, "forest", 2)
	a, err := artifact.Admit(t.Context(), s, c)
	require.NoError(t, err)
	require.Equal(t, artifact.Train, a.Action)
	require.Nil(t, a.Manifest)
	require.Equal(t, artifact.FitSeed(42, "forest", 2), a.Seed)

	m := writeFold(t, s, c)
	require.Equal(t, a.FitFingerprint, m.FitFingerprint)
	require.Equal(t, "rsf", m.Type)
	require.Equal(t, []int{8, 4, 4, 2}, []int{m.TrainRows, m.TestRows, m.TrainEvents, m.TestEvents})
	require.False(t, m.Forced)
	require.Empty(t, m.Supersedes)
	require.NoError(t, artifact.Verify(t.Context(), s, m))
	risk, surv, err := artifact.ReadResult(t.Context(), s, m)
	require.NoError(t, err)
	require.Equal(t, result(c.Task).Risk, risk)
	require.Equal(t, result(c.Task).Surv, surv)

	a, err = artifact.Admit(t.Context(), s, c)
	require.NoError(t, err)
	require.Equal(t, artifact.Reuse, a.Action)
	require.Equal(t, m.SHA256, a.Manifest.SHA256)
}

// A fold that is complete already is left alone, byte by byte.
func TestWriteFoldStopsWhereComplete(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	c := claim(run, "cox", 0)
	first := writeFold(t, s, c)
	quiet := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put {
			return errors.New("nothing may be written")
		}
		return nil
	}}
	r := result(c.Task)
	r.Manifest.Attempt = 2
	m, outcome, err := artifact.WriteFold(t.Context(), quiet, c, r)
	require.NoError(t, err)
	require.Equal(t, artifact.Found, outcome)
	require.Equal(t, first.SHA256, m.SHA256)
}

// A zombie of an older spec stops before its first payload byte, and after it at the
// manifest.
func TestWriteFoldStopsWhereSuperseded(t *testing.T) {
	s := memory()
	old := newRun(t, s, parse(t, baseSpec))
	c := claim(old, "cox", 0)
	replace := func() { newRun(t, s, with(t, "folds:", "preprocess: {scale: none}\nfolds:")) }
	var writes atomic.Int32 // payloads are written side by side
	late := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && key == artifact.ManifestKey("cox", 0) {
			replace()
			writeFold(t, s, claim(&artifact.Run{SpecDigest: runDigest(t, s)}, "cox", 0))
		}
		return nil
	}, After: func(op storetest.Op, key string) error {
		if op == storetest.Put {
			writes.Add(1)
		}
		return nil
	}}
	_, _, err := artifact.WriteFold(t.Context(), late, c, result(c.Task))
	require.ErrorIs(t, err, artifact.ErrSuperseded)
	require.EqualValues(t, 2, writes.Load(), "payloads only")

	writes.Store(0)
	_, _, err = artifact.WriteFold(t.Context(), late, c, result(c.Task))
	require.ErrorIs(t, err, artifact.ErrSuperseded)
	require.Zero(t, writes.Load())
}

func runDigest(t testing.TB, s store.Store) string {
	t.Helper()
	run, _, err := artifact.ReadRun(t.Context(), s)
	require.NoError(t, err)
	return run.SpecDigest
}

// A damaged or stale manifest in place is replaced by compare-and-swap and remembered.
func TestWriteFoldReplacesStaleAndDamaged(t *testing.T) {
	s := memory()
	stale := newRun(t, s, parse(t, baseSpec))
	former := writeFold(t, s, claim(stale, "cox", 0))
	run := newRun(t, s, with(t, "folds:", "preprocess: {scale: none}\nfolds:"))
	m := writeFold(t, s, claim(run, "cox", 0))
	require.Equal(t, former.SHA256, m.Supersedes)
	require.NotEqual(t, former.FitFingerprint, m.FitFingerprint)

	overwrite(t, s, artifact.ManifestKey("cox", 0), []byte("{"))
	m = writeFold(t, s, claim(run, "cox", 0))
	require.Empty(t, m.Supersedes)
}

// A forced fit replaces exactly the manifest that its input names; repeated after success
// it finds its own work.
func TestWriteFoldForced(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	p := plan(t, s, run, artifact.PlanOptions{Request: config.Request{Force: []string{"cox:1"}}})
	c := claim(run, "cox", 1)
	c.Force = p.Folds[1].Force
	r := result(c.Task)
	r.Manifest.Attempt = 7
	m, outcome, err := artifact.WriteFold(t.Context(), s, c, r)
	require.NoError(t, err)
	require.Equal(t, artifact.Written, outcome)
	require.True(t, m.Forced)
	require.Equal(t, c.Force, m.Supersedes)

	r.Manifest.Attempt = 8
	again, outcome, err := artifact.WriteFold(t.Context(), s, c, r)
	require.NoError(t, err)
	require.Equal(t, artifact.Found, outcome)
	require.Equal(t, m.SHA256, again.SHA256)
}

// The answer to the manifest's put is lost: the repeated write finds its own work.
func TestWriteFoldAfterLostAnswer(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	c := claim(run, "cox", 0)
	lost := &storetest.Faulty{Store: s, After: func(op storetest.Op, key string) error {
		if op == storetest.Put && key == artifact.ManifestKey("cox", 0) {
			return fmt.Errorf("put %s: %w", key, store.ErrUnavailable)
		}
		return nil
	}}
	_, _, err := artifact.WriteFold(t.Context(), lost, c, result(c.Task))
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, outcome, err := artifact.WriteFold(t.Context(), s, c, result(c.Task))
	require.NoError(t, err)
	require.Equal(t, artifact.Found, outcome)
}

// Whichever single store call fails, a second write completes the fold.
func TestWriteFoldSurvivesAnyFault(t *testing.T) {
	for n := int64(0); ; n++ {
		s := memory()
		run := newRun(t, s, parse(t, baseSpec))
		c := claim(run, "cox", 0)
		var calls atomic.Int64 // payloads are written side by side
		faulty := &storetest.Faulty{Store: s, Before: func(storetest.Op, string) error {
			if calls.Add(1) == n+1 {
				return store.ErrUnavailable
			}
			return nil
		}}
		_, _, err := artifact.WriteFold(t.Context(), faulty, c, result(c.Task))
		if calls.Load() <= n {
			require.NoError(t, err)
			require.Greater(t, n, int64(3))
			return
		}
		require.ErrorIs(t, err, store.ErrUnavailable, "call %d", n)
		_, _, err = artifact.WriteFold(t.Context(), s, c, result(c.Task))
		require.NoError(t, err)
		require.NotContains(t, actions(plan(t, s, run, artifact.PlanOptions{})), "cox:0")
	}
}

// Of two writers of one fit one writes the manifest and both succeed.
func TestWriteFoldRace(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	c := claim(run, "cox", 0)
	outcomes := make([]artifact.Outcome, 8)
	errs := make([]error, len(outcomes))
	var group sync.WaitGroup
	for i := range outcomes {
		group.Go(func() {
			r := result(c.Task)
			r.Manifest.Attempt = i
			_, outcomes[i], errs[i] = artifact.WriteFold(t.Context(), s, c, r)
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	written := 0
	for _, o := range outcomes {
		if o == artifact.Written {
			written++
		}
	}
	require.Equal(t, 1, written)
	require.NotContains(t, actions(plan(t, s, run, artifact.PlanOptions{})), "cox:0")
}

// Another result of the same fit that came first, as from another architecture, is a
// conflict for the caller's retry, which then finds the truth in the store.
func TestWriteFoldConflict(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	c := claim(run, "cox", 0)
	once := sync.Once{}
	raced := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && key == artifact.ManifestKey("cox", 0) {
			once.Do(func() {
				other := result(c.Task)
				other.Risk[0] = 99
				_, _, err := artifact.WriteFold(t.Context(), s, c, other)
				require.NoError(t, err)
			})
		}
		return nil
	}}
	_, _, err := artifact.WriteFold(t.Context(), raced, c, result(c.Task))
	require.ErrorIs(t, err, store.ErrConflict)
	_, _, err = artifact.WriteFold(t.Context(), raced, c, result(c.Task))
	require.NoError(t, err)
}

// After a conflict the store may be down: that error is reported, not the conflict.
func TestWriteFoldReadBackFails(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	c := claim(run, "cox", 0)
	down := false
	faulty := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && key == artifact.ManifestKey("cox", 0) {
			overwrite(t, s, key, []byte("somebody's"))
			down = true
		}
		if op == storetest.Get && down {
			return store.ErrUnavailable
		}
		return nil
	}}
	_, _, err := artifact.WriteFold(t.Context(), faulty, c, result(c.Task))
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NotErrorIs(t, err, store.ErrConflict)
}

// Numbers that a manifest cannot hold are refused; the fold stays incomplete.
func TestWriteFoldRefusesNonFinite(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	c := claim(run, "cox", 0)
	r := result(c.Task)
	r.Manifest.FitSeconds = math.Inf(1)
	_, _, err := artifact.WriteFold(t.Context(), s, c, r)
	require.ErrorContains(t, err, "not finite")
	require.Contains(t, actions(plan(t, s, run, artifact.PlanOptions{})), "cox:0=train")
}

// Rescoring changes metrics and score fingerprint, not the fit nor its files.
func TestWriteScores(t *testing.T) {
	s := memory()
	completeRun(t, s)
	run := newRun(t, s, with(t, "folds:", "metrics: {cindex: harrell}\nfolds:"))
	c := claim(run, "cox", 0)
	a, err := artifact.Admit(t.Context(), s, c)
	require.NoError(t, err)
	require.Equal(t, artifact.Rescore, a.Action)
	score := 0.75
	r := artifact.Rescored{Scores: artifact.Scores{CIndex: &score}, Reasons: map[string]string{"ibs": "why"}, FinishedAt: 9, Build: "new"}
	m, outcome, err := artifact.WriteScores(t.Context(), s, c, r)
	require.NoError(t, err)
	require.Equal(t, artifact.Written, outcome)
	require.Equal(t, a.Manifest.Files, m.Files)
	require.Equal(t, a.Manifest.FitFingerprint, m.FitFingerprint)
	require.NotEqual(t, a.Manifest.ScoreFingerprint, m.ScoreFingerprint)
	require.Equal(t, a.Manifest.FitSeconds, m.FitSeconds)
	require.Equal(t, 0.75, *m.Scores.CIndex)

	_, outcome, err = artifact.WriteScores(t.Context(), s, c, r)
	require.NoError(t, err)
	require.Equal(t, artifact.Found, outcome)
	require.NoError(t, s.Delete(t.Context(), artifact.RiskKey("cox", 1)))
	_, _, err = artifact.WriteScores(t.Context(), s, claim(run, "cox", 1), r)
	require.ErrorIs(t, err, artifact.ErrDamaged)
}

// Results that do not fit the fold are a programming error; unknown folds an error.
func TestWriteFoldRefusesOtherDimensions(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	r := result(artifact.Task{Model: "cox"})
	r.Surv = r.Surv[1:]
	require.Panics(t, func() { _, _, _ = artifact.WriteFold(t.Context(), s, claim(run, "cox", 0), r) })
	_, err := artifact.Admit(t.Context(), s, claim(run, "cox", 9))
	require.ErrorContains(t, err, "no fold 9")
	_, err = artifact.Admit(t.Context(), memory(), claim(run, "cox", 0))
	require.ErrorIs(t, err, store.ErrNotFound)
}

// Damage to a payload is named when a result is read.
func TestReadResultNamesDamage(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	m := writeFold(t, s, claim(run, "cox", 0))
	require.NoError(t, s.Delete(t.Context(), artifact.SurvKey("cox", 0)))
	_, _, err := artifact.ReadResult(t.Context(), s, m)
	require.ErrorIs(t, err, artifact.ErrDamaged)
	require.ErrorContains(t, err, artifact.SurvKey("cox", 0))
	m.Files = nil
	_, _, err = artifact.ReadResult(t.Context(), s, m)
	require.ErrorIs(t, err, artifact.ErrDamaged)
}
